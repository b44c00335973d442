"""The way from a `ScriptedDevice` to one client."""

from __future__ import annotations

from typing import Protocol

from ...core.errors import FramingError
from ..device.scripted import ScriptedDevice
from ..device.telnet import GREETING, TelnetEar, escape
from ..faults.plan import Act
from .line import Host, Line


class DeviceHost(Host, Protocol):
    """What the line of a device needs of the one who runs it."""

    #: Whatever comes before this time, in seconds of the clock, the device does not hear.
    deaf_until: float


class DeviceLine(Line):
    """The way from a `ScriptedDevice` to one client."""

    simulation: DeviceHost

    def __init__(self, simulation: DeviceHost, device: ScriptedDevice) -> None:
        super().__init__(simulation)
        self._device = device
        self._decoder = device.decoder()
        self._ear = TelnetEar() if device.telnet else None
        # The last that is to be done here has been decided, and waits to be done.
        self._closing = False

    def opened(self) -> None:
        device = self._device
        if device.telnet:
            self.push(GREETING)
        greeting = device.greeting()
        if greeting:
            self.say(greeting, device.banner_delay)

    def say(self, data: bytes, delay: float = 0.0) -> None:
        super().say(self._on_the_wire(data), delay)

    def _on_the_wire(self, data: bytes) -> bytes:
        return escape(data) if self._device.telnet else data

    def feed(self, data: bytes) -> None:
        if self._ear is not None:
            data, commands = self._ear.hear(data)
            for command in commands:
                self.simulation.journal.telnet(command)
        if self._deaf:
            self.simulation.journal.unheard(len(data))
            return
        self._decoder.feed(data)
        try:
            self._answer_all()
        except FramingError:
            self.end(Act.CLOSE)         # as an instrument does whose buffer is full
        except Exception as exc:
            # A mistake in the script must fail the test, not look like a silent device.
            self.simulation.journal.failed(exc)
            self.end(Act.RESET)

    def _answer_all(self) -> None:
        while not (self.ended or self._closing):
            if self.full:
                self._backlog = True
                return
            command = self._decoder.next_frame()
            if command is None:
                # Bytes without their end are how a wrong terminator looks from here.
                self.simulation.journal.rest(self, self._decoder.peek(self._decoder.waiting))
                return
            self._answer(command)
            if self._deaf:
                self.simulation.journal.unheard(self._decoder.waiting)
                self._decoder = self._device.decoder()

    def _answer(self, command: bytes) -> None:
        simulation, device = self.simulation, self._device
        simulation.journal.command(command)
        simulation.faults.exchange()
        if self.ended:
            return
        before = len(self._out)
        for reply in device.handle(command):
            self.reply(self._on_the_wire(reply))
        if device.deaf_for:
            simulation.deaf_until = simulation.clock() + device.deaf_for
        if device.closes_after_reply and len(self._out) > before:
            self._closing = True
            self.push(Act.CLOSE)

    @property
    def _deaf(self) -> bool:
        return self.simulation.clock() < self.simulation.deaf_until
