"""What is done on a new connection before others may use it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from ..core.errors import DeviceConnectionError
from . import failures
from .connection import Connection
from .device import Device
from .queue import Queue
from .request import Request
from .session import Session


class Holder(Protocol):
    """Who prepares a connection."""

    def drop(self, connection: Connection, error: DeviceConnectionError | None) -> object:
        """Give it up; `Preparation.end` follows."""

    def why(self, request: Request) -> DeviceConnectionError:
        """The error for a request that waits while there is no connection."""


class Preparation:
    """Hears the greeting, identifies the device, and lets the driver tell it what it must know.

    It has the device to itself meanwhile, with a queue of its own. Reactor thread only.

    Parameters
    ----------
    device : Device
    connection : Connection
    holder : Holder
    """

    __slots__ = ("_connection", "_device", "_ended", "_holder", "_session", "_under_way")

    def __init__(self, device: Device, connection: Connection, holder: Holder) -> None:
        self._device = device
        self._connection = connection
        self._holder = holder
        self._ended = False
        self._under_way: Deferred[Any] | None = None
        self._session = Session(device, Queue(device, self), connection,
                                released=lambda session: None)

    def start(self, done: Callable[[], object], failed: Callable[[Failure], object]) -> None:
        """Begin. One of these is called when it is over; it may be after `end`, or at once."""
        under_way = self._prepare()
        if self._ended:     # it gave itself up, before it began to wait
            under_way.addErrback(lambda _failure: None)
            under_way.cancel()
            return
        self._under_way = under_way
        under_way.addTimeout(self._device.patience, self._device.clock,
                             lambda _result, _limit: Failure(failures.never_ready(self._device)))
        under_way.addCallbacks(lambda _none: done(), failed)

    @inlineCallbacks
    def _prepare(self) -> Generator[Deferred[Any], Any, None]:
        device, session = self._device, self._session
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
        if self._connection.conversation.owes_late:
            raise failures.gave_up_waiting(device)

    def end(self, flight: Iterable[Any], error: DeviceConnectionError) -> None:
        """The connection is gone, with what was in flight on it."""
        self._ended = True
        self._session.end(flight, error)
        if self._under_way is not None:     # It may be waiting for something else; or be just now
            self._device.clock.callLater(0, self._under_way.cancel)     # what brought us here.

    # what its queue tells

    def drop(self, connection: Connection, error: DeviceConnectionError | None) -> None:
        self._holder.drop(connection, error)

    def why(self, request: Request) -> DeviceConnectionError:
        return self._holder.why(request)

    def failed(self, error: DeviceConnectionError) -> None:
        """The preparation as a whole says whether it failed."""

    def answered(self) -> None:
        """That proves the device only once it is prepared."""
