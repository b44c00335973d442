"""One client's connection to a simulated device, through its faults.

Pure: bytes and time in, bytes and endings out. Everything here is called by the one
thread that runs the device.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from collections.abc import Callable
from typing import Protocol

from ..device.journal import Journal
from ..faults.fault import Fault
from ..faults.faults import Faults
from ..faults.plan import Act, Op, plan_reply

#: Bytes that wait to be sent; while there are more, no more commands are read.
HIGH_WATER = 1 << 18
#: Bytes that are read at once.
READ_SIZE = 1 << 16


class Host(Protocol):
    """What a line needs of the one who runs the device."""

    clock: Callable[[], float]
    faults: Faults
    journal: Journal

    def wake(self, when: float) -> None:
        """Look at all lines again at `when`, in seconds of the clock, or before."""


class Line:
    """The way to one client. Whoever moves its bytes calls `received` with what came, then
    `take` until that gives None."""

    def __init__(self, simulation: Host) -> None:
        self.simulation = simulation
        # What is to be done, each not before its time, in seconds of the clock.
        self._out: deque[tuple[float, Op]] = deque()
        # What is said whatever waits in _out, each at its time.
        self._asides: list[tuple[float, bytes]] = []
        self._held: list[bytes] = []
        self._waiting = 0
        self._paused_until = -math.inf
        # Commands have come that were not answered, since too much waits to be sent.
        self._backlog = False
        #: The end was decided: what is not sent yet is not to be sent any more.
        self.ended = False

    # what comes from the client

    def opened(self) -> None:
        """The client was admitted."""

    def received(self, data: bytes) -> None:
        """Bytes came from the client."""
        line_faults = self.simulation.faults.line_faults
        if line_faults:
            slow = line_faults.get("slow_reader")
            if slow is not None and slow.count:
                self._paused_until = self.simulation.clock() + len(data) / slow.count
                self.simulation.wake(self._paused_until)
            if "black_hole" in line_faults:
                return
        if not self.ended:
            self.feed(data)

    def feed(self, data: bytes) -> None:
        """Bytes came from the client through all faults."""
        raise NotImplementedError

    @property
    def full(self) -> bool:
        """Does so much wait to be sent that no more should be made?"""
        return self._waiting > HIGH_WATER

    def read_size(self) -> int:
        """How many bytes may be read now at most; 0 for none as yet."""
        if self.full or self.ended:
            return 0
        slow = self.simulation.faults.line_faults.get("slow_reader")
        if slow is None:
            return READ_SIZE
        if not slow.count or self.simulation.clock() < self._paused_until:
            return 0
        return max(1, slow.count // 10)     # about ten portions a second

    # what goes to the client

    def reply(self, data: bytes) -> None:
        """Send one whole reply, as the faults will have it."""
        faults = self.simulation.faults
        strikes = faults.for_reply()
        if not strikes and not self._held:
            self.push(data)
            return
        if any(fault.kind == "glue" for fault in strikes):
            faults.struck("glue")
            self._held.append(data)
            self._waiting += len(data)
            return
        self._strike(strikes, self._let_go() + data)

    def _let_go(self) -> bytes:
        held = b"".join(self._held)
        self._held.clear()
        self._waiting -= len(held)
        return held

    def _strike(self, strikes: list[Fault], data: bytes) -> None:
        faults = self.simulation.faults
        for fault in strikes:
            faults.struck(fault.kind)
        when = self.simulation.clock()
        for delay, op in plan_reply(data, strikes, faults.chance):
            when += delay
            self.push(op, when)

    def push(self, op: Op, when: float = -math.inf) -> None:
        """Do `op` not before `when` (default: as soon as possible), and after all that
        was pushed before it."""
        self._out.append((when, op))
        if isinstance(op, bytes):
            self._waiting += len(op)
        if when != -math.inf:
            self.simulation.wake(when)

    def say(self, data: bytes, delay: float = 0.0) -> None:
        """Say what nobody asked for: after what waits to be sent, or, with a `delay` in
        seconds, just then, also before replies that are late."""
        if not delay:
            self.push(data)
            return
        when = self.simulation.clock() + delay
        insort(self._asides, (when, data))
        self.simulation.wake(when)

    def end(self, how: Act) -> None:
        """End the connection now, whatever is still to be said."""
        self._asides.clear()
        self._out.clear()
        self._held.clear()
        self._waiting = 0
        self.ended = True
        self._out.append((-math.inf, how))

    def healed(self) -> None:
        """No more faults: what was held back is sent, what would never end is ended."""
        if self._held:
            self.push(self._let_go())
        if any(op is Act.ENDLESS for _, op in self._out):
            self.end(Act.CLOSE)

    def next_time(self, now: float) -> float:
        """When something is due that is not due now; ``inf`` for never."""
        waiting = (*list(self._out)[:1], *self._asides[:1])
        times = [self._paused_until, *(when for when, _ in waiting)]
        return min((when for when in times if when > now), default=math.inf)

    def take(self) -> Op | None:
        """What is to be done now; None for nothing.

        `Act.ENDLESS` is not used up: send `FILLER`, and ask again when that is gone.
        """
        if self._backlog and not self.full and not self.ended:
            self._backlog = False
            self.feed(b"")
        while (op := self._next()) is not None:
            if op is Act.ENDLESS:
                return op
            if not isinstance(op, bytes):
                self.ended = True
                return op
            op = self._through_faults(op)
            if op:
                return op
        return None

    def _next(self) -> Op | None:
        """What is due, whatever the faults do to it."""
        now = self.simulation.clock()
        if self._asides and not self.ended:
            when, data = self._asides[0]
            if when <= now:
                del self._asides[0]
                return data
            self.simulation.wake(when)
        if not self._out:
            return None
        when, op = self._out[0]
        if when > now:
            self.simulation.wake(when)
            return None
        if op is not Act.ENDLESS:
            self._out.popleft()
        if isinstance(op, bytes):
            self._waiting -= len(op)
        return op

    def _through_faults(self, data: bytes) -> bytes:
        """What the faults of the line leave of bytes that are about to go out."""
        faults = self.simulation.faults
        if "black_hole" in faults.line_faults:
            return b""
        data, last = faults.cut(data)
        if last:
            self._out.clear()
            self._asides.clear()
            self._waiting = 0
            self.push(Act.CLOSE)
        return data
