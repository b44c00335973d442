"""10 to 2,000 devices in one process: CPU per query, jitter, memory, and half of them failing.

The polling process has one core, the simulated devices another. CPU per query is more than
in `query`: here each reply finds the process asleep and its caches cold. Between devices that
is the same for all, so that what grows with their number shows.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

from .figures import measure, report
from .figures.measure import Result

PEERS = ("bare", "asyncio", "uvloop", "LineReceiver")
OURS = "DeviceClient"
THREADED = ("bare, threads", "TCPInterface")
COLUMNS = ("cpu_us", "core_used", "late_median_ms", "late_p99_ms", "reply_median_ms",
           "reply_p99_ms", "missed", "gc_longest_ms")


def one_crowd(kind: str, count: int, rate: float, seconds: float, *more: str) -> dict[str, Any]:
    """Run it in a process of its own; the numbers, or ``{"skip": why}``."""
    args = [sys.executable, "-m", "benchmarks.crowd", kind, str(count), str(rate), str(seconds)]
    done = subprocess.run([*args, *more], capture_output=True, text=True, check=False,
                          timeout=300, cwd=measure.CHECKOUT)
    if done.returncode:
        raise RuntimeError(f"{kind} with {count} devices: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def middle(found: list[dict[str, Any]], key: str, phase: str = "healthy") -> float | None:
    """The median of one number over the rounds."""
    values = [one[phase][key] for one in found if one[phase][key] is not None]
    return float(f"{statistics.median(values):.4g}") if values else None


def polled(result: Result, counts: list[int], rates: list[float], rounds: int,
           seconds: float) -> None:
    """All kinds at all sizes, in turns."""
    kinds = [*PEERS, OURS]
    for rate in rates:
        for count in counts:
            measure.say(f"many: {count} devices at {rate:g} Hz, {len(kinds)} kinds, "
                        f"{rounds} rounds of {seconds:g} s")
            found = measure.interleaved(
                kinds, rounds, lambda kind, n=count, hz=rate: one_crowd(kind, n, hz, seconds))
            for kind in list(found):
                if "skip" in found[kind][0]:
                    measure.skip(result, kind, found[kind][0]["skip"])
                    kinds.remove(kind)
                    del found[kind]
            _fill(result, found, count, rate)


def _fill(result: Result, found: dict[str, list[dict[str, Any]]], count: int, rate: float) -> None:
    figures = result["figures"]
    for kind, runs in found.items():
        row = {"kind": kind, "devices": count, "hz": rate,
               **{key: middle(runs, key) for key in COLUMNS},
               **{key: float(f"{statistics.median(one[key] for one in runs):.4g}")
                  for key in ("kB_per_device", "all_up_s")}}
        result["rows"].append(row)
        if kind == OURS:
            where = f"many.{count}x{rate:g}Hz"
            figures.update({f"{where}.{key}": row[key] for key in row if key != "kind"})
            # Not the part of a core that was used: a process that is kept from it uses less.
            figures[f"{where}.core_needed"] = measure.ratio(row["cpu_us"] * count * rate, 1e6)
            for peer, theirs in found.items():
                if peer != OURS:
                    figures[f"{where}.cpu_vs_{peer}"] = measure.ratio(
                        row["cpu_us"], middle(theirs, "cpu_us"))
            few = figures.get(f"many.10x{rate:g}Hz.cpu_us")
            if few:
                figures[f"{where}.cpu_vs_10_devices"] = measure.ratio(row["cpu_us"], few)


def in_threads(result: Result, count: int, rate: float, rounds: int, seconds: float) -> None:
    """Blocking devices, each in a thread of its own."""
    measure.say(f"many: {count} blocking devices at {rate:g} Hz, a thread each, {rounds} rounds")
    found = measure.interleaved([*THREADED], rounds,
                                lambda kind: one_crowd(kind, count, rate, seconds))
    _fill(result, found, count, rate)
    bare, ours = (middle(found[kind], "cpu_us") for kind in THREADED)
    result["figures"][f"many.threads.{count}x{rate:g}Hz.cpu_vs_bare"] = measure.ratio(ours, bare)


def half_fails(result: Result, count: int, rate: float, rounds: int, seconds: float) -> None:
    """Unplug every second device for a while; look at the others, and at the way back."""
    measure.say(f"many: {count} devices at {rate:g} Hz, half of them unplugged, {rounds} rounds "
                "with the garbage collector as it is and tuned")
    runs, runs_tuned = [], []
    for _ in range(rounds):
        runs.append(one_crowd(OURS, count, rate, seconds, "--unplug"))
        runs_tuned.append(one_crowd(OURS, count, rate, seconds, "--unplug", "--tune-gc"))
    for label, some in (("", runs), (", gc tuned", runs_tuned)):
        for phase in ("healthy", "outage", "return"):
            result["rows"].append({"phase": phase + label, "devices": count, "hz": rate,
                                   **{key: middle(some, key, phase) for key in COLUMNS},
                                   "failed_polls": middle(some, "failed", phase),
                                   "disturbed_ms": middle(some, "disturbed_ms", phase)})
    figures = result["figures"]
    figures["many.half_fails.late_p99_vs_healthy.gc_tuned"] = measure.ratio(
        middle(runs_tuned, "late_p99_ms", "outage"), middle(runs_tuned, "late_p99_ms"))
    for what in ("late_p99", "reply_p99"):
        figures[f"many.half_fails.{what}_vs_healthy"] = measure.ratio(
            middle(runs, f"{what}_ms", "outage"), middle(runs, f"{what}_ms"))
        figures[f"many.half_fails.{what}_back_vs_healthy"] = measure.ratio(
            middle(runs, f"{what}_ms", "return"), middle(runs, f"{what}_ms"))
    for what, key in (("attempts", "attempts_s"), ("back", "back_s")):
        # The first tenth of a second is the loss itself: who is polled finds out at once.
        later = 0.5 if what == "attempts" else 0.0
        figures[f"many.half_fails.{what}.busiest_0.1s_share"] = measure.ratio(statistics.median(
            busiest([when for when in one[key] if when >= later], 0.1) for one in runs), count // 2)
        result[key] = runs[-1][key]
    figures["many.half_fails.never_back"] = max(count // 2 - len(one["back_s"]) for one in runs)
    figures["many.half_fails.attempts_per_device"] = statistics.median(
        len(one["attempts_s"]) / (count // 2) for one in runs)
    figures["many.half_fails.all_back_s"] = statistics.median(
        max(one["back_s"], default=0.0) for one in runs)


def busiest(times: list[float], width: float) -> int:
    """The most events within any stretch of so many seconds."""
    times, most, first = sorted(times), 0, 0
    for last, when in enumerate(times):
        while when - times[first] > width:
            first += 1
        most = max(most, last - first + 1)
    return most


def main(args: list[str] | None = None) -> Result:
    parser = measure.make_parser("many", __doc__)
    parser.add_argument("--rounds", type=int, help="default 3; 1 if quick")
    parser.add_argument("--seconds", type=float, help="of each; default 8; 2 if quick")
    parser.add_argument("--only", choices=("polled", "threads", "outage"), nargs="+",
                        default=("polled", "threads", "outage"), help="default all of them")
    parser.add_argument("--devices", type=int, nargs="+",
                        help="how many. Default: 10 to 2,000 polled, 200 threads, 1,000 in an "
                             "outage; fewer if quick")
    parser.add_argument("--hz", type=float, nargs="+", help="of those polled; default 1 and 10")
    opts = parser.parse_args(args)
    rounds = opts.rounds or (1 if opts.quick else 3)
    seconds = opts.seconds or (2.0 if opts.quick else 8.0)
    # More, since a single pause of the garbage collector decides what one of them comes to.
    outages = 1 if opts.quick else 2 * rounds + 1
    result = measure.new_result("many", opts.quick, rounds=rounds, seconds=seconds,
                                outages=outages)
    if len(measure.cores()) < 2:
        measure.say("many: the devices share the only core; the figures hold their work, too")
    quick = opts.quick
    if "polled" in opts.only:
        polled(result, opts.devices or ([10, 100] if quick else [10, 100, 1000, 2000]),
               opts.hz or ([10.0] if quick else [1.0, 10.0]), rounds, seconds)
    if "threads" in opts.only:
        in_threads(result, (opts.devices or [10 if quick else 200])[-1], 10.0, rounds, seconds)
    if "outage" in opts.only:
        half_fails(result, (opts.devices or [100 if quick else 1000])[-1], 10.0, outages, seconds)
    measure.save(opts.json, result)
    report.show(result)
    return result


if __name__ == "__main__":
    main()
