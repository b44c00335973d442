"""Does a test fail where the core is wrong? A random sample of small faults, one after the other.

::

    python -m tests.mutation --sample 200

Each fault is made in a copy of the package: a comparison turned, a statement dropped, a number
changed, a condition denied. Those that no unit test notices are printed. ``EQUIVALENT`` holds
those that change nothing that anybody could notice, with the reason.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .equivalent import EQUIVALENT
from .faults import Fault, faults_of

ROOT = Path(__file__).parents[2]
LEDGER = ("test_conversation", "test_silence", "test_turn", "test_ledger_details")
#: The modules, and the tests that are to notice a fault in them.
TESTS = {
    "conversation": LEDGER, "hearing": LEDGER, "pending": LEDGER, "owed": LEDGER,
    "evidence": LEDGER, "silence": LEDGER, "turn": LEDGER, "policy": ("test_policy",),
    "link": ("test_link", "test_log", "test_trace", *LEDGER),
    "decoder": ("test_framing", "test_block_framer", "test_prompts", *LEDGER),
}
#: Seconds for the tests of one module; whoever takes longer has noticed.
LONGEST = 60.0


def all_faults(modules: list[str]) -> list[Fault]:
    return [fault for module in modules for fault in faults_of(
        module, (ROOT / "socs_tcp" / "core" / f"{module}.py").read_text())]


def is_noticed(fault: Fault, place: Path) -> bool:
    """Do the tests fail with this fault?"""
    path = place / "socs_tcp" / "core" / f"{fault.module}.py"
    right = path.read_text()
    path.write_text(fault.source)
    tests = [f"tests/core/{name}.py" for name in TESTS[fault.module]]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
            cwd=place, capture_output=True, timeout=LONGEST, check=False,
            env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"})
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(right)
    return done.returncode != 0


def main(args: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=200, help="so many faults (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--module", action="append", choices=sorted(TESTS))
    options = parser.parse_args(args)
    faults = all_faults(options.module or list(TESTS))
    chosen = random.Random(options.seed).sample(faults, min(options.sample, len(faults)))
    alive = known = 0
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for part in ("socs_tcp", "tests/core", "pyproject.toml", "tests/conftest.py"):
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            (place / part).parent.mkdir(exist_ok=True)
            copy(ROOT / part, place / part)
        for fault in chosen:
            if is_noticed(fault, place):
                continue
            if fault.text in EQUIVALENT:
                known += 1
                continue
            alive += 1
            print(f"alive: {fault.module}.py:{fault.line}: {fault.text}", flush=True)
    print(f"{len(chosen)} of {len(faults)} faults: {len(chosen) - alive - known} noticed, "
          f"{known} change nothing, {alive} alive")
    return alive > 0


if __name__ == "__main__":
    sys.exit(main())
