"""One timer for many deadlines."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


class Alarm:
    """Rings at the earliest of the times that it was set to, and has then to be set anew.

    It is left alone where it is early enough: one that ends before its time costs no timer.

    Parameters
    ----------
    clock : IReactorTime
    ring : callable
        Called without arguments.
    """

    __slots__ = ("_call", "_clock", "_ring", "when")

    def __init__(self, clock: Any, ring: Callable[[], object]) -> None:
        self._clock = clock
        self._ring = ring
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
        """It is time. (A method for that, bound to each of thousands, would take its memory.)"""
        self._call, self.when = None, math.inf
        self._ring()
