"""A storm on one `DeviceClient`, shared by many Deferreds.

The reactor is our own and not the installed one, so that a storm leaves no trace in the
process; we turn it by hand.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.epollreactor import EPollReactor
from twisted.python.failure import Failure

from socs_tcp import DeviceClient, Disconnected
from socs_tcp.core.conversation import MOST_GIVEN_UP

from . import census
from .plan import Plan, Report
from .questions import answer, command, question, safe_to_repeat
from .scene import HEAL_BOUND, Scene


class Turner:
    """A reactor of our own."""

    def __init__(self) -> None:
        self.reactor: Any = EPollReactor()
        self._own = set(self.reactor.getReaders())

    def until(self, condition: Callable[[], object], patience: float) -> bool:
        """Turn until it is true; False if that takes longer than `patience` seconds."""
        end = time.monotonic() + patience
        while not condition():
            if time.monotonic() > end:
                return False
            self.turn()
        return True

    def turn(self, longest: float = 0.05) -> None:
        self.reactor.runUntilCurrent()
        wait = self.reactor.timeout()
        self.reactor.doIteration(longest if wait is None else min(wait, longest))

    def left_over(self) -> list[str]:
        """Timers and descriptors that are still in the reactor."""
        found = [f"timer left over: {call}" for call in self.reactor.getDelayedCalls()]
        descriptors = {*self.reactor.getReaders(), *self.reactor.getWriters()} - self._own
        return found + [f"descriptor left in the reactor: {d!r}" for d in descriptors]

    def close(self) -> None:
        for reader in self.reactor.removeAll() + list(self._own):
            reader.connectionLost(Failure(Disconnected("the reactor is closed")))
        self.reactor._poller.close()


@contextmanager
def own_reactor() -> Iterator[Turner]:
    turner = Turner()
    try:
        yield turner
    finally:
        turner.close()


class Asker:
    """Asks one question after the other, as one user of the client."""

    def __init__(self, crowd: Crowd, chance: random.Random) -> None:
        self.crowd = crowd
        self.chance = chance
        self.start()

    def start(self) -> None:
        crowd = self.crowd
        if not crowd.left:
            crowd.busy -= 1
            return
        crowd.left -= 1
        crowd.number += 1
        chance, scene, reactor = self.chance, crowd.scene, crowd.client.reactor
        number = crowd.number
        timeout = chance.uniform(*scene.plan.timeouts)
        if scene.plan.commanded and chance.random() < scene.plan.commanded:
            crowd.send(number, timeout)
        started = time.monotonic()
        query: Deferred[bytes] = crowd.client.query(
            scene.dialect.pack(question(number)), timeout=timeout,
            safe_to_repeat=safe_to_repeat(number), **scene.query_options())
        killer = None
        if chance.random() < scene.plan.cancelled:
            # soon enough, mostly, to meet it queued or in flight
            killer = reactor.callLater(chance.random() ** 3 * timeout, query.cancel)

        def over(result: Any) -> None:
            outcome = result.value if isinstance(result, Failure) else (
                scene.dialect.unpack(result))
            if isinstance(outcome, CancelledError) and killer is not None:
                outcome = None
            scene.ledger.closed(number, outcome, time.monotonic() - started, timeout)
            if killer is not None and killer.active():
                killer.cancel()
            # most go on at once, out of the callback; some at the next turn
            if chance.random() < 0.8:
                self.start_flat()
            else:
                reactor.callLater(0, self.start)
        query.addBoth(over)

    def start_flat(self) -> None:
        """`start`, without going deeper where questions fail at once."""
        if self.crowd.depth > 20:
            self.crowd.client.reactor.callLater(0, self.start)
            return
        self.crowd.depth += 1
        self.start()
        self.crowd.depth -= 1



class Crowd:
    """All users of the client, and how much is left to ask."""

    def __init__(self, scene: Scene, client: DeviceClient, first: int, count: int) -> None:
        self.scene = scene
        self.client = client
        self.number = first
        self.left = count
        self.depth = 0
        self.busy = scene.plan.callers * scene.plan.in_flight

    def send(self, number: int, timeout: float) -> None:
        """A command that has no answer, as far as we know."""
        started = time.monotonic()

        def over(result: Any) -> None:
            error = result.value if isinstance(result, Failure) else None
            self.scene.ledger.sent(number, error, time.monotonic() - started, timeout)
        self.client.send(self.scene.dialect.pack(command(number)), timeout).addBoth(over)

    def blow(self, turner: Turner, turn: int) -> None:
        """One round, until all questions are over."""
        plan = self.scene.plan
        for i in range(self.busy):
            Asker(self, random.Random(f"{plan.seed} {turn} {i}"))
        patience = 15 + self.left * plan.timeouts[1]
        if not turner.until(lambda: not self.busy, patience):
            self.scene.report.broken.append(
                f"{self.busy} Deferreds have not fired, with {self.left} questions to go: "
                f"{self.client.link!r}, queue {list(self.client._manager.queue.waiting)}")


def ask(turner: Turner, scene: Scene, client: DeviceClient, number: int, timeout: float) -> Any:
    """One question; its answer or its exception."""
    ends: list[Any] = []
    client.query(scene.dialect.pack(question(number)), timeout=timeout).addBoth(ends.append)
    if not turner.until(lambda: ends, HEAL_BOUND):
        return "a Deferred that never fires"
    end = ends[0]
    return end.value if isinstance(end, Failure) else scene.dialect.unpack(end)


def notice(turner: Turner, scene: Scene, client: DeviceClient) -> None:
    """A black hole: each question that is not answered tells, the first one at once."""
    scene.server.faults.black_hole()
    with scene.useless():
        for _ in range(3):
            started = time.monotonic()
            end = ask(turner, scene, client, 0xD0000000, 0.1)
            scene.noticed(client.link, end, time.monotonic() - started, 0.1)
    scene.server.faults.heal()


def endless(turner: Turner, scene: Scene, client: DeviceClient) -> None:
    """A line without an end is found out at the limit, not when the time is over."""
    scene.server.faults.endless_line()
    scene.found_out(ask(turner, scene, client, 0xB0000000, HEAL_BOUND / 3))


def hammer(turner: Turner, scene: Scene, client: DeviceClient) -> None:
    """A device that accepts and hangs up, asked as fast as can be."""
    with scene.hammering() as until:
        while time.monotonic() < until:
            ask(turner, scene, client, 0xC0000000, 0.1)


def heal(turner: Turner, scene: Scene, client: DeviceClient) -> None:
    """No more faults: the link must come up, and stay."""
    scene.server.faults.heal()
    started = time.monotonic()
    number, end = 0xF0000000, None
    while time.monotonic() - started < HEAL_BOUND:
        number += 1
        end = ask(turner, scene, client, number, HEAL_BOUND / 3)
        if end == answer(number) and client.link.state.value == "up":
            scene.report.heal = max(scene.report.heal, time.monotonic() - started)
            return
    scene.report.broken.append(f"not healed within {HEAL_BOUND} s: {end!r}, {client.link!r}")


def at_rest(scene: Scene, base: census.Census) -> None:
    """With nothing under way, no request or Deferred may be alive.

    Where replies are matched, questions that were given up are kept in mind, some of them.
    """
    given_up = MOST_GIVEN_UP if scene.plan.late == "match" else 0
    kinds = {"socs_tcp.deferred.request.Request": given_up, "twisted.internet.defer.Deferred": 0}
    now = census.Census().objects
    alive = {kind: now[kind] - base.objects[kind] for kind, most in kinds.items()
             if now[kind] > base.objects[kind] + most}
    if alive:
        scene.report.broken.append(f"left over while the client is idle: {alive}")


def close_in_flight(turner: Turner, scene: Scene, client: DeviceClient) -> None:
    """Close it under its users: each Deferred fails at once, with `Disconnected`."""
    scene.server.faults.silence(times=None)
    seen = scene.server.commands
    ends: list[Any] = []
    for i in range(4):
        client.query(scene.dialect.pack(question(0xE0000000 + i)), timeout=30).addErrback(
            lambda failure: ends.append(failure.type))
    turner.until(lambda: scene.server.commands > seen, 2.0)
    done: list[Any] = []
    client.close().addBoth(done.append)
    if ends != [Disconnected] * 4:
        scene.report.broken.append(f"close() left {4 - len(ends)} waiting: {ends}")
    if not turner.until(lambda: done, 2.0) or done != [None]:
        scene.report.broken.append(f"close() itself does not end: {done}")


def play(turner: Turner, scene: Scene, before: census.Census) -> None:
    """All rounds, and the end."""
    plan = scene.plan
    with scene.playing() as server:
        client = DeviceClient(server.host, server.port, 1.0, reactor=turner.reactor,
                              max_in_flight=plan.in_flight, **scene.options())
        scene.watch(client.link)
        source = plan.faults()
        each = plan.queries // plan.rounds
        for turn in range(plan.rounds):
            server.faults.draw_from(source)
            Crowd(scene, client, turn * each, each).blow(turner, turn)
            heal(turner, scene, client)
            at_rest(scene, before)
            scene.report.blocks.append(census.blocks())
        for stage in (notice, heal, endless, heal, hammer, heal, close_in_flight):
            stage(turner, scene, client)
        scene.look_at(client.link)
        turner.until(lambda: not turner.left_over(), 2.0)
        scene.report.broken += turner.left_over()


def storm(plan: Plan) -> Report:
    """Run it; `Report.check` tells whether all was as it must be."""
    scene = Scene(plan)
    with own_reactor() as turner:
        before = census.Census()
        play(turner, scene, before)
        scene.report.broken += census.left_over_soon(before, turn=turner.turn)
    return scene.sum_up()
