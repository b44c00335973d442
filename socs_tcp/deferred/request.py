"""One call of a `DeviceClient`'s user, and what its `Requests` need of others."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..core.errors import DeviceConnectionError, Sent

Kind = Literal["query", "send", "recv"]


class Request:
    """One call of a user, until its Deferred fires. Reactor thread only."""

    __slots__ = ("abandoned", "data", "deadline", "deferred", "kind", "safe_to_repeat",
                 "sent", "started", "timeout")

    def __init__(self, kind: Kind, data: bytes, timeout: float | None, deadline: float,
                 safe_to_repeat: bool) -> None:
        self.kind = kind
        self.data = data
        self.timeout = timeout          # seconds it was given, for messages
        self.deadline = deadline        # by the reactor's clock
        self.safe_to_repeat = safe_to_repeat
        self.started = 0.0
        self.sent: Sent = "no"
        self.deferred: Deferred[Any] | None = None
        #: Nobody waits any more, but the device still owes the reply.
        self.abandoned = False

    def succeed(self, value: Any) -> None:
        """Fire, once."""
        deferred, self.deferred = self.deferred, None
        if deferred is not None:
            deferred.callback(value)

    def fail(self, error: BaseException) -> None:
        """Fail, once."""
        deferred, self.deferred = self.deferred, None
        if deferred is not None:
            deferred.errback(Failure(error))


class Wire(Protocol):
    """What the requests need of a connection."""

    def put(self, request: Request) -> bool:
        """Send; True where the system has taken all of it."""

    def next_frame(self) -> bytes | None:
        """The next whole frame that has come."""

    def settle(self, keep: bool) -> bool:
        """Discard what nobody asked for (but what has begun, if `keep`); False if it is lost."""


class Owner(Protocol):
    """What the requests ask of their client."""

    def exchange_done(self, rtt: float | None) -> None:
        """A reply came, after so many seconds."""

    def discarded(self, count: int) -> None:
        """So many bytes answered nothing that was asked."""

    def expired(self, request: Request, in_flight: bool) -> DeviceConnectionError:
        """The time of `request` is over: the error to fail it with."""

    def drop(self) -> None:
        """Give the connection up, since a reply on it would come too late."""
