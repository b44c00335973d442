"""Several questions on their way at once (`max_in_flight`) against lock-step.

Two devices: one that answers at once, where pipelining saves the switches between the
processes; and one that takes a millisecond, as over a long line, where it saves the waiting.
"""

from __future__ import annotations

import inspect
import json
import sys
import time

from .figures import measure, report
from .figures.measure import QUESTION, TIMEOUT, Result
from .servers import devices
from .servers.echo import server_process

DEPTHS = (1, 2, 4, 8, 16, 32)
DELAYS = (0.0, 0.001)


def worker() -> None:
    """``python -m benchmarks.pipelining --worker PORT DEPTH COUNT``: ask, and print the times."""
    from twisted.internet import defer, reactor

    from socs_tcp import DeviceClient

    port, depth, count = map(int, sys.argv[2:5])
    if "max_in_flight" not in inspect.signature(DeviceClient).parameters:
        print(json.dumps({"skip": "this DeviceClient has no max_in_flight"}), flush=True)
        return

    async def lane(client, share: int) -> None:
        for _ in range(share):
            await client.query(QUESTION)

    async def go() -> None:
        client = DeviceClient("127.0.0.1", port, TIMEOUT, reactor=reactor, max_in_flight=depth)
        await client.when_connected()
        await lane(client, 50)
        wall, cpu = time.perf_counter(), time.process_time()
        await defer.gatherResults([defer.ensureDeferred(lane(client, count // depth))
                                   for _ in range(depth)])
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(json.dumps({"wall": wall, "cpu": cpu, "count": count // depth * depth}), flush=True)

    def begin() -> None:
        done = defer.Deferred.fromCoroutine(go())
        done.addErrback(lambda failure: failure.printTraceback())
        done.addBoth(lambda _: reactor.stop())
    reactor.callWhenRunning(begin)
    reactor.run()


def one_run(port: int, depth: int, count: int) -> dict[str, float]:
    with server_process("benchmarks.pipelining", "--worker", str(port), str(depth),
                        str(count)) as process:
        line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"pipelining {depth} deep ended; see its message above")
    return json.loads(line)


def measured(rounds: int, count: int, *, quick: bool) -> Result:
    result = measure.new_result("pipelining", quick, rounds=rounds, queries=count)
    cores = measure.cores()
    for delay in DELAYS:
        measure.say(f"pipelining: {len(DEPTHS)} depths, device takes {delay * 1e3:g} ms, "
                    f"{rounds} rounds")
        # A device that thinks leaves its core idle: then each side has one of its own.
        measure.pin(cores[-1] if delay else cores[0])
        try:
            with devices.running(delay) as (_process, (port, _)):
                measure.pin(cores[0])
                asked = count // 10 if delay else count
                found = measure.interleaved(
                    [str(depth) for depth in DEPTHS], rounds,
                    lambda depth, port=port, asked=asked: one_run(port, int(depth), asked))
        finally:
            measure.pin(*cores)
        if "skip" in found["1"][0]:
            measure.skip(result, "max_in_flight", found["1"][0]["skip"])
            return result
        _fill(result, found, delay)
    return result


def _fill(result: Result, found: dict[str, list[dict[str, float]]], delay: float) -> None:
    lock_step = 0.0
    for depth, runs in found.items():
        rate = measure.spread(one["count"] / one["wall"] for one in runs)
        lock_step = lock_step or rate["median"]
        gain = measure.ratio(rate["median"], lock_step)
        result["rows"].append({
            "max_in_flight": int(depth), "device_ms": delay * 1e3, "per_second": rate,
            "cpu_us": measure.spread(one["cpu"] / one["count"] * 1e6 for one in runs),
            "vs_lock_step": gain})
        result["figures"][f"pipelining.{delay * 1e3:g}ms.{depth}.vs_lock_step"] = gain


def main(args: list[str] | None = None) -> Result:
    parser = measure.make_parser("pipelining", __doc__)
    parser.add_argument("--rounds", type=int, help="default 15; 2 if quick")
    parser.add_argument("--queries", type=int, help="a round; default 10000; 1000 if quick")
    opts = parser.parse_args(args)
    result = measured(opts.rounds or (2 if opts.quick else 15),
                      opts.queries or (1000 if opts.quick else 10000), quick=opts.quick)
    measure.save(opts.json, result)
    report.show(result)
    return result


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker()
    else:
        main()
