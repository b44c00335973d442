"""From the events of a factory to a connection that is prepared, and to its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from threading import get_ident
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from ..core.errors import DeviceConnectionError, Disconnected, ReplyTimedOut, from_cause, told
from ..core.owed import NO_DEBT
from ..core.policy import until_lasting_proves
from ..core.silence import INSTANT
from ..core.states import LinkState
from .client_factory import ClientFactory
from .connection import Connection
from .device import Device
from .queue import Queue
from .session import Session


class Dialer:
    """The connections of one device, one after another. Reactor thread only.

    Parameters
    ----------
    device : Device
    reactor : IReactorTCP, IReactorTime
    min_interval : float
        As in `DeviceClient`.
    ready : callable
        Called with each connection that others may use from now on.
    lost : callable
        Called with the requests that were in flight on such a connection, and the error that
        ended it; and with the whole frames that came before.
    failed : callable
        Called with the error of an attempt or a preparation that failed.
    over : callable
        Called when a connection has ended, or an attempt.
    ended : callable
        Called when the reactor has ended.
    asked_ago : callable
        Seconds since somebody asked something.
    """

    def __init__(self, device: Device, reactor: Any, min_interval: float, *,
                 ready: Callable[[Connection], object],
                 lost: Callable[[list[Any], DeviceConnectionError, list[bytes]], object],
                 failed: Callable[[DeviceConnectionError], object],
                 over: Callable[[], object], ended: Callable[[], object],
                 asked_ago: Callable[[], float]) -> None:
        self._device = device
        self._ready, self._on_lost, self._on_failed, self._on_over = ready, lost, failed, over
        self._asked_ago = asked_ago
        #: The one there is, prepared or not.
        self.connection: Connection | None = None
        #: Who prepares it, and how that goes on.
        self._session: Session | None = None
        self._preparing: Deferred[Any] | None = None
        #: Why there is none, as far as that is known.
        self.error: DeviceConnectionError | None = None
        self._debt = NO_DEBT            # of the connection before
        self._last = -math.inf          # when the last exchange was over
        self._lasting: Any = None       # until the connection proves something by lasting
        self._closed = False
        self._factory = ClientFactory(reactor, min_interval, build=self._build,
                                 failed=self._attempt_failed, over=over, ended=ended)
        #: The thread of the reactor, once that is known.
        self.thread: int | None = None
        self._connector = self._factory.connect(device.host, device.port, device.patience,
                                                tls=device.tls)

    @property
    def prepared(self) -> Connection | None:
        """The connection, if others may use it."""
        return self.connection if self._session is None else None

    @property
    def preparing(self) -> bool:
        """Is the device connected, and not yet ready for others?"""
        return self._session is not None

    @property
    def disconnected(self) -> bool:
        """Is there no connection, not even one that is about to end?"""
        state: str = self._connector.state
        return state == "disconnected"

    def hurry(self) -> None:
        """Somebody needs the device."""
        if self.connection is None:
            self._factory.retry_now()

    def proven(self) -> None:
        """The device has answered a user: the next loss is the first one again."""
        if self._factory.retries:
            self._factory.resetDelay()

    def close(self, error: DeviceConnectionError) -> None:
        """Connect no more."""
        self._closed = True
        self._factory.stopTrying()
        if self.connection is not None:
            self.connection.let_go()
            self._end(self.connection, error)

    # what the factory tells

    def _build(self) -> Connection:
        self.thread = get_ident()
        debt, self._debt = self._debt, NO_DEBT
        return Connection(self._device, self._made, self._lost, debt=debt, last=self._last)

    def _attempt_failed(self, reason: Failure) -> None:
        self.thread = get_ident()
        if self._closed:
            self._on_over()
            return
        device = self._device
        error = from_cause(reason, host=device.host, port=device.port, phase="connect",
                           timeout=device.patience)
        self.error = error
        device.link.failed(error)
        self._on_failed(error)
        device.link.tell()

    # what a connection tells

    def _made(self, connection: Connection) -> None:
        """TCP is connected."""
        self.connection = connection
        link = self._device.link
        link.connected()
        link.tell()
        if self.connection is not connection:       # an observer gave it up
            return
        if not self._device.prepares:
            self._prepared(connection)
            return
        self._session = session = Session(
            self._device, Queue(self._device, drop=self.drop, failed=lambda error: None),
            connection, released=lambda session: None)
        preparing = self._prepare(session, connection)
        if self._session is not session:            # it gave itself up, before it began to wait
            preparing.addErrback(lambda _failure: None)
            preparing.cancel()
            return
        self._preparing = preparing
        limit = self._device.patience
        preparing.addTimeout(limit, self._device.clock, lambda _result, _limit: Failure(
            self._device.error(ReplyTimedOut, f"not ready for use within {limit:g} s",
                               "identify", "maybe")))
        preparing.addCallbacks(lambda _none: self._prepared(connection),
                               lambda failure: self._not_prepared(connection, failure))

    @inlineCallbacks
    def _prepare(self, session: Session, connection: Connection
                 ) -> Generator[Deferred[Any], Any, None]:
        """Hear the greeting, identify the device, let the driver tell it what it must know."""
        device = self._device
        if device.greeting is not None:
            yield session.greeting(device.greeting)
        if device.identity is not None:
            reply = yield session.query(device.identity.query)
            if device.identity.remembers and device.settle:
                # Not what a server says that refuses us, and hangs up.
                yield deferLater(device.clock, device.settle)
            device.identity.check(reply)
        if device.on_connect is not None:
            yield maybeDeferred(device.on_connect, session)
        # What it did not wait for comes before anybody else, too.
        yield session.finish()
        if connection.conversation.owes_late:
            raise self._gave_up()

    def _gave_up(self) -> DeviceConnectionError:
        return self._device.error(Disconnected, "on_connect gave up waiting for a reply, which "
                                  "may still come", "identify", "maybe")

    def _prepared(self, connection: Connection) -> None:
        if connection is not self.connection:
            return
        self._session = self._preparing = None
        link = self._device.link
        connection.conversation.prepared()
        link.tell()
        if self.connection is connection:
            self.error = None
            self._watch_lasting(connection)
            self._ready(connection)

    def _not_prepared(self, connection: Connection, failure: Failure) -> None:
        if connection is not self.connection:
            return      # lost or given up meanwhile, which was told then
        device, cause = self._device, failure.value
        if isinstance(cause, ConnectionError):
            error = from_cause(failure, host=device.host, port=device.port, phase="identify",
                               sent="maybe", timeout=device.timeout)
            error.phase = "identify"
        else:       # a mistake in the driver, which nobody else would hear of
            assert cause is not None
            error = device.error(Disconnected, f"on_connect failed: {told(cause)}", "identify",
                                 "maybe")
            error.__cause__ = cause
        self.drop(connection, error)

    def _lost(self, connection: Connection, error: DeviceConnectionError) -> None:
        """The connection is of no more use."""
        if connection is not self.connection:
            return
        device, conversation = self._device, connection.conversation
        if device.closes_after_reply and connection.used and conversation.finished():
            self._factory.resting = True
            self._end(connection, error)
            return
        self.error = error
        device.link.losses += 1
        device.link.failed(error)
        self._end(connection, error)
        device.link.tell()

    # giving a connection up

    def drop(self, connection: Connection, error: DeviceConnectionError | None = None) -> None:
        """Give a connection up: with an error, if the device is to blame."""
        if connection is not self.connection:
            return
        self._note_debt(connection)
        connection.let_go()
        if self._session is None:
            self._end(connection, self._given_up())
            return
        if error is None:
            error = self._gave_up()
        error.phase = "identify"
        self.error = error
        self._device.link.failed(error)
        self._end(connection, error)
        self._on_failed(error)
        self._device.link.tell()

    def reconnect(self) -> None:
        """Make a new connection, which is nobody's failure."""
        connection = self.connection
        if connection is None:
            self._factory.retry_now()
            return
        self._note_debt(connection)
        connection.let_go()
        self._end(connection, self._given_up())

    def _note_debt(self, connection: Connection) -> None:
        """What is owed may come over the next connection."""
        self._debt = connection.conversation.debt(connection.patience)
        if not self._debt.replies and self._device.closes_after_reply and connection.used:
            self._factory.resting = True

    def _given_up(self) -> DeviceConnectionError:
        return self._device.error(Disconnected, "the connection was given up", "recv", "yes")

    def _end(self, connection: Connection, error: DeviceConnectionError) -> None:
        self.connection = None
        self._last = connection.conversation.over(self._device.clock.seconds())
        call, self._lasting = self._lasting, None
        if call is not None:
            call.cancel()
        session, self._session = self._session, None
        preparing, self._preparing = self._preparing, None
        flight = connection.conversation.ended()
        if session is None:
            self._on_lost(flight, error, [] if connection.conversation.owes_late
                          else connection.unread)
            return
        session.end(flight, error)
        if preparing is not None:       # It may be waiting for something else; or be just now
            self._device.clock.callLater(0, preparing.cancel)       # what brought us here.

    # a device that is never asked

    def _watch_lasting(self, connection: Connection) -> None:
        """Let the connection prove the device by lasting, if nothing else does."""
        self._lasting = None
        link = self._device.link
        if connection is not self.connection or link.state is not LinkState.PROVING:
            return
        clock = self._device.clock
        left = until_lasting_proves(clock.seconds() - connection.since, self._asked_ago(),
                                    link.error)
        if left <= INSTANT:     # (less than that no clock can wait)
            self.proven()
            link.lasted()
            link.tell()
        elif left != math.inf:
            self._lasting = clock.callLater(left, self._watch_lasting, connection)

