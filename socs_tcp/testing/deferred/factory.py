"""A simulated device as Twisted protocols: on any reactor or clock, with any transport.

Call all methods in the reactor's thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory

from ...deferred.clock import steady
from ..device.scripted import as_device
from ..faults.faults import Faults
from ..simulation.simulation import DeviceSimulation
from .protocol import SimulatedProtocol

#: Seconds between two looks at the condition of `DeviceFactory.when`.
LOOK_EVERY = 0.01


class Listener(Protocol):
    """What listens for a factory."""

    def look(self, refusing: bool) -> None:
        """Listen, or refuse."""

    def close(self) -> None:
        """Listen no more."""


class DeviceFactory(ServerFactory):
    """A simulated device on a reactor or a clock: a Twisted factory for its connections.

    It does not listen: `listen` does that, on a real reactor. A test without a network calls
    `buildProtocol` and gives the protocol a transport, such as
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
        self.clock = steady(reactor)
        self.device = as_device(device)
        self._simulation = DeviceSimulation(self.device, self._run, self.clock.seconds)
        self.faults: Faults = self._simulation.faults
        self._protocols: list[SimulatedProtocol] = []
        self._busy = False
        self._timer: Any = None
        self._timer_at = math.inf
        self._listener: Listener | None = None
        self._settle()

    def buildProtocol(  # type: ignore[override]
            self, addr: IAddress | None = None) -> SimulatedProtocol | None:
        """The protocol for a client that connects; None while connections are refused."""
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
    def negotiated(self) -> list[bytes]:
        """The last 1000 telnet commands from clients; a copy."""
        return list(self._simulation.journal.negotiated)

    @property
    def commands(self) -> int:
        """The number of commands received."""
        return self._simulation.journal.commands

    @property
    def connections(self) -> int:
        """The number of connections accepted so far."""
        return self._simulation.journal.connections

    @property
    def clients(self) -> int:
        """The number of clients connected now."""
        return self._simulation.journal.clients

    def say(self, answer: Any) -> None:
        """Send all clients something that nobody asked for: an answer as in a script."""
        self._run(lambda: self._simulation.say(answer))

    def unplug(self) -> None:
        """Hang up on all clients, and refuse connections until `plug_in`."""
        self._run(self._simulation.unplug)

    def plug_in(self) -> None:
        """Accept connections again, on the same port."""
        self._run(self._simulation.plug_in)

    def when(self, condition: Callable[[], object], timeout: float = 5.0) -> Deferred[None]:
        """Fires when ``condition()`` is true.

        It fails with ``TimeoutError`` if the condition is not true within `timeout` seconds.
        """
        call: Any = None
        done: Deferred[None] = Deferred(lambda _: call.cancel())
        until = self.clock.seconds() + timeout

        def look() -> None:
            nonlocal call
            if condition():
                done.callback(None)
            elif self.clock.seconds() >= until:
                done.errback(TimeoutError(f"not true within {timeout:g} s: {self!r}"))
            else:
                call = self.clock.callLater(LOOK_EVERY, look)
        look()
        return done

    def close(self) -> None:
        """Hang up, stop listening, leave no timer behind. A second call does nothing."""
        self.faults.heal()
        self.unplug()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._simulation.wake_at = math.inf
        self._set_timer()

    def check(self) -> None:
        """Raise the first error of the device's script, if there was one."""
        self._simulation.check()

    def __repr__(self) -> str:
        return f"<DeviceFactory {self._simulation!r}>"

    # events: one at a time, and what follows from it after it

    def _run(self, what: Callable[[], None]) -> None:
        """An event that a test makes: its effects are there when this returns."""
        self._event(what)

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
            delay = max(wanted - self.clock.seconds(), 0.0)
            self._timer = self.clock.callLater(delay, self._time_is_up)

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
