"""Is a parameter what it has to be? Each function says what is expected where it is not."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from numbers import Real
from typing import Any, overload

from .policy import LateReplies
from .text import shown

#: Seconds; 30 years, the most that all the system's calls can count.
LONGEST = 1e9


@overload
def check_seconds(name: str, value: Any) -> float: ...


@overload
def check_seconds(name: str, value: Any, *, optional: bool) -> float | None: ...


def check_seconds(name: str, value: Any, *, optional: bool = False) -> float | None:
    """`value` as a time that one can wait, at most `LONGEST`.

    Parameters
    ----------
    name : str
        Of the parameter, for the message.
    value : int, float, Decimal, Fraction or None
        Or one of numpy's numbers.
        Seconds.
    optional : bool
        May it be None?

    Raises
    ------
    TypeError, ValueError
        With the name of the parameter and what is expected.
    """
    if value is None and optional:
        return None
    if not _is_number(value):
        raise TypeError(f"{name} must be a number of seconds, not {shown(value)}")
    try:
        seconds: float = value if isinstance(value, int) else float(value)
        valid = seconds > 0 and not math.isinf(seconds)
    except (ValueError, OverflowError):     # a signalling NaN; more digits than a float has
        valid = False
    if not valid:
        raise ValueError(f"{name} must be more than 0 seconds and finite, not {shown(value)}")
    return min(seconds, LONGEST)


def _is_number(value: Any) -> bool:
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if kind is not None:        # numpy's times count as whole numbers there
        return kind in "iuf" and value.shape == ()
    return isinstance(value, (Real, Decimal)) and not isinstance(value, bool)


def check_port(value: object) -> int:
    """`value` as a TCP port.

    Raises
    ------
    ValueError
        If it is not a whole number from 1 to 65535.
    """
    try:
        port = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"port must be a number from 1 to 65535, not {shown(value)}") from None
    if not 0 < port < 65536 or (isinstance(value, (Real, Decimal)) and value != port):
        raise ValueError(f"port must be a number from 1 to 65535, not {shown(value)}")
    return int(port)


def check_host(value: str) -> str:
    """`value` if it may be the name or address of a device.

    Raises
    ------
    TypeError, ValueError
        With what is expected.
    """
    if not isinstance(value, str):
        raise TypeError(f"ip_address must be a host name or an address, not {shown(value)}")
    if not value:
        raise ValueError("ip_address must be a host name or an address, not an empty text")
    if not value.isprintable() or " " in value:     # it is in all messages about the device
        raise ValueError(f"ip_address {shown(value)} cannot be a host name: it has an "
                         "invisible character")
    try:
        value.encode("idna")        # what every look-up does, each with an error of its own
    except UnicodeError as exc:
        raise ValueError(f"ip_address {shown(value)} cannot be a host name: {exc}") from None
    return value


def check_pause(name: str, value: Any) -> float:
    """`value` as a time to pause, which may be 0.

    Raises
    ------
    TypeError, ValueError
        With what is expected.
    """
    with suppress(ArithmeticError):     # a Decimal that is no number
        if _is_number(value) and value == 0:
            return 0.0
    return check_seconds(name, value)


def check_flag(name: str, value: bool) -> bool:
    """`value` if it is True or False.

    Raises
    ------
    TypeError
        With what is expected: ``"no"`` would be true.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {shown(value)}")
    return value


def check_function(name: str, value: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """`value` if it can be called, or is None.

    Raises
    ------
    TypeError
        With what is expected.
    """
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be a function, not {shown(value)}")
    return value


def check_on_connect(value: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """`value` if it can be called, or is None."""
    return check_function("on_connect", value)


def check_late_replies(value: LateReplies) -> LateReplies:
    """`value` if it is one of the ways to treat a late reply.

    Raises
    ------
    ValueError
        With what is expected.
    """
    if callable(value) or value in ("drop", "drain"):
        return value
    raise ValueError("late_replies must be 'drop', 'drain', or a function of the command "
                     f"and the reply that says whether they match, not {shown(value)}")


def positive(name: str, value: int, unit: str = "bytes") -> int:
    """`value` if it is a number of bytes, or of something else.

    Raises
    ------
    TypeError, ValueError
        With the name of the parameter and what is expected.
    """
    try:
        number = operator.index(value)      # one of numpy's, too
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number of {unit}, not {shown(value)}")
    if number < 1:
        one = unit.removesuffix("s")
        raise ValueError(f"{name} must be at least 1 {one}, not {shown(value)}")
    return number
