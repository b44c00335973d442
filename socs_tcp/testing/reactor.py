"""A simulated device inside a Twisted reactor, or on a clock without any network.

The reactor is always given; the global one is never touched. All methods are to be called
in the thread of the reactor.
"""

from __future__ import annotations

import contextlib
import math
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IPushProducer, IReadDescriptor
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from .device import as_device
from .faults import Faults
from .plan import FILLER, Act
from .simulation import DeviceSimulation
from .sockets import bind

#: Seconds between two looks at the condition of `DeviceFactory.when`.
LOOK_EVERY = 0.01
#: Seconds between two portions of an endless line. Not 0: on a ``Clock`` that would have
#: no end within one moment.
ENDLESS_EVERY = 0.001


@implementer(IPushProducer)
class SimulatedProtocol(Protocol):
    """One client of a `DeviceFactory`, whatever its transport is."""

    factory: DeviceFactory
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
                self._again = self.factory.reactor.callLater(ENDLESS_EVERY, self._go_on)
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
        if how is Act.RESET or not self._may_write:     # it would wait until all is sent
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


class DeviceFactory(ServerFactory):
    """A simulated device on a reactor or a clock: a Twisted factory for its connections.

    It does not listen by itself: `listen` does that, on a real reactor. A test without a
    network calls `buildProtocol` and gives the protocol a transport of its own, such as
    ``twisted.internet.testing.StringTransport``.

    Parameters
    ----------
    reactor : IReactorTime
        A reactor, or a ``twisted.internet.task.Clock``.
    device : ScriptedDevice, dict, callable, object, or class
        As for `DeviceServer`.

    Attributes
    ----------
    device : ScriptedDevice
    faults : Faults
    """

    noisy = False

    def __init__(self, reactor: Any, device: Any) -> None:
        self.reactor = reactor
        self.device = as_device(device)
        self._simulation = DeviceSimulation(self.device, self._event, reactor.seconds)
        self.faults: Faults = self._simulation.faults
        self._protocols: list[SimulatedProtocol] = []
        self._busy = False
        self._timer: Any = None
        self._timer_at = math.inf
        self._listener: _Listener | None = None
        self._settle()

    def buildProtocol(  # type: ignore[override]
            self, addr: IAddress | None = None) -> SimulatedProtocol | None:
        """For a client that connects; None while connections are refused."""
        if self._simulation.refusing:
            return None
        protocol = SimulatedProtocol(self._simulation)
        protocol.factory = self
        return protocol

    # what a test sees and does

    @property
    def received(self) -> list[bytes]:
        """The last 1000 commands, without terminators; a copy."""
        return list(self._simulation.journal.received)

    @property
    def commands(self) -> int:
        """How many commands were received."""
        return self._simulation.journal.commands

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._simulation.journal.connections

    @property
    def clients(self) -> int:
        """How many clients are connected now."""
        return self._simulation.journal.clients

    def say(self, answer: Any) -> None:
        """Send to all clients what nobody asked for; an answer as in a script."""
        self._event(lambda: self._simulation.say(answer))

    def unplug(self) -> None:
        """Hang up on all clients; connections are refused until `plug_in`."""
        self._event(self._simulation.unplug)

    def plug_in(self) -> None:
        """Accept connections again, on the same port."""
        self._event(self._simulation.plug_in)

    def when(self, condition: Callable[[], object], timeout: float = 5.0) -> Deferred[None]:
        """Fires when ``condition()`` is true.

        It fails with ``TimeoutError`` if it is not within `timeout` seconds.
        """
        call: Any = None
        done: Deferred[None] = Deferred(lambda _: call.cancel())
        until = self.reactor.seconds() + timeout

        def look() -> None:
            nonlocal call
            if condition():
                done.callback(None)
            elif self.reactor.seconds() >= until:
                done.errback(TimeoutError(f"not true within {timeout:g} s: {self!r}"))
            else:
                call = self.reactor.callLater(LOOK_EVERY, look)
        look()
        return done

    def close(self) -> None:
        """Hang up, do not listen any more, leave no timer behind. A second call does nothing."""
        self.faults.heal()
        self.unplug()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._simulation.wake_at = math.inf
        self._set_timer()

    def check(self) -> None:
        """Raise what went wrong in the device's script, if something did."""
        self._simulation.check()

    def __repr__(self) -> str:
        return f"<DeviceFactory {self._simulation!r}>"

    # events: one at a time, and what follows from it after it

    def _event(self, what: Callable[[], None]) -> None:
        if self._busy:
            what()
            return
        self._busy = True
        try:
            what()
            self._settle()
        finally:
            self._busy = False

    def _settle(self) -> None:
        while self._simulation.dirty:
            self._simulation.dirty = False
            if self._listener is not None:
                self._listener.look(self._simulation.refusing)
            for protocol in tuple(self._protocols):
                protocol.move()
        self._set_timer()

    def _set_timer(self) -> None:
        wanted = self._simulation.wake_at
        if wanted == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_at = wanted
        if wanted != math.inf:
            delay = max(wanted - self.reactor.seconds(), 0.0)
            self._timer = self.reactor.callLater(delay, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        self._timer_at = math.inf
        self._event(self._simulation.tick)

    def _admit(self, protocol: SimulatedProtocol) -> None:
        self._protocols.append(protocol)
        self._simulation.admit(protocol.line)
        protocol.move()

    def _leave(self, protocol: SimulatedProtocol) -> None:
        if protocol in self._protocols:
            self._protocols.remove(protocol)
            self._simulation.leave(protocol.line)


@implementer(IReadDescriptor)
class _Listener:
    """Accepts for a factory. Unlike Twisted's own port it stops and starts at once, and
    keeps its port number meanwhile."""

    def __init__(self, reactor: Any, factory: DeviceFactory, host: str, port: int) -> None:
        self._reactor = reactor
        self._factory = factory
        self._socket = bind(host, port)
        self._listening = False
        self.host, self.port = self._socket.getsockname()[:2]

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "simulated device"

    def doRead(self) -> None:
        while self._listening:
            try:
                sock, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            with sock:      # the reactor makes a copy for itself
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._reactor.adoptStreamConnection(sock.fileno(), sock.family, self._factory)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """The reactor gives up on it, as at its end."""
        self.close()

    def look(self, refusing: bool) -> None:
        if refusing != self._listening or self._socket.fileno() < 0:
            return
        if refusing:
            self.doRead()
            self._reactor.removeReader(self)
            self._socket.shutdown(socket.SHUT_RDWR)
        else:
            self._socket.listen(128)
            self._reactor.addReader(self)
        self._listening = not refusing

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            with contextlib.suppress(KeyError):
                self._reactor.removeReader(self)
            self._listening = False
            self._socket.close()


class ReactorServer(DeviceFactory):
    """What `listen` gives: a `DeviceFactory` that listens.

    Attributes
    ----------
    host : str
    port : int
        Where it listens; the port stays its own also while it is unplugged.
    """

    def __init__(self, reactor: Any, device: Any, host: str, port: int) -> None:
        listener = _Listener(reactor, self, host, port)
        self.host, self.port = listener.host, listener.port
        super().__init__(reactor, device)
        self._listener = listener
        self._event(self._simulation.plug_in)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port


def listen(reactor: Any, device: Any, *, host: str = "127.0.0.1",
           port: int = 0) -> ReactorServer:
    """Run a simulated device inside a reactor.

    Parameters
    ----------
    reactor : IReactorTime, IReactorFDSet and IReactorSocket
        A real reactor. (On a ``Clock`` or a ``MemoryReactor`` use `DeviceFactory`.)
    device : ScriptedDevice, dict, callable, object, or class
        As for `DeviceServer`.
    host : str
        Where to listen; the loopback interface unless given.
    port : int
        0 for any that is free.

    Returns
    -------
    ReactorServer
        It listens already. `DeviceFactory.close` it at the end.
    """
    return ReactorServer(reactor, device, host, port)
