"""A simulated device that speaks Modbus/TCP. Pure."""

from __future__ import annotations

import struct

from . import Description, DescriptionError
from .fields import Field
from .modbus import ModbusParameter, ModbusQuery
from .modbus_wire import TABLES, WRITE_COIL, WRITE_REGISTER, WRITE_REGISTERS, Source, swapped
from .places import Value
from .putting import put
from .reply import Packed
from .usual import usual

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
_READS = {function: table for table, function in TABLES.items()}
_WRITES = {WRITE_COIL: "coil", WRITE_REGISTER: "holding", WRITE_REGISTERS: "holding"}


class _Refused(Exception):
    """The number of an exception is its only argument."""


class ModbusDevice:
    """The registers and coils of a description, as a model for `ScriptedDevice`.

    Parameters
    ----------
    description : Description
        One with ``modbus``.
    """

    def __init__(self, description: Description) -> None:
        self._description = description
        self.reset_state()

    def reset_state(self) -> None:
        """All is as after power is switched on."""
        #: What each register, or coil, holds.
        self.tables: dict[str, dict[int, int]] = {table: {} for table in TABLES}
        for query in self._description.queries.values():
            assert isinstance(query, ModbusQuery)
            for block in query.blocks:      # also what stands between those that are wanted
                for number in range(block.start, block.start + block.count):
                    self.tables[block.table].setdefault(number, 0)
            for field in query.fields:
                try:
                    self._put(field, query.sources[field.name])
                except (ValueError, OverflowError, ArithmeticError) as exc:
                    raise DescriptionError(self._description.file, 0, f"simulate.{field.name}",
                                           f"no register can hold this: {exc}") from None
        for parameter in self._description.parameters.values():
            assert isinstance(parameter, ModbusParameter)
            for number in range(parameter.source.count):
                self.tables[parameter.source.table].setdefault(
                    parameter.source.address + number, 0)

    def handle(self, request: bytes) -> bytes | None:
        """The reply to one request."""
        if len(request) < 8:
            return None
        number, _, _, unit = struct.unpack_from(">HHHB", request)
        function, data = request[7], request[8:]
        try:
            pdu = bytes([function]) + self._done(function, data)
        except (_Refused, struct.error) as exc:
            code = exc.args[0] if isinstance(exc, _Refused) else ILLEGAL_VALUE
            pdu = bytes([function | 0x80, code])
        return struct.pack(">HHHB", number, 0, len(pdu) + 1, unit) + pdu

    def _done(self, function: int, data: bytes) -> bytes:
        if function in _READS:
            return self._read(_READS[function], *struct.unpack(">HH", data))
        if function not in _WRITES:
            raise _Refused(ILLEGAL_FUNCTION)
        address, value = struct.unpack_from(">HH", data)
        table = self.tables[_WRITES[function]]
        values = list(struct.unpack(f">{value}H", data[5:])) if function == WRITE_REGISTERS \
            else [int(value == 0xff00) if function == WRITE_COIL else value]
        numbers = range(address, address + len(values))
        if any(number not in table for number in numbers):
            raise _Refused(ILLEGAL_ADDRESS)
        table.update(zip(numbers, values, strict=True))
        return data[:4]

    def _read(self, name: str, start: int, count: int) -> bytes:
        table = self.tables[name]
        if any(number not in table for number in range(start, start + count)):
            raise _Refused(ILLEGAL_ADDRESS)
        values = [table[number] for number in range(start, start + count)]
        if name in ("coil", "discrete"):
            bits = sum(value << at for at, value in enumerate(values))
            data = bits.to_bytes((count + 7) // 8, "little")
        else:
            data = struct.pack(f">{count}H", *values)
        return bytes([len(data)]) + data

    def _put(self, field: Field, source: Source) -> None:
        """Give a field its value."""
        value = self._usual(field)
        if source.is_bit:
            self.tables[source.table][source.address] = int(value)
            return
        assert isinstance(field.place, Packed)
        old = struct.pack(f">{source.count}H", *(
            self.tables[source.table].get(source.address + n, 0) for n in range(source.count)))
        place = Packed(0, field.place.format)
        one = Field(field.name, place, field.type, scale=field.scale, offset=field.offset,
                    bits=field.bits, bcd=field.bcd)
        data = put(one, swapped(old) if field.place.word_swap else old, value)
        words = struct.unpack(f">{source.count}H",
                              swapped(data) if field.place.word_swap else data)
        for at, word in enumerate(words):
            self.tables[source.table][source.address + at] = word

    def _usual(self, field: Field) -> Value:
        given = self._description.answers.get(field.name)
        if given is not None:
            text = given[0].decode()
            for raw, label in (field.labels or {}).items():
                if label == text:
                    return raw
            return float(text) if "." in text or "e" in text else int(text)
        return usual(self._description, field)
