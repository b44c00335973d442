"""Whose turn it is, of all devices of one reactor.

When a switch fails, hundreds of devices fail in the same moment, and most are asked for at once.
Were all connected to at once, too, those that are still there would have to wait meanwhile.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")

#: Seconds by which a reactor that has nothing to do may be late. (It sleeps whole milliseconds.)
ON_TIME = 0.002

#: Seconds that a turn is put off at most while the reactor is behind with its work.
PATIENCE = 0.05


class Turns:
    """Gives out turns: some at once, and then one after another. Reactor thread only.

    While the reactor is late with what it has to do, nobody's turn comes: there are hundreds
    of losses to be told, and the devices that are still there wait already.

    Parameters
    ----------
    reactor : IReactorTime
    burst : int
        So many have their turn at once, where there was none for a while.
    spacing : float
        Seconds between those that follow.
    """

    def __init__(self, reactor: Any, burst: int, spacing: float) -> None:
        self._reactor = reactor
        self._spacing = spacing
        self._credit = (burst - 1) * spacing
        self._line: deque[Callable[[], object]] = deque()
        self._next = -math.inf      # the time of the next turn
        self._timer: Any = None     # while somebody is in line
        self._since = -math.inf     # the time from which the first in line has had to wait

    def now(self, due: float = math.inf) -> bool:
        """Take a turn without joining the line, if there is one; nobody is overtaken.

        Nor is there one while the reactor is late with this, which was `due` at that time.
        """
        now = self._reactor.seconds()
        return not self._line and now - due <= ON_TIME and self._take(now)

    def join(self, go: Callable[[], object]) -> None:
        """Join the line: `go` is called in a later turn of the reactor, once."""
        self._line.append(go)
        if self._timer is None:
            self._await_turn(self._reactor.seconds())

    def leave(self, go: Callable[[], object]) -> None:
        """Wait no more."""
        self._line.remove(go)
        if not self._line:
            self._stop_timer()

    def rush(self, leave: int = 0) -> None:
        """All in line but the last few have their turn now."""
        while len(self._line) > leave:
            self._line.popleft()()
        if not self._line:
            self._stop_timer()

    def _take(self, now: float) -> bool:
        turn = max(self._next, now - self._credit)
        if turn - now >= self._spacing / 2:         # (what is less is rounding)
            return False
        self._next = turn + self._spacing
        return True

    def _await_turn(self, now: float) -> None:
        self._since = now
        self._timer = self._reactor.callLater(max(self._next - now, 0), self._serve)

    def _serve(self) -> None:
        now = self._reactor.seconds()
        if now - self._timer.getTime() > ON_TIME and now - self._since < PATIENCE:
            self._next = now + ON_TIME
            self._timer = self._reactor.callLater(ON_TIME, self._serve)
            return
        self._timer = None
        try:
            while self._line and self._take(now):
                self._line.popleft()()
        finally:
            if self._line and self._timer is None:
                self._await_turn(now)

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()


# By the identity of the reactor, which lives at least as long as what is made for it: that is
# kept by the clients that use it, and ends with the last.
_made: WeakValueDictionary[tuple[int, Callable[[Any], Any]], Any] = WeakValueDictionary()


def one_for(reactor: Any, make: Callable[[Any], T]) -> T:
    """What `make` makes of the reactor, the same for all devices that it serves."""
    key = id(reactor), make
    found: T | None = _made.get(key)
    if found is None:
        found = _made[key] = make(reactor)
    return found
