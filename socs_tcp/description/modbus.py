"""Modbus/TCP as such: registers and coils by number, in place of messages in hexadecimal digits.

A query reads what its fields need, neighbours together; its "reply" is the bytes of all of them,
end to end. Pure, as the rest of a description: the conversation is a script.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from dataclasses import dataclass, field
from decimal import Decimal

from .errors import ParseError
from .modbus_wire import (
    TABLES,
    WRITE_COIL,
    WRITE_REGISTER,
    WRITE_REGISTERS,
    Block,
    Line,
    Source,
    swapped,
)
from .model import ONLY, Parameter, Query
from .places import Value
from .steps import Ask


@dataclass(frozen=True)
class ModbusQuery(Query):
    """A query that reads registers or coils.

    Parameters
    ----------
    blocks : tuple of Block
        What is read, request by request.
    sources : dict
        Where each field stands in the device.
    line : Line
    timeout : float or None
        Seconds for one answer.
    """

    blocks: tuple[Block, ...] = ()
    sources: dict[str, Source] = field(default_factory=dict)
    line: Line = field(default_factory=Line)
    timeout: float | None = None

    def script(self) -> Generator[Ask, bytes, bytes]:
        """The conversation that gets the bytes of all blocks."""
        data = b""
        for block in self.blocks:
            pdu = struct.pack(">BHH", TABLES[block.table], block.start, block.count)
            said = yield from self.line.exchange(pdu, self.name, self.timeout)
            if said[:1] != bytes([block.size]) or len(said) != block.size + 1:
                raise ParseError(f"it should contain {block.size} bytes, and contains "
                                 f"{len(said) - 1}", query=self.name, reply=said)
            data += said[1:]
        return data


@dataclass(frozen=True)
class ModbusParameter(Parameter):
    """Something that is set by writing a register or a coil.

    Parameters
    ----------
    source : Source
    format : str
        Of the registers.
    word_swap : bool
        Does the low word come first?
    line : Line
    """

    source: Source = field(default_factory=lambda: Source("holding", 0))
    format: str = ">H"
    word_swap: bool = False
    line: Line = field(default_factory=Line)

    def script(self, value: object, now: object = None) -> Generator[Ask, bytes, bytes]:
        """The conversation that sets it.

        Raises
        ------
        ValueError
            At once, if the value may not be set.
        """
        return self._write(self.request(self.wire(value)[ONLY]))

    def request(self, value: Value | Decimal) -> bytes:
        """What writes `value`; raises `ValueError` if it does not fit."""
        address = self.source.address
        if self.source.table == "coil":
            return struct.pack(">BHH", WRITE_COIL, address, 0xff00 if value else 0)
        data = self._packed(value)
        if len(data) == 2:
            return struct.pack(">BH", WRITE_REGISTER, address) + data
        return struct.pack(">BHHB", WRITE_REGISTERS, address, len(data) // 2, len(data)) + data

    def _packed(self, value: Value | Decimal) -> bytes:
        number: float | int = float(value)
        if self.format[-1] not in "fd":
            number = int(Decimal(str(value)).to_integral_value())
        try:
            data = struct.pack(self.format, number)
        except (struct.error, OverflowError):
            raise ValueError(f"{self.name}: {value} does not fit into the register") from None
        return swapped(data) if self.word_swap else data

    def _write(self, pdu: bytes) -> Generator[Ask, bytes, bytes]:
        said = yield from self.line.exchange(pdu, self.name)
        if said[:4] != pdu[1:5]:
            raise ParseError("it does not confirm what was written", query=self.name,
                             reply=said)
        return said
