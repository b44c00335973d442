"""One client of a simulated device, as a Twisted protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import Protocol as Shape

from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from ..faults.plan import FILLER, Act
from ..simulation.simulation import DeviceSimulation
from ..sockets import end_cleanly

#: Seconds between two portions of an endless line. Not 0: on a ``Clock`` that would have
#: no end within one moment.
ENDLESS_EVERY = 0.001


class Owner(Shape):
    """What a protocol needs of its factory."""

    clock: Any

    def _event(self, what: Callable[[], None]) -> None: ...

    def _admit(self, protocol: SimulatedProtocol) -> None: ...

    def _leave(self, protocol: SimulatedProtocol) -> None: ...


@implementer(IPushProducer)
class SimulatedProtocol(Protocol):
    """One client of a `DeviceFactory`, whatever its transport is."""

    factory: Owner
    transport: Any

    def __init__(self, simulation: DeviceSimulation) -> None:
        self.line = simulation.new_line()
        self._simulation = simulation
        self._may_write = True
        self._reading = True
        self._ended = False
        self._again: Any = None         # the next portion of an endless line

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)
        self.factory._event(lambda: self.factory._admit(self))

    def dataReceived(self, data: bytes) -> None:
        self.factory._event(lambda: self._received(data))

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._ended = True
        self._stop_endless()
        self.factory._event(lambda: self.factory._leave(self))

    def _received(self, data: bytes) -> None:
        self.line.received(data)
        self.move()

    # called by the transport when its own buffer is full, and when it is empty again

    def pauseProducing(self) -> None:
        self._may_write = False

    def resumeProducing(self) -> None:
        self._may_write = True
        self.factory._event(self.move)

    def stopProducing(self) -> None:
        self._may_write = False

    def move(self) -> None:
        """Send what is to be sent now."""
        if self.line.ended:
            self._stop_endless()
        while (self._may_write or self.line.ended) and not self._ended and self._again is None:
            op = self.line.take()
            if op is None:
                break
            if isinstance(op, bytes):
                self.transport.write(op)
            elif op is Act.ENDLESS:
                self.transport.write(FILLER)
                self._again = self.factory.clock.callLater(ENDLESS_EVERY, self._go_on)
            else:
                self._end(op)
        self._read_or_not()

    def _go_on(self) -> None:
        self._again = None
        self.factory._event(self.move)

    def _stop_endless(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def _end(self, how: Act) -> None:
        self._ended = True
        self.transport.unregisterProducer()
        reset = how is Act.RESET
        if isinstance(self.transport, Connection):
            # Now, and not in a later turn of the reactor: a fault is in force when it returns.
            # What was written before it goes out before it: Twisted has kept it until now.
            self.transport.doWrite()
            if not reset:
                end_cleanly(self.transport.getHandle())
            self.transport.connectionLost(Failure(ConnectionAborted() if reset
                                                  else ConnectionDone()))
        elif reset or not self._may_write:      # it would wait until all is sent
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()

    def _read_or_not(self) -> None:
        wanted = self.line.read_size() > 0
        if wanted == self._reading or self._ended:
            return
        self._reading = wanted
        if wanted:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()
