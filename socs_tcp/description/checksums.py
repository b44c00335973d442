"""Checksums of messages, by name and by parameters. Pure.

The names of the CRCs and their parameters are those of the catalogue of parametrised CRC
algorithms; each is tested against the check value that stands there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, reduce
from operator import xor
from typing import NamedTuple

from .errors import BadReply, shown


class Crc(NamedTuple):
    """A CRC by its parameters, as the catalogue has them."""

    width: int
    poly: int
    init: int = 0
    reflected: bool = False
    xor_out: int = 0

    def of(self, data: bytes) -> int:
        """The CRC of `data`."""
        top, mask = 1 << self.width - 1, (1 << self.width) - 1
        table = _table(self.width, self.poly, self.reflected)
        crc = _mirror(self.init, self.width) if self.reflected else self.init
        for byte in data:
            if self.reflected:
                crc = crc >> 8 ^ table[(crc ^ byte) & 0xff]
            else:
                crc = (crc << 8 & mask) ^ table[(crc >> self.width - 8 ^ byte) & 0xff]
        assert crc < top * 2
        return crc ^ self.xor_out


@cache
def _table(width: int, poly: int, reflected: bool) -> tuple[int, ...]:
    top, mask, table = 1 << width - 1, (1 << width) - 1, []
    for byte in range(256):
        crc = (_mirror(byte, 8) if reflected else byte) << width - 8
        for _ in range(8):
            crc = (crc << 1 ^ poly if crc & top else crc << 1) & mask
        table.append(_mirror(crc, width) if reflected else crc)
    return tuple(table)


def _mirror(value: int, width: int) -> int:
    return int(f"{value:0{width}b}"[::-1], 2)


CRCS = {
    "crc8": Crc(8, 0x07),
    "crc8_maxim": Crc(8, 0x31, 0, True),
    "crc16_arc": Crc(16, 0x8005, 0, True),
    "crc16_modbus": Crc(16, 0x8005, 0xffff, True),
    "crc16_usb": Crc(16, 0x8005, 0xffff, True, 0xffff),
    "crc16_xmodem": Crc(16, 0x1021),
    "crc16_kermit": Crc(16, 0x1021, 0, True),
    "crc16_ccitt_false": Crc(16, 0x1021, 0xffff),
    "crc16_x25": Crc(16, 0x1021, 0xffff, True, 0xffff),
    "crc32": Crc(32, 0x04c11db7, 0xffffffff, True, 0xffffffff),
}


def _fletcher(data: bytes, modulus: int = 255) -> int:
    one = two = 0
    for byte in data:
        one = (one + byte) % modulus
        two = (two + one) % modulus
    return two << 8 | one


_SUMS: dict[str, tuple[int, Callable[[bytes], int]]] = {
    "xor": (1, lambda data: reduce(xor, data, 0)),
    "xor_inverted": (1, lambda data: 0xff ^ reduce(xor, data, 0)),
    "sum8": (1, lambda data: sum(data) & 0xff),
    "sum8_negated": (1, lambda data: -sum(data) & 0xff),
    "sum8_inverted": (1, lambda data: ~sum(data) & 0xff),
    "sum16": (2, lambda data: sum(data) & 0xffff),
    "sum16_negated": (2, lambda data: -sum(data) & 0xffff),
    "sum16_inverted": (2, lambda data: ~sum(data) & 0xffff),
    "sum32": (4, lambda data: sum(data) & 0xffffffff),
    "fletcher16": (2, _fletcher),
}

#: Every name that there is.
NAMES = [*_SUMS, *CRCS]
#: Every way to write one.
FORMS = ["bytes", "hex", "HEX", "nibbles", "decimal", "sdi12"]


@dataclass(frozen=True)
class Checksum:
    """How messages are protected, and how it is written.

    Parameters
    ----------
    kind : str or Crc
        One of `NAMES`, or a CRC of its own.
    form : {'bytes', 'hex', 'HEX', 'nibbles', 'decimal', 'sdi12'}
        Bytes, small or capital hexadecimal digits, the half bytes with 0x30 added, as many
        decimal digits as the largest value has, or the three characters with six bits each that
        SDI-12 makes of 16 bits.
    little : bool
        Does the low byte come first?
    skip : int
        So many bytes at the beginning do not count.
    after : int
        So many bytes of a reply stand behind the checksum.
    separator : bytes
        Stands in front of the checksum, and does not count.
    """

    kind: str | Crc
    form: str = "bytes"
    little: bool = False
    skip: int = 0
    after: int = 0
    separator: bytes = b""

    @property
    def size(self) -> int:
        """The bytes of the value."""
        if isinstance(self.kind, Crc):
            return self.kind.width // 8
        return _SUMS[self.kind][0] if self.kind in _SUMS else CRCS[self.kind].width // 8

    @property
    def length(self) -> int:
        """The bytes that it takes in a message, with its separator."""
        return len(self.separator) + self._digits

    @property
    def _digits(self) -> int:
        if self.form == "decimal":
            return len(str(256 ** self.size - 1))
        return 3 if self.form == "sdi12" else self.size * (1 if self.form == "bytes" else 2)

    def text(self, data: bytes) -> bytes:
        """What stands in the message behind `data`."""
        return self.separator + self._text(data)

    def _text(self, data: bytes) -> bytes:
        data = data[self.skip:]
        if isinstance(self.kind, Crc):
            value = self.kind.of(data)
        else:
            value = _SUMS[self.kind][1](data) if self.kind in _SUMS else CRCS[self.kind].of(data)
        if self.form == "decimal":
            return b"%0*d" % (self._digits, value)
        if self.form == "sdi12":
            return bytes(0x40 | value >> shift & 0x3f for shift in (12, 6, 0))
        raw = value.to_bytes(self.size, "little" if self.little else "big")
        if self.form == "bytes":
            return raw
        digits = raw.hex()
        if self.form == "nibbles":
            return bytes(0x30 + int(digit, 16) for digit in digits)
        return (digits.upper() if self.form == "HEX" else digits).encode()

    def strip(self, reply: bytes) -> bytes:
        """`reply` without its checksum, which must be right.

        Raises
        ------
        BadReply
            If it is not, or there is none.
        """
        end = len(reply) - self.after
        start = end - self.length
        if start < self.skip:
            raise BadReply(f"it has {len(reply)} bytes, too few for a checksum")
        wanted, found = self.text(reply[:start]), reply[start:end]
        if found != wanted and not (self.form in ("hex", "HEX")
                                    and found.upper() == wanted.upper()):
            raise BadReply(f"its checksum is {shown(found)} and should be {shown(wanted)}")
        return reply[:start] + reply[end:]

    def stands_in(self, reply: bytes) -> bool:
        """Does `reply` have one, right or wrong, as far as can be told?"""
        start = len(reply) - self.after - self.length
        return self.separator != b"" and reply.startswith(self.separator, max(start, 0))

    def add(self, reply: bytes) -> bytes:
        """`reply` with its checksum in it, the inverse of `strip`."""
        start = len(reply) - self.after
        return reply[:start] + self.text(reply[:start]) + reply[start:]
