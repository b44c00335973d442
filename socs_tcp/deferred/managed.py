"""The connection of a `DeviceClient`, and all that can happen to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..core.errors import (
    ConnectTimedOut,
    DeviceConnectionError,
    Disconnected,
    Phase,
    ReplyTimedOut,
    SendTimedOut,
    Sent,
    again,
    from_cause,
)
from ..core.framing import Framer
from ..core.identity import Identity
from ..core.link import Link
from ..core.policy import LateReplies
from .factory import DeviceClientFactory
from .preparing import Setup
from .request import Kind, Request
from .requests import Requests
from .wire import Wire

#: Seconds that an attempt to connect may take where the user set no timeout.
CONNECT_TIMEOUT = 30.0


class _Factory(DeviceClientFactory):
    """Makes wires for one client, and tells it what became of them."""

    def __init__(self, client: ManagedDevice, reactor: Any, min_interval: float) -> None:
        super().__init__(reactor, min_interval=min_interval)
        self._client = client

    def buildProtocol(self, addr: Any) -> Any:
        wire = self._client.new_wire()
        wire.factory = self
        return wire

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        super().clientConnectionFailed(connector, reason)
        self._client.connect_failed(reason)

    def clientConnectionLost(self, connector: Any, unused_reason: Failure) -> None:
        super().clientConnectionLost(connector, unused_reason)
        self._client.connection_over()


class ManagedDevice:
    """The connection of a `DeviceClient`: made, prepared, lost and made again.

    Here is what the factory, the wire and the requests tell it; `DeviceClient` adds what
    users call. Reactor thread only.
    """

    ip_address: str
    port: int
    timeout: float | None
    framer: Framer
    reactor: Any
    link: Link
    comm: Wire | None

    def __init__(self, *, on_connect: Callable[[Any], Any] | None, identity: Identity | None,
                 late_replies: LateReplies, max_in_flight: int, min_interval: float,
                 keepalive: float | None) -> None:
        self._identity = identity
        self._on_connect = on_connect
        self._keepalive = keepalive
        self._requests = Requests(self, self.reactor, late_replies, max_in_flight)
        self._setup: Setup | None = None        # while a new connection is prepared
        self._connect_error: DeviceConnectionError | None = None
        self._closed = False
        self._closing: list[Deferred[None]] = []
        self._waiters: list[Deferred[Any]] = []
        self._factory = _Factory(self, self.reactor, min_interval)

    # what the factory tells

    def new_wire(self) -> Wire:
        """A protocol for a new connection."""
        return Wire(self, self.framer, self._keepalive, host=self.ip_address, port=self.port)

    def connect_failed(self, reason: Failure) -> None:
        """An attempt failed, and with it all who waited for it."""
        if self._closed:
            self._over()
            return
        self._connect_error = error = from_cause(
            reason, host=self.ip_address, port=self.port, phase="connect",
            timeout=self.timeout or CONNECT_TIMEOUT)
        self.link.failed(error)
        self._requests.fail_queue(lambda request: again(error, request.sent))
        self.link.tell()

    def connection_over(self) -> None:
        """A connection is closed; the next attempt may begin."""
        if self._closed:
            self._over()
        elif self._requests.queue:
            self._factory.retry_now()

    def _over(self) -> None:
        closing, self._closing = self._closing, []
        for deferred in closing:
            self.reactor.callLater(0, deferred.callback, None)

    # what the wire tells

    def wire_connected(self, wire: Wire) -> None:
        """TCP is connected; the device has to prove itself if it was told to."""
        self.comm = wire
        self.link.connected()
        self.link.tell()
        if self.comm is not wire:       # an observer gave it up
            return
        if self._identity is None and self._on_connect is None:
            self._ready(wire)
            return
        self._setup = setup = Setup(self, wire)
        preparing = setup.start(self._identity, self._on_connect)
        limit = self.timeout or CONNECT_TIMEOUT
        preparing.addTimeout(limit, self.reactor, lambda _result, _timeout: Failure(self.error(
            ReplyTimedOut, f"not ready for use within {limit:g} s", "identify", "maybe")))
        preparing.addCallbacks(lambda _none: self._prepared(wire),
                               lambda failure: self._not_prepared(wire, failure))

    def _prepared(self, wire: Wire) -> None:
        if wire is not self.comm:
            return
        self._end_setup(RuntimeError("the preparation of this connection is over"))
        self._factory.resetDelay()
        self.link.good()
        self.link.tell()
        if self.comm is wire:
            self._ready(wire)

    def _not_prepared(self, wire: Wire, failure: Failure) -> None:
        if wire is not self.comm:
            return      # lost meanwhile, which was told then
        if failure.check(OSError):
            error = from_cause(failure, host=self.ip_address, port=self.port, phase="identify",
                               sent="maybe", timeout=self.timeout)
            error.phase = "identify"
        else:       # a mistake in the driver, which nobody else would hear of
            error = self.error(Disconnected, f"on_connect failed: {failure.value!r}",
                               "identify", "maybe")
            error.__cause__ = failure.value
        self._connect_error = error
        self.drop()
        self.link.failed(error)
        self._requests.fail_queue(lambda request: again(error, request.sent))
        self.link.tell()

    def _ready(self, wire: Wire) -> None:
        self._connect_error = None
        self._requests.use(wire)
        while self._waiters and self.comm is wire:      # a callback may close us
            self._waiters.pop(0).callback(wire)

    def wire_received(self, wire: Wire, data: bytes, frame: bytes | None) -> bool:
        """Bytes came; True if they are one frame that found whoever waits for one."""
        self.link.bytes_received += len(data)
        if self.link.trace is not None:
            self.link.trace.add("<", data)
        requests = self._requests if self._setup is None else self._setup.requests
        if frame is not None:
            return requests.frame_came(frame)
        requests.frames_came()
        return False

    def wire_flushed(self, wire: Wire, request: Request) -> None:
        """The system has taken a command."""
        (self._setup.requests if self._setup is not None else self._requests).flushed(request)

    def wire_lost(self, wire: Wire, error: DeviceConnectionError) -> None:
        """The connection is of no more use."""
        if self._setup is None and not self._requests.stale:
            self._requests.keep(wire.unread)
        self._let_go()
        self._connect_error = error
        self.link.losses += 1
        self.link.failed(error)
        self._fail_flight(error)
        self.link.tell()

    # what the requests ask

    def exchange_done(self, rtt: float | None) -> None:
        """A reply came: the link is proven."""
        if self._factory.retries:
            self._factory.resetDelay()
        self.link.good(rtt)
        if self.link.news:
            self.link.tell()

    def sent(self, data: bytes) -> None:
        """These bytes were sent."""
        self.link.bytes_sent += len(data)
        if self.link.trace is not None:
            self.link.trace.add(">", data)

    def discarded(self, count: int) -> None:
        """So many bytes answered nothing that was asked."""
        self.link.bytes_discarded += count

    def expired(self, request: Request, in_flight: bool) -> DeviceConnectionError:
        """The time of a request is over: the error to fail it with."""
        within = f"within {request.timeout:g} s"
        if not in_flight:
            if self._requests.wire is not None:
                return self.error(ReplyTimedOut, f"its turn did not come {within}: "
                                   f"{len(self._requests.flight)} before it", "send", request.sent)
            if self._setup is not None:     # connected: whoever looks for a cable is misled
                return self.error(ReplyTimedOut, f"not ready for use {within}: identify or "
                                  "on_connect still waits for the device", "identify",
                                  request.sent)
            if self._connect_error is not None:
                return again(self._connect_error, request.sent)
            return self.error(ConnectTimedOut, f"no connection {within}", "connect",
                              request.sent)
        self.link.timeouts += 1
        if request.kind == "send":
            error = self.error(SendTimedOut, f"the device did not take the command {within}",
                                "send", "maybe")
        else:
            rest = self.comm.partial() if self.comm is not None else ""
            what = f"an unfinished reply, {rest}," if rest else "no reply"
            error = self.error(ReplyTimedOut, f"{what} {within}", "recv", request.sent)
        self.link.failed(error)
        self.link.tell()
        return error

    def drop(self) -> None:
        """Give the connection up, without calling that a failure of the device."""
        wire = self.comm
        if wire is None:
            return
        wire.let_go()
        self._let_go()
        self._fail_flight(self.closed_error() if self._closed else self.error(
            Disconnected, "the connection was given up", "recv", "yes"))

    # the common end of a connection

    def _let_go(self) -> None:
        self.comm = None
        self._requests.use(None)

    def _end_setup(self, why: Exception) -> Setup | None:
        setup, self._setup = self._setup, None
        if setup is not None:
            setup.end(why)
        return setup

    def _fail_flight(self, error: DeviceConnectionError) -> None:
        setup = self._end_setup(error)
        if setup is not None:
            setup.requests.fail_flight(lambda request: again(error, request.sent))
            setup.requests.fail_queue(lambda request: again(error, request.sent))
            setup.cancel()
        self._requests.fail_flight(lambda request: again(error, request.sent))

    def error(self, kind: type[DeviceConnectionError], text: str, phase: Phase,
               sent: Sent) -> DeviceConnectionError:
        return kind(f"{self.link.name}: {text}", host=self.ip_address, port=self.port,
                    phase=phase, sent=sent)

    def closed_error(self, sent: Sent = "no") -> DeviceConnectionError:
        return self.error(Disconnected, "closed by this program", "connect", sent)

    def new_request(self, kind: Kind, data: bytes, timeout: float | None,
                    safe_to_repeat: bool = False) -> Request:
        """A request with a deadline by the reactor's clock."""
        deadline = math.inf if timeout is None else self.reactor.seconds() + timeout
        return Request(kind, data, timeout, deadline, safe_to_repeat)
