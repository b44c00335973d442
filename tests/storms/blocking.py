"""A storm on one `TCPInterface`, shared by many threads."""

from __future__ import annotations

import random
import signal
import threading
import time
from types import FrameType
from typing import Any

from socs_tcp import Disconnected, TCPInterface

from . import census
from .plan import Plan, Report
from .questions import answer, command, question, safe_to_repeat
from .scene import HEAL_BOUND, Scene


class Numbers:
    """Hands out each number once, to whichever thread asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0
        self._end = 0

    def allow(self, count: int) -> None:
        with self._lock:
            self._end += count

    def stop(self) -> None:
        with self._lock:
            self._end = self._next

    def take(self) -> int | None:
        with self._lock:
            if self._next >= self._end:
                return None
            self._next += 1
            return self._next


class Interrupted(BaseException):
    """Raised by a signal handler, in the middle of a call."""


class Interrupts:
    """Signals that end calls of the main thread, at any moment of them."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._armed = False             # the main thread only
        self._over = threading.Event()

    def __enter__(self) -> Interrupts:
        self._before = signal.signal(signal.SIGUSR2, self._strike)
        self._thread = threading.Thread(target=self._run, name="interrupts")
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self._thread.join()
        signal.signal(signal.SIGUSR2, self._before)

    def _run(self) -> None:
        main = threading.main_thread().ident
        assert main is not None
        while not self._over.wait(self._chance.uniform(0.0, 0.4)):
            signal.pthread_kill(main, signal.SIGUSR2)

    def _strike(self, _number: int, _frame: FrameType | None) -> None:
        if self._armed:
            self._armed = False
            raise Interrupted

    def during(self, work: Any) -> Any:
        """What `work` returns; None if it was interrupted."""
        try:
            try:
                self._armed = True
                return work()
            finally:
                self._armed = False
        except Interrupted:
            return None


class Asker:
    """What each of the threads does."""

    def __init__(self, scene: Scene, device: TCPInterface, numbers: Numbers) -> None:
        self.scene = scene
        self.device = device
        self.numbers = numbers
        self.pack = scene.dialect.pack
        self.unpack = scene.dialect.unpack

    def run(self, chance: random.Random, during: Any = lambda work: work()) -> None:
        """Ask until all is asked; `during` may end a call, and returns None then."""
        plan, ledger = self.scene.plan, self.scene.ledger
        options = self.scene.query_options()
        while (number := self.numbers.take()) is not None:
            timeout = chance.uniform(*plan.timeouts)
            if plan.commanded and chance.random() < plan.commanded:
                self.send(number)
            started = time.monotonic()

            def ask(number: int = number, timeout: float = timeout) -> Any:
                return self.device.query(self.pack(question(number)), timeout=timeout,
                                         safe_to_repeat=safe_to_repeat(number), **options)
            outcome: Any
            try:
                outcome = during(ask)
                outcome = None if outcome is None else self.unpack(outcome)
            except BaseException as exc:
                outcome = exc
            ledger.closed(number, outcome, time.monotonic() - started, timeout)
            if chance.random() < 0.05 and self.device.check_idle() not in (True, False):
                ledger.closed(number, TypeError("check_idle"), 0.0, 0.0)

    def send(self, number: int) -> None:
        """A command that has no answer, as far as we know."""
        started, error = time.monotonic(), None
        try:
            # as in the original, nothing is added to what is only sent
            self.device.send(self.pack(command(number)) + b"\r\n")
        except BaseException as exc:
            error = exc
        self.scene.ledger.sent(number, error, time.monotonic() - started,
                               self.device.timeout or 0.0)


def blow(scene: Scene, device: TCPInterface, numbers: Numbers, count: int, turn: int) -> None:
    """One round: all threads, until `count` questions are over."""
    numbers.allow(count)
    asker = Asker(scene, device, numbers)
    threads = [threading.Thread(target=asker.run, name=f"asker-{i}", args=(
        random.Random(f"{scene.plan.seed} {turn} {i}"),)) for i in range(scene.plan.callers)]
    for thread in threads:
        thread.start()
    if scene.plan.talks:
        chance = random.Random(f"{scene.plan.seed} {turn} interrupts")
        with Interrupts(chance) as interrupts:
            asker.run(chance, interrupts.during)
    for thread in threads:
        thread.join()


def heal(scene: Scene, device: TCPInterface) -> None:
    """No more faults: the link must come up, and stay."""
    scene.server.faults.heal()
    started = time.monotonic()
    number, end = 0xF0000000, None
    while time.monotonic() - started < HEAL_BOUND:
        number += 1
        end = ask(scene, device, number, HEAL_BOUND / 3)
        if end == answer(number) and device.link.state.value == "up":
            scene.report.heal = max(scene.report.heal, time.monotonic() - started)
            return
    scene.report.broken.append(f"not healed within {HEAL_BOUND} s: {end!r}, {device.link!r}")


def ask(scene: Scene, device: TCPInterface, number: int, timeout: float) -> Any:
    """One question; its answer or its exception."""
    try:
        return scene.dialect.unpack(device.query(scene.dialect.pack(question(number)),
                                                 timeout=timeout, **scene.query_options()))
    except Exception as exc:
        return exc


def notice(scene: Scene, device: TCPInterface) -> None:
    """A black hole: each question that is not answered tells, the first one at once."""
    scene.server.faults.black_hole()
    with scene.useless():
        for _ in range(3):
            started = time.monotonic()
            end = ask(scene, device, 0xD0000000, 0.1)
            scene.noticed(device.link, end, time.monotonic() - started, 0.1)
    scene.server.faults.heal()


def endless(scene: Scene, device: TCPInterface) -> None:
    """A line without an end is found out at the limit, not when the time is over."""
    scene.server.faults.endless_line()
    scene.found_out(ask(scene, device, 0xB0000000, HEAL_BOUND / 3))


def hammer(scene: Scene, device: TCPInterface) -> None:
    """A device that accepts and hangs up, asked as fast as can be."""
    with scene.hammering() as until:
        while time.monotonic() < until:
            ask(scene, device, 0xC0000000, 0.1)


def close_in_flight(scene: Scene, device: TCPInterface) -> None:
    """Close it under the threads: each call ends at once, with `Disconnected`."""
    scene.server.faults.silence(times=None)
    ends: list[tuple[float, Any]] = []
    closed = time.monotonic()

    def wait(i: int) -> None:
        try:
            end: Any = device.query(scene.dialect.pack(question(0xE0000000 + i)), timeout=30)
        except BaseException as exc:
            end = exc
        ends.append((time.monotonic() - closed, type(end)))
    seen = scene.server.commands
    threads = [threading.Thread(target=wait, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    scene.server.wait_for_commands(seen + 1)
    closed = time.monotonic()
    device.close()
    for thread in threads:
        thread.join(10)
    bad = [end for end in ends if end[0] > scene.plan.margin or end[1] is not Disconnected]
    if bad or len(ends) < 3:
        scene.report.broken.append(f"close() left {3 - len(ends)} waiting, or late: {bad}")


def play(scene: Scene) -> None:
    """All rounds, and the end."""
    plan = scene.plan
    with scene.playing() as server:
        device = TCPInterface(server.host, server.port, 1.0, **scene.options())
        scene.watch(device.link)
        numbers = Numbers()
        source = plan.faults()
        for turn in range(plan.rounds):
            server.faults.draw_from(source)
            blow(scene, device, numbers, plan.queries // plan.rounds, turn)
            heal(scene, device)
            scene.report.blocks.append(census.blocks())
        for stage in (notice, heal, endless, heal, hammer, heal, close_in_flight):
            stage(scene, device)
        scene.look_at(device.link)


def storm(plan: Plan) -> Report:
    """Run it; `Report.check` tells whether all was as it must be."""
    scene = Scene(plan)
    before = census.Census()
    play(scene)
    scene.report.broken += census.left_over_soon(before)
    return scene.sum_up()
