"""What can go wrong with a device, on command.

A `Faults` belongs to one simulated device or proxy. Any thread may call its methods;
each returns when the fault is in force. Only the thread that runs the device touches what is below
the methods.

There are three kinds of faults, with three lifetimes:

- of the **moment** (``hang_up``, ``reset``, ``reboot``, ``unasked``): done when the method returns;
- of a **reply** (``silence``, ``late``, ``split``, ...): these faults wait in a queue, and each
  reply takes the first of them. After ``faults.silence(); faults.late(1)``, the next reply does
  not come, and the one after it comes late. With ``times=None``, a fault does not wait in the
  queue, but affects every reply until `Faults.heal`;
- of the **line** (``refuse``, ``black_hole``, ...): in force until `Faults.heal`, or for
  ``seconds``.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Protocol

from ..device.journal import Journal
from .fault import MOMENT, REPLY, Fault, Injector
from .random_faults import RandomFaults

#: Drawn faults that may wait for a reply.
MOST_DRAWN = 16


class Host(Protocol):
    """What a `Faults` needs of the one who runs the device."""

    journal: Journal
    clock: Callable[[], float]

    def run(self, what: Callable[[], None]) -> None:
        """Do it in the thread that runs the device; return when its effects are there."""

    def end_lines(self, kind: str) -> None:
        """``hang_up`` or ``reset`` all connections."""

    def reboot(self, identity: Any) -> None:
        """Make the device forget."""

    def say(self, answer: Any, delay: float = 0.0) -> None:
        """Send all clients something that nobody asked for."""

    def faults_changed(self) -> None:
        """Look at what is in force again."""

    def healed(self) -> None:
        """Nothing is in force any more."""


class _Scheduled(Injector):
    def __init__(self, schedule: Callable[[Fault], None]) -> None:
        self._schedule = schedule

    def inject(self, fault: Fault) -> None:
        self._schedule(fault)


class Faults(Injector):
    """The faults of one simulated device or proxy; the rules are above."""

    def __init__(self, host: Host) -> None:
        self._host = host
        # All of this is touched by the thread that runs the device only.
        self.exchanges = 0
        self.line_faults: dict[str, Fault] = {}
        self._left: dict[str, int | None] = {}         # of accept_and_hang_up
        self._until: dict[str, float] = {}
        self._always: list[Fault] = []
        self._queue: deque[tuple[Fault, int]] = deque()     # and how often each strikes yet
        self._timed: list[tuple[float, Fault]] = []
        self._by_exchange: dict[int, list[Fault]] = {}
        self._source: RandomFaults | None = None
        self._budget: int | None = None                # bytes until hang_up_after
        self.chance = random.Random(0)

    def __repr__(self) -> str:
        drawn = f", drawn by {self._source!r}" if self._source else ""
        # Each of these is one step for the interpreter: safe in any thread.
        waiting = [fault for fault, _ in list(self._queue)]
        force = [*list(self.line_faults.values()), *list(self._always), *waiting]
        return f"<Faults in force: {force or 'none'}{drawn}>"

    # what a test calls, in any thread

    @property
    def injected(self) -> Counter[str]:
        """How many faults have had an effect, by kind; a copy. Any thread."""
        journal = self._host.journal
        return journal.read(lambda: Counter(journal.injected))

    def inject(self, fault: Fault) -> None:
        """Put `fault` in force. Any thread."""
        self._host.run(lambda: self._start(fault))

    def after(self, seconds: float) -> Injector:
        """``faults.after(2.0).hang_up()``: in `seconds` from now. Any thread."""
        def schedule(fault: Fault) -> None:
            when = self._host.clock() + seconds
            self._host.run(lambda: self._plan(when, fault))
        return _Scheduled(schedule)

    def at_exchange(self, number: int) -> Injector:
        """``faults.at_exchange(3).late(1)``: when the third command from now comes.

        A fault of the moment takes effect before that command is answered. Any thread.
        """
        if number < 1:
            raise ValueError(f"the next exchange is number 1, not {number}")

        def schedule(fault: Fault) -> None:
            self._host.run(lambda: self._by_exchange.setdefault(
                self.exchanges + number, []).append(fault))
        return _Scheduled(schedule)

    def draw_from(self, source: RandomFaults | None) -> None:
        """Draw random faults at each exchange from now on; None: stop that. Any thread."""
        def start() -> None:
            self._source = source
        self._host.run(start)

    @property
    def source(self) -> RandomFaults | None:
        """What `draw_from` was given. Any thread."""
        return self._source

    def heal(self) -> None:
        """End all faults: in force, scheduled or drawn. Late replies still come. Any thread."""
        self._host.run(self._heal)

    def clear(self) -> None:
        """`heal`, and count `injected` from 0 again. Any thread."""
        def start_anew() -> None:
            self._heal()
            journal = self._host.journal
            journal.read(journal.injected.clear)
        self._host.run(start_anew)

    # what the thread that runs the device calls

    def _plan(self, when: float, fault: Fault) -> None:
        self._timed.append((when, fault))
        self._timed.sort(key=lambda timed: timed[0])
        self._host.faults_changed()

    def _heal(self) -> None:
        for table in (self.line_faults, self._until, self._left, self._by_exchange):
            table.clear()
        for waiting in (self._always, self._queue, self._timed):
            waiting.clear()
        self._source = self._budget = None
        self._host.healed()

    def _start(self, fault: Fault) -> None:
        kind = fault.kind
        if kind in REPLY:
            if fault.times is None:
                self._always.append(fault)
            else:
                self._queue.append((fault, fault.times))
            return
        if kind in MOMENT:
            self._moment(fault)
        elif kind == "hang_up_after":
            self._budget = fault.count
        else:
            self.line_faults[kind] = fault
            self._left[kind] = fault.times
            self._lasts(kind, fault.seconds)
            if kind != "accept_and_hang_up":
                self.struck(kind)
        self._host.faults_changed()

    def _moment(self, fault: Fault) -> None:
        if fault.kind == "unasked":
            self._host.say(fault.answer, fault.seconds or 0.0)
            self.struck(fault.kind)
            return
        if fault.kind != "reboot":
            self.struck(fault.kind)
            self._host.end_lines(fault.kind)
            return
        self._host.reboot(fault.identity)
        self.struck(fault.kind)
        self._host.end_lines("hang_up")
        if fault.seconds:
            self.line_faults["refuse"] = fault
            self._lasts("refuse", fault.seconds)

    def _lasts(self, kind: str, seconds: float | None) -> None:
        self._until.pop(kind, None)
        if seconds is not None:
            self._until[kind] = self._host.clock() + seconds

    def struck(self, kind: str) -> None:
        """Count a fault that did its work."""
        self._host.journal.struck(kind)

    def in_force(self, kind: str) -> bool:
        """Is this fault of the line in force?"""
        return kind in self.line_faults

    def next_time(self) -> float:
        """When something is due, in seconds of the host's clock; ``inf`` for never."""
        first = [self._timed[0][0]] if self._timed else []
        return min([*first, *self._until.values()], default=float("inf"))

    def tick(self, now: float) -> None:
        """Start and end what is due."""
        while self._timed and self._timed[0][0] <= now:
            self._start(self._timed.pop(0)[1])
        for kind in [k for k, until in self._until.items() if until <= now]:
            del self._until[kind]
            self.line_faults.pop(kind, None)
            self._host.faults_changed()

    def exchange(self) -> None:
        """A command has come and is about to be answered."""
        self.exchanges += 1
        if self._by_exchange:
            for fault in self._by_exchange.pop(self.exchanges, ()):
                self._start(fault)
        if self._source is not None:
            drawn = self._source.draw()
            # Exchanges that get no reply must not pile up what was drawn for it.
            if drawn is not None and not (drawn.kind in REPLY and len(self._queue) > MOST_DRAWN):
                self._start(drawn)

    def hangs_up_on_new_client(self, others: int) -> bool:
        """Is the client that has just connected to be sent away?"""
        if "accept_and_hang_up" in self.line_faults:
            self.struck("accept_and_hang_up")
            left = self._left["accept_and_hang_up"]
            if left is not None:
                self._left["accept_and_hang_up"] = left - 1
                if left == 1:
                    del self.line_faults["accept_and_hang_up"]
            return True
        return "one_client_only" in self.line_faults and others > 0

    def for_reply(self) -> list[Fault]:
        """What strikes the reply that is about to be sent."""
        if not self._queue and not self._always:
            return []
        if not self._queue:
            return list(self._always)
        first, times = self._queue.popleft()
        if times > 1:
            self._queue.appendleft((first, times - 1))
        return [*self._always, first]

    def cut(self, data: bytes) -> tuple[bytes, bool]:
        """What `hang_up_after` leaves of bytes that are about to go out, and is that all?"""
        if self._budget is None:
            return data, False
        if len(data) < self._budget:
            self._budget -= len(data)
            return data, False
        data, self._budget = data[:self._budget], None
        self.struck("hang_up_after")
        return data, True
