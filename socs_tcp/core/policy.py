"""When to try again. Pure functions of what happened; both faces ask here."""

from __future__ import annotations

import math
import random as _random
import struct
from collections.abc import Callable
from decimal import InvalidOperation
from typing import Literal, TypeAlias

from .errors import FramingError, ReplyTimedOut, WrongDevice, WrongReply

#: Seconds between the starts of two connection attempts once a retry has failed.
MIN_INTERVAL = 1.0
#: Seconds; the longest wait between attempts that nobody asked for. (Twisted's is an hour.)
MAX_DELAY = 30.0
#: Seconds to the first retry that nobody asked for.
INITIAL_DELAY = 0.2
FACTOR = 2.0
#: Standard deviation of the delay, as a part of it: spreads a crowd of devices.
JITTER = 0.12
#: Seconds after which a dead connection on which nothing is said is noticed.
KEEPALIVE = 20.0
#: Bytes. A device that sends so many unasked, faster than we throw them away, is broken.
MOST_UNASKED = 1 << 22
#: So many frames that answer nothing are looked at in one go; then others have their turn, or it
#: may be late. A read of very short ones, with a function of the user's that compares each, is
#: otherwise some tenths of a second, or more.
STRAYS_AT_ONCE = 200

#: What a driver raises that cannot make sense of what the device said.
UNREADABLE: tuple[type[Exception], ...] = (ValueError, UnicodeError, IndexError, KeyError,
                                           struct.error, OverflowError, InvalidOperation)

#: Seconds; a connection that lasts so long proves a device that is only sent to.
LASTS = 3.0
#: Seconds; a device that was asked something this lately is one that can answer.
ASKED_LATELY = 600.0

#: What becomes of a reply that comes after its question was given up.
LateReplies: TypeAlias = Literal["drop", "drain"] | Callable[[bytes, bytes], object]


def earliest_attempt(failures: int, last_attempt: float, min_interval: float) -> float:
    """The time before which a caller's request may not cause another attempt.

    The first retry is free, so that a device that was power cycled, or that hung up
    between two queries, is back at once. From then on attempts are `min_interval` apart:
    a box that accepts and hangs up is not hammered, however fast it is polled.

    Parameters
    ----------
    failures : int
        Attempts and connections that failed since the last good exchange.
    last_attempt : float
        When the last attempt began, in seconds of any clock.
    min_interval : float
        Seconds.

    Returns
    -------
    float
        In seconds of the same clock; ``-inf`` where it may be now.
    """
    return -math.inf if failures < 2 else last_attempt + min_interval


class Pace:
    """How often a device is connected to. Belongs to whoever holds the device.

    Only an exchange makes it free again. That a connection could be made, or prepared, does not:
    a box that accepts, answers ``*IDN?`` and hangs up is not hammered, either.

    Parameters
    ----------
    min_interval : float
        Seconds between two attempts, once a retry has failed.
    """

    __slots__ = ("_last", "failures", "min_interval")

    def __init__(self, min_interval: float) -> None:
        self.min_interval = min_interval
        #: Attempts, connections and exchanges that failed since the last good exchange.
        self.failures = 0
        self._last = -math.inf

    def attempt(self, now: float) -> None:
        """An attempt begins."""
        self._last = now

    def wait(self, now: float) -> float:
        """Seconds until a caller's request may cause another attempt; 0 for none."""
        return max(earliest_attempt(self.failures, self._last, self.min_interval) - now, 0.0)


def until_lasting_proves(lasted: float, asked_ago: float, error: BaseException | None) -> float:
    """When a connection on which nothing is asked proves the device, by lasting.

    Only that of a device that is only sent to, or used through `comm` alone: one that is asked
    proves itself by its answers, and one that failed to answer does so only in that way.

    Parameters
    ----------
    lasted : float
        Seconds since it was connected.
    asked_ago : float
        Seconds since something was asked, or somebody wanted to; ``inf`` for never.
    error : Exception or None
        The last failure of the link.

    Returns
    -------
    float
        Seconds from now; 0 where it is proven, ``inf`` where it never will be in this way.
    """
    if isinstance(error, (ReplyTimedOut, WrongReply, WrongDevice, FramingError)):
        return math.inf
    return max(LASTS - lasted, ASKED_LATELY - asked_ago, 0.0)


def retry_delay(failures: int, *, initial: float = INITIAL_DELAY, maximum: float = MAX_DELAY,
                factor: float = FACTOR, jitter: float = JITTER,
                gauss: Callable[[float, float], float] = _random.gauss) -> float:
    """Seconds to wait before the next attempt in the background.

    Grows from `initial` by `factor` to `maximum`, spread by `jitter`, within
    half and one and a half of that, and never above `maximum`.

    Parameters
    ----------
    failures : int
        Attempts and connections that failed since the last good exchange; from 1.
    initial, maximum : float
        Seconds.
    factor : float
        From one delay to the next.
    jitter : float
        Standard deviation as a part of the delay; 0 for none.
    gauss : callable
        Source of chance, of mean and standard deviation.
    """
    # The exponent is bounded since a float overflows after an outage of some days.
    steps = min(max(failures - 1, 0), 64)
    mean = min(initial * factor ** steps, maximum)
    delay = gauss(mean, mean * jitter) if jitter else mean
    return min(max(delay, mean / 2), mean * 1.5, maximum)


def spread_interval(min_interval: float,
                    uniform: Callable[[float, float], float] = _random.uniform) -> float:
    """Seconds, from `min_interval` to twice that, drawn anew at each failure.

    Devices that failed together, since their switch did, must not come back together.
    """
    return min_interval * uniform(1.0, 2.0)
