"""What may be set to what. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal

from .errors import did_you_mean, shown
from .fields import NOTHING, ONE
from .places import Place, Value

#: No number above it can be meant, nor be sent.
MOST = 1e300
LONGEST_TEXT = 255


@dataclass(frozen=True)
class Setting:
    """One value that can be set.

    Parameters
    ----------
    name : str
        What messages call it.
    type : {'float', 'int', 'str'}
        Of the value, where there are no choices.
    unit : str
        For people.
    least, most : float
        The range, ends included.
    choices : dict or None
        What the user may say, and what is sent for it.
    scale, offset : Decimal
        What is sent is (value - offset) / scale, as a field with these reads it.
    max_length : int
        Characters of a text.
    alphabet : str or None
        The characters that a text may have, as they stand in the brackets of a pattern.
    field : str
        The field that tells what is set now; empty where there is none.
    verify : bool
        Is it an error if that field says something else afterwards?
    tolerance : float or None
        How far it may be off. Default: the resolution of the message.
    """

    name: str
    type: str = "float"
    unit: str = ""
    least: float = -math.inf
    most: float = math.inf
    choices: dict[Value, Value] | None = None
    scale: Decimal = ONE
    offset: Decimal = NOTHING
    max_length: int = LONGEST_TEXT
    alphabet: str | None = None
    field: str = ""
    verify: bool = True
    tolerance: float | None = None

    def check(self, value: object) -> Value | Decimal:
        """What is sent for `value`.

        Raises
        ------
        ValueError
            If it may not be set; the message says what may.
        """
        if self.choices is not None:
            return self._choice(value)
        if self.type == "str":
            return self._text(value)
        number = self._number(value)
        if (self.scale, self.offset) == (ONE, NOTHING):
            return number
        exact = Decimal(repr(number) if isinstance(number, float) else number)
        sent = (exact - self.offset) / self.scale
        if abs(sent) > MOST:
            raise ValueError(f"{self.name}: {shown(value)} is too large to be sent")
        return sent

    def _choice(self, value: object) -> Value:
        assert self.choices is not None
        if isinstance(value, bool) or not isinstance(value, (int, float, str)) \
                or value not in self.choices:
            known = ", ".join(repr(c) for c in [*self.choices][:50])
            hint = did_you_mean(value, [c for c in self.choices if isinstance(c, str)]) \
                if isinstance(value, str) else ""
            raise ValueError(f"{self.name}: {shown(value)} is not one of {known}{hint}")
        return self.choices[value]

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{self.name}: must be a text, not {shown(value)}")
        if len(value) > self.max_length:
            raise ValueError(f"{self.name}: {shown(value)} has {len(value)} characters; "
                             f"at most {self.max_length} are allowed")
        if not value.isprintable():
            raise ValueError(f"{self.name}: {shown(value)} has a control character")
        if self.alphabet is not None and not re.fullmatch(f"[{self.alphabet}]*", value):
            raise ValueError(f"{self.name}: {shown(value)} has characters other than "
                             f"{self.alphabet}")
        return value

    def _number(self, value: object) -> float | int:
        number = "a whole number" if self.type == "int" else "a number"
        # (Comparing comes first: math.isfinite cannot take the largest whole numbers.)
        if isinstance(value, bool) or not isinstance(value, (int, float)) \
                or not -MOST <= value <= MOST or (self.type == "int" and value != int(value)):
            raise ValueError(f"{self.name}: must be {number}, not {shown(value)}")
        if not self.least <= value <= self.most:
            unit = f" {self.unit}" if self.unit else ""
            raise ValueError(f"{self.name}: {shown(value)} is outside its range, "
                             f"{self.least:g} to {self.most:g}{unit}")
        return int(value) if self.type == "int" else float(value)

    def trials(self) -> list[object]:
        """Values that may be set: the ends of what is possible, and something between."""
        if self.choices is not None:
            return list(self.choices)
        if self.type == "str":
            return [""]
        return [x for x in (0, 1, self.least, self.most)
                if self.least <= x <= self.most and abs(x) != math.inf]

    # the way back, for the simulator

    def shape(self) -> bytes | None:
        """A pattern for what is sent, where that is no number."""
        if self.type == "str" and self.choices is None:
            # (Of other letters, `received` sees to it: some are several bytes.)
            if self.alphabet is not None and self.alphabet.isascii():
                return b"[%s]*" % self.alphabet.encode()
            return b"[^\\x00-\\x1f]*"
        return None

    def shape_of(self, place: Place, encoding: str) -> bytes | None:
        """A pattern for what is sent in `place`; None for a number in the form of that place."""
        if self.choices is None:
            return self.shape()
        texts = {place.fill(choice, encoding) for choice in self.choices.values()}
        return b"(?:%s)" % b"|".join(re.escape(t) for t in sorted(texts, key=len, reverse=True))

    def received(self, place: Place, data: bytes, encoding: str) -> Value | None:
        """What was set, if `data` came in `place`; None if that may not be set."""
        if self.choices is not None:
            return next((choice for choice in self.choices.values()
                         if place.fill(choice, encoding) == data), None)
        try:
            if self.type == "str":
                return str(self.check(data.decode(encoding)))
            raw = place.read(data)
            value: float | int = raw
            if (self.scale, self.offset) != (ONE, NOTHING):
                value = float(Decimal(repr(raw)) * self.scale + self.offset)
            self.check(value)
        except ValueError:
            return None
        if place.is_binary or self.type == "int" or place.letter in tuple("xXob") \
                or value is not raw:
            return value
        # As it was sent: an instrument says "1.000000" again, and not "1.0".
        return data.decode("ascii").strip()


def close(setting: Setting, wanted: Value, said: Value, resolution: float) -> bool:
    """Is `said`, of the field that is read back, what was set?

    Parameters
    ----------
    setting : Setting
    wanted : float, int or str
        What was set.
    said : float, int or str
        What the field says.
    resolution : float
        The step between two values that can be sent.
    """
    if isinstance(said, str) or isinstance(wanted, str):
        return str(said).strip().lower() == str(wanted).strip().lower()
    allowed = setting.tolerance
    if allowed is None:
        allowed = max(resolution, abs(wanted) * 1e-3)
    return abs(said - wanted) <= allowed + 1e-12 * abs(wanted)
