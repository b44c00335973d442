"""Numbers of replies: what can be stored, and what stands for no number. Pure."""

from __future__ import annotations

import math
from decimal import Decimal

from .errors import BadReply, shown

#: SCPI says "no value" with 9.91E37 and "infinite" with 9.9E37.
SCPI_NO_VALUE = 9.9e37

#: What OCS' aggregator and InfluxDB can store.
MOST_INT = 2 ** 63 - 1


def exact(number: Decimal | float | int) -> Decimal:
    """The number with all its digits; raises `BadReply` if it is none."""
    if isinstance(number, float) and not math.isfinite(number):
        raise BadReply(f"it stands for no number ({number:g})")
    return number if isinstance(number, Decimal) else Decimal(
        repr(number) if isinstance(number, float) else number)


def as_type(value: Decimal | float | int, type: str, data: bytes) -> float | int:
    """A number as the type that the field has; raises `BadReply` if it cannot be stored."""
    if not math.isfinite(value) or not -SCPI_NO_VALUE < value < SCPI_NO_VALUE:
        raise BadReply(f"{shown(data)} stands for no number ({float(value):g})")
    if type == "float":
        return float(value)
    if value != int(value):
        raise BadReply(f"{shown(float(value))} is not a whole number")
    if not -MOST_INT - 1 <= value <= MOST_INT:
        raise BadReply(f"{int(value)} is larger than 64 bits can hold")
    return int(value)
