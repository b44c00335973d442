"""What all parts share: interleaved rounds, medians and spread, cores, and what machine it is."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

Result = dict[str, Any]

#: Packages whose version belongs to a figure.
PACKAGES = ("socs_tcp", "twisted", "ocs", "socs", "sockio", "uvloop")

#: Where ``python -m benchmarks.…`` is found.
CHECKOUT = Path(__file__).resolve().parents[2]

QUESTION = b"KRDG? 1 +12.345678\r\n"
TIMEOUT = 5.0
#: Questions before the clock starts, after each pause: the caches hold the others by then.
WARM_UP = 20

ADD_SOCS = ("pip install --no-deps socs==0.6.4   (with its dependencies it would bring "
            "pyasn1 0.4.8, which clashes with crossbar's)")


def spread(values: Iterable[float], digits: int = 4) -> dict[str, float | int]:
    """Median and quartiles of `values`, fit for JSON."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("nothing was measured")
    low, middle, high = (statistics.quantiles(ordered, n=4, method="inclusive")
                         if len(ordered) > 1 else ordered * 3)
    return {"median": _round(middle, digits), "p25": _round(low, digits),
            "p75": _round(high, digits), "n": len(ordered)}


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which `part` (0 to 1) of the values are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def _round(value: float, digits: int) -> float:
    """To so many significant digits: more would only pretend to be known."""
    return float(f"{value:.{digits}g}")


def ratio(part: float, whole: float) -> float:
    return _round(part / whole, 4)


def interleaved(names: Sequence[str], rounds: int,
                run: Callable[[str], Any]) -> dict[str, list[Any]]:
    """Run A B C, A B C, ... so that whatever disturbs the machine disturbs all of them.

    The order is turned by one each round: nobody always runs after the same neighbour,
    whose leavings in the caches it would inherit.
    """
    results: dict[str, list[Any]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in [*names[turn:], *names[:turn]]:
            results[name].append(run(name))
    return results


def cores() -> list[int]:
    """The cores we may use; the last first: systems put interrupts on core 0."""
    return sorted(os.sched_getaffinity(0), reverse=True)


def pin(*wanted: int) -> None:
    """Put this process, and those it starts from now on, on these cores."""
    os.sched_setaffinity(0, wanted)


def resident() -> int:
    """Bytes of memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def machine() -> Result:
    """The machine in general terms; a figure without it says nothing."""
    load = os.getloadavg()[0]
    return {
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "architecture": platform.machine(),
        "cores": len(cores()),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load_at_start": _round(load, 2),
    }


def commit() -> str | None:
    """What was measured: parts of a report may be of different days."""
    try:
        done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=CHECKOUT,
                              capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


def make_parser(part: str, doc: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{part}",
                                     description=(doc or "").strip().splitlines()[0])
    parser.add_argument("--quick", action="store_true",
                        help="a short run: it shows that all works, its figures are rough")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there, too")
    return parser


def chosen(subjects: Iterable[str], words: list[str]) -> tuple[str, ...]:
    """The subjects with one of these words in their names; the floor is always among them."""
    return tuple(name for name in subjects
                 if name.startswith("bare socket") or any(word in name for word in words))


def new_result(part: str, quick: bool, **settings: Any) -> Result:
    """The shape of every result: `rows` for people, `figures` for the goals."""
    result = {"benchmark": part, "quick": quick, "commit": commit(), "machine": machine(),
              "versions": versions(), "settings": settings, "rows": [], "figures": {},
              "skipped": []}
    if busy(result):
        say(f"{part}: this machine has other work (load {result['machine']['load_at_start']:g}): "
            "what is said of delays will be of little worth, of CPU time and ratios less exact")
    return result


def busy(result: Result) -> bool:
    """Had the machine other work when this began? (The parts before this one leave some load.)"""
    return result["machine"]["load_at_start"] > max(1.5, 0.6 * result["machine"]["cores"])


def skip(result: Result, subject: str, why: str) -> None:
    """Leave `subject` out, loudly: a missing peer must never look like a good result."""
    result["skipped"].append({"subject": subject, "why": why})
    say(f"NOT MEASURED: {subject}: {why}")


def say(text: str) -> None:
    """Progress goes to stderr; stdout is for the report."""
    print(text, file=sys.stderr, flush=True)


def save(path: Path | None, result: Result) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=1) + "\n")
