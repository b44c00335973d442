"""What became of each question."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from socs_tcp import DeviceConnectionError

from .questions import Verdict, judge

#: So many of what must not be are kept, to be shown.
SHOWN = 10


class Ledger:
    """Counts the ends of all calls. Any thread may write."""

    def __init__(self, margin: float) -> None:
        self.margin = margin
        self._lock = threading.Lock()       # guards all that follows
        self.asked = 0
        self.answers: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.fragments: list[str] = []
        self.foreign: list[str] = []        # errors that are not ours
        self.overruns: list[str] = []       # calls past their bound
        self.worst_overrun = 0.0            # seconds past the timeout, within the bound or not

    def sent(self, number: int, error: BaseException | None, elapsed: float,
             timeout: float) -> None:
        """A command went out, or failed with `error`."""
        with self._lock:
            if elapsed - timeout > self.margin:
                self._note(self.overruns, f"send {number}: {elapsed:.3f} s of {timeout:.3f} s")
            if error is not None and not isinstance(error, DeviceConnectionError):
                self._note(self.foreign, f"send {number}: {error!r}")

    def closed(self, number: int, outcome: Any, elapsed: float, timeout: float) -> None:
        """A call is over: with a reply (bytes), an error, or None for cancelled."""
        with self._lock:
            self.asked += 1
            over = elapsed - timeout
            self.worst_overrun = max(self.worst_overrun, over)
            if over > self.margin:
                self._note(self.overruns, f"#{number}: {elapsed:.3f} s of {timeout:.3f} s: "
                                          f"{outcome!r}")
            if outcome is None:
                self.answers["cancelled"] += 1
            elif isinstance(outcome, bytes):
                verdict = judge(number, outcome)
                self.answers[verdict.value] += 1
                if verdict in (Verdict.WRONG, Verdict.FRAGMENT):
                    self._note(self.wrong if verdict is Verdict.WRONG else self.fragments,
                               f"#{number} ({number:08x}) got {outcome!r}")
            elif isinstance(outcome, DeviceConnectionError):
                self.errors[type(outcome).__name__] += 1
            else:
                self._note(self.foreign, f"#{number}: {outcome!r}")

    @staticmethod
    def _note(where: list[str], what: str) -> None:
        where.append(what if len(where) < SHOWN else "...")
