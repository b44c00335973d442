"""What a reply says: where in it each field stands, and what value that is.

Pure functions of the reply. A place is found first and its bytes are converted then, so
that the simulator can put another value into the same place (`Field.put`).
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from typing import TypeAlias

from .errors import ParseError
from .template import Value

Span: TypeAlias = "tuple[int, int]"

_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

#: SCPI says "no value" with 9.91E37 and "infinite" with 9.9E37.
SCPI_NO_VALUE = 9.9e37

#: What OCS' aggregator and InfluxDB can store.
MOST_INT = 2 ** 63 - 1


class BadReply(ValueError):
    """What is wrong with a reply; `Query.parse` adds whose it is."""


@dataclass(frozen=True)
class Whole:
    """The whole reply."""

    def find(self, reply: bytes) -> Span:
        return 0, len(reply)


@dataclass(frozen=True)
class Item:
    """One item of a list.

    Parameters
    ----------
    separator : bytes
        What stands between two items.
    index : int
        Counted from 0.
    """

    separator: bytes
    index: int

    def find(self, reply: bytes) -> Span:
        items = reply.split(self.separator)
        if self.index >= len(items):
            raise BadReply(f"there is no item {self.index} in a list of {len(items)} "
                           "(counted from 0)")
        start = sum(len(item) + len(self.separator) for item in items[:self.index])
        return start, start + len(items[self.index])


@dataclass(frozen=True)
class Group:
    """A named group of a regular expression."""

    pattern: re.Pattern[bytes]
    name: str

    def find(self, reply: bytes) -> Span:
        match = self.pattern.search(reply)
        if match is None:
            raise BadReply(f"it does not match {self.pattern.pattern.decode('latin-1')!r}")
        if match[self.name] is None:
            raise BadReply(f"the group {self.name!r} took no part in the match")
        return match.span(self.name)


@dataclass(frozen=True)
class Packed:
    """Bytes at a fixed place, as Python's ``struct`` packs one value.

    Parameters
    ----------
    at : int
        The first byte, counted from 0.
    format : str
        Byte order and one letter, such as ``'>f'``.
    word_swap : bool
        Do the 16-bit words of the value come in the opposite order?
    """

    at: int
    format: str
    word_swap: bool = False

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.at + struct.calcsize(self.format)

    def find(self, reply: bytes) -> Span:
        if self.end > len(reply):
            raise BadReply(f"it has {len(reply)} bytes, and the field ends at byte {self.end}")
        return self.at, self.end

    def unpack(self, data: bytes) -> float | int:
        value: float | int = struct.unpack(self.format, self._ordered(data))[0]
        return value

    def pack(self, value: float | int) -> bytes:
        return self._ordered(struct.pack(self.format, value))

    def _ordered(self, data: bytes) -> bytes:
        if not self.word_swap:
            return data
        return b"".join(data[i:i + 2] for i in range(len(data) - 2, -1, -2))


Place: TypeAlias = "Whole | Item | Group | Packed"


@dataclass(frozen=True)
class Field:
    """One value of a reply.

    Parameters
    ----------
    name : str
        Its name in the feed.
    place : Whole, Item, Group or Packed
        Where it stands.
    type : {'float', 'int', 'str'}
        What is read there.
    unit : str
        For people.
    scale : float
        What the number is multiplied by.
    bit : int or None
        The one bit of the number that is meant.
    labels : dict or None
        What each value is called; anything else is no value of this field.
    """

    name: str
    place: Place
    type: str = "float"
    unit: str = ""
    scale: float = 1.0
    bit: int | None = None
    labels: dict[int | str, str] | None = None

    def parse(self, reply: bytes) -> Value:
        """The value in `reply`; always of the same Python type.

        Raises
        ------
        BadReply
            If there is none.
        """
        start, end = self.place.find(reply)
        data = reply[start:end]
        if isinstance(self.place, Packed):
            value = _as_type(self.place.unpack(data), self.type, data)
        elif self.type == "str":
            text = _text(data.strip())
            return text if self.labels is None else self._label(text)
        else:
            value = _number(data.strip(), self.type)
        if self.bit is not None:
            value = int(value) >> self.bit & 1
        if self.scale != 1.0:
            # The factor 0.1 shall make 26.7 of 267, and not 26.700000000000003.
            value = float(f"{value * self.scale:.12g}")
        return value if self.labels is None else self._label(int(value))

    def _label(self, value: int | str) -> str:
        assert self.labels is not None
        if value not in self.labels:
            known = ", ".join(repr(key) for key in self.labels)
            raise BadReply(f"{value!r} is none of {known}")
        return self.labels[value]

    def put(self, reply: bytes, raw: Value) -> bytes:
        """`reply` with another value of this field in it, for the simulator.

        Parameters
        ----------
        reply : bytes
            A reply in which the field stands.
        raw : float, int or str
            What the device would say: before `labels`, after `scale`.
        """
        start, end = self.place.find(reply)
        if self.scale != 1.0:
            raw = float(raw) / self.scale
        if isinstance(self.place, Packed):
            number = raw if isinstance(raw, int) else float(raw)
            if self.bit is not None:
                old = int(self.place.unpack(reply[start:end]))
                number = old & ~(1 << self.bit) | int(number) << self.bit
            is_float = self.place.format[-1] in "fd"
            data = self.place.pack(number if is_float else round(number))
        else:
            data = str(raw).encode("latin-1")
        return reply[:start] + data + reply[end:]


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if not text.isprintable():
        raise BadReply(f"{data!r} is not printable text")
    return text


def _number(data: bytes, type: str) -> float | int:
    if not _NUMBER.fullmatch(data):
        raise BadReply(f"{data!r} is not a number" if data else
                       "there is nothing where a number should be")
    if type == "int" and len(data) < 30 and data.lstrip(b"+-").isdigit():
        return _as_type(int(data), type, data)      # a float would lose digits
    return _as_type(float(data), type, data)


def _as_type(value: float | int, type: str, data: bytes) -> float | int:
    """A number as the type that the field has, if it can be stored."""
    if not math.isfinite(value) or abs(value) >= SCPI_NO_VALUE:
        raise BadReply(f"{data!r} stands for no number ({value:g})")
    if type == "float":
        return float(value)
    if value != int(value):
        raise BadReply(f"{value!r} is not a whole number")
    if abs(int(value)) > MOST_INT:
        raise BadReply(f"{value!r} is larger than 64 bits can hold")
    return int(value)


def parse_fields(fields: tuple[Field, ...], reply: bytes, query: str
                 ) -> tuple[dict[str, Value], dict[str, ParseError]]:
    """The values of those fields that can be had, and why the others cannot."""
    values: dict[str, Value] = {}
    errors: dict[str, ParseError] = {}
    for field in fields:
        try:
            values[field.name] = field.parse(reply)
        except BadReply as exc:
            errors[field.name] = ParseError(str(exc), query=query, reply=reply, field=field.name)
    return values, errors
