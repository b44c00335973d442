"""Many devices polled by one process, and what is counted of it."""

from __future__ import annotations

import gc
import random
import time
from array import array
from collections.abc import Callable
from typing import Any

from ..figures import measure

#: Seconds before anything is counted, so that all have found their rhythm.
SETTLE = 1.0

#: Seconds by which a poll may be late before somebody would notice,
NOTICED = 0.005
#: and from the beginning of a phase, in which that is put down to what it began with.
FIRST = 0.5

now = time.monotonic


class Phase:
    """What is counted in one stretch of time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.late = array("d")      # seconds from when a poll was due until it began
        self.reply = array("d")     # seconds from when a poll was due until the reply was there
        self.queries = 0            # that got their reply, from whatever device
        self.failed = 0             # polls of the devices that were unplugged
        self.missed = 0             # polls left out since the one before was not over
        self.disturbed = 0.0        # seconds from its beginning until polls are no longer late
        self._longest_gc = 0.0
        gc.callbacks.append(self._collected)
        self._began, self._cpu = now(), time.process_time()

    def polled(self, due: float, began: float, done: float) -> None:
        self.late.append(began - due)
        self.reply.append(done - due)
        if began - due > NOTICED and began - self._began < FIRST:
            self.disturbed = began - self._began

    def _collected(self, what: str, _info: dict[str, int]) -> None:
        if what == "start":
            self._gc_began = now()
        else:
            self._longest_gc = max(self._longest_gc, now() - self._gc_began)

    def end(self) -> None:
        self._wall, self._cpu = now() - self._began, time.process_time() - self._cpu
        gc.callbacks.remove(self._collected)

    def summary(self) -> dict[str, Any]:
        """The numbers. To be asked for after the last phase: it takes its time."""
        wall, cpu, count = self._wall, self._cpu, self.queries
        milli = {"late": self.late, "reply": self.reply}
        return {"queries": count, "failed": self.failed, "missed": self.missed,
                "per_second": count / wall, "core_used": cpu / wall,
                "cpu_us": cpu / count * 1e6 if count else None,
                "gc_longest_ms": self._longest_gc * 1e3, "disturbed_ms": self.disturbed * 1e3,
                **{f"{name}_{label}_ms": measure.percentile(values, part) * 1e3 if count else None
                   for name, values in milli.items()
                   for label, part in (("median", 0.5), ("p99", 0.99))}}


class Crowd:
    """The numbers of one run. `stays` and `fails` are the ports of the two halves."""

    def __init__(self, count: int, rate: float, seconds: float, ports: tuple[int, int],
                 order: Callable[[str], object] | None, *, tune_gc: bool = False,
                 profile: str | None = None) -> None:
        self.count = count
        self.period = 1 / rate
        self.seconds = seconds
        self.order = order          # to the devices; None where nothing is to fail
        self._ports = ports
        self._tune_gc = tune_gc
        self.profile = profile      # the file for the profile of the outage
        self.result: dict[str, Any] = {}
        self._phase: Phase | None = None
        self._phases: list[Phase] = []      # those that are over
        self._first_reply: dict[int, float] = {}
        self._chance = random.Random(1)

    def port(self, index: int) -> int:
        """Every second device is one of those that fail."""
        return self._ports[index % 2]

    def first_due(self) -> float:
        """Polls of different devices are not in step, as those of different agents are not."""
        return now() + self._chance.random() * self.period

    def next_due(self, due: float) -> float:
        """One period on; those that are over already are left out, and counted."""
        due += self.period
        over = now() - due
        if over > self.period:
            missed = int(over / self.period)
            due += missed * self.period
            if self._phase is not None:
                self._phase.missed += missed
        return due

    # told by whoever polls

    def starting(self) -> None:
        self._memory, self._began = measure.resident(), now()

    def all_up(self) -> None:
        if self._tune_gc:
            gc.collect()
            gc.freeze()
            gc.set_threshold(100_000)
        self.result["all_up_s"] = now() - self._began
        self.result["kB_per_device"] = (measure.resident() - self._memory) / 1024 / self.count

    def good(self, index: int, due: float, began: float) -> None:
        done = now()
        if index not in self._first_reply:
            self._first_reply[index] = done
        phase = self._phase
        if phase is None:
            return
        phase.queries += 1
        # The other half is what is looked at: those that fail have nothing to notice.
        if self.order is None or not index % 2:
            phase.polled(due, began, done)

    def bad(self, index: int) -> None:
        if self._phase is not None:
            self._phase.failed += 1

    def begin(self, name: str) -> None:
        self._phase = Phase(name)

    def end(self) -> None:
        phase, self._phase = self._phase, None
        if phase is not None:
            phase.end()
            self._phases.append(phase)

    def summary(self) -> dict[str, Any]:
        """What came of the run, when it is over."""
        return {**self.result, **{phase.name: phase.summary() for phase in self._phases}}

    # the devices that fail

    def forget_first_replies(self) -> None:
        self._first_reply.clear()

    def back(self) -> list[float]:
        """When each of the devices that failed gave its first reply again."""
        return [when for index, when in self._first_reply.items() if index % 2]
