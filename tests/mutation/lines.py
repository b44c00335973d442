"""Which test runs which line of the package: one run of the tests, by folder, with coverage."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .copies import Copy
from .faults import Fault
from .suites import RECORDED


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


class Lines:
    """The tests that run a line, the fastest first."""

    def __init__(self, known: dict) -> None:
        self.seconds: dict[str, float] = known["seconds"]
        self._digests: dict[str, str] = known["digests"]
        self._lines: dict[str, dict[str, list[str]]] = known["lines"]

    def tests(self, fault: Fault, source: str) -> list[str]:
        """Those that run a line of its statement; none if the module is another by now."""
        module = f"{fault.room}/{fault.module}"
        if self._digests.get(module) != _digest(source):
            return []
        there = self._lines[module]
        found = {test for line in range(fault.first, fault.last + 1)
                 for test in there.get(str(line), [])}
        return sorted(found, key=lambda test: self.seconds[test])


def lines(path: Path | None, copies: list[Copy]) -> Lines:
    """What is in this file; what is not there yet is recorded, and written to it."""
    if path is not None and path.exists():
        return Lines(json.loads(path.read_text()))
    known = recorded(copies)
    if path is not None:
        path.write_text(json.dumps(known))
    return Lines(known)


def recorded(copies: list[Copy]) -> dict:
    """Run the tests with nothing wrong, so many folders at once as there are copies."""
    seconds: dict[str, float] = {}
    by_line: dict[str, dict[str, list[str]]] = {}
    free = list(copies)

    def one(suite: list[str]) -> dict:
        copy = free.pop()
        try:
            return copy.record(suite)
        finally:
            free.append(copy)
    with ThreadPoolExecutor(len(copies)) as pool:
        for part in pool.map(one, RECORDED):
            seconds.update(part["seconds"])
            for module, there in part["lines"].items():
                mine = by_line.setdefault(module, {})
                for line, tests in there.items():
                    mine.setdefault(line, []).extend(test for test in tests if test)
    root = copies[0].place / "socs_tcp"
    return {"seconds": seconds, "lines": by_line,
            "digests": {module: _digest((root / f"{module}.py").read_text())
                        for module in by_line}}
