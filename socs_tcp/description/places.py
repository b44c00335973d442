"""The places of a template: how a value is written in one, and read from it again.

What a place may become is known when the file is loaded: a text without control characters, or
so many bytes. One with a width holds its width, or the value is refused.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias

from .errors import shown
from .times import check_format, written

Value: TypeAlias = "float | int | str"

#: The name of the place for the time at which a message is sent.
NOW = "now"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_SPEC = re.compile(r"(?:(?P<fill>[ -~])?(?P<align>[<>=^]))?(?P<sign>[-+ ])?0?(?P<width>\d{1,2})?"
                   r"(?:\.(?P<precision>\d{1,2}))?(?P<type>[dxXobeEfFgGs])?")
_STRUCT = re.compile(r"[<>][bBhHiIqQfd]")
_HEX = re.compile(r"0(\d{1,2})[xd]")
_BASES = {"x": 16, "X": 16, "o": 8, "b": 2}
#: What a number in text may consist of, by the letter of its format.
_DIGITS = {"d": "0-9", "x": "0-9a-f", "X": "0-9A-F", "o": "0-7", "b": "01"}


@dataclass(frozen=True)
class Place:
    """A place for one value in a template.

    Parameters
    ----------
    name : str
        Of the value.
    spec : str
        A format of Python's, or ``struct`` with a byte order (``>h``).
    is_hex : bool
        Does it stand among hexadecimal digits? ``02x`` is one byte there.
    """

    name: str
    spec: str = ""
    is_hex: bool = False

    def check(self) -> None:
        """Is `spec` a format that is known?

        Raises
        ------
        ValueError
            If not, or if it is no whole bytes where those are needed.
        """
        if self.is_struct:
            return
        if self.is_time:
            check_format(self.spec, reads=False)
            self.write_time(EPOCH)
            return
        if self.is_hex:
            width = _HEX.fullmatch(self.spec)
            if width is None or int(width[1]) % 2 or not int(width[1]):
                raise ValueError(f"the placeholder {self} must be whole bytes: {{{self.name}:02x}} "
                                 f"is one, {{{self.name}:04x}} two, {{{self.name}:04d}} two with a "
                                 f"decimal digit in each half, and {{{self.name}:<i}} four as "
                                 "Python's struct packs them")
        elif _SPEC.fullmatch(self.spec) is None:
            raise ValueError(f"the placeholder {self} has an unknown format; it may be a width "
                             "(below 100), a point and digits, and one letter of d x X o b e f g "
                             "s, such as {value:.3f} or {value:04d}")

    def __str__(self) -> str:
        return f"{{{self.name}:{self.spec}}}" if self.spec else f"{{{self.name}}}"

    @property
    def is_time(self) -> bool:
        """Is it the time at which the message is sent?"""
        return self.name == NOW

    def write_time(self, when: datetime) -> bytes:
        """`when` as it goes out; raises `ValueError` where its digits are no whole bytes."""
        text = written(when, self.spec)
        if not self.is_hex:
            return text.encode("ascii", "replace")
        if not re.fullmatch("([0-9]{2})+", text.replace(" ", "")):
            raise ValueError(f"the placeholder {self} must be whole bytes, with a decimal digit in "
                             "each half")
        return bytes.fromhex(text)

    @property
    def is_struct(self) -> bool:
        return _STRUCT.fullmatch(self.spec) is not None

    @property
    def is_binary(self) -> bool:
        """Does it hold bytes that are no text?"""
        return self.is_hex or self.is_struct

    @property
    def size(self) -> int | None:
        """Bytes (of binary places) or characters, where that is fixed."""
        if self.is_struct:
            return struct.calcsize(self.spec)
        if self.is_hex:
            return int(self.spec[1:-1]) // 2
        match = _SPEC.fullmatch(self.spec)
        return int(match["width"]) if match and match["width"] else None

    @property
    def letter(self) -> str:
        """The letter of the format; empty where none is given."""
        return self.spec[-1:] if self.spec[-1:].isalpha() else ""

    @property
    def resolution(self) -> float:
        """The step between two numbers that can be written here; 0 if that is no fixed step."""
        if self.wants_whole:
            return 1.0
        match = _SPEC.fullmatch(self.spec)
        if match is None or match["type"] not in ("f", "F") or self.is_struct:
            return 0.0
        return float(10.0 ** -int(match["precision"] or 6))

    @property
    def wants_whole(self) -> bool:
        """Is it for whole numbers only?"""
        return self.is_hex or self.letter in (
            tuple("bBhHiIqQ") if self.is_struct else tuple("dxXob"))

    def fill(self, value: Value | Decimal, encoding: str, *, of_file: bool = False) -> bytes:
        """`value` as it goes out.

        Parameters
        ----------
        value : float, int, str or Decimal
        encoding : str
        of_file : bool
            Does the description say it, and no user? It may be a control character then.

        Raises
        ------
        ValueError
            If it does not fit.
        """
        if isinstance(value, Decimal):      # of a scaled parameter
            value = int(value.to_integral_value()) if self.wants_whole else float(value)
        if isinstance(value, int) and abs(value) >= 10 ** 60:
            raise ValueError(f"{shown(value)} does not fit into {self}")
        if self.is_struct:
            return self._packed(value)
        if self.is_hex:
            return self._bytes(value)
        text = format(value, self.spec)
        if self.letter in _BASES and text.lstrip().startswith("-"):
            raise ValueError(f"{shown(value)} is below 0, and cannot be written as {self}")
        if isinstance(value, str) and value not in text and not of_file:
            raise ValueError(f"{shown(value)} is longer than {self} can be")
        if not text.isprintable() and not of_file:
            raise ValueError(f"{shown(text)} has a control character")
        try:
            data = text.encode(encoding)
        except UnicodeEncodeError:
            raise ValueError(f"{shown(text)} has a character that {encoding} does not have"
                             ) from None
        if self.size is not None and len(data) != self.size:
            raise ValueError(f"{shown(text)} does not fit into {self}, which has "
                             f"{self.size} characters" + (
                                 f", and {encoding} needs {len(data)} bytes for these"
                                 if len(text) == self.size else ""))
        return data

    def _packed(self, value: Value) -> bytes:
        if self.wants_whole and isinstance(value, float) and value == int(value):
            value = int(value)
        try:
            return struct.pack(self.spec, value)
        except (struct.error, OverflowError):
            raise ValueError(f"{shown(value)} does not fit into {self}") from None

    def _bytes(self, value: Value) -> bytes:
        assert self.size is not None
        most = 100 ** self.size if self.letter == "d" else 256 ** self.size
        if isinstance(value, float) and value == int(value):
            value = int(value)
        if not isinstance(value, int) or not 0 <= value < most:
            raise ValueError(f"{shown(value)} does not fit into {self}, which is "
                             f"{self.size} byte{'s' if self.size > 1 else ''}")
        if self.letter == "d":
            return bytes.fromhex(format(value, self.spec))
        return value.to_bytes(self.size, "big")

    # the way back, for the simulator

    def pattern(self) -> bytes:
        """A regular expression for what can stand here, if that is a number."""
        if self.is_time:
            return b"(?s:.{%d})" % len(self.write_time(EPOCH)) if self.is_hex else b"[ -~]+"
        if self.is_binary:
            return b"(?s:.{%d})" % (self.size or 1)
        match = _SPEC.fullmatch(self.spec)
        digits = _DIGITS.get(self.letter, "0-9.eE+" if self.letter != "s" else "")
        if not digits:
            return b"[^\\x00-\\x1f]+"
        fill = match["fill"] or "" if match else ""
        inside = f"[{re.escape(fill)} {digits}+-]".encode()
        return inside + (b"{%d}" % self.size if self.size else b"+")

    def read(self, data: bytes) -> float | int:
        """The number in `data`, the inverse of `fill`.

        Raises
        ------
        ValueError
            If there is none.
        """
        if self.is_struct:
            number: float | int = struct.unpack(self.spec, data)[0]
            return number
        if self.is_hex:
            return int(data.hex()) if self.letter == "d" else int.from_bytes(data, "big")
        text = data.decode("ascii").strip()
        if self.letter in ("d", "x", "X", "o", "b"):
            return int(text, _BASES.get(self.letter, 10))
        return float(text) if re.search(r"[.eE]", text) else int(text)
