"""A Twisted connector for a host name: looked up at each attempt, every address tried."""

from __future__ import annotations

from typing import Any

from twisted.internet import error
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import HostnameAddress
from twisted.internet.interfaces import IConnector, IResolutionReceiver
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure
from zope.interface import implementer


def _nothing() -> None:
    """What is left to be read from and written to where no connection was made."""


class _OneAddress(ClientFactory):
    """Hands the events of one address's connector to the `HostConnector`."""

    noisy = False
    client: Any = None          # the transport of an attempt that has not ended yet

    def __init__(self, outer: HostConnector) -> None:
        self._outer = outer

    def buildProtocol(self, addr: Any) -> Any:
        self.client = None
        return self._outer.connected(self, addr)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        # Twisted leaves it with two methods of its own, bound to it: garbage for the cyclic
        # collector, for which all other devices have to wait, a few a second for each device.
        if self.client is not None:
            self.client.doRead = self.client.doWrite = _nothing
        self._outer.address_failed(self, reason)

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        connector.transport = None      # (and so do these two refer to each other)
        self._outer.connection_lost(self, reason)


@implementer(IResolutionReceiver)
class _Lookup:
    """Collects the addresses of one look-up."""

    def __init__(self, outer: HostConnector) -> None:
        self._outer = outer
        self._addresses: list[str] = []

    def resolutionBegan(self, resolution: Any) -> None:
        pass

    def addressResolved(self, address: Any) -> None:
        if address.host not in self._addresses:
            self._addresses.append(address.host)

    def resolutionComplete(self) -> None:
        self._outer.resolved(self, self._addresses)


@implementer(IConnector)
class HostConnector:
    """Connects a factory to a host name, again and again. Reactor thread only.

    ``reactor.connectTCP`` takes only the first IPv4 address of a name; this takes all,
    IPv6, too. The factory sees one attempt, whatever number of addresses it takes.

    Parameters
    ----------
    reactor : IReactorTCP, IReactorTime, IReactorPluggableNameResolver
        The resolver is needed only for names, not for addresses.
    host, port, factory
        As for ``connectTCP``.
    timeout : float
        Seconds for one attempt, look-up included.
    """

    def __init__(self, reactor: Any, host: str, port: int, factory: Any, timeout: float) -> None:
        self._reactor = reactor
        self.host = host
        self.port = port
        self._factory = factory
        self._timeout = timeout
        self.state = "disconnected"
        # What the attempt waits for: events of any other, earlier one are ignored.
        self._step: Any = None
        self._sub: Any = None           # connectTCP's connector for one address
        self._timer: Any = None
        self._addresses: list[str] = []
        self._reason: Failure | None = None
        self._started = False

    def connect(self) -> None:
        """Begin an attempt."""
        if self.state != "disconnected":
            raise RuntimeError(f"cannot connect while {self.state}")
        self.state = "connecting"
        if not self._started:
            self._factory.doStart()
            self._started = True
        self._reason = None
        self._timer = self._reactor.callLater(self._timeout, self._timed_out)
        self._factory.startedConnecting(self)
        if isIPAddress(self.host) or isIPv6Address(self.host):
            self._addresses = [self.host]
            self._next_address()
            return
        self._step = lookup = _Lookup(self)
        self._reactor.nameResolver.resolveHostName(lookup, self.host, self.port)

    def resolved(self, lookup: _Lookup, addresses: list[str]) -> None:
        if lookup is not self._step:
            return
        if not addresses:
            self._failed(Failure(error.DNSLookupError(f"no address found for {self.host!r}")))
            return
        self._addresses = addresses
        self._next_address()

    def _next_address(self) -> None:
        if not self._addresses:
            assert self._reason is not None
            self._failed(self._reason)
            return
        address = self._addresses.pop(0)
        self._step = step = _OneAddress(self)
        # One that says nothing does not take the turn of those left. The last one has the
        # rest of the time, which is ours to end.
        share = None
        if self._addresses:
            remaining = self._timer.getTime() - self._reactor.seconds()
            share = remaining / (len(self._addresses) + 1)
        sub = self._reactor.connectTCP(address, self.port, step, timeout=share)
        if self._step is step:
            self._sub = sub
            step.client = getattr(sub, "transport", None)

    def connected(self, step: _OneAddress, addr: Any) -> Any:
        if step is not self._step:
            return None
        self._stop_timer()
        self.state = "connected"
        return self._factory.buildProtocol(addr)

    def address_failed(self, step: _OneAddress, reason: Failure) -> None:
        if step is self._step:
            self._reason = reason
            self._next_address()

    def connection_lost(self, step: _OneAddress, reason: Failure) -> None:
        if step is not self._step:
            return
        self._step = self._sub = None
        self.state = "disconnected"
        self._factory.clientConnectionLost(self, reason)
        self._stop_factory()

    def _timed_out(self) -> None:
        self._timer = None
        self._abandon(Failure(error.TimeoutError(f"no connection within {self._timeout:g} s")))

    def _abandon(self, reason: Failure) -> None:
        sub, self._sub, self._step = self._sub, None, None
        if sub is not None:
            sub.stopConnecting()
        self._failed(reason)

    def _failed(self, reason: Failure) -> None:
        self._stop_timer()
        self._step = self._sub = None
        self.state = "disconnected"
        self._factory.clientConnectionFailed(self, reason)
        self._stop_factory()

    def _stop_factory(self) -> None:
        if self.state == "disconnected" and self._started:
            self._factory.doStop()
            self._started = False

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    # IConnector

    def stopConnecting(self) -> None:
        """End an attempt; the factory's `clientConnectionFailed` is called.

        Raises
        ------
        twisted.internet.error.NotConnectingError
            If there is none.
        """
        if self.state != "connecting":
            raise error.NotConnectingError("we are not trying to connect")
        self._abandon(Failure(error.UserError()))

    def disconnect(self) -> None:
        """End whatever there is."""
        if self.state == "connecting":
            self.stopConnecting()
        elif self._sub is not None:
            self._sub.disconnect()

    def getDestination(self) -> HostnameAddress:
        """The host and port as they were given."""
        return HostnameAddress(self.host.encode("idna" if self.host.isascii() else "utf-8"),
                               self.port)
