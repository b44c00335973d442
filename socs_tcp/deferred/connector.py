"""A Twisted connector for a host name: looked up at each attempt, every address tried."""

from __future__ import annotations

import math
import socket
import ssl
from typing import Any

from twisted.internet import error
from twisted.internet.address import HostnameAddress
from twisted.internet.interfaces import IConnector
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..core.candidates import Candidates
from ..core.names import Address
from ..core.silence import INSTANT
from ..core.tls import check_tls
from .alarm import Alarm
from .attempt import Attempt, OneAddress
from .clock import steady
from .resolving import resolving
from .tls import TlsHandshake

log = Logger()


@implementer(IConnector)
class HostConnector:
    """Connects a factory to a host name, again and again. Reactor thread only.

    ``reactor.connectTCP`` takes only the first IPv4 address of a name; this takes all,
    IPv6, too. The factory sees one attempt, whatever number of addresses it takes.

    Twisted's ``HostnameEndpoint`` tries all addresses, too, and in nearly the same way (see
    `socs_tcp.core.candidates`), and could not be used: it begins another look-up at each
    attempt, in the reactor's thread pool; knows no address that worked last; drops the zone of
    an IPv6 address; waits by the wall clock; and a `ReconnectingClientFactory` needs a
    connector, which it hides.

    Parameters
    ----------
    reactor : IReactorTCP, IReactorTime, IReactorPluggableNameResolver
        The resolver is needed only for names, not for addresses.
    host, port, factory
        As for ``connectTCP``.
    timeout : float
        Seconds for one attempt, the look-up and the TLS handshake included.
    tls : ssl.SSLContext, optional
        Speak TLS. The factory's protocol is built after the handshake.
    """

    __slots__ = ("__weakref__", "_attempt", "_beginning", "_clock", "_deadline", "_factory",
                 "_handshake", "_hopeless", "_limit", "_reactor", "_remembered", "_resolving",
                 "_started", "_step", "_timeout", "_tls", "host", "port", "state")

    def __init__(self, reactor: Any, host: str, port: int, factory: Any, timeout: float, *,
                 tls: ssl.SSLContext | None = None) -> None:
        self._reactor = reactor
        self._clock = steady(reactor)
        self._resolving = resolving(reactor)
        self.host = host
        self.port = port
        self._factory = factory
        self._timeout = timeout
        self._tls = check_tls(tls)
        self.state = "disconnected"
        self._attempt: Attempt | None = None
        # The address that answered, or is connected: events of any other are ignored.
        self._step: OneAddress | None = None
        self._handshake: TlsHandshake | None = None
        self._deadline = math.inf
        self._hopeless: Exception | None = None     # why an attempt ends before it has begun
        # Kept from attempt to attempt, until one succeeds.
        self._limit: Alarm | None = None
        self._remembered: Address | None = None     # the one that worked last
        self._started = False
        self._beginning = False

    def connect(self) -> None:
        """Begin an attempt. It fails at the earliest in a later turn of the reactor."""
        if self.state != "disconnected":
            raise RuntimeError(f"cannot connect while {self.state}")
        self.state = "connecting"
        if not self._started:
            self._factory.doStart()
            self._started = True
        self._set_limit(self._clock.seconds() + self._timeout)
        self._factory.startedConnecting(self)
        if self.state != "connecting" or self._attempt is not None:
            return      # the factory ended it, or has begun another one
        self._attempt = attempt = Attempt(
            self._reactor, self._clock,
            Candidates(self.port, self._remembered, self._clock.seconds(), self._deadline), self)
        self._beginning = True
        try:
            attempt.start(self._resolving.ask, self.host)
        finally:
            self._beginning = False

    # what an attempt tells

    def won(self, step: OneAddress, addr: Any) -> Any:
        self._attempt = None
        self._step = step
        if step.address[1][0] != self.host:         # (of an address there is nothing to remember)
            self._remembered = step.address
        if self._tls is None:
            return self._connected(addr)
        self._handshake = TlsHandshake(self._clock, self._tls, self.host,
                                       lambda: self._connected(addr), self._no_handshake)
        return self._handshake.protocol

    def _connected(self, addr: Any) -> Any:
        """The factory's protocol; None where it has none, which makes Twisted hang up."""
        self._handshake = None
        self._stop_limit()
        self.state = "connected"
        try:
            return self._factory.buildProtocol(addr)
        except Exception:
            failure = Failure()
            log.failure("no protocol for {host}:{port}", failure, host=self.host, port=self.port)
            self._failed(failure)
            return None

    def _no_handshake(self, reason: Failure) -> None:
        if self._handshake is not None:
            self._failed(reason)

    def over(self, reason: Exception) -> None:
        if isinstance(reason, socket.gaierror):
            reason = error.DNSLookupError(reason.strerror)
        if self._beginning:     # whoever has called `connect` has not even heard of us yet
            self._hopeless = reason
            self._set_limit(self._clock.seconds())
        else:
            self._failed(Failure(reason))

    def lost(self, step: OneAddress, reason: Failure) -> None:
        if step is not self._step or self.state != "connected":
            return
        self._step = None
        self.state = "disconnected"
        self._factory.clientConnectionLost(self, reason)
        self._stop_factory()

    def _set_limit(self, deadline: float) -> None:
        self._deadline = deadline
        if self._limit is None:
            self._limit = Alarm(self._clock, self)
        self._limit.set(deadline)

    def time_is_up(self) -> None:
        """For its alarm."""
        if self.state != "connecting" or self._limit is None:
            return      # the attempt for which it was set has failed, and the next has not begun
        if self._hopeless is not None:
            self._failed(Failure(self._hopeless))
        elif self._deadline - self._clock.seconds() > INSTANT:      # it is another attempt
            self._limit.set(self._deadline)
        else:
            reason = error.TimeoutError(f"no connection within {self._timeout:g} s")
            if self._attempt is not None:
                reason.__cause__ = self._attempt.reason()
            self._failed(Failure(reason))

    def _failed(self, reason: Failure) -> None:
        """Whatever there is of an attempt has come to its end."""
        self._hopeless = None
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.stop()
        handshake, self._handshake = self._handshake, None
        if handshake is not None:
            handshake.stop()
        self._step = None
        self.state = "disconnected"
        self._factory.clientConnectionFailed(self, reason)
        if self.state == "disconnected" and not getattr(self._factory, "waiting", False):
            self._stop_limit()
        self._stop_factory()

    def _stop_factory(self) -> None:
        if self.state == "disconnected" and self._started:
            self._factory.doStop()
            self._started = False

    def _stop_limit(self) -> None:
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.stop()

    # IConnector

    def stopConnecting(self) -> None:
        """End an attempt; the factory's `clientConnectionFailed` is called.

        Raises
        ------
        twisted.internet.error.NotConnectingError
            If there is none.
        """
        self._stop_limit()
        if self.state != "connecting":
            raise error.NotConnectingError("we are not trying to connect")
        self._failed(Failure(error.UserError()))

    def disconnect(self) -> None:
        """End whatever there is."""
        if self.state == "connecting":
            self.stopConnecting()
        elif self._step is not None and self._step.connector is not None:
            self._step.connector.disconnect()

    def getDestination(self) -> HostnameAddress:
        """The host and port as they were given."""
        return HostnameAddress(self.host.encode("idna" if self.host.isascii() else "utf-8"),
                               self.port)
