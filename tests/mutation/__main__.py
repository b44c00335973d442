"""Does a test fail where the code is wrong? A random sample of small faults, one after the other.

::

    python -m tests.mutation --sample 200 --jobs 4

Each fault is made in a copy of the package: a comparison turned, a statement dropped, a number
changed, a condition denied. The tests of the module are run against it, then those of its room,
then the contract. A test that fails has to pass without the fault, or it has noticed nothing.
Those that nothing notices are printed. ``EQUIVALENT`` holds those that change
nothing that anybody could notice, with the reason; an entry that fits no place any more is an
error.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue

from .equivalent import EQUIVALENT
from .faults import Fault, faults_of
from .suites import ROOMS, ROOT, suites

#: Seconds for one run of pytest; whoever takes longer has noticed.
LONGEST = 600.0
HANGS = "a test that hangs"
#: Where tests say what a machine can do, and what is made and not written.
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".hypothesis", "docs", "docker", "e2e")


def all_faults(rooms: list[str], modules: list[str]) -> list[Fault]:
    """All that can be made."""
    return [fault for room in rooms for path in sorted((ROOT / "socs_tcp" / room).glob("*.py"))
            if not modules or path.stem in modules
            for fault in faults_of(room, path.stem, path.read_text())]


def failing(suite: list[str], place: Path) -> str:
    """The first of these tests that fails in this copy; empty if none does."""
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "--timeout=60", "-p", "no:cacheprovider",
             *suite], cwd=place, capture_output=True, timeout=LONGEST, check=False, text=True,
            env=environment)
    except subprocess.TimeoutExpired:
        return HANGS
    if done.returncode == 0:
        return ""
    found = re.findall(r"^(?:FAILED|ERROR) (\S+\.py(?:::.*?)?)(?: - .*)?$", done.stdout,
                       re.MULTILINE)
    return found[0] if found else HANGS


def noticed_by(fault: Fault, place: Path) -> str:
    """The test that fails with this fault, and not without it; empty if there is none."""
    path = place / "socs_tcp" / fault.room / f"{fault.module}.py"
    right = path.read_text()
    for suite in suites(fault.room, fault.module):
        path.write_text(fault.source)
        try:
            test = failing(suite, place)
        finally:
            path.write_text(right)
        if test == HANGS or (test and not failing([test], place)):
            return test
    return ""


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
    parser.add_argument("--verbose", action="store_true", help="tell what noticed each")
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
    alive = try_all([fault for fault in chosen if fault.name not in EQUIVALENT], options.jobs,
                    options.verbose)
    print(f"{sample - alive - len(known)} noticed, {len(known)} change nothing, {alive} alive")
    return bool(alive or old)


def try_all(faults: list[Fault], jobs: int, talk: bool) -> int:
    """How many of them nothing notices."""
    places: SimpleQueue[Path] = SimpleQueue()
    alive = 0

    def one(fault: Fault) -> tuple[Fault, str, float]:
        place, began = places.get(), time.monotonic()
        try:
            return fault, noticed_by(fault, place), time.monotonic() - began
        finally:
            places.put(place)
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(jobs) as pool:
        for job in range(jobs):
            place = Path(name) / str(job)
            copy_to(place)
            places.put(place)
        for future in as_completed([pool.submit(one, fault) for fault in faults]):
            fault, test, took = future.result()
            alive += not test
            if talk or not test:
                print(f"{test or 'alive'}: line {fault.line}: {fault.name}  [{took:.0f} s]",
                      flush=True)
    return alive


if __name__ == "__main__":
    sys.exit(main())
