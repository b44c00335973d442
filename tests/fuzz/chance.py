"""Fuzzing without atheris: inputs of the corpus, changed by chance, and what the slowest took."""

from __future__ import annotations

import gc
import hashlib
import importlib
import random
import time
import traceback
from pathlib import Path
from typing import Any

from twisted.logger import globalLogBeginner

LONGEST = 400
#: Seconds between two words on how far it is.
EVERY = 60.0
#: Seconds of the processor: an input that takes more is a finding.
SLOW = 0.05


def changed(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """An input of the corpus, or a made-up one, with some bytes changed."""
    if not others or chance.random() < 0.2:
        return chance.randbytes(chance.randrange(120))
    for _ in range(1 + chance.randrange(4)):
        at = chance.randrange(len(data) + 1)
        what = chance.randrange(4)
        if what == 0:
            data = data[:at] + chance.randbytes(1 + chance.randrange(4)) + data[at:]
        elif what == 1:
            data = data[:at] + chance.randbytes(1) + data[at + 1:]
        elif what == 2:
            data = data[:at] + data[at + 1 + chance.randrange(8):]
        else:
            data = data[:at] + chance.choice(others)[at:]
    return data[:LONGEST]


class Run:
    """One run over one target.

    Parameters
    ----------
    target : str
    folder : Path
        Where inputs that fail, or are slow, are written.
    """

    def __init__(self, target: str, folder: Path) -> None:
        self._target = target
        self._folder = folder
        self._module: Any = importlib.import_module(f"tests.fuzz.{target}")
        self._worst = b""
        self.count = self.found = 0
        self.spent = self.slowest = 0.0

    def one(self, data: bytes) -> None:
        """Run one input; whatever becomes of it is told."""
        self.count += 1
        try:
            spent = self.timed(data)
            if spent > SLOW:    # (once may be a page that the system had to find first)
                spent = min([spent, *(self.timed(data) for _ in range(3))])
        except Exception:
            self._tell(data, "fails", traceback.format_exc())
            return
        if spent > self.slowest:
            self.slowest, self._worst = spent, data
        if spent > SLOW:
            self._tell(data, "is slow", f"{spent * 1000:.0f} ms")

    def timed(self, data: bytes) -> float:
        """Seconds of the processor for one input: for a reply, where it is many of them."""
        slowest = getattr(self._module, "slowest", None)
        begun = time.thread_time()
        self._module.one_input(data)
        spent = time.thread_time() - begun
        self.spent += spent
        return float(slowest()) if slowest else spent

    def _tell(self, data: bytes, what: str, why: str) -> None:
        self.found += 1
        name = f"crash-{self._target}-{hashlib.sha256(data).hexdigest()[:8]}"
        self._folder.joinpath(name).write_bytes(data)
        print(f"{self._target}: {data.hex()} {what} (tests/fuzz/{name}): {why}", flush=True)

    def __str__(self) -> str:
        parts = getattr(self._module, "parts_seen", None)
        return (f"{self._target}: {self.count} inputs{f' ({parts()})' if parts else ''} in "
                f"{self.spent:.0f} s of the processor; the slowest took "
                f"{self.slowest * 1000:.1f} ms: {self._worst.hex()}; {self.found} found")


def run(target: str, known: list[bytes], seconds: float, seed: int, folder: Path) -> int:
    """Run inputs for so long; the exit code of the program."""
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    chance, course = random.Random(seed), Run(target, folder)
    course.one(b"")     # what is prepared once is no part of any input
    course.count, course.slowest, course.spent = 0, 0.0, 0.0
    end = time.monotonic() + seconds
    told = time.monotonic()
    # It runs between the inputs: this is no measurement of its pauses.
    gc.disable()
    gc.freeze()
    while time.monotonic() < end:
        if course.count % 200 == 0:
            gc.collect()
        course.one(changed(chance.choice(known or [b""]), known, chance))
        if time.monotonic() > told + EVERY:
            told = time.monotonic()
            print(course, flush=True)
    print(course)
    return 1 if course.found else 0
