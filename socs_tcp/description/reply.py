"""Where in a reply each field stands. Pure.

A reply is looked at once: it is split once, and matched once by each pattern, however many fields
want a piece of it.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from .errors import BadReply, shown
from .patterns import Pattern

Span: TypeAlias = "tuple[int, int]"

_DIGITS = re.compile(rb"[0-9a-fA-F]*")
_WORDS = re.compile(rb"[^ \t\r\n]+")


class Cut:
    """A reply, and the pieces that were found in it so far.

    Parameters
    ----------
    reply : bytes
    """

    def __init__(self, reply: bytes) -> None:
        self.reply = reply
        self._lists: dict[bytes, list[Span]] = {}
        self._matches: dict[Pattern, re.Match[bytes] | None] = {}

    def items(self, separator: bytes) -> list[Span]:
        """Where the items of a list stand; those between white space if `separator` is empty."""
        if separator not in self._lists:
            self._lists[separator] = _items(self.reply, separator)
        return self._lists[separator]

    def match(self, pattern: Pattern) -> re.Match[bytes]:
        """What `pattern` finds.

        Raises
        ------
        BadReply
            If that is nothing.
        """
        if pattern not in self._matches:
            self._matches[pattern] = pattern.search(self.reply)
        match = self._matches[pattern]
        if match is None:
            raise BadReply(f"it does not match {pattern.text!r}")
        return match


def _items(reply: bytes, separator: bytes) -> list[Span]:
    if not separator:
        return [match.span() for match in _WORDS.finditer(reply)]
    spans, start = [], 0
    for item in reply.split(separator):
        spans.append((start, start + len(item)))
        start += len(item) + len(separator)
    return spans


@dataclass(frozen=True)
class Whole:
    """The whole reply."""

    def find(self, cut: Cut) -> Span:
        return 0, len(cut.reply)


@dataclass(frozen=True)
class Item:
    """One item of a list.

    Parameters
    ----------
    separator : bytes
        What stands between two items; white space if empty.
    index : int
        Counted from 0.
    """

    separator: bytes
    index: int

    def find(self, cut: Cut) -> Span:
        items = cut.items(self.separator)
        if self.index >= len(items):
            raise BadReply(f"there is no item {self.index} in a list of {len(items)} "
                           "(counted from 0)")
        return items[self.index]


class NotThere(BadReply):
    """The part of the reply that holds the field is missing."""


@dataclass(frozen=True)
class Group:
    """A named group of a regular expression."""

    pattern: Pattern
    name: str

    def find(self, cut: Cut) -> Span:
        match = cut.match(self.pattern)
        if match[self.name] is None:
            raise NotThere(f"the part of the reply with the group {self.name!r} is missing")
        return match.span(self.name)


@dataclass(frozen=True)
class Packed:
    """Bytes at a fixed place, as Python's ``struct`` packs one value.

    Parameters
    ----------
    at : int
        The first byte, counted from 0; from the end where it is below 0.
    format : str
        Byte order and one letter, such as ``'>f'``; or a text of so many bytes, ``'8s'``.
    word_swap : bool
        Do the 16-bit words of the value come in the opposite order?
    within : Whole, Item or Group, optional
        What is exactly these bytes, instead of a fixed place.
    digits : bool
        Do the bytes stand there as hexadecimal digits?
    """

    at: int
    format: str
    word_swap: bool = False
    within: Whole | Item | Group | None = None
    digits: bool = False

    @property
    def size(self) -> int:
        return struct.calcsize(self.format)

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.at + self.size

    @property
    def is_text(self) -> bool:
        return self.format.endswith("s")

    @property
    def is_float(self) -> bool:
        return self.format[-1] in "fd"

    def find(self, cut: Cut) -> Span:
        if self.within is not None:
            return self._exactly(cut, self.within.find(cut))
        start = self.at if self.at >= 0 else len(cut.reply) + self.at
        if start < 0 or start + self.size > len(cut.reply):
            where = f"ends at byte {self.end}" if self.at >= 0 else \
                f"begins {-self.at} bytes before its end"
            raise BadReply(f"it has {len(cut.reply)} bytes, and the field {where}")
        return start, start + self.size

    def _exactly(self, cut: Cut, span: Span) -> Span:
        data, size = cut.reply[slice(*span)], len(self.text_of(bytes(self.size)))
        bare = data.strip() if self.digits else data
        if len(bare) != size or (self.digits and not _DIGITS.fullmatch(bare)):
            raise BadReply(f"{shown(data)} is not the {size} "
                           f"{'hexadecimal digits' if self.digits else 'bytes'} of the field")
        start = span[0] + data.index(bare)
        return start, start + size

    def room(self, cut: Cut) -> Span:
        """Where the bytes are to be put, whatever stands there now."""
        return self.find(cut) if self.within is None else self.within.find(cut)

    def bytes_of(self, data: bytes) -> bytes:
        """The bytes of the value, of what stands in its place."""
        return bytes.fromhex(data.decode("ascii")) if self.digits else data

    def text_of(self, data: bytes) -> bytes:
        """The inverse of `bytes_of`."""
        return data.hex().upper().encode() if self.digits else data

    def unpack(self, data: bytes) -> float | int:
        value: float | int = struct.unpack(self.format, self._ordered(self.bytes_of(data)))[0]
        return value

    def pack(self, value: float | int) -> bytes:
        try:
            return self.text_of(self._ordered(struct.pack(self.format, value)))
        except (struct.error, OverflowError):
            raise ValueError(f"{value!r} does not fit into {self.format!r}") from None

    def holds(self, value: Decimal | float | int, other: float) -> bool:
        """Do these bytes hold `value` when they are to hold `other`?"""
        try:
            return bool(value == self.unpack(self.pack(other)))
        except ValueError:
            return False

    def _ordered(self, data: bytes) -> bytes:
        if not self.word_swap:
            return data
        return b"".join(data[i:i + 2] for i in range(len(data) - 2, -1, -2))


Place: TypeAlias = "Whole | Item | Group | Packed"
