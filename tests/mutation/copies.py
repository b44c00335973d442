"""A copy of the package and its tests, in which one thing is wrong at a time."""

from __future__ import annotations

import ast
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from .faults import Fault
from .suites import ROOT

#: Seconds for one run of pytest; whoever takes longer has noticed.
LONGEST = 600.0
#: Seconds for one test. None takes half of it.
LONGEST_TEST = 40
A_DAY = 86400.0
UNTOLD = "a test that does not end, or does not begin"
#: Where tests say what a machine can do, and what is made and not written.
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".hypothesis", "docs", "docker", "e2e")


class Copy:
    """One copy; whoever uses it has it for themselves."""

    def __init__(self, place: Path) -> None:
        self.place = place
        for name in ("socs_tcp", "tests"):
            shutil.copytree(ROOT / name, place / name, ignore=LEFT_OUT)
        for name in ("pyproject.toml", "setup.cfg", "setup.py"):
            shutil.copy(ROOT / name, place / name)
        self._sources = {path: path.read_text() for path in (place / "socs_tcp").rglob("*.py")}
        self._times = itertools.count(1_000_000_000)
        self._server: Any = subprocess.Popen(
            [sys.executable, "-m", "tests.mutation.server"], cwd=place, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(place)})

    def source(self, fault: Fault) -> str:
        """The module in which it is, without it."""
        return self._sources[self._path(fault)]

    def _path(self, fault: Fault) -> Path:
        return self.place / "socs_tcp" / fault.room / f"{fault.module}.py"

    def fails(self, fault: Fault, suite: list[str], chosen: dict) -> str:
        """The first test that fails with this fault; empty if none does."""
        path = self._path(fault)
        self._write(path, fault.source)
        try:
            code, failed = self._pytest(
                "-x", f"--timeout={LONGEST_TEST}", *suite, chosen=chosen, longest=LONGEST)
        finally:
            self._write(path, self._sources[path])
        if code in (0, 5):      # 5: none was left to run
            return ""
        return failed[0] if failed else UNTOLD

    def fail_anyway(self, tests: list[str]) -> frozenset[str]:
        """Those of these tests that fail without a fault.

        The source is still one that was taken apart and put together: a test that reads it
        notices no fault.
        """
        for path, source in self._sources.items():
            self._write(path, ast.unparse(ast.parse(source)))
        try:
            return frozenset(self._pytest(*files(tests), chosen={"only": tests})[1])
        finally:
            for path, source in self._sources.items():
                self._write(path, source)

    def record(self, suite: list[str]) -> dict:
        """Which of these tests runs which line."""
        record = self.place / "record.json"
        self._pytest("--record", str(record), *suite)
        return json.loads(record.read_text())

    def close(self) -> None:
        self._server.stdin.close()
        self._server.wait()

    def _pytest(self, *args: str, chosen: dict | None = None,
                longest: float = A_DAY) -> tuple[int | None, list[str]]:
        """The exit code, None if it had to be ended; and the tests that failed."""
        to_run, failed = self.place / "chosen.json", self.place / "failed"
        to_run.write_text(json.dumps(chosen or {}))
        failed.write_text("")
        self._server.stdin.write(json.dumps([
            ["-q", "-p", "no:cacheprovider", "-p", "tests.mutation.plugin", "--chosen",
             str(to_run), "--failed", str(failed), *args],
            str(self.place / "output"), longest]) + "\n")
        self._server.stdin.flush()
        code = json.loads(self._server.stdout.readline())
        return code, [json.loads(line) for line in failed.read_text().splitlines()]

    def _write(self, path: Path, source: str) -> None:
        """With a time of its own: Python takes what it compiled for up to date by time and size."""
        path.write_text(source)
        when = next(self._times)
        os.utime(path, (when, when))


def files(tests: list[str]) -> list[str]:
    """Those in which they are."""
    return list(dict.fromkeys(test.partition("::")[0] for test in tests))
