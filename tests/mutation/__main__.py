"""Does a test fail where the code is wrong? A random sample of small faults, one after the other.

::

    python -m tests.mutation --sample 200 --jobs 4

Each fault is made in a copy of the package: a comparison turned, a statement dropped, a number
changed, a condition denied. The tests of the module are run against it, then those of its room,
then the contract. Those that nothing notices are printed. ``EQUIVALENT`` holds those that change
nothing that anybody could notice, with the reason; an entry that fits no place any more is an
error.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from .equivalent import EQUIVALENT
from .faults import Fault, faults_of
from .suites import ROOMS, ROOT, suites

#: Seconds for one run of pytest; whoever takes longer has noticed.
LONGEST = 600.0
#: Where tests say what a machine can do, and what is made and not written.
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".hypothesis", "docs", "docker", "e2e")


def all_faults(rooms: list[str], modules: list[str]) -> list[Fault]:
    """All that can be made."""
    return [fault for room in rooms for path in sorted((ROOT / "socs_tcp" / room).glob("*.py"))
            if not modules or path.stem in modules
            for fault in faults_of(room, path.stem, path.read_text())]


def passes(suite: list[str], place: Path) -> bool:
    """Do these tests pass in this copy?"""
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "--timeout=60", "-p", "no:cacheprovider",
             *suite], cwd=place, capture_output=True, timeout=LONGEST, check=False, text=True,
            env=environment)
    except subprocess.TimeoutExpired:
        return False
    if done.returncode not in (0, 1) and "Timeout" not in done.stdout + done.stderr \
            and "rror" not in done.stdout:
        print(f"pytest {' '.join(suite)} ended with {done.returncode}:\n{done.stdout[-800:]}"
              f"{done.stderr[-800:]}", flush=True)
    return done.returncode == 0


def is_noticed(fault: Fault, place: Path) -> bool:
    """Do tests fail with this fault?"""
    path = place / "socs_tcp" / fault.room / f"{fault.module}.py"
    right = path.read_text()
    path.write_text(fault.source)
    try:
        return not all(passes(suite, place) for suite in suites(fault.room, fault.module))
    finally:
        path.write_text(right)


def copy_to(place: Path) -> None:
    for name in ("socs_tcp", "tests"):
        shutil.copytree(ROOT / name, place / name, ignore=LEFT_OUT)
    for name in ("pyproject.toml", "setup.cfg", "setup.py"):
        shutil.copy(ROOT / name, place / name)


def stale(rooms: list[str]) -> list[str]:
    """Entries of the list that fit no place any more."""
    known = {fault.name for fault in all_faults(rooms, [])}
    return [name for name in EQUIVALENT
            if name.partition("/")[0] in rooms and name not in known]


def main(args: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation",
                                     description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", type=int, default=200, help="so many faults (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="so many at once (%(default)s)")
    parser.add_argument("--room", action="append", choices=sorted(ROOMS))
    parser.add_argument("--module", action="append", default=[])
    parser.add_argument("--text", default="", help="faults with this in their name, all of them")
    options = parser.parse_args(args)
    # a shell that starts us in the background has it ignored, and the tests need it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rooms = options.room or list(ROOMS)
    faults = [fault for fault in all_faults(rooms, options.module) if options.text in fault.name]
    sample = len(faults) if options.text else min(options.sample, len(faults))
    chosen = random.Random(options.seed).sample(faults, sample)
    print(f"seed {options.seed}: {sample} of {len(faults)} faults", flush=True)
    old = stale(rooms)
    for name in old:
        print(f"in EQUIVALENT, and nowhere else: {name}", flush=True)
    known = [fault for fault in chosen if fault.name in EQUIVALENT]
    alive = try_all([fault for fault in chosen if fault.name not in EQUIVALENT], options.jobs)
    print(f"{sample - alive - len(known)} noticed, {len(known)} change nothing, {alive} alive")
    return bool(alive or old)


def try_all(faults: list[Fault], jobs: int) -> int:
    """How many of them nothing notices."""
    places: SimpleQueue[Path] = SimpleQueue()
    alive = 0

    def one(fault: Fault) -> tuple[Fault, bool, float]:
        place, began = places.get(), time.monotonic()
        try:
            return fault, is_noticed(fault, place), time.monotonic() - began
        finally:
            places.put(place)
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(jobs) as pool:
        for job in range(jobs):
            place = Path(name) / str(job)
            copy_to(place)
            places.put(place)
        for fault, noticed, took in pool.map(one, faults):
            alive += not noticed
            if not noticed:
                print(f"alive: line {fault.line}: {fault.name}  [{took:.0f} s]", flush=True)
    return alive


if __name__ == "__main__":
    sys.exit(main())
