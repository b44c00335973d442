"""``python -m tests.storms``: the storms, the soak and the broken builds, on the command line."""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from . import blocking, deferreds, lost_network, mutants, soak
from .plan import PLANS, Plan, Report

STORMS = {"blocking": blocking.storm, "twisted": deferreds.storm}


def make_parser() -> argparse.ArgumentParser:
    """Make an argument parser."""
    parser = argparse.ArgumentParser(prog="python -m tests.storms", description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    run = parts.add_parser("run", help="storms, one after the other; the counters at the end")
    run.add_argument("--face", choices=sorted(STORMS), action="append")
    run.add_argument("--queries", type=int, default=100_000, help="for each face (100000)")
    run.add_argument("--seed", type=int, default=1)
    run.add_argument("--only", default="", help="storms with this in their name")
    run.add_argument("--jobs", type=int, default=1, help="so many at once (%(default)s); they "
                     "mostly wait, so that a core has room for several")
    run.add_argument("--json", metavar="FILE", help="write the reports there, too")
    parts.add_parser("one", help="one of them; for 'run', which gives it a plan")
    broken = parts.add_parser("mutants", help="broken builds, which the tests must notice")
    broken.add_argument("--only", default="", help="those with this in their name")
    long = parts.add_parser("soak", help="minutes at full speed, with a fault a second")
    long.add_argument("--minutes", type=float, default=10)
    long.add_argument("--seed", type=int, default=1)
    parts.add_parser("network", help="a network that is really lost; needs root")
    return parser


def run_storms(args: argparse.Namespace) -> int:
    """All plans of a face share its questions."""
    chosen: list[Plan] = []
    for face in args.face or sorted(STORMS):
        plans = [plan for plan in PLANS if plan.face == face and args.only in plan.name]
        chosen += [replace(plan, seed=args.seed, queries=plan.rounds * (
            -(-args.queries // len(plans) // plan.rounds))) for plan in plans]
    chosen.sort(key=lambda plan: not plan.talks)      # those take longest
    reports: list[Report] = []
    for report in all_of(chosen, args.jobs):
        reports.append(report)
        print(line(report), flush=True)
        if args.json:
            with open(args.json, "w") as file:
                json.dump([report.as_json() for report in reports], file, indent=1)
    return 1 if any(report.broken for report in reports) else 0


def all_of(plans: list[Plan], jobs: int) -> Iterator[Report]:
    """The reports. Each storm has a process to itself, since it counts what is left over."""
    def storm(plan: Plan) -> Report:
        done = subprocess.run([sys.executable, "-m", "tests.storms", "one"], check=True,
                              input=pickle.dumps(plan), stdout=subprocess.PIPE)
        report: Report = pickle.loads(done.stdout)
        return report
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(storm, plans)


def run_one(_args: argparse.Namespace) -> int:
    """Of `all_of`, in the process of its own."""
    plan: Plan = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(pickle.dumps(STORMS[plan.face](plan)))
    return 0


def run_soak(args: argparse.Namespace) -> int:
    """Both faces at once."""
    reports = soak.soak(args.minutes, args.seed)
    for report in reports:
        print(line(report), flush=True)
    return 1 if any(report.broken for report in reports) else 0


def line(report: Report) -> str:
    """One report for a person."""
    def told(counts: dict[str, int]) -> str:
        return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
    text = (f"{report.plan.name}: {report.asked} questions in {report.seconds:.0f} s over "
            f"{report.connections} connections\n  answers: {told(report.answers)}\n"
            f"  errors: {told(report.errors)}\n  faults: {told(report.injected)}\n"
            f"  worst call: {report.worst_overrun:+.3f} s past its timeout; healed in "
            f"{report.heal:.3f} s; black hole noticed {report.notice:+.3f} s past its timeout; "
            f"{report.hammered} connections a second to a device that hangs up\n"
            f"  {report.outages} outages, the longest {report.worst_outage:.3f} s; "
            f"memory blocks {report.blocks}; log lines {report.log_lines}")
    return text + "".join(f"\n  BROKEN: {broken}" for broken in report.broken)


def main(args: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = make_parser().parse_args(args)
    parts = {"run": run_storms, "mutants": lambda args: min(mutants.run(args.only), 1),
             "one": run_one, "soak": run_soak, "network": lambda _args: lost_network.main()}
    return parts[options.part](options)


if __name__ == "__main__":
    sys.exit(main())
