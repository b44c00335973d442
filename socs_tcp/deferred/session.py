"""The device for oneself, on one connection: what `on_connect` gets, and `reserve`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from twisted.internet.defer import Deferred

from ..core.errors import DeviceConnectionError, again
from ..core.evidence import State
from ..core.forking import inherited
from ..core.framing import Framer, Text
from ..core.identity import asks_in_vain
from ..core.turn import Match
from .calls import Calls
from .connection import Connection
from .device import Device
from .forked import FORKED
from .later import fail_later
from .queue import Queue
from .request import Request, question


class Session(Calls):
    """A device that nobody else talks to, on one connection. Reactor thread only.

    When that connection is lost, all the rest fails with `Disconnected`, and nothing of it
    goes out on a new one.
    """

    def __init__(self, device: Device, queue: Queue, connection: Connection,
                 released: Callable[[Session], object]) -> None:
        self._device = device
        self._queue = queue
        self._released = released
        self._over: Exception | None = None     # why nothing more may be asked
        #: The protocol.
        self.comm = connection
        queue.use(connection)
        inherited.add(self)

    @property
    def link(self) -> Any:
        """What is known of the connection."""
        return self._device.link

    def query(self, msg: Text, timeout: float | None = None, *, framer: Framer | None = None,
              match: Match | None = None, replies: int | None = None) -> Deferred[Any]:
        """As `DeviceClient.query`."""
        if self._device.closes_after_reply and self.comm.conversation.state is State.NEW:
            raise asks_in_vain()
        request = question(self._device, msg, timeout)
        request.expect(framer, match, replies)
        return self._add(request)

    def greeting(self, expected: Match | bool) -> Deferred[bytes]:
        """Wait for what the device says first, which is no reply."""
        match = None if isinstance(expected, bool) else expected
        request = Request("greeting", b"", self._device.patience, self._device.clock.seconds())
        request.expect(None, match)
        return self._add(request)

    def release(self) -> None:
        """Let others have the device, as soon as all that was asked is answered."""
        if self._over is None:
            self.finish().addCallbacks(lambda _none: self._released(self), lambda _failure: None)

    def finish(self) -> Deferred[None]:
        """Ask nothing more; fires when all that was asked is answered."""
        rest = self._add(Request("hold", b"", None, 0.0)).addCallback(self._finished)
        self._over = RuntimeError(f"{self._device.link.name}: this reservation has ended: "
                                  "the connection belongs to other calls again")
        return rest

    def _finished(self, _none: None) -> None:
        self._queue.use(None)
        self._queue.stop()

    def end(self, flight: Iterable[Any], error: DeviceConnectionError) -> None:
        """The connection is gone, with what was in flight on it."""
        self._over = error
        self._queue.stop()
        self._queue.lost(flight, error)
        self._queue.fail_waiting(lambda request: again(error, request.sent))

    def forked(self) -> None:
        """This is a child: the connection is its parent's."""
        self._over = RuntimeError(FORKED)

    def _add(self, request: Request) -> Deferred[Any]:
        over = self._over
        if over is None:
            return self._queue.add(request)
        if isinstance(over, DeviceConnectionError):
            over = again(over, "no")
        return fail_later(self._device.clock, over)

    def _urgent(self, request: Request) -> Deferred[None]:
        if self._over is None:
            return self._queue.urgent(self.comm, request)
        return self._add(request)


class Reservation(Deferred[Session]):
    """What `DeviceClient.reserve` gives: fires with a `Session`, which has to be released.

    In a coroutine ``async with`` does both.
    """

    _session: Session | None = None

    async def __aenter__(self) -> Session:
        self._session = await self
        return self._session

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        assert self._session is not None
        self._session.release()
