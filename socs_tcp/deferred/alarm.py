"""One timer for many deadlines."""

from __future__ import annotations

import math
from typing import Any, Protocol


class Owner(Protocol):
    """Who sets an alarm. (A method bound to it, in each of thousands, would take more memory.)"""

    def time_is_up(self) -> object:
        """It rings."""


class Alarm:
    """Rings at the earliest of the times that it was set to, and has then to be set anew.

    It is left alone where it is early enough: one that ends before its time costs no timer.

    Parameters
    ----------
    clock : IReactorTime
    owner : Owner
    """

    __slots__ = ("_call", "_clock", "_owner", "when")

    def __init__(self, clock: Any, owner: Owner) -> None:
        self._clock = clock
        self._owner = owner
        self._call: Any = None
        #: When it will ring, in seconds of the clock.
        self.when = math.inf

    def set(self, when: float) -> None:
        """Ring then, or earlier."""
        if when >= self.when:
            return
        if self._call is not None:
            # Not `reset`: to an earlier time it searches all timers of the reactor for this one.
            self._call.cancel()
        self.when = when
        self._call = self._clock.callLater(max(when - self._clock.seconds(), 0), self)

    def stop(self) -> None:
        """Ring no more."""
        call, self._call, self.when = self._call, None, math.inf
        if call is not None:
            call.cancel()

    def __call__(self) -> None:
        """It is time. (That it can be called itself spares a bound method, too.)"""
        self._call, self.when = None, math.inf
        self._owner.time_is_up()
