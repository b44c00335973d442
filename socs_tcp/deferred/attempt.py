"""One attempt of a `HostConnector`: the look-up, and all addresses."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Protocol, cast

from twisted.internet import error
from twisted.internet.interfaces import IProtocolFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from ..core.candidates import Candidates
from ..core.names import Address, Answer
from ..core.sockets import refuse_itself


def _nothing() -> None:
    """What is left to be read from and written to where no connection was made."""


class Holder(Protocol):
    """Who makes attempts."""

    def won(self, step: OneAddress, addr: Any) -> Any:
        """This one is connected, to `addr` as Twisted has it; returns the protocol, or None.

        Nothing else is called after that but `lost`.
        """

    def lost(self, step: OneAddress, reason: Failure) -> object:
        """Its connection has ended."""

    def over(self, reason: Exception) -> object:
        """No address is left."""


@implementer(IProtocolFactory)
class OneAddress:
    """Hands the events of one address's connector on: the factory that Twisted sees.

    Parameters
    ----------
    address : Address
    attempt : Attempt
        It hears of what becomes of this address until it is over ...
    holder : Holder
        Its `lost` hears of the end of the connection after that.
    """

    # (One lives as long as its connection: a `ClientFactory` would take twice the memory.)
    __slots__ = ("__weakref__", "_attempt", "_client", "_holder", "address", "connector")

    def __init__(self, address: Address, attempt: Attempt, holder: Holder) -> None:
        self.address: Any = address
        self.connector: Any = None      # Twisted's, for this address
        self._client: Any = None        # the transport of an attempt that has not ended yet
        self._attempt: Any = attempt
        self._holder = holder

    def begin(self, reactor: Any) -> None:
        """Connect. The limit of time is ours."""
        host, port, *rest = self.address[1]
        zone = rest[-1] if rest else 0
        connector = reactor.connectTCP(f"{host}%{zone}" if zone else host, port, self,
                                       timeout=None)
        if self._attempt.runs(self):
            self.connector = connector
            self._client = getattr(connector, "transport", None)

    def stop(self) -> None:
        """End it, while it connects."""
        if self.connector is not None:
            self.connector.stopConnecting()

    # what Twisted calls

    def doStart(self) -> None:
        pass

    def doStop(self) -> None:
        pass

    def startedConnecting(self, connector: Any) -> None:
        pass

    def buildProtocol(self, addr: Any) -> Any:
        client, self._client = self._client, None
        protocol = self._attempt.connected(self, client, addr)
        if protocol is not None:
            self._attempt = self.address = None     # that is over, and need not be kept
        return protocol

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        # Twisted leaves it with two methods of its own, bound to it, and the connector knows us as
        # we know it: garbage for the cyclic collector, for which all other devices have to wait,
        # a few a second for each device.
        client, self._client, self.connector = self._client, None, None
        if client is not None:
            client.doRead = client.doWrite = _nothing
        self._attempt.failed(self, cast(Exception, reason.value))

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        connector.transport = self.connector = None     # (and so do these refer to each other)
        self._holder.lost(self, reason)


class Attempt:
    """Tries the addresses of a host, until the first answers or none is left.

    Parameters
    ----------
    reactor, clock
        The clock is the reactor's `steady` one.
    host : str
    candidates : Candidates
    holder : Holder
    """

    __slots__ = ("_busy", "_candidates", "_clock", "_ended", "_forget", "_holder", "_reactor",
                 "_steps", "_timer")

    def __init__(self, reactor: Any, clock: Any, candidates: Candidates, holder: Holder) -> None:
        self._reactor = reactor
        self._clock = clock
        self._candidates = candidates
        self._holder = holder
        self._steps: dict[Address, OneAddress] = {}
        self._timer: Any = None
        self._forget: Callable[[], object] = _nothing
        self._ended = False
        self._busy = False

    def start(self, ask: Callable[[str, Callable[[Answer], object]], Callable[[], object]],
              host: str) -> None:
        """Begin, with the look-up."""
        forget = ask(host, self._resolved)
        if not self._ended:
            self._forget = forget
            self._go_on()

    def reason(self) -> Exception | None:
        """What went wrong so far."""
        return self._candidates.reason()

    def stop(self) -> None:
        """End it: nothing is called any more."""
        if self._ended:
            return
        self._ended = True
        self._stop_timer()
        self._forget()
        steps, self._steps = self._steps, {}
        for step in steps.values():
            step.stop()

    def _resolved(self, answer: Answer) -> None:
        if self._ended:
            return
        for address in self._candidates.resolved(answer):
            self._steps.pop(address).stop()
        self._go_on()

    def _go_on(self) -> None:
        """Begin with all addresses whose time has come, and see to it that we come back."""
        if self._busy or self._ended:
            return
        self._stop_timer()
        self._busy = True
        try:
            while not self._ended and (
                    address := self._candidates.next(self._clock.seconds())) is not None:
                self._begin(address)
        finally:
            self._busy = False
        if self._ended:
            return
        if self._candidates.over():
            self.stop()
            self._holder.over(self.reason() or OSError("no address"))
            return
        next_at = self._candidates.next_at()
        if next_at != float("inf"):
            self._timer = self._clock.callLater(max(next_at - self._clock.seconds(), 0),
                                                self._go_on)

    def _begin(self, address: Address) -> None:
        step = self._steps[address] = OneAddress(address, self, self._holder)
        try:
            step.begin(self._reactor)
        except Exception as exc:        # no such interface, out of descriptors
            self.failed(step, exc)

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    # what an address tells

    def runs(self, step: OneAddress) -> bool:
        """Is this still waited for?"""
        return self._steps.get(step.address) is step

    def connected(self, step: OneAddress, client: Any, addr: Any) -> Any:
        """It answers; the protocol for it, or None for a connection that is not wanted."""
        if not self.runs(step):
            return None
        try:
            handle = None if client is None else client.getHandle()
            if isinstance(handle, socket.socket):
                refuse_itself(handle)
        except OSError as exc:
            client.abortConnection()        # (an orderly end would keep the port for a minute)
            self.failed(step, error.ConnectionRefusedError(exc.errno, exc.strerror))
            return None
        del self._steps[step.address]       # and the others have lost
        self.stop()
        return self._holder.won(step, addr)

    def failed(self, step: OneAddress, reason: Exception) -> None:
        """It is of no use."""
        if self.runs(step):
            del self._steps[step.address]
            self._candidates.failed(step.address, reason)
            self._go_on()
