"""Minutes at full speed, with a fault a second, on both faces at once."""

from __future__ import annotations

import random
import resource
import threading
import time
from typing import Any

from socs_tcp import DeviceClient, TCPInterface

from . import blocking, census, deferreds
from .plan import Plan, Report
from .scene import Scene

#: Between two faults.
FAULT_EVERY = 1.0
TIMEOUT = 0.5
CALLERS = 4


def plans(seed: int) -> list[Plan]:
    """What is the same for both faces. More questions than can be asked.

    The devices greet, speak by themselves, and answer commands that have no answer.
    """
    # two rounds: memory is compared from minute to minute, whatever the number of calls
    return [Plan(face, seed=seed, callers=CALLERS, rate=1.0, timeouts=(TIMEOUT, TIMEOUT),
                 longest=0.3, queries=50_000_000, rounds=2, cancelled=0.001, talks="strays",
                 commanded=0.0005)
            for face in ("blocking", "twisted")]


class Soak:
    """Both scenes while they are played."""

    def __init__(self, scenes: list[Scene], turner: deferreds.Turner) -> None:
        self.scenes = scenes
        self.turner = turner
        one, two = scenes
        self.device = TCPInterface(one.server.host, one.server.port, 1.0, **one.options())
        self.client = DeviceClient(two.server.host, two.server.port, 1.0,
                                   reactor=turner.reactor, **two.options())
        one.watch(self.device.link)
        two.watch(self.client.link)
        self.numbers = blocking.Numbers()
        self.numbers.allow(one.plan.queries)
        self.crowd = deferreds.Crowd(two, self.client, 0, two.plan.queries)
        self.sources = [scene.plan.faults() for scene in scenes]

    def run(self, seconds: float) -> None:
        """At full speed, for so long."""
        one, two = self.scenes
        asker = blocking.Asker(one, self.device, self.numbers)
        threads = [threading.Thread(target=asker.run, args=(random.Random(i),))
                   for i in range(CALLERS)]
        for thread in threads:
            thread.start()
        for i in range(self.crowd.busy):
            deferreds.Asker(self.crowd, random.Random(i))
        started = time.monotonic()
        next_fault, next_line = started + FAULT_EVERY, started + 60
        while (now := time.monotonic()) < started + seconds:
            self.turner.turn(0.01)
            if now >= next_fault:
                next_fault += FAULT_EVERY
                self.strike()
            if now >= next_line:
                next_line += 60
                self.tell(now - started)
        self.numbers.stop()
        self.crowd.left = 0
        if not self.turner.until(lambda: not self.crowd.busy, 10):
            two.report.broken.append(f"{self.crowd.busy} Deferreds have not fired")
        for thread in threads:
            thread.join(10)
        if any(thread.is_alive() for thread in threads):
            one.report.broken.append("a call has not ended")

    def strike(self) -> None:
        """The next fault for each device."""
        for scene, source in zip(self.scenes, self.sources, strict=True):
            fault = source.draw()
            assert fault is not None
            scene.server.faults.inject(fault)

    def tell(self, seconds: float) -> None:
        """One line a minute."""
        blocks = census.blocks()
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        asked = " ".join(f"{scene.plan.face} {scene.ledger.asked}" for scene in self.scenes)
        for scene in self.scenes:
            scene.report.blocks.append(blocks)
        print(f"{seconds / 60:4.0f} min: {asked} questions; {rss} MB at most, {blocks} blocks",
              flush=True)

    def end(self) -> None:
        """Heal, and close in flight, as after any storm."""
        one, two = self.scenes
        blocking.heal(one, self.device)
        deferreds.heal(self.turner, two, self.client)
        blocking.close_in_flight(one, self.device)
        deferreds.close_in_flight(self.turner, two, self.client)
        one.look_at(self.device.link)
        two.look_at(self.client.link)
        self.turner.until(lambda: not self.turner.left_over(), 2.0)
        two.report.broken += self.turner.left_over()


def soak(minutes: float, seed: int) -> list[Report]:
    """Run it; a report for each face."""
    scenes = [Scene(plan) for plan in plans(seed)]
    scenes[1].log = scenes[0].log       # there is one in the process
    with deferreds.own_reactor() as turner:
        before = census.Census()
        _play(scenes, turner, minutes)
        left: list[Any] = census.left_over_soon(before, turn=turner.turn)
        scenes[0].report.broken += left
    return [scene.sum_up() for scene in scenes]


def _play(scenes: list[Scene], turner: deferreds.Turner, minutes: float) -> None:
    one, two = scenes
    with one.playing(), two.playing():
        both = Soak(scenes, turner)
        both.run(minutes * 60)
        both.end()
