"""What a reply says: the value that stands in the place of each field.

Pure functions of the reply. A place is found first and its bytes are converted then, so
that the simulator can put another value into the same place (`putting.put`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

from .errors import BadReply, ParseError, shown
from .numbers import as_type, exact
from .places import Value
from .reply import Cut, Group, Item, NotThere, Packed, Place, Whole
from .times import LONGEST, seconds

__all__ = ["BadReply", "Field", "Group", "Item", "Packed", "Whole", "parse_fields"]

_NUMBER = re.compile(rb"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_WHOLE = {2: rb"[+-]?[01]+", 8: rb"[+-]?[0-7]+", 16: rb"[+-]?(0[xX])?[0-9a-fA-F]+"}
#: A number in text has so many characters at most.
LONGEST_NUMBER = 100

ONE, NOTHING = Decimal(1), Decimal(0)


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
    scale, offset : Decimal
        What the number is multiplied by, and what is added then.
    bits : (int, int) or None
        The first and the last bit of the number that are meant.
    labels : dict or None
        What each value is called; anything else is no value of this field.
    base : int
        Of a whole number in text.
    bcd : bool
        Does each half byte hold one decimal digit?
    missing : tuple of bytes and Decimal
        What stands there if there is no value, which is no error: texts, and numbers however
        they are written.
    optional : bool
        May the part of the reply be missing that holds it?
    replace : dict
        Texts that stand for others, such as a letter for a sign.
    exponent : Place or None
        Where the power of ten stands that the number is multiplied by.
    encoding : str
        Of text.
    time : str
        The format of a time, which becomes seconds since 1970; empty for anything else.
    """

    name: str
    place: Place
    type: str = "float"
    unit: str = ""
    scale: Decimal = ONE
    offset: Decimal = NOTHING
    bits: tuple[int, int] | None = None
    labels: dict[int | str, str] | None = None
    base: int = 10
    bcd: bool = False
    missing: tuple[bytes | Decimal, ...] = ()
    optional: bool = False
    replace: dict[bytes, bytes] = field(default_factory=dict)
    exponent: Place | None = None
    encoding: str = "utf-8"
    time: str = ""

    def parse(self, reply: bytes) -> Value | None:
        """The value in `reply`, always of the same Python type; None if it is missing.

        Raises
        ------
        BadReply
            If there is none though there should be.
        """
        return self.read(Cut(reply))

    def read(self, cut: Cut) -> Value | None:
        """As `parse`, of a reply that others look at, too."""
        try:
            start, end = self.place.find(cut)
        except NotThere:
            if self.optional:
                return None
            raise
        data = cut.reply[start:end]
        number: Decimal | float | int
        if isinstance(self.place, Packed) and not self.place.is_text:
            number = self._packed(self.place, data)
        elif self.missing and self._bare(data) in self.missing:
            return None
        elif self.type == "str":
            text = self._text(data)
            return text if self.labels is None else self._label(text)
        else:
            number = self._number(data.strip())
        if self.missing and self._stands_for_nothing(number):
            return None
        try:
            number = self._scaled(number, cut)
        except ArithmeticError:
            raise BadReply(f"{shown(data)} is too large for a number") from None
        value = as_type(number, self.type, data)
        return value if self.labels is None else self._label(int(value))

    def _stands_for_nothing(self, number: Decimal | float | int) -> bool:
        place = self.place
        if isinstance(place, Packed) and place.is_float:    # as near as four bytes can be
            return any(isinstance(nothing, Decimal) and place.holds(number, float(nothing))
                       for nothing in self.missing)
        return any(isinstance(nothing, Decimal) and number == nothing for nothing in self.missing)

    def _scaled(self, number: Decimal | float | int, cut: Cut) -> Decimal | float | int:
        """The number that is meant, of the one that stands there."""
        if self.exponent is not None:
            number = exact(number).scaleb(self._power(cut))
        if self.bits is not None:
            first, last = self.bits
            number = int(number) >> first & (1 << last - first + 1) - 1
        if (self.scale, self.offset) != (ONE, NOTHING):
            # The factor 0.1 shall make 26.7 of 267, and not 26.700000000000003.
            number = exact(number) * self.scale + self.offset
        return number

    def _packed(self, place: Packed, data: bytes) -> float | int:
        if not self.bcd:
            return place.unpack(data)
        data = place.bytes_of(data)
        digits = (data if place.format[0] == ">" else data[::-1]).hex()
        if not digits.isdigit():
            raise BadReply(f"{shown(data)} is not a number in BCD")
        return int(digits)

    def _number(self, data: bytes) -> Decimal | float | int:
        data = self._replaced(data)
        if self.time:
            return self._seconds(data)
        if not data:
            raise BadReply("there is no number where one should be")
        if self.base != 10:
            if len(data) > LONGEST_NUMBER or not re.fullmatch(_WHOLE[self.base], data):
                raise BadReply(f"{shown(data)} is not a whole number in base {self.base}")
            return int(data, self.base)
        if len(data) > LONGEST_NUMBER or not _NUMBER.fullmatch(data):
            raise BadReply(f"{shown(data)} is not a number")
        number = as_type(float(data), "float", data)
        try:
            return Decimal(data.decode())
        except ArithmeticError:         # 0e99999999999999999999 is a float, but no Decimal
            return Decimal(number)

    def _seconds(self, data: bytes) -> float:
        try:
            return seconds(data[:LONGEST].decode("ascii"), self.time)
        except (ValueError, OverflowError):
            raise BadReply(f"{shown(data)} is not a time, {self.time!r}") from None

    def _power(self, cut: Cut) -> int:
        assert self.exponent is not None
        start, end = self.exponent.find(cut)
        data = cut.reply[start:end].strip()
        if isinstance(self.exponent, Packed):
            power = int(self.exponent.unpack(cut.reply[start:end]))
        elif len(data) < 5 and re.fullmatch(rb"[+-]?\d+", data):
            power = int(data)
        else:
            raise BadReply(f"{shown(data)} is not an exponent")
        return max(min(power, 400), -400)

    def _bare(self, data: bytes) -> bytes:
        """Without blanks, and what fills up a text of fixed length."""
        return (data.split(b"\0")[0] if isinstance(self.place, Packed) else data).strip()

    def _text(self, data: bytes) -> str:
        data = self._replaced(self._bare(data))
        try:
            text = data.decode(self.encoding)
        except UnicodeDecodeError:
            text = "\0"
        if not text.isprintable():
            raise BadReply(f"{shown(data)} is not printable text")
        return text

    def _replaced(self, data: bytes) -> bytes:
        """`data` with the texts that stand for others."""
        most = 2 * len(data) + 1000
        for old, new in self.replace.items():
            data = data.replace(old, new)
            if len(data) > most:        # what is put in one's place can be another's
                raise BadReply("'replace' makes it too long")
        return data

    def _label(self, value: int | str) -> str:
        assert self.labels is not None
        if value not in self.labels:
            known = ", ".join(repr(key) for key in [*self.labels][:20])
            raise BadReply(f"{shown(value)} is not one of {known}")
        return self.labels[value]


def parse_fields(fields: tuple[Field, ...], reply: bytes, query: str
                 ) -> tuple[dict[str, Value], dict[str, ParseError]]:
    """The values of those fields that can be had, and why the others cannot.

    A field whose value is missing, and may be, is in neither of them.
    """
    values: dict[str, Value] = {}
    errors: dict[str, ParseError] = {}
    cut = Cut(reply)
    for one in fields:
        try:
            value = one.read(cut)
        except BadReply as exc:
            errors[one.name] = ParseError(str(exc), query=query, reply=reply, field=one.name)
        else:
            if value is not None:
                values[one.name] = value
    return values, errors
