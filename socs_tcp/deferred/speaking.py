"""What the protocols have in common: commands go out, and ``send`` fires when they are gone."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from ..core.checks import check_seconds
from ..core.errors import DeviceConnectionError, Disconnected, Sent, again
from ..core.framing import Framer, Text
from ..core.sockets import configure
from .clock import steady
from .drain import Drain, SocketDrain, drain_of, lowest
from .later import AT_ONCE, fail_later, succeed_later
from .reading_end import reading_end
from .tls import TlsTransport


def handle_of(transport: Any) -> Any:
    """The socket of a transport, below all wrappers; None where it has none."""
    return getattr(lowest(transport), "getHandle", lambda: None)()


class Speaking(Protocol):
    """The writing half of a `FrameProtocol`, whose parameters it has. Reactor thread only."""

    host = ""
    port = 0

    def __init__(self, framer: Framer, keepalive: float | None) -> None:
        self._framer = framer
        self._keepalive = check_seconds("keepalive", keepalive, optional=True)
        self._senders: tuple[Deferred[None], ...] = ()
        self._draining: Drain | SocketDrain | None = None
        self._lost: DeviceConnectionError | None = None
        self._direct: Any = None        # the socket, where it may be written to at once
        self._through: Any = None       # ... through TLS
        self._clock: Any = None         # that of the transport's reactor, if it has one
        self._at_once = 0               # calls that were done at once, since its last turn

    def connectionMade(self) -> None:
        transport: Any = self.transport
        try:
            peer = transport.getPeer()
        except NotImplementedError:     # a process, or a serial port
            peer = type(transport).__name__
        reactor = getattr(transport, "reactor", getattr(reading_end(transport), "reactor", None))
        self._clock = None if reactor is None else steady(reactor)
        if not self.host:
            self.host, self.port = str(getattr(peer, "host", peer)), getattr(peer, "port", 0)
        handle = handle_of(transport)
        if isinstance(handle, socket.socket) and handle.family != socket.AF_UNIX:
            configure(handle, self._keepalive)
            # (Not for a wrapper that only lends us the attributes of what it wraps.)
            if isinstance(transport, FileDescriptor):
                self._direct = handle
            elif isinstance(transport, TlsTransport):
                self._through = transport.write_at_once

    def send(self, msg: Text) -> Deferred[None]:
        """Send `msg`, with the framer's terminator where it is missing.

        Returns
        -------
        Deferred
            Fires with None when all bytes are with the operating system; fails with a
            `ConnectionError` if the connection is lost before. Cancelling it does not call
            the bytes back.
        """
        data = self._framer.encode(msg)
        if self._lost is not None or self.transport is None:
            return fail_later(self._clock, self._not_connected("no"))
        if not self._write(data):
            return self.sent_all()
        if self._may_be_done_at_once():
            return succeed(None)
        return succeed_later(self._clock).addBoth(self._had_its_turn)

    def sent_all(self) -> Deferred[None]:
        """Fires when all bytes written so far are with the system, which they are not yet."""
        waiting: Deferred[None] = Deferred(self._forget_sender)
        self._senders += (waiting,)
        return waiting

    def _forget_sender(self, sender: Deferred[None]) -> None:
        self._senders = tuple(other for other in self._senders if other is not sender)

    def _write(self, data: bytes) -> bool:
        """Write; True if the system has taken all of it already."""
        transport: Any = self.transport
        # Where nothing is in front of us we write at once, not at the next turn of the
        # reactor: that spares it the registration for writing, twice a query.
        if self._direct is None:
            if self._through is not None:
                if self._through(data):
                    return True
                data = b""
        elif not (transport.TLS or transport.dataBuffer or transport._tempDataLen):
            try:
                done = self._direct.send(data)
            except OSError:     # full; or lost, which the transport finds out by itself
                done = 0
            if done == len(data):
                return True
            data = data[done:]
        if self._draining is not None:
            transport.write(data)
            return False
        drain = drain_of(transport, self._drained)
        if drain.write(data):
            return True
        self._draining = drain
        return False

    def _drained(self) -> None:
        assert self._draining is not None
        self._draining.stop()
        self._draining = None
        for sender in self._senders:
            if sender in self._senders:     # a callback of another may have cancelled it
                self._forget_sender(sender)
                sender.callback(None)

    def _fail_senders(self, error: DeviceConnectionError) -> None:
        for sender in self._senders:
            if sender in self._senders:     # an errback of another may have cancelled it
                self._forget_sender(sender)
                sender.errback(Failure(again(error, "maybe")))

    def _may_be_done_at_once(self) -> bool:
        """Has the reactor had its turn lately? (Where there is none, it cannot have.)"""
        self._at_once += 1
        return self._at_once < AT_ONCE or self._clock is None

    def _had_its_turn(self, result: Any) -> Any:
        self._at_once = 0
        return result

    def _not_connected(self, sent: Sent) -> DeviceConnectionError:
        if self._lost is not None:
            return again(self._lost, sent)
        return Disconnected("not connected yet", host=self.host, port=self.port, sent=sent)
