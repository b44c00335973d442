"""The states of a link, what can happen to it, and the one table of transitions."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class LinkState(Enum):
    """Where a link stands."""

    # On Python 3.11 that of an Enum is a call of Python, several times a change of state.
    __hash__ = object.__hash__

    #: No connection attempt has ended yet.
    UNTRIED = "untried"
    #: Connected for the first time; nothing has failed, nothing was said yet.
    OPEN = "open"
    #: The last exchange was good.
    UP = "up"
    #: Something failed since the last good exchange.
    DOWN = "down"
    #: Connected again after a failure; only a good exchange will prove it.
    PROVING = "proving"
    #: Closed by its owner, for good.
    CLOSED = "closed"


class LinkEvent(Enum):
    """What can happen to a link."""

    __hash__ = object.__hash__      # as above

    #: TCP is connected; the device has said nothing yet.
    CONNECTED = "connected"
    #: A whole reply came in time, or `identify` or `on_connect` passed.
    GOOD = "good"
    #: An attempt, an exchange or the connection failed.
    FAILED = "failed"
    #: The owner closed it.
    CLOSE = "close"


_S, _E = LinkState, LinkEvent
#: For the common path: on Python 3.11 a look into an Enum costs as much as a small call.
UP = LinkState.UP
PROVING = LinkState.PROVING

#: Every transition there is. A pair that is not here leaves the state as it is.
TRANSITIONS: dict[tuple[LinkState, LinkEvent], LinkState] = {
    (_S.UNTRIED, _E.CONNECTED): _S.OPEN,
    (_S.UNTRIED, _E.GOOD): _S.UP,
    (_S.UNTRIED, _E.FAILED): _S.DOWN,
    (_S.UNTRIED, _E.CLOSE): _S.CLOSED,
    (_S.OPEN, _E.GOOD): _S.UP,
    (_S.OPEN, _E.FAILED): _S.DOWN,
    (_S.OPEN, _E.CLOSE): _S.CLOSED,
    (_S.UP, _E.FAILED): _S.DOWN,
    (_S.UP, _E.CLOSE): _S.CLOSED,
    (_S.DOWN, _E.CONNECTED): _S.PROVING,
    (_S.DOWN, _E.GOOD): _S.UP,
    (_S.DOWN, _E.CLOSE): _S.CLOSED,
    (_S.PROVING, _E.GOOD): _S.UP,
    (_S.PROVING, _E.FAILED): _S.DOWN,
    (_S.PROVING, _E.CLOSE): _S.CLOSED,
}

#: The states in which a device cannot be relied on: what makes a session degraded.
DOWN_STATES = frozenset({_S.DOWN, _S.PROVING, _S.CLOSED})


class LinkChange(NamedTuple):
    """One change of state, as an observer gets it."""

    old: LinkState
    new: LinkState
    #: Seconds since the epoch.
    when: float
    #: Why, for a person; for a link that is up again, how long it was down.
    reason: str
    #: What failed, if something did.
    error: BaseException | None

    @property
    def down(self) -> bool:
        """Is the link down after this change?"""
        return self.new in DOWN_STATES
