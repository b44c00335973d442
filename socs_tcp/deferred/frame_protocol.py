"""What the protocols have in common: readers served in order, and a device that has to wait."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from ..core.errors import DeviceConnectionError, again, from_cause
from ..core.framing import Framer
from ..core.policy import KEEPALIVE
from .later import AT_ONCE, fail_later
from .reading_end import HUNG_UP, poll_of, reading_end
from .speaking import Speaking, handle_of

#: Bytes that may wait for a reader beyond one whole frame before the transport is paused.
READ_LIMIT = 131072

#: Bytes of one read as Twisted has it; and of the next one, where a read got all of those. (A
#: short reply is not to pay for the memory of a long one.)
READ_SIZE = 65536
LONG_READ = 262144

#: Seconds between two looks whether a device is still there that is made to wait.
LOOK_AGAIN = 0.25


T = TypeVar("T")


class FrameProtocol(Speaking):
    """What `LineProtocol` and `RawProtocol` share. Reactor thread only.

    Parameters
    ----------
    framer : Framer
        Where a frame ends, and what `send` adds.
    keepalive : float or None
        Seconds after which a connection on which nothing is said is known to be dead.
    """

    def __init__(self, framer: Framer, keepalive: float | None = KEEPALIVE) -> None:
        super().__init__(framer, keepalive)
        self._decoder = framer.decoder()
        self._read_limit = framer.max_length + READ_LIMIT
        self._paused = False
        # A Deferred leaves its list before it fires, so that it can fire once only,
        # whatever the callbacks of the others do.
        self._readers: list[tuple[Deferred[Any], int]] = []
        self._long_reads = False
        self._serving = False
        self._serve_later: Any = None
        self._poll: Any = None          # what has come, and has the device hung up?
        self._look_again: Any = None

    # what Twisted calls

    def connectionMade(self) -> None:
        super().connectionMade()
        transport: Any = self.transport
        handle = handle_of(transport)
        if hasattr(transport, "doRead") or not isinstance(handle, socket.socket):
            self._poll = poll_of(reading_end(transport))

    def dataReceived(self, data: bytes) -> None:
        if self._lost is not None:      # TLS may still have some, which makes no sense
            return
        self._read_long(len(data) >= READ_SIZE)
        self._decoder.feed(data)
        self._serve()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._lost is None:
            self._lost = from_cause(reason, host=self.host, port=self.port, phase="recv",
                                    sent="maybe")
        self._direct = self._through = self._poll = None
        self._stop_looking()
        self._serve()

    # reading

    def _recv(self, size: int) -> Deferred[Any]:
        if not (self._readers or self._serving) and self._may_be_done_at_once():
            frame = self._take(size)
            if frame is not None:
                if self._paused:
                    self._regulate()
                return succeed(frame)
        if self.transport is None:
            return fail_later(self._clock, self._not_connected("maybe"))
        waiting: Deferred[Any] = Deferred(self._forget_reader)
        self._readers.append((waiting, size))
        if self._lost is not None or self._at_once >= AT_ONCE:
            self._serve_soon()
        self._regulate()
        return waiting

    def _serve_soon(self) -> None:
        if self._clock is None:
            self._serve()
        elif not self._serving and self._serve_later is None:
            self._serve_later = self._clock.callLater(0, self._serve)

    def _serve(self) -> None:
        """Give the readers what has come; with the connection lost, fail those who get nothing."""
        self._at_once = 0
        call, self._serve_later = self._serve_later, None
        if call is not None and call.active():
            call.cancel()
        if self._serving:       # a reader did what brought us here
            return
        self._serving = True
        try:
            while self._readers:
                frame = self._take(self._readers[0][1])
                if frame is None:
                    break
                self._readers.pop(0)[0].callback(frame)
        finally:
            self._serving = False
        if self._lost is not None:
            self._fail_all(self._lost)
        self._regulate()

    def _forget_reader(self, reader: Deferred[Any]) -> None:
        self._readers = [entry for entry in self._readers if entry[0] is not reader]

    def _take(self, size: int) -> Any:
        """What a reader gets, if it is there."""
        raise NotImplementedError

    def _whole(self, take: Callable[[], T]) -> T | None:
        try:
            return take()
        except DeviceConnectionError as exc:
            self._give_up(from_cause(exc, host=self.host, port=self.port, phase="recv"))
            return None

    def _give_up(self, error: DeviceConnectionError) -> None:
        """What came makes no sense: no more can be read from this connection."""
        self._lost = self._lost or error
        self._decoder.clear()
        transport: Any = self.transport
        transport.abortConnection()
        self._fail_all(error)

    def _read_long(self, wanted: bool) -> None:
        """Read more at a time while the device sends without pause, and only then."""
        if wanted is not self._long_reads:
            self._long_reads = wanted
            transport: Any = self.transport
            transport.bufferSize = LONG_READ if wanted else READ_SIZE

    @property
    def _wanted(self) -> bool:
        """Does somebody wait for what comes?"""
        return bool(self._readers)

    def _regulate(self) -> None:
        """Let the device wait while nobody reads what it sends."""
        transport: Any = self.transport
        if self._lost is not None:
            return
        waiting = self._decoder.waiting
        if not self._paused and waiting > self._read_limit and not self._wanted:
            self._paused = True
            transport.pauseProducing()
        elif self._paused and (self._wanted or waiting <= self._read_limit // 2):
            self._paused = False
            transport.resumeProducing()
        if not self._paused:
            self._stop_looking()
        elif self._look_again is None and self._poll is not None and self._clock is not None:
            self._look_again = self._clock.callLater(LOOK_AGAIN, self._look_for_the_end)

    def _look_for_the_end(self) -> None:
        """While it is made to wait, the reactor does not see that it hangs up."""
        self._look_again = None
        if self._hung_up():
            self._end_seen()
        else:
            self._still_there()

    def _hung_up(self) -> bool:
        return any(event & HUNG_UP for _fd, event in self._poll(0))

    def _end_seen(self) -> None:
        """Read the rest, which the system has and is no more than that holds; then the end."""
        self._read_limit = sys.maxsize
        self._regulate()

    def _still_there(self) -> None:
        self._regulate()

    def _stop_looking(self) -> None:
        call, self._look_again = self._look_again, None
        if call is not None:
            call.cancel()

    def _fail_all(self, error: DeviceConnectionError) -> None:
        """Fail those who wait now, and not those who come back for more in their errbacks."""
        for entry in tuple(self._readers):
            if entry in self._readers:      # an errback of another may have cancelled it
                self._readers.remove(entry)
                entry[0].errback(Failure(again(error, "maybe")))
        self._fail_senders(error)
