"""What becomes of a driver in an outage, in words that can be compared and printed."""

import contextlib
import select
from contextlib import contextmanager
from types import SimpleNamespace

from socs_tcp.testing import DeviceServer, ScriptedDevice

#: Seconds. The drivers' own are 3 to 10.
TIMEOUT = 0.3
LATE = 0.6
#: Seconds a reply takes where it matters that it comes after the driver looked for it.
SLOW = 0.06
#: Empty answers after which a driver that still asks for more will do so for ever.
ENDLESS = 1000
#: So often the same word, and it will not change.
STUCK = 8


class Endless(BaseException):
    """A driver does not end; nothing that it catches."""


class Bench:
    """One driver, and the simulated instrument that it talks to."""

    def __init__(self, spec, server, instrument):
        self.spec = spec
        self.server = server
        self.instrument = instrument
        self.device = None

    def make(self):
        """Make the driver's object."""
        self.device = self.spec.driver(self.server.host, port=self.server.port, timeout=TIMEOUT)
        receive, left = self.device.recv, ENDLESS

        def recv(*args, **kwargs):
            nonlocal left
            data = receive(*args, **kwargs)
            left -= data == b""
            if left < 0:
                raise Endless
            return data
        self.device.recv = recv

    def settle(self):
        """Wait until the instrument has dealt with all that was sent."""
        for _ in range(2):      # its thread looks at its sockets once a turn
            self.server.say(())

    def ask(self):
        """Poll once, as the agent does: what came of it, in one word."""
        self.settle()
        before = self.instrument.count
        try:
            if self.device is None:
                self.make()
            value = self.spec.poll(self.device)
        except Endless:
            return "endless loop"
        except ConnectionError:
            return "ConnectionError"
        except Exception as exc:
            return type(exc).__name__
        if value is None:
            return "no data"
        return "right" if before < value <= self.instrument.count else "wrong"

    def asks(self, count):
        return [self.ask() for _ in range(count)]

    def outage_is_seen(self):
        """Wait until the hang-up has reached this side."""
        self.server.wait_for(self.readable)

    def readable(self):
        comm = self.device.comm
        return comm is not None and bool(select.select([comm], [], [], 0)[0])

    def recovers(self):
        """Ask until an answer is right; the last word if none will be."""
        words = []

        def decided():
            words.append(self.ask())
            # A connection may still be on its way; with any other error nothing is.
            stuck = words[-STUCK:] == words[-1:] * STUCK and words[-1] != "ConnectionError"
            return stuck or words[-1] == "right"
        with contextlib.suppress(TimeoutError):
            self.server.wait_for(decided, 10)
        return words[-1]


@contextmanager
def bench(spec):
    instrument = spec.instrument()
    with DeviceServer(ScriptedDevice(instrument, **spec.framing)) as server:
        it = Bench(spec, server, instrument)
        yield it
        comm = getattr(it.device, "comm", None)
        if comm is not None:
            comm.close()
        if it.device is not None:
            # What DS378.__del__ asks for: see test_driver_flaws.py.
            it.device._com = SimpleNamespace(close=lambda: None)


def normal(it):
    """Three polls."""
    return it.asks(3)


def absent(it):
    """The instrument is not there when the driver's object is made, and comes later."""
    it.server.unplug()
    with contextlib.suppress(ConnectionError):
        it.make()
    word = it.ask()
    it.server.plug_in()
    return [word, it.recovers()]


def hang_up(it):
    """The instrument closes the connection between two polls, and takes a new one."""
    it.asks(1)
    it.server.faults.hang_up()
    it.outage_is_seen()
    return [it.ask(), it.recovers()]


def unplug(it):
    """It is unplugged for some polls, and plugged in again."""
    it.asks(1)
    it.server.unplug()
    it.outage_is_seen()
    words = it.asks(3)
    it.server.plug_in()
    return [*words, it.recovers()]


def late(it):
    """One reply comes after the timeout; later ones come in time, but not at once."""
    it.asks(1)
    comm = it.device.comm
    it.server.faults.late(LATE)
    words = [it.ask()]
    if it.device.comm is comm:      # otherwise the late reply has nowhere to go
        it.server.wait_for(it.readable)
    it.server.faults.late(SLOW, times=None)
    for _ in range(3):
        words.append(it.ask())
        if words[-1] != "right":    # the next poll comes when all that is under way is there
            with contextlib.suppress(TimeoutError):
                it.server.wait_for(it.readable, 3 * SLOW)
    return words


SCENARIOS = {scenario.__name__: scenario for scenario in (normal, absent, hang_up, unplug, late)}
