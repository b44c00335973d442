"""All connections to one device, with its faults and its journal.

Pure, as `line` is: called by the one thread that runs the device.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from ...core.errors import show
from ...core.framing import to_bytes
from ..device.journal import Journal
from ..device.scripted import ScriptedDevice
from ..faults.faults import Faults
from ..faults.plan import Act
from .device_line import DeviceLine
from .line import Line


class Simulation:
    """All connections, their faults and their journal.

    Parameters
    ----------
    run : callable
        Runs a callable in the thread that runs the device, and returns when its effects
        are there.
    clock : callable
        Gives seconds.
    """

    def __init__(self, run: Callable[[Callable[[], None]], None],
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.run = run
        self.clock = clock
        self.journal = Journal()
        self.faults = Faults(self)
        self.lines: list[Line] = []
        #: Nothing is to listen, whatever the faults say.
        self.unplugged = False
        #: Something happened that concerns the listener or all connections: look at them.
        self.dirty = False
        #: When `tick` must be called at the latest, in seconds of `clock`.
        self.wake_at = math.inf

    def __repr__(self) -> str:
        return f"{self.journal.describe()}; {self.faults!r}"

    def check(self) -> None:
        """Raise what went wrong in the script, if something did. Any thread."""
        error = self.journal.error
        if isinstance(error, AssertionError):
            raise error                 # it says what is to be said
        if error is not None:
            raise RuntimeError(f"the simulated device itself failed: {error!r}") from error

    @property
    def refusing(self) -> bool:
        """Are connections to be refused?"""
        return self.unplugged or self.faults.in_force("refuse")

    def faults_changed(self) -> None:
        self.dirty = True
        self.wake(self.faults.next_time())

    def healed(self) -> None:
        for line in self.lines:
            line.healed()
        self.faults_changed()

    def end_lines(self, kind: str) -> None:
        for line in self.lines:
            line.end(Act.RESET if kind == "reset" else Act.CLOSE)
        self.dirty = True

    def reboot(self, identity: Any) -> None:
        """Make the device forget. Here there is none, as in a proxy."""
        if identity is not None:
            raise ValueError("a proxy cannot turn the device into another one")

    def say(self, answer: Any, delay: float = 0.0) -> None:
        """Send all clients something that nobody asked for: bytes, unchanged."""
        self._say(to_bytes(answer), delay)

    def _say(self, data: bytes, delay: float) -> None:
        for line in self.lines:
            if not line.ended:
                line.say(data, delay)
        self.dirty = True

    def unplug(self) -> None:
        """Refuse connections, hang up on all clients."""
        self.unplugged = True
        self.end_lines("hang_up")

    def plug_in(self) -> None:
        """Listen again."""
        self.unplugged = False
        self.dirty = True

    def wake(self, when: float) -> None:
        """Have `tick` called at `when`, or before."""
        self.wake_at = min(self.wake_at, when)

    def tick(self) -> None:
        """Do what is due, and find out when something is due again."""
        now = self.clock()
        self.faults.tick(now)
        self.wake_at = min([self.faults.next_time(),
                            *(line.next_time(now) for line in self.lines)])
        self.dirty = True

    def only_one(self) -> bool:
        """Is a second client sent away, whatever the faults say?"""
        return False

    def admit(self, line: Line) -> None:
        """A client has connected."""
        self.journal.client(+1)
        others = len(self.lines)
        self.lines.append(line)
        if self.unplugged:
            line.end(Act.CLOSE)         # it was on its way in
        elif self.faults.hangs_up_on_new_client(others) or (others and self.only_one()):
            line.end(Act.CLOSE)
        else:
            line.opened()

    def leave(self, line: Line) -> None:
        """A connection is gone."""
        if line in self.lines:
            self.lines.remove(line)
            self.journal.client(-1)


class DeviceSimulation(Simulation):
    """One `ScriptedDevice` and all its clients; the parameters are those of `Simulation`."""

    def __init__(self, device: ScriptedDevice, run: Callable[[Callable[[], None]], None],
                 clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(run, clock)
        self.device = device
        self.deaf_until = -math.inf
        self._speaks_at = math.inf
        if device.period:
            self._speaks_at = clock() + device.period
            self.wake(self._speaks_at)

    def new_line(self) -> DeviceLine:
        """For a client that has connected."""
        return DeviceLine(self, self.device)

    def __repr__(self) -> str:
        unknown = ", ".join(show(command) for command in list(self.device.unknown)[-3:])
        return f"{f'NOT IN THE SCRIPT: {unknown}; ' if unknown else ''}{super().__repr__()}"

    def reboot(self, identity: Any) -> None:
        self.device.reboot(identity)
        self.deaf_until = -math.inf

    def only_one(self) -> bool:
        return self.device.one_client_only

    def say(self, answer: Any, delay: float = 0.0) -> None:
        """Send all clients something that nobody asked for: an answer as in a script."""
        self._say(b"".join(self.device.replies(answer)), delay)

    def tick(self) -> None:
        now = self.clock()
        if now >= self._speaks_at:
            self._speaks_at = now + self.device.period
            try:
                self.say(self.device.unsolicited)
            except Exception as exc:        # the script's mistake
                self.journal.failed(exc)
        super().tick()
        self.wake(self._speaks_at)
