"""Modbus/TCP on the wire: tables, requests and replies. Pure."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

from ..core.framing import LengthFramer
from .errors import ParseError
from .steps import Ask

#: Tables, with the function that reads them.
TABLES = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
WRITE_COIL, WRITE_REGISTER, WRITE_REGISTERS = 5, 6, 16
#: So many of them in one go.
MOST_REGISTERS, MOST_BITS = 125, 2000
FORMATS = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q",
           "uint64": ">Q", "float32": ">f", "float64": ">d"}
EXCEPTIONS = {1: "illegal function", 2: "illegal data address", 3: "illegal data value",
              4: "server device failure", 5: "acknowledge", 6: "server device busy",
              8: "memory parity error", 10: "gateway path unavailable",
              11: "gateway target device failed to respond"}


def framer() -> LengthFramer:
    """Of Modbus/TCP: a header of six bytes, the last two of which say how many follow."""
    return LengthFramer(6, lambda header: int.from_bytes(header[4:6], "big"), max_length=300)


@dataclass(frozen=True, order=True)
class Source:
    """Where a value stands; `count` is registers, or bits."""

    table: str
    address: int
    count: int = 1

    @property
    def is_bit(self) -> bool:
        return self.table in ("coil", "discrete")


@dataclass(frozen=True)
class Block:
    """What is read with one request."""

    table: str
    start: int
    count: int

    @property
    def size(self) -> int:
        """The bytes that come."""
        return (self.count + 7) // 8 if self.table in ("coil", "discrete") else 2 * self.count


@dataclass(frozen=True)
class Line:
    """How the device is talked to.

    Parameters
    ----------
    unit : int
        The number of the unit.
    word_swap : bool
        Does the low word of larger numbers come first?
    join : int
        So many registers that nobody wants are read between two that are.
    ids : iterator of int
        Numbers of transactions; each reply has that of its request.
    """

    unit: int = 1
    word_swap: bool = False
    join: int = 8
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1), compare=False)

    def exchange(self, pdu: bytes, name: str, timeout: float | None = None
                 ) -> Generator[Ask, bytes, bytes]:
        """Send a request; what the reply says behind its function code.

        Raises
        ------
        ParseError
            If it is an exception, or belongs to something else.
        """
        number = next(self.ids) & 0xffff
        head = struct.pack(">HHHB", number, 0, len(pdu) + 1, self.unit)
        reply = yield Ask(head + pdu, True, None, timeout=timeout,
                          accepts=lambda reply: not self._mistake(reply, number, pdu[0]))
        if mistake := self._mistake(reply, number, pdu[0]):
            raise ParseError(mistake, query=name, reply=reply)
        if reply[7] != pdu[0]:
            code = reply[8]
            raise ParseError(f"the device answers with exception {code}, "
                             f"{EXCEPTIONS.get(code, 'which is unknown')}", query=name,
                             reply=reply, in_step=True)
        return reply[8:]

    def _mistake(self, reply: bytes, number: int, function: int) -> str:
        """Why `reply` cannot be that to the request; empty if it can."""
        if len(reply) < 9:
            return f"it has {len(reply)} bytes, too few for a Modbus reply"
        its, protocol, _, unit = struct.unpack_from(">HHHB", reply)
        if its != number or protocol:
            return f"it has the transaction number {its}, and the request had {number}"
        if unit != self.unit:
            return f"it is from unit {unit}, not {self.unit}"
        if reply[7] & 0x7f != function:
            return f"it is for function {reply[7]}, not {function}"
        return ""


def swapped(data: bytes) -> bytes:
    """`data` with its 16-bit words in the opposite order."""
    return b"".join(data[i:i + 2] for i in range(len(data) - 2, -1, -2))


def blocks_of(sources: list[Source], join: int) -> list[Block]:
    """The fewest requests for all of `sources`, with no more than `join` unwanted between two."""
    blocks: list[Block] = []
    for source in sorted(set(sources)):
        last = blocks[-1] if blocks else None
        end = source.address + source.count
        most = MOST_BITS if source.is_bit else MOST_REGISTERS
        apart = join * (16 if source.is_bit else 1)
        if last is not None and last.table == source.table \
                and source.address <= last.start + last.count + apart \
                and end - last.start <= most:
            blocks[-1] = replace(last, count=max(last.count, end - last.start))
        else:
            blocks.append(Block(source.table, source.address, source.count))
    return blocks
