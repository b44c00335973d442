"""What happens on a new Twisted connection before anybody else may use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred

from .errors import DeviceConnectionError, ReplyTimedOut
from .framing import Text
from .identity import Identity
from .requests import Kind, Request, Requests
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
        # what on_connect asked for when it heard of the loss may have begun to wait anew
        self.requests.stop()

    @inlineCallbacks
    def _run(self, identity: Identity | None, on_connect: Callable[[Any], Any] | None) -> Any:
        if identity is not None:
            reply = yield self.query(identity.query)
            identity.check(reply)
        if on_connect is not None:
            yield maybeDeferred(on_connect, self)

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
        return self.requests.add(self._client.new_request(
            kind, data, self._client.timeout if timeout is None else timeout))

    def exchange_done(self, rtt: float | None) -> None:
        """Proves nothing yet: it may be another device."""

    def discarded(self, count: int) -> None:
        """So many bytes answered nothing that was asked."""
        self._client.discarded(count)

    def expired(self, request: Request, in_flight: bool) -> DeviceConnectionError:
        """The error for a request whose time is over."""
        return self._client.error(ReplyTimedOut, f"no reply within {request.timeout:g} s",
                                  "identify", request.sent)

    def drop(self) -> None:
        """The preparation fails with the request, and gives the connection up."""
