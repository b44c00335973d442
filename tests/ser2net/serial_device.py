"""An instrument on a serial line: a simulated device behind a pseudo-terminal."""

import contextlib
import os
import pty
import selectors
import tty
from pathlib import Path

from socs_tcp.testing.blocking.loop import Loop
from socs_tcp.testing.device.scripted import as_device
from socs_tcp.testing.simulation.simulation import DeviceSimulation

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class SerialDevice:
    """A simulated device with all its faults, which a program opens as a serial device.

    It is slow, as instruments on serial lines are: give it faults, such as
    ``device.faults.late(0.1, times=None)``. ``device.faults.reboot()`` is a power cycle, of which
    its line shows nothing; `unplug` is what happens to the serial adapter.

    Parameters
    ----------
    path : Path
        What the program opens; a symbolic link, there while the device is plugged in.
    device : ScriptedDevice, dict, callable, object, or class
        What it says.

    Notes
    -----
    All methods may be called from any thread.
    """

    def __init__(self, path, device):
        self.path = Path(path)
        # The thread of the loop only.
        self._ours = self._theirs = -1
        self._line = None
        self._unsent = b""
        self._loop = Loop("serial-device", self._wait, self._turn, self._failed)
        self._simulation = DeviceSimulation(as_device(device), self._loop.run)
        self.faults = self._simulation.faults
        self._loop.start()
        self.plug_in()

    @property
    def received(self):
        """The commands that came, without terminators."""
        journal = self._simulation.journal
        return journal.read(lambda: list(journal.received))

    def wait_for_commands(self, count, timeout=10.0):
        """Wait until so many commands have come."""
        journal = self._simulation.journal
        journal.wait_for(lambda: journal.commands >= count, timeout, self.__repr__)

    def say(self, answer):
        """Say what nobody asked for."""
        self._loop.run(lambda: self._simulation.say(answer))

    def plug_in(self):
        """The serial device is there (again)."""
        self._loop.run(self._open)

    def unplug(self):
        """The serial device is gone, as a USB adapter that is pulled out."""
        self._loop.run(self._close)

    def close(self):
        """End all; a second call does nothing."""
        self._loop.stop(self._close)

    def check(self):
        """Raise what went wrong in the script, if something did."""
        self._simulation.check()

    def __repr__(self):
        return f"<SerialDevice {self.path.name}: {self._simulation!r}>"

    # the thread of the loop

    def _open(self):
        if self._line is not None:
            return
        # Both ends stay ours: with no other end open, reading fails until a program opens it.
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self._begin_anew()
        self._loop.watch(self._ours, READ, self._ready)
        self.path.symlink_to(os.ttyname(self._theirs))

    def _begin_anew(self):
        self._line, self._unsent = self._simulation.new_line(), b""
        self._simulation.admit(self._line)

    def _close(self):
        if self._line is None:
            return
        self.path.unlink()
        self._loop.watch(self._ours, 0, self._ready)
        os.close(self._ours)
        os.close(self._theirs)
        self._simulation.leave(self._line)
        self._line, self._unsent = None, b""

    def _wait(self):
        return self._simulation.wake_at - self._simulation.clock()

    def _failed(self, error):
        self._simulation.journal.failed(error)

    def _turn(self):
        if self._simulation.clock() >= self._simulation.wake_at:
            self._simulation.tick()
        self._simulation.dirty = False
        self._move()

    def _ready(self, events):
        if events & READ:
            with contextlib.suppress(BlockingIOError):
                self._line.received(os.read(self._ours, 4096))
        self._move()

    def _move(self):
        while self._line is not None:
            if self._unsent:
                try:
                    count = os.write(self._ours, self._unsent)
                except BlockingIOError:
                    break
                self._unsent = self._unsent[count:]
                continue
            op = self._line.take()
            if op is None:
                break
            if isinstance(op, bytes):
                self._unsent = op
            else:               # a serial line has no end: it is the device that begins anew
                self._simulation.leave(self._line)
                self._begin_anew()
        if self._line is not None:
            self._loop.watch(self._ours, READ | (WRITE if self._unsent else 0), self._ready)
