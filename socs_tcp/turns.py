"""Whose turn it is to connect again, of all devices of one reactor.

When a switch fails, hundreds of devices fail in the same moment, and most are asked for at once.
Were all connected to at once, too, those that are still there would have to wait meanwhile.
"""

from __future__ import annotations

import math
from typing import Any
from weakref import WeakValueDictionary

#: So many may try at once: all devices of most agents.
BURST = 8

#: Seconds between those that follow. An attempt takes about a tenth of that.
SPACING = 0.002


class Turns:
    """Gives out turns, `BURST` at once and then one each `SPACING`. Reactor thread only."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._next = -math.inf

    def take(self) -> float:
        """Seconds until the turn of whoever asks; 0 where it may be now."""
        now = self._reactor.seconds()
        turn = max(self._next, now - (BURST - 1) * SPACING)
        self._next = turn + SPACING
        wait = turn - now
        return wait if wait > SPACING / 2 else 0.0      # (what is less is rounding)


# By the identity of the reactor, which lives at least as long as its `Turns`: those are kept by
# the factories that use them, and end with the last.
_turns: WeakValueDictionary[int, Turns] = WeakValueDictionary()


def turns_of(reactor: Any) -> Turns:
    """The one `Turns` of a reactor, for all devices that it serves."""
    return _turns.setdefault(id(reactor), Turns(reactor))
