"""Does a test fail where the code is wrong? A random sample of small faults, one after the other.

::

    python -m tests.mutation --sample 200 --jobs 4

Each fault is made in a copy of the package: a comparison turned, a statement dropped, a number
changed, a condition denied. One run without a fault records which test runs which line; those
that run the line of the fault are run against it, the fastest first, then all others of its room.
A test that fails has to pass without the fault, or it has noticed nothing.
Those that nothing notices are printed. ``EQUIVALENT`` holds those that change
nothing that anybody could notice, with the reason; an entry that fits no place any more is an
error.
"""

from __future__ import annotations

import argparse
import hashlib
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from .copies import UNTOLD, Copy, files
from .equivalent import EQUIVALENT
from .faults import Fault, faults_of
from .lines import Lines, lines
from .suites import ROOMS, ROOT, own


def all_faults(rooms: list[str]) -> list[Fault]:
    """All that can be made."""
    return [fault for room in rooms for path in sorted((ROOT / "socs_tcp" / room).glob("*.py"))
            for fault in faults_of(room, path.stem, path.read_text())]


def chosen_of(faults: list[Fault], sample: int, seed: int) -> list[Fault]:
    """As many at random, by their names: a change elsewhere in the code leaves them as they are."""
    same: Counter[str] = Counter()
    lots: list[tuple[bytes, Fault]] = []
    for fault in faults:
        same[fault.name] += 1
        lot = hashlib.sha256(f"{seed} {fault.name} {same[fault.name]}".encode()).digest()
        lots.append((lot, fault))
    return [fault for _lot, fault in sorted(lots)[:sample]]


def by_line(fault: Fault, copy: Copy, known: Lines, but: frozenset[str]) -> str:
    """The first test that fails with this fault, of those that run its line, and all `but` these.

    Those of its module come first, then those of its room. Empty if there is none.
    """
    mine, room = tuple(own(fault.room, fault.module)), f"tests/{fault.room}/"
    nearness = {test: (not test.startswith(mine)) + (not test.startswith(room))
                for test in known.tests(fault, copy.source(fault)) if test not in but}
    for near in range(3):
        chosen = [test for test in nearness if nearness[test] == near]
        if chosen and (test := copy.fails(fault, files(chosen), {"only": chosen})):
            return test
    return ""


def by_suite(fault: Fault, copy: Copy, known: Lines, but: frozenset[str]) -> str:
    """The same, of what is left in the suites of its room: a line in another process, say."""
    left_out = {"without": [*known.tests(fault, copy.source(fault)), *but]}
    return next((test for suite in ROOMS[fault.room]
                 if (test := copy.fails(fault, suite, left_out))), "")


def main(args: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation",
                                     description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", type=int, default=200, help="so many faults (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="so many at once (%(default)s)")
    parser.add_argument("--room", action="append", choices=sorted(ROOMS))
    parser.add_argument("--module", action="append", default=[])
    parser.add_argument("--lines", type=Path, metavar="FILE",
                        help="which test runs which line; recorded and kept where it is not there")
    parser.add_argument("--verbose", action="store_true", help="tell what noticed each")
    parser.add_argument("--text", default="", help="faults with this in their name, all of them")
    options = parser.parse_args(args)
    # a shell that starts us in the background has it ignored, and the tests need it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rooms = options.room or list(ROOMS)
    everything = all_faults(rooms)
    faults = [fault for fault in everything if options.text in fault.name
              and (not options.module or fault.module in options.module)]
    sample = len(faults) if options.text else min(options.sample, len(faults))
    chosen = chosen_of(faults, sample, options.seed)
    print(f"seed {options.seed}: {sample} of {len(faults)} faults", flush=True)
    old = {name for name in EQUIVALENT if name.partition("/")[0] in rooms}
    old -= {name for fault in everything for name in fault.names}
    for name in sorted(old):
        print(f"in EQUIVALENT, and nowhere else: {name}", flush=True)
    known = [fault for fault in chosen if not EQUIVALENT.keys().isdisjoint(fault.names)]
    alive = try_all([fault for fault in chosen if fault not in known], options.jobs,
                    options.lines, options.verbose)
    print(f"{sample - alive - len(known)} noticed, {len(known)} change nothing, {alive} alive")
    return bool(alive or old)


def try_all(faults: list[Fault], jobs: int, path: Path | None, talk: bool) -> int:
    """How many of them nothing notices."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(jobs) as pool:
        copies = [Copy(Path(name) / str(job)) for job in range(jobs)]
        try:
            known = lines(path, copies)
            alive: list[Fault] = []
            but: frozenset[str] = frozenset()
            while faults:
                noticed: dict[Fault, str] = {}
                for how in (by_line, by_suite):
                    left = [fault for fault in faults if fault not in noticed]
                    noticed |= try_each(left, pool, copies,
                                        partial(how, known=known, but=but), talk)
                alive += [fault for fault in faults if fault not in noticed]
                # a test that fails has to pass without the fault, or it has noticed nothing
                wrong = copies[0].fail_anyway(sorted({*noticed.values()} - {UNTOLD}))
                but |= wrong
                faults = [fault for fault, test in noticed.items() if test in wrong]
        finally:
            for copy in copies:
                copy.close()
    for fault in alive:
        print(f"alive: line {fault.line}: {fault.name}")
    return len(alive)


def try_each(faults: list[Fault], pool: ThreadPoolExecutor, copies: list[Copy],
             how: Callable[[Fault, Copy], str], talk: bool) -> dict[Fault, str]:
    """Those that some test notices, and which; each copy has one at a time."""
    free: SimpleQueue[Copy] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def one(fault: Fault) -> tuple[Fault, str, float]:
        copy, began = free.get(), time.monotonic()
        try:
            return fault, how(fault, copy), time.monotonic() - began
        finally:
            free.put(copy)
    noticed = {}
    for future in as_completed([pool.submit(one, fault) for fault in faults]):
        fault, test, took = future.result()
        if test:
            noticed[fault] = test
        if talk:
            print(f"{test or 'not noticed'}: line {fault.line}: {fault.name}  [{took:.0f} s]",
                  flush=True)
    return noticed


if __name__ == "__main__":
    sys.exit(main())
