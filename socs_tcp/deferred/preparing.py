"""What happens on a new Twisted connection before anybody else may use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail, inlineCallbacks, maybeDeferred

from ..core.errors import DeviceConnectionError, Disconnected, ReplyTimedOut, again
from ..core.framing import Text
from ..core.identity import Identity
from .request import Kind, Request
from .requests import Requests
from .wire import Wire

if TYPE_CHECKING:
    from .managed import ManagedDevice


class Setup:
    """What `on_connect` talks to: the device, before anybody else may."""

    def __init__(self, client: ManagedDevice, wire: Wire) -> None:
        self._client = client
        self.requests = Requests(self, client.reactor, "drop", 1)
        self.requests.use(wire)
        self._running: Deferred[Any] | None = None
        self._cancelled = False
        self._expired: DeviceConnectionError | None = None
        self._over: Exception | None = None     # why nothing more may be asked

    def start(self, identity: Identity | None,
              on_connect: Callable[[Any], Any] | None) -> Deferred[Any]:
        """Identify the device, then let the driver tell it what it must know."""
        self._running = self._run(identity, on_connect)
        if self._cancelled:         # by on_connect itself, which closed the client
            self._running.cancel()
        return self._running

    def cancel(self) -> None:
        """The connection is gone; `on_connect` may be waiting for something else."""
        self._cancelled = True
        if self._running is not None:
            self._running.cancel()

    def end(self, why: Exception) -> None:
        """Nothing more may be asked: the preparation is over, or its connection."""
        self._over = self._over or why
        self.requests.use(None)
        self.requests.stop()

    @inlineCallbacks
    def _run(self, identity: Identity | None, on_connect: Callable[[Any], Any] | None) -> Any:
        if identity is not None:
            reply = yield self.query(identity.query)
            identity.check(reply)
        if on_connect is not None:
            yield maybeDeferred(on_connect, self)
            if self.requests.stale:
                self.drop()
            # What it did not wait for comes before anybody else, too.
            yield self._add("send", b"", None)

    def query(self, msg: Text, timeout: float | None = None) -> Deferred[bytes]:
        """As `DeviceClient.query`."""
        return self._add("query", self._client.framer.encode(msg), timeout)

    def send(self, msg: Text, timeout: float | None = None) -> Deferred[None]:
        """As `DeviceClient.send`."""
        return self._add("send", self._client.framer.encode(msg), timeout)

    def recv(self, timeout: float | None = None) -> Deferred[bytes]:
        """As `DeviceClient.recv`."""
        return self._add("recv", b"", timeout)

    def _add(self, kind: Kind, data: bytes, timeout: float | None) -> Deferred[Any]:
        if self._over is not None:
            return fail(self._over)
        return self.requests.add(self._client.new_request(
            kind, data, self._client.timeout if timeout is None else timeout))

    def exchange_done(self, rtt: float | None) -> None:
        """Proves nothing yet: it may be another device."""

    def discarded(self, count: int) -> None:
        """So many bytes answered nothing that was asked."""
        self._client.discarded(count)

    def expired(self, request: Request, in_flight: bool) -> DeviceConnectionError:
        """The error for a request whose time is over."""
        error = self._client.error(ReplyTimedOut, f"no reply within {request.timeout:g} s",
                                   "identify", request.sent)
        if in_flight:
            self._expired = error
        return error

    def drop(self) -> None:
        """A reply was given up: it may come late, and must not answer anybody else.

        So that the preparation has failed, even where `on_connect` makes light of it.
        """
        error = self._expired or self._client.error(
            Disconnected, "on_connect gave up waiting for a reply, which may still come",
            "identify", "maybe")
        self.end(error)
        self.requests.fail_flight(lambda request: again(error, request.sent))
        self.requests.fail_queue(lambda request: again(error, request.sent))
