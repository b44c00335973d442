"""TLS on Twisted's plain TCP.

Twisted's own (``wrapClientTLS``, ``startTLS``) takes contexts of pyOpenSSL, not an
`ssl.SSLContext`; it takes all that is written at once, however little the device reads, so that
nobody knows when a command is sent; and it hides the socket, so that nothing is set on it. Here
a protocol of ours stands between: what is written is TLS, and waits in the TCP transport.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet import error
from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ..core.tls import TlsStream

#: Seconds that a device has, after its farewell, to take what was sent before.
LEAVING = 0.5


@implementer(ITCPTransport, IConsumer, IPushProducer)
class TlsTransport:
    """What the protocol above writes to: the TCP transport, with TLS in between.

    A producer is registered with the TCP transport itself, which asks it for more when all is
    with the system.
    """

    disconnecting = False

    def __init__(self, tcp: Any, stream: TlsStream) -> None:
        self._tcp = tcp
        self._stream = stream
        # All that is no different with TLS.
        for name in ("getHost", "getPeer", "getHandle", "getTcpNoDelay", "setTcpNoDelay",
                     "getTcpKeepAlive", "setTcpKeepAlive", "pauseProducing", "resumeProducing",
                     "registerProducer", "unregisterProducer", "abortConnection", "doRead",
                     "reactor"):
            if hasattr(tcp, name):
                setattr(self, name, getattr(tcp, name))
        self.stopProducing = self.loseConnection
        handle = getattr(tcp, "getHandle", lambda: None)()
        self._send: Any = None
        if isinstance(handle, socket.socket) and isinstance(tcp, FileDescriptor):
            self._send = handle.send

    def write_at_once(self, data: bytes) -> bool:
        """As `write`, without waiting for the reactor's next turn. Has the system taken it all?"""
        try:
            self._stream.write(data)
        except ConnectionError:     # one of us has said farewell
            return False
        tcp, rest = self._tcp, self._stream.take()
        if self._send is not None and not (tcp.TLS or tcp.dataBuffer or tcp._tempDataLen):
            with suppress(OSError):     # full; or lost, which the transport finds out by itself
                rest = rest[self._send(rest):]
        tcp.write(rest)
        return self._send is not None and not (rest or self._stream.holding)

    def write(self, data: bytes) -> None:
        if self.disconnecting or not data:
            return
        try:
            self._stream.write(data)
        except ConnectionError:     # the device has said farewell, which is being told
            return
        self._tcp.write(self._stream.take())

    def writeSequence(self, parts: Any) -> None:
        self.write(b"".join(parts))

    def loseConnection(self) -> None:
        """Say farewell, and hang up when all is with the system."""
        if not self.disconnecting:
            self.disconnecting = True
            self._stream.farewell()
            self._tcp.write(self._stream.take())
            self._tcp.loseConnection()

    def loseWriteConnection(self) -> None:
        """TLS has no half of an end."""
        self.loseConnection()


class TlsHandshake:
    """A connection from the first byte of TLS to the last.

    Parameters
    ----------
    clock : IReactorTime
    context : ssl.SSLContext
        Of a client.
    host : str
        As of `TlsStream`.
    done : callable
        Called when the handshake is over; returns the protocol that speaks then, or None.
    failed : callable
        Called with the `Failure` of a handshake that does not come to its end.

    Attributes
    ----------
    protocol : IProtocol
        For the TCP transport.
    """

    def __init__(self, clock: Any, context: ssl.SSLContext, host: str,
                 done: Callable[[], Any], failed: Callable[[Failure], object]) -> None:
        self.protocol = _Below(clock, TlsStream(context, host), done, failed)

    def stop(self) -> None:
        """End it; nothing is called any more."""
        self.protocol.give_up()


class _Below(Protocol):
    """Between the TCP transport and the protocol above."""

    def __init__(self, clock: Any, stream: TlsStream, done: Callable[[], Any],
                 failed: Callable[[Failure], object]) -> None:
        self._clock = clock
        self._stream = stream
        self._done: Callable[[], Any] | None = done
        self._failed = failed
        self._above: Any = None
        self._ended = False
        self._leaving: Any = None       # until the connection is closed

    def connectionMade(self) -> None:
        transport: Any = self.transport
        if self._ended:
            transport.abortConnection()
            return
        try:
            self._stream.start()
        except ConnectionError:
            self._end(Failure())
            return
        transport.write(self._stream.take())

    def dataReceived(self, data: bytes) -> None:
        if self._ended:
            return
        transport: Any = self.transport
        try:
            plain = self._stream.feed(data)
        except ConnectionError:
            failure = Failure()
            transport.write(self._stream.take())        # what is wrong, for the device's log
            self._end(failure)
            return
        transport.write(self._stream.take())
        if self._stream.ready and self._done is not None:
            self._begin()
        if plain and not self._ended:
            self._above.dataReceived(plain)
        if self._stream.ended and not self._ended:
            self._end(Failure(error.ConnectionDone()))

    def _begin(self) -> None:
        """The handshake is over."""
        done, self._done = self._done, None
        assert done is not None
        self._above = done()
        if self._above is None:
            self.give_up()
        else:
            self._above.makeConnection(TlsTransport(self.transport, self._stream))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        leaving, self._leaving = self._leaving, None
        if leaving is not None and leaving.active():
            leaving.cancel()
        if not self._ended:
            self._tell(reason)

    def _end(self, reason: Failure) -> None:
        """Nothing more is said; what was said is still sent, if the device takes it soon."""
        transport: Any = self.transport
        self._tell(reason)
        self._leaving = self._clock.callLater(LEAVING, transport.abortConnection)
        transport.loseConnection()

    def give_up(self) -> None:
        """Hang up; nobody is told."""
        self._ended = True
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    def _tell(self, reason: Failure) -> None:
        self._ended = True
        above, self._above, self._done = self._above, None, None
        if above is not None:
            above.connectionLost(reason)
        else:
            self._failed(reason)
