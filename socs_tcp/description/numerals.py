"""Numbers as people write them, and not as YAML 1.1 reads them. Pure."""

from __future__ import annotations

import math
import re

from .errors import shown

# The numbers that mean to everybody what they mean to YAML. (Others: 010 is 8, 12:30 is 750.)
_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_HEX = re.compile(r"[+-]?0x[0-9a-fA-F]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][+-]?[0-9]+)?")
#: The least number other than 0. (Of one below it, not even the inverse may be a number.)
LEAST = 1e-300
#: So many characters of a number; more is no number that anybody means.
_DIGITS = 40


def numeral(text: str) -> int | float:
    """The number that `text` is; NaN for the names of infinity.

    Raises
    ------
    ValueError
        Where YAML reads it in a way that nobody means.
    """
    if len(text) > _DIGITS:
        raise ValueError(f"{shown(text)} has more than {_DIGITS} digits")
    if _WHOLE.fullmatch(text):
        return int(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if text.lstrip("+-").lower() in (".inf", ".nan"):
        return math.nan
    if _DECIMAL.fullmatch(text) and not re.fullmatch(r"[+-]?0[0-9]+", text):
        return _float(text)
    meant = re.sub(r"^([+-]?)0+(?=[0-9])", r"\1", text.replace("_", ""))
    how = "in base 8" if text.lstrip("+-").startswith("0") and ":" not in text \
        and not text.lstrip("+-").startswith("0b") else \
        "in sixties, as hours and minutes" if ":" in text else "in a way of its own"
    raise ValueError(f"{text} is a number that YAML reads {how}; write "
                     f'{meant if ":" not in meant else "the number in decimal"}, '
                     f'or "{text}" in quotes for the text')


def _float(text: str) -> float:
    number = float(text)
    if abs(number) < LEAST and re.search("[1-9]", re.split("[eE]", text)[0]):
        raise ValueError(f"{text} is a number too near to 0; write 0, or {LEAST:g} at least")
    return number
