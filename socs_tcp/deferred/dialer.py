"""From the events of a factory to a connection that is prepared, and to its end."""

from __future__ import annotations

import math
from collections.abc import Iterable
from threading import get_ident
from typing import Any, Protocol

from twisted.python.failure import Failure

from ..core.errors import ConnectTimedOut, DeviceConnectionError, again, from_cause
from ..core.owed import NO_DEBT
from ..core.states import LinkState
from . import failures
from .client_factory import ClientFactory, Listener
from .connection import Connection
from .device import Device
from .lasting import Lasting
from .preparation import Preparation
from .request import Request

#: Of a client that nobody may use here: it belongs to the parent of this process.
NO_THREAD = -1


class Holder(Listener, Protocol):
    """Who has a dialer."""

    def ready(self, connection: Connection) -> object:
        """Others may use this connection from now on."""

    def lost(self, flight: list[Any], error: DeviceConnectionError, unread: Iterable[bytes]
             ) -> object:
        """Such a connection has ended, with the requests in `flight` on it.

        `unread` are the whole frames that came before.
        """

    def no_device(self, error: DeviceConnectionError) -> object:
        """An attempt or a preparation failed."""

    def asked_ago(self) -> float:
        """Seconds since somebody asked something."""


class Dialer:
    """The connections of one device, one after another. Reactor thread only.

    Parameters
    ----------
    device : Device
    reactor : IReactorTCP, IReactorTime
    min_interval : float
        As in `DeviceClient`.
    holder : Holder
    """

    __slots__ = ("_connector", "_debt", "_device", "_factory", "_holder",
                 "_last", "_lasting", "_preparation", "connection", "error", "thread")

    def __init__(self, device: Device, reactor: Any, min_interval: float, holder: Holder) -> None:
        self._device = device
        self._holder = holder
        #: The one there is, prepared or not.
        self.connection: Connection | None = None
        self._preparation: Preparation | None = None    # until others may use it
        #: Why there is none, as far as that is known.
        self.error: DeviceConnectionError | None = None
        self._debt = NO_DEBT            # of the connection before
        self._last = -math.inf          # when the last exchange was over
        self._lasting: Lasting | None = None
        self._factory = ClientFactory(reactor, min_interval, self, holder)
        #: The thread of the reactor, once that is known.
        self.thread: int | None = get_ident() if getattr(reactor, "running", False) else None
        self._connector = self._factory.connect(device.host, device.port, device.patience,
                                                tls=device.tls)

    @property
    def prepared(self) -> Connection | None:
        """The connection, if others may use it."""
        return self.connection if self._preparation is None else None

    @property
    def disconnected(self) -> bool:
        """Is there no connection, not even one that is about to end?"""
        state: str = self._connector.state
        return state == "disconnected"

    def forked(self) -> None:
        """This is a child. (It may be the daemon whose reactor is still to run.)"""
        if self.thread is not None:
            self.thread = NO_THREAD
        self._device.link.forked()

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
        self._factory.stopTrying()
        if self.connection is not None:
            self.connection.let_go()
            self._end(self.connection, error)

    def why(self, request: Request) -> DeviceConnectionError:
        """The error for a request that waits while there is no connection."""
        if self._preparation is not None:
            return failures.still_preparing(self._device, request, self.error)
        if self.error is not None:
            return again(self.error, request.sent)
        return self._device.error(ConnectTimedOut, f"no connection within {request.timeout:g} s",
                                  "connect", request.sent)

    # what the factory tells

    def build(self) -> Connection:
        self.thread = get_ident()
        debt, self._debt = self._debt, NO_DEBT
        return Connection(self._device, self, debt=debt, last=self._last)

    def attempt_failed(self, reason: Failure) -> None:
        self.thread = get_ident()
        device = self._device
        error = from_cause(reason, host=device.host, port=device.port, phase="connect",
                           timeout=device.patience)
        self.error = error
        device.link.failed(error)
        self._holder.no_device(error)
        device.link.tell()

    # what a connection tells

    def made(self, connection: Connection) -> None:
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
        self._preparation = preparation = Preparation(self._device, connection, self)
        preparation.start(lambda: self._prepared(connection),
                          lambda failure: self._not_prepared(connection, failure))

    def _prepared(self, connection: Connection) -> None:
        if connection is not self.connection:
            return
        self._preparation = None
        link = self._device.link
        connection.conversation.prepared()
        link.tell()
        if self.connection is connection:
            self.error = None
            self._holder.ready(connection)
        if self.connection is connection and link.state is LinkState.PROVING:
            self._lasting = Lasting(self._device, connection.since, self._holder.asked_ago,
                                    self.proven)
            self._lasting.watch()

    def _not_prepared(self, connection: Connection, failure: Failure) -> None:
        if connection is not self.connection:
            return      # lost or given up meanwhile, which was told then
        self.drop(connection, failures.not_prepared(self._device, failure))

    def lost(self, connection: Connection, error: DeviceConnectionError) -> None:
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
        refused = self._was_in_vain(connection)
        self._end(connection, error)
        if refused:
            self._holder.no_device(error)
        device.link.tell()

    def _was_in_vain(self, connection: Connection) -> bool:
        """Is it lost before anybody could say anything on it? That is a failed attempt, too."""
        conversation = connection.conversation
        return self._preparation is not None or (
            not conversation.turns and conversation.silence.ended == self._last)

    # giving a connection up

    def drop(self, connection: Connection, error: DeviceConnectionError | None = None) -> None:
        """Give a connection up: with an error, if the device is to blame."""
        if connection is not self.connection:
            return
        self._note_debt(connection)
        connection.let_go()
        if self._preparation is None:
            self._end(connection, failures.given_up(self._device))
            return
        if error is None:
            error = failures.gave_up_waiting(self._device)
        error.phase = "identify"
        self.error = error
        self._device.link.failed(error)
        self._end(connection, error)
        self._holder.no_device(error)
        self._device.link.tell()

    def reconnect(self) -> None:
        """Make a new connection, which is nobody's failure."""
        connection = self.connection
        if connection is None:
            self._factory.retry_now()
            return
        self._note_debt(connection)
        connection.let_go()
        self._end(connection, failures.given_up(self._device))

    def _note_debt(self, connection: Connection) -> None:
        """What is owed may come over the next connection."""
        self._debt = connection.conversation.debt(connection.patience)
        if not self._debt.replies and self._device.closes_after_reply and connection.used:
            self._factory.resting = True

    def _end(self, connection: Connection, error: DeviceConnectionError) -> None:
        self.connection = None
        self._last = connection.conversation.over(self._device.clock.seconds())
        lasting, self._lasting = self._lasting, None
        if lasting is not None:
            lasting.stop()
        preparation, self._preparation = self._preparation, None
        flight = connection.conversation.ended()
        if preparation is not None:
            preparation.end(flight, error)
            return
        self._holder.lost(flight, error, () if connection.conversation.owes_late
                          else connection.unread)
