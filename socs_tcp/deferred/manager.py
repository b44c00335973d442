"""What a `DeviceClient` has below it: the queue of its users, and the connections of its device."""

from __future__ import annotations

import math
from collections.abc import Iterable
from threading import get_ident
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from ..core.errors import DeviceConnectionError, again
from ..core.forking import inherited
from . import failures
from .connection import Connection
from .device import Device
from .dialer import NO_THREAD, Dialer
from .forked import FORKED
from .later import fail_later
from .log import ReactorLog
from .queue import Queue
from .request import Request
from .session import Session

WRONG_THREAD = ("a DeviceClient belongs to the thread of its reactor; from another thread, use "
                "reactor.callFromThread, or twisted.internet.threads.blockingCallFromThread")


class Manager:
    """Brings the requests of users and the connections of one device together.

    Reactor thread only; `check_thread` says so.

    Parameters
    ----------
    device : Device
    reactor, min_interval
        As in `DeviceClient`.
    log : ReactorLog
        That of the device's link.
    """

    __slots__ = ("_closing", "_device", "_log", "_reserved", "_waiters", "asked_at", "closed",
                 "dialer", "queue")

    def __init__(self, device: Device, reactor: Any, min_interval: float, log: ReactorLog) -> None:
        self._device = device
        self._log = log
        #: When somebody asked something.
        self.asked_at = -math.inf
        #: Closed by its owner, for good.
        self.closed = False
        self._closing: tuple[Deferred[None], ...] = ()
        self._waiters: tuple[Deferred[Any], ...] = ()
        self._reserved: Session | None = None
        self.queue = Queue(device, self)
        self.dialer = Dialer(device, reactor, min_interval, self)
        log.join()

    # what users want

    def check_thread(self) -> None:
        """Raise RuntimeError in any thread but the reactor's, and in a forked child."""
        thread = self.dialer.thread
        if thread != get_ident() and thread is not None:
            raise RuntimeError(FORKED if thread == NO_THREAD else WRONG_THREAD)

    def add(self, request: Request, deferred: Deferred[Any] | None = None) -> Deferred[Any]:
        """Take a request. `deferred` is as in `Queue.add`."""
        dialer = self.dialer
        if dialer.thread != get_ident():
            self.check_thread()
        if dialer.connection is None:
            if self.closed:
                return fail_later(self._device.clock, failures.closed(self._device), deferred)
            dialer.hurry()
        return self.queue.add(request, deferred)

    def urgent(self, request: Request) -> Deferred[None]:
        """Take a command that is sent at once, past whoever waits."""
        self.check_thread()
        connection = self.dialer.prepared
        if self.closed:
            return self.add(request)
        if connection is not None:
            return self.queue.urgent(connection, request)
        self.dialer.hurry()
        return self.queue.add(request, first=True)

    def lend(self) -> Session:
        """The device for oneself; it is the turn of a request that waited for that."""
        connection = self.queue.connection
        assert connection is not None
        self.queue.use(None)
        self._reserved = session = Session(self._device, Queue(self._device, self), connection,
                                           self._returned)
        return session

    def _returned(self, session: Session) -> None:
        if session is self._reserved:
            self._reserved = None
            self.queue.use(self.dialer.prepared)

    def when_connected(self) -> Deferred[Any]:
        """As of `DeviceClient`."""
        self.check_thread()
        if self.closed:
            return fail_later(self._device.clock, failures.closed(self._device))
        connection = self.dialer.prepared
        if connection is not None:
            return succeed(connection)
        waiter: Deferred[Any] = Deferred(self._forget_waiter)
        self._waiters += (waiter,)
        return waiter

    def _forget_waiter(self, waiter: Deferred[Any]) -> None:
        self._waiters = tuple(other for other in self._waiters if other is not waiter)

    def _next_waiter(self) -> Deferred[Any]:
        waiter, *rest = self._waiters
        self._waiters = tuple(rest)
        return waiter

    def reconnect(self) -> None:
        """As of `DeviceClient`."""
        self.check_thread()
        if not self.closed:
            self.dialer.reconnect()

    def close(self) -> Deferred[None]:
        """As of `DeviceClient`."""
        self.check_thread()
        device = self._device
        if not self.closed:
            self.closed = True
            self.dialer.close(failures.closed(device))
            self.queue.fail_waiting(lambda request: failures.closed(device, request.sent))
            self.queue.stop()
            while self._waiters:
                self._next_waiter().errback(Failure(failures.closed(device)))
            device.link.closed()
            device.link.tell()
            inherited.add(device.link)      # the factory does so no more
            self._log.leave()
        if self.dialer.disconnected:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._closing += (done,)
        return done

    # what the queue tells

    def drop(self, connection: Connection, error: DeviceConnectionError | None) -> None:
        self.dialer.drop(connection, error)

    def failed(self, error: DeviceConnectionError) -> None:
        self._device.link.failed(error)
        self._device.link.tell()

    def answered(self) -> None:
        self.dialer.proven()

    def why(self, request: Request) -> DeviceConnectionError:
        if self._reserved is not None:
            return failures.reserved(self._device, request)
        return self.dialer.why(request)

    # what the dialer tells

    def ready(self, connection: Connection) -> None:
        self.queue.use(connection)
        while self._waiters and self.dialer.prepared is connection:     # a callback may close us
            self._next_waiter().callback(connection)

    def lost(self, flight: list[Any], error: DeviceConnectionError, unread: Iterable[bytes]
             ) -> None:
        session, self._reserved = self._reserved, None
        if unread or self.queue.unread:
            self.queue.keep(unread)
        if session is not None:
            session.end(flight, error)
            flight = []
        self.queue.lost(flight, error)

    def no_device(self, error: DeviceConnectionError) -> None:
        self.queue.fail_waiting(lambda request: again(error, request.sent))

    def over(self) -> None:
        """A connection is closed; the next attempt may begin."""
        if not self.closed:
            if self.queue.waiting:
                self.dialer.hurry()
            return
        closing, self._closing = self._closing, ()
        for deferred in closing:
            self._device.clock.callLater(0, deferred.callback, None)

    def reactor_ended(self) -> None:
        self.close()

    def asked_ago(self) -> float:
        return float(self._device.clock.seconds() - self.asked_at)
