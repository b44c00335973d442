"""The connection under a `DeviceClient`."""

from __future__ import annotations

import contextlib
import socket
from typing import Any, Protocol

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from ..blocking.channel import Channel
from ..core.errors import (
    DeviceConnectionError,
    Disconnected,
    FramingError,
    address_name,
    from_cause,
    show,
)
from ..core.framing import Framer
from ..core.policy import MOST_UNASKED
from .frame_protocol import READ_SIZE
from .protocol import LineProtocol
from .request import Request


class WireOwner(Protocol):
    """Who hears of a wire: the client, until it lets go of it."""

    def wire_connected(self, wire: Wire) -> None:
        """TCP is connected."""

    def wire_received(self, wire: Wire, data: bytes, frame: bytes | None) -> bool:
        """These bytes came, which are just this frame, or may make some (None).

        True if the frame has found whoever waits for one.
        """

    def wire_flushed(self, wire: Wire, request: Request) -> None:
        """The system has taken all bytes of the request."""

    def wire_lost(self, wire: Wire, error: DeviceConnectionError) -> None:
        """The connection is of no more use. Told once."""

    def sent(self, data: bytes) -> None:
        """These bytes were given to the system."""

    def discarded(self, count: int) -> None:
        """So many bytes answered nothing that was asked."""


class Wire(LineProtocol):
    """One connection of a `DeviceClient`; after its loss there is a new one.

    Parameters
    ----------
    owner : WireOwner
        Hears of it.
    framer, keepalive
        As in `LineProtocol`.
    host, port
        What messages call the device.
    """

    def __init__(self, owner: WireOwner, framer: Framer, keepalive: float | None, *,
                 host: str, port: int) -> None:
        super().__init__(framer, keepalive)
        self.host, self.port = host, port
        self._owner: WireOwner | None = owner       # None: nobody is interested any more
        #: Whole frames that came before the loss, and that nobody has received.
        self.unread: list[bytes] = []

    # what Twisted calls

    def connectionMade(self) -> None:
        super().connectionMade()
        transport: Any = self.transport
        handle = getattr(transport, "getHandle", lambda: None)()
        # The same look at the socket before a query as the blocking face takes.
        self._channel = Channel(handle if isinstance(handle, socket.socket) else None,
                                self._decoder)
        if self._owner is not None:
            self._owner.wire_connected(self)

    def dataReceived(self, data: bytes) -> None:
        if self._owner is None:
            return
        if self._readers:
            super().dataReceived(data)      # somebody uses `comm` directly
            return
        self._read_long(len(data) >= READ_SIZE)
        # What is just one whole frame goes past the decoder to the request it answers.
        decoder = self._decoder
        frame = None if decoder.waiting else self._framer.whole(data)
        if frame is None:
            decoder.feed(data)
        if not self._owner.wire_received(self, data, frame) and frame is not None:
            decoder.feed(data)              # it answers nothing
        if self._paused or decoder.waiting:
            self._regulate()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        assert self._lost is not None
        self._tell_lost(self._end_of_reply(self._lost) if self._decoder.waiting else self._lost)

    def _end_of_reply(self, lost: DeviceConnectionError) -> DeviceConnectionError:
        """Keep the whole frames that came; the error, with what has come of another."""
        with contextlib.suppress(FramingError):
            while (frame := self._decoder.next_frame()) is not None:
                self.unread.append(frame)
        if not (self._decoder.waiting and isinstance(lost, Disconnected)):
            return lost
        error = Disconnected(f"{lost} in the middle of a reply, after "
                             f"{show(self._decoder.peek())}", host=self.host, port=self.port,
                             phase="recv", sent="yes")
        error.__cause__ = lost.__cause__
        return error

    def _give_up(self, error: DeviceConnectionError) -> None:
        super()._give_up(error)
        self._tell_lost(error)

    def _tell_lost(self, error: DeviceConnectionError) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.wire_lost(self, error)

    # what the requests need

    def put(self, request: Request) -> bool:
        """Send; True where the system has taken all of it."""
        if self._owner is not None:
            self._owner.sent(request.data)
        if self._write(request.data):
            return True
        sent = self.sent_all()
        sent.addCallbacks(lambda _none: self._flushed(request), lambda _failure: None)
        return False

    def _flushed(self, request: Request) -> None:
        if self._owner is not None:
            self._owner.wire_flushed(self, request)

    def next_frame(self) -> bytes | None:
        """The next whole frame that has come."""
        if not self._decoder.waiting:
            return None
        frame = self._next_frame()
        if self._paused:
            self._regulate()
        return frame

    def settle(self, keep: bool) -> bool:
        """Discard what nobody asked for; False if the connection is lost.

        Where replies are matched with their questions (`keep`), the beginning of a frame
        stays; whole ones are discarded there, too, since they cannot answer what was not
        asked yet: otherwise each query could get the reply to the one before it for ever.
        """
        channel = self._channel
        if channel.quiet():
            return True
        count, alive = 0, True
        try:
            count, alive = channel.discard(MOST_UNASKED, whole=keep)
        except DeviceConnectionError as exc:
            self._give_up(from_cause(exc, host=self.host, port=self.port, phase="send"))
            return False
        except OSError:
            alive = False
        if count and self._owner is not None:
            self._owner.discarded(count)
        name = address_name(self.host, self.port)
        if count > MOST_UNASKED:
            self._give_up(FramingError(f"{name}: the device sends without pause, unasked",
                                       host=self.host, port=self.port, phase="send"))
            return False
        if not alive or channel.lost():
            self._give_up(Disconnected(f"{name}: the device closed the connection",
                                       host=self.host, port=self.port, phase="send"))
            return False
        self._regulate()
        return True

    def partial(self) -> str:
        """What has come of an unfinished frame, for a message; empty where nothing has."""
        return show(self._decoder.peek()) if self._decoder.waiting else ""

    def let_go(self) -> None:
        """Close the connection; whatever still comes on it reaches nobody."""
        self._owner = None
        transport: Any = self.transport
        if self._draining:
            transport.abortConnection()     # otherwise it would wait to send the rest
        else:
            transport.loseConnection()
