"""The OCS side: what `DeviceAgentMixin.poll` and publishing to a feed cost per sample.

No router: the agent under it only counts what it is given, so that what is measured is the
work in the agent's process up to that point. `read` gives the same reading again and again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from .figures import measure, report
from .figures.measure import Result

FIELDS = {f"channel_{number}": 1.25 * number for number in range(1, 6)}


class StubAgent:
    """As much of an OCSAgent as a feed and the mixin ask for."""

    agent_address = "observatory.bench"
    agent_session_id = "0"
    class_name = "Bench"
    log = SimpleNamespace(error=print)

    def __init__(self) -> None:
        self.sessions: dict[str, Any] = {}
        self.published = 0

    def publish(self, _address: str, _message: object) -> None:
        self.published += 1


class Session(SimpleNamespace):
    """A running operation that is told to stop after so many samples."""

    def __init__(self) -> None:
        super().__init__(status="running", session_id=1, op_name="acq", degraded=False,
                         start_time=time.time(), data={})

    def add_message(self, text: str, timestamp: float | None = None) -> None:
        raise RuntimeError(f"nothing should have happened, but: {text}")


class Device:
    """What a mixin watches, as long as somebody has it."""

    def __init__(self, link: Any) -> None:
        self.link = link


class Bench:
    """The ways to take `count` samples; each gives the wall and the CPU seconds it took."""

    def __init__(self) -> None:
        from ocs.ocs_feed import Feed

        from socs_tcp import DeviceAgentMixin, Link

        class Agent(DeviceAgentMixin):
            agent = StubAgent()

        self.session = Session()
        self.mixin = Agent()
        self.mixin.agent.sessions["acq"] = self.session
        link = Link("bench")
        link.connected()
        link.good()
        self.device = Device(link)
        self.mixin.watch(self.device)
        self.feed = Feed(self.mixin.agent, "bench", record=True, buffer_time=1)

    def reading(self) -> dict[str, Any]:
        return FIELDS

    def message(self) -> dict[str, Any]:
        return {"block_name": "bench", "timestamp": time.time(), "data": FIELDS}

    def by_hand(self, count: int) -> None:
        """The loop of the original's documentation."""
        session, taken = self.session, 0
        while session.status in ["starting", "running"] and taken < count:
            try:
                self.reading()
                if session.degraded:
                    session.degraded = False
            except ConnectionError:
                session.degraded = True
                continue
            taken += 1

    def poll(self, count: int) -> None:
        with contextlib.closing(self._samples()) as samples:
            for _, _ in zip(range(count), samples, strict=False):
                pass

    def _samples(self) -> Iterator[Any]:
        return self.mixin.poll(self.session, self.reading, period=1e-9)

    def poll_and_publish(self, count: int) -> None:
        with contextlib.closing(self._samples()) as samples:
            for _, _ in zip(range(count), samples, strict=False):
                self.feed.publish_message(self.message())

    def publish(self, count: int) -> None:
        for _ in range(count):
            self.feed.publish_message(self.message())

    async def poll_deferred(self, count: int) -> None:
        left = [count]

        def handle(_reading: Any) -> None:
            left[0] -= 1
            if not left[0]:
                self.session.status = "stopping"
        self.session.status = "running"
        await self.mixin.poll_deferred(self.session, self.reading, handle, period=1e-9)
        self.session.status = "running"


WAYS: dict[str, Callable[[Bench], Any]] = {
    "loop by hand": lambda bench: bench.by_hand,
    "poll": lambda bench: bench.poll,
    "poll_deferred": lambda bench: bench.poll_deferred,
    "publish": lambda bench: bench.publish,
    "poll and publish": lambda bench: bench.poll_and_publish,
    "publish, from a worker thread": lambda bench: bench.publish,
}
#: The others block, and run in a worker thread, as OCS has it.
IN_REACTOR = ("poll_deferred", "publish")


async def _measure(reactor, rounds: int, count: int) -> dict[str, list[dict[str, float]]]:
    from twisted.internet.threads import deferToThread
    bench = Bench()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            run = way(bench)
            wall, cpu = time.perf_counter(), time.process_time()
            if name not in IN_REACTOR:
                await deferToThread(run, count)     # what it asks of the reactor comes before this
            elif (waiting := run(count)) is not None:
                await waiting
            found[name].append({"cpu": time.process_time() - cpu,
                                "wall": time.perf_counter() - wall})
    return found


def measured(rounds: int, count: int, *, quick: bool) -> Result:
    from twisted.internet import defer, reactor
    result = measure.new_result("ocs_side", quick, rounds=rounds, samples_per_round=count,
                                fields=len(FIELDS))
    measure.say(f"ocs_side: {len(WAYS)} ways, {rounds} rounds of {count} samples")
    outcome: list[Any] = []

    def begin() -> None:
        done = defer.Deferred.fromCoroutine(_measure(reactor, rounds, count))
        done.addBoth(outcome.append)
        done.addBoth(lambda _: reactor.stop())
    reactor.callWhenRunning(begin)
    reactor.run()
    found = outcome[0]
    if not isinstance(found, dict):
        if found.check(ImportError) is None:
            found.raiseException()
        measure.skip(result, "all", f"cannot import it: {found.getErrorMessage()}")
        return result
    for name, runs in found.items():
        row = {"what": name,
               "wall_us": measure.spread(one["wall"] / count * 1e6 for one in runs),
               "cpu_us": measure.spread(one["cpu"] / count * 1e6 for one in runs)}
        result["rows"].append(row)
        result["figures"][f"ocs_side.{name}.cpu_us"] = row["cpu_us"]["median"]
    return result


def main(args: list[str] | None = None) -> Result:
    """Runs once in a process, since a reactor does."""
    parser = measure.make_parser("ocs_side", __doc__)
    parser.add_argument("--rounds", type=int, help="default 30; 5 if quick")
    parser.add_argument("--samples", type=int, help="a round; default 5000; 500 if quick")
    opts = parser.parse_args(args)
    measure.pin(measure.cores()[0])
    result = measured(opts.rounds or (5 if opts.quick else 30),
                      opts.samples or (500 if opts.quick else 5000), quick=opts.quick)
    measure.save(opts.json, result)
    report.show(result)
    return result


if __name__ == "__main__":
    main()
