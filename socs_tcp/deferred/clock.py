"""Time that nobody can step.

``reactor.seconds()`` is the wall clock, and each ``reactor.callLater`` waits for a time of day.
When the clock is stepped back by 15 s, all that was to happen in a moment happens 15 s late;
when it is stepped ahead, all happens at once. So we wait by a clock of our own:
``steady(reactor)`` has the `seconds` and `callLater` of a reactor, and that is all of either
that is to be used.

It is driven by a timer of the system that the reactor watches as it watches a connection. What
is due is done in the reactor's next turn, when all that has come meanwhile has been read: a
reply that lies in the kernel, because the reactor was blocked for longer than the reply was
waited for, is a reply, and no timeout.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

from twisted.internet.base import DelayedCall, ReactorBase
from twisted.internet.interfaces import (
    IReactorFDSet,
    IReactorThreads,
    IReactorTime,
    IReadDescriptor,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from .timer_fd import TimerFd
from .turns import one_for

log = Logger()

#: Seconds after which the reactor is asked once more for the turn in which to do what is due.
AGAIN = 0.05


def steady(reactor: Any) -> Any:
    """The clock to use with `reactor`: its own where no wall clock is behind it, as in tests.

    Returns
    -------
    IReactorTime
        The same for all that ask with the same reactor. Keep it as long as you wait by it.
    """
    if not (isinstance(reactor, ReactorBase) and IReactorFDSet.providedBy(reactor)
            and IReactorThreads.providedBy(reactor)):
        return reactor
    return one_for(reactor, _steady_clock)


def _steady_clock(reactor: Any) -> Any:
    try:
        return SteadyClock(reactor, TimerFd())
    except OSError:     # no such thing on this system; or out of descriptors
        return _PlainClock(reactor)


class _PlainClock:
    """The reactor's own time."""

    def __init__(self, reactor: Any) -> None:
        self.seconds = reactor.seconds
        self.callLater = reactor.callLater
        self.getDelayedCalls = reactor.getDelayedCalls


_NO_KEYWORDS: dict[str, object] = {}


class _Call(DelayedCall):
    """One of a `SteadyClock`. (What is the same for all of them stands here, not in each.)"""

    cancelled = called = 0
    delayed_time = 0.0
    canceller: Any = staticmethod(lambda call: call.clock.one_cancelled(call))
    resetter: Any = staticmethod(lambda call: call.clock.one_sooner(call))

    def __init__(self, clock: SteadyClock, time: float, func: Callable[..., Any],
                 args: tuple[object, ...], kw: dict[str, object]) -> None:
        self.clock = clock
        self.time, self.func, self.args, self.kw = time, func, args, kw

    def seconds(self) -> float:
        return self.clock.seconds()


@implementer(IReactorTime, IReadDescriptor)
class SteadyClock:
    """`seconds` and `callLater`, by a clock that cannot be set. Reactor thread only.

    Parameters
    ----------
    reactor : IReactorFDSet, IReactorThreads
    timer : TimerFd
        It is watched by the reactor for as long as anything is waited for.
    """

    def __init__(self, reactor: Any, timer: TimerFd) -> None:
        self._reactor = reactor
        self._timer = timer
        self._calls: list[DelayedCall] = []     # a heap
        self._cancelled = 0                     # of these
        self._alarm = math.inf                  # what the timer is set to
        self._turn_asked_for = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {len(self._calls)} calls>"

    # as of a reactor

    seconds = staticmethod(time.monotonic)

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object,
                  **kw: object) -> DelayedCall:
        """Call something so many seconds from now."""
        if not delay >= 0:
            raise ValueError(f"a delay must be at least 0 seconds, not {delay!r}")
        call = _Call(self, self.seconds() + delay, callable, args, kw or _NO_KEYWORDS)
        heappush(self._calls, call)
        self._watch(call.time)
        return call

    def getDelayedCalls(self) -> list[DelayedCall]:
        """All that is still waited for."""
        return [call for call in self._calls if not call.cancelled]

    # what its calls tell

    def one_cancelled(self, one: DelayedCall) -> None:
        self._cancelled += 1
        if self._cancelled == len(self._calls):
            self._calls.clear()
            self._cancelled = 0
            self._rest()
        elif self._cancelled > 50 and self._cancelled > len(self._calls) // 2:
            # (It is marked as cancelled a moment later.)
            self._calls = [call for call in self._calls if not (call.cancelled or call is one)]
            self._cancelled = 0
            heapify(self._calls)

    def one_sooner(self, call: DelayedCall) -> None:
        heapify(self._calls)
        self._watch(call.time)

    # the timer

    def _watch(self, when: float) -> None:
        if when < self._alarm:
            self._alarm = when
            self._timer.set(when - self.seconds())
            self._reactor.addReader(self)

    def _rest(self) -> None:
        self._alarm = math.inf
        self._timer.stop()
        self._reactor.removeReader(self)

    # what the reactor calls

    def fileno(self) -> int:
        return self._timer.fileno()

    def logPrefix(self) -> str:
        return type(self).__name__

    def doRead(self) -> None:
        """It is time: as soon as all else has been read."""
        self._timer.clear()
        self._timer.set(AGAIN)
        if self._turn_asked_for:    # and did not get it: it was given a time of day, too
            self._run()
        else:
            self._turn_asked_for = True
            self._reactor.callFromThread(self._run)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor ends."""
        self._alarm = math.inf

    def _run(self) -> None:
        self._turn_asked_for = False
        now = self.seconds()
        # (So many at most: what is called may ask to be called again, at once and for ever.)
        for _ in range(len(self._calls)):
            if not self._calls or self._calls[0].time > now:
                break
            self._take(heappop(self._calls))
        self._alarm = math.inf
        if self._calls:
            self._watch(self._calls[0].time)
        else:
            self._rest()

    def _take(self, call: DelayedCall) -> None:
        if call.cancelled:
            self._cancelled -= 1
        elif call.delayed_time > 0:
            call.activate_delay()
            heappush(self._calls, call)
        else:
            call.called = 1
            try:
                call.func(*call.args, **call.kw)
            except BaseException:       # as the reactor does: the others still have their time
                log.failure("while handling timed call")
