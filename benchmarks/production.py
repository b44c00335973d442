"""Cost in production: CPU and memory of real agents, through a real router.

``TCPDeviceAgent`` at 1, 10 and 50 queries a second; and a small agent on ``DeviceAgentMixin``, to
see what settle, gap, reserve, trace and the link feed cost. All agents run at the same time, so
that whatever disturbs the machine disturbs all of them. They have one core; the router and the
device have the other. CPU times are those of the agents alone.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .clients import polling_agent
from .figures import measure, report
from .figures.measure import Result

#: Queries a second of a `TCPDeviceAgent`; 0 for one that waits.
RATES = (0, 1, 10, 50)
#: Of the ways to poll.
WAY_RATE = 50
#: Seconds until all agents poll, from the start of the last.
PATIENCE = 120.0

DESCRIPTION = """\
device: a thermometer
framing: {{terminator: "\\r\\n"}}
queries:
  kelvin: {{send: "KRDG? 1", period: {period}, fields: {{kelvin: {{unit: K}}}}}}
"""
#: Publishes what was read within a second at once.
BUFFERED = "feeds: {readings: {buffer_time: 1}}\n"


def device(line: bytes) -> bytes | None:
    """It answers questions, and not commands."""
    return b"+12.345678" if b"?" in line else None


class Agent:
    """A process, and what it used since the last look."""

    def __init__(self, router: Any, name: str, instance: str, rate: float) -> None:
        self.name, self.rate = name, rate
        self._router, self._instance = router, instance
        self._pid = router.agents[instance].pid
        self._cpu, self._began = 0.0, 0.0
        self._data: dict[str, Any] = {}
        self.windows: list[dict[str, float]] = []

    def ready(self) -> None:
        """Wait until it polls, if it is to."""
        self._client = self._router.client(self._instance, timeout=PATIENCE)
        give_up = time.monotonic() + PATIENCE
        while not self._polls():
            if time.monotonic() > give_up:
                raise RuntimeError(f"{self.name} does not poll:\n"
                                   f"{self._router.agents[self._instance].tail()}")
            time.sleep(0.1)

    def _polls(self) -> bool:
        """Does it, without a failure, if it is to? Keeps what its session says."""
        if not self.rate:
            return True
        session = self._client.acq.status().session or {}
        self._data = session.get("data") or {}
        return not session.get("degraded") and bool(
            self._data.get("fields") or self._data.get("asked"))

    def begin(self) -> None:
        """Look, before a window; `end`, after it. To answer us costs it some time, which is not
        counted."""
        self._look()
        self._cpu, self._began = cpu_seconds(self._pid), time.monotonic()

    def end(self) -> None:
        cpu, wall = cpu_seconds(self._pid) - self._cpu, time.monotonic() - self._began
        before = self._data
        self._look()
        window = {"core": cpu / wall * 100, "memory": memory(self._pid)}
        if "asked" in before:
            count = self._data["asked"] - before["asked"]
            window |= {"cpu": cpu / count * 1e6, "rate": count / wall,
                       "took": (self._data["seconds"] - before["seconds"]) / count * 1e3}
        self.windows.append(window)

    def _look(self) -> None:
        if not self._polls():
            raise RuntimeError(f"{self.name} is degraded, or has ended")

    def median(self, what: str) -> dict[str, float | int]:
        return measure.spread(window[what] for window in self.windows)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, of all its threads, to the nanosecond."""
    return sum(int(path.read_text().split()[0])
               for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def memory(pid: int) -> float:
    """MB that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


@contextlib.contextmanager
def running(rates: tuple[int, ...], ways: tuple[str, ...]) -> Iterator[list[Agent]]:
    """The agents, all of which poll."""
    from socs_tcp.testing import DeviceServer
    from socs_tcp.testing.router.crossbar import CrossbarRouter

    cores = measure.cores()
    measure.pin(cores[-1])
    with DeviceServer(device) as server, CrossbarRouter() as router:
        measure.pin(cores[0])
        agents = [*_described(router, server.port, rates), *_polling(router, server.port, ways)]
        measure.pin(cores[-1])
        try:
            for agent in agents:
                agent.ready()
            yield agents
        finally:
            measure.pin(*cores)


def _described(router: Any, port: int, rates: tuple[int, ...]) -> Iterator[Agent]:
    for rate, buffered in [*((rate, "") for rate in rates), (rates[-1], BUFFERED)]:
        instance = f"rate-{rate}{'-buffered' if buffered else ''}"
        file = router.directory / f"{instance}.yaml"
        file.write_text(DESCRIPTION.format(period=1 / (rate or 1)) + buffered)
        router.start_agent("TCPDeviceAgent", instance, args=[
            "--description", str(file), "--ip-address", "127.0.0.1", "--port", str(port),
            "--mode", "acq" if rate else "idle"])
        name = f"{rate} queries a second{', feed buffered' if buffered else ''}"
        yield Agent(router, name if rate else "waits", instance, rate)


def _polling(router: Any, port: int, ways: tuple[str, ...]) -> Iterator[Agent]:
    for number, way in enumerate(ways):
        router.start_agent(polling_agent.__file__, f"way-{number}", args=[
            "--port", str(port), "--way", way, "--period", str(1 / WAY_RATE)])
        yield Agent(router, way, f"way-{number}", WAY_RATE)


def measured(rounds: int, seconds: float, *, quick: bool, rates: tuple[int, ...] = RATES,
             ways: tuple[str, ...] = polling_agent.WAYS) -> Result:
    result = measure.new_result("production", quick, rounds=rounds, seconds=seconds)
    measure.say(f"production: {len(rates) + 1 + len(ways)} agents start")
    with running(rates, ways) as agents:
        measure.say(f"production: {rounds} rounds of {seconds:g} s")
        for _ in range(rounds):
            for agent in agents:
                agent.begin()
            time.sleep(seconds)
            for agent in agents:
                agent.end()
    described = len(agents) - len(ways)
    _fill_rates(result, agents[:described])
    _fill_ways(result, agents[described:])
    return result


def _fill_rates(result: Result, agents: list[Agent]) -> None:
    """What each costs, beyond one that waits, and of a core."""
    waits = agents[0]
    for agent in agents:
        more = None
        if agent.rate:
            core = agent.median("core")["median"] - waits.median("core")["median"]
            more = round(core / 100 / agent.rate * 1e6)
        result["rows"].append({"TCPDeviceAgent": agent.name, "core_percent": agent.median("core"),
                               "cpu_us_a_query": more,
                               "memory_MB": round(agent.median("memory")["median"], 1)})
        result["figures"][f"production.{agent.name}.core_percent"] = \
            agent.median("core")["median"]


def _fill_ways(result: Result, agents: list[Agent]) -> None:
    """What each costs beyond the first."""
    for agent in agents:
        cpu = agent.median("cpu")
        more = round(cpu["median"] - agents[0].median("cpu")["median"], 1)
        result["rows"].append({f"{WAY_RATE} polls a second, with": agent.name, "cpu_us": cpu,
                               "more_us": more, "took_ms": agent.median("took"),
                               "per_second": round(agent.median("rate")["median"], 1),
                               "memory_MB": round(agent.median("memory")["median"], 1)})
        result["figures"][f"production.{agent.name}.more_us"] = more


def main(args: list[str] | None = None) -> Result:
    parser = measure.make_parser("production", __doc__)
    parser.add_argument("--rounds", type=int, help="default 10; 2 if quick")
    parser.add_argument("--seconds", type=float, help="of each; default 10; 3 if quick")
    opts = parser.parse_args(args)
    result = measured(opts.rounds or (2 if opts.quick else 10),
                      opts.seconds or (3.0 if opts.quick else 10.0), quick=opts.quick)
    measure.save(opts.json, result)
    report.show(result)
    return result


if __name__ == "__main__":
    main()
