"""What it takes to read one file, whatever it repeats, and whatever its aliases stand for. Pure."""

from __future__ import annotations

#: Microseconds, more or less, of all that is made of one file; and of what each thing takes.
MOST = 1_000_000
OF_A_VALUE, OF_AN_ENTRY, OF_A_TRIAL = 6, 20, 10


class Effort:
    """How much one file has taken so far."""

    def __init__(self) -> None:
        self._spent = 0
        self._patterns: set[object] = set()

    def spend(self, microseconds: int) -> bool:
        """Is that still affordable?"""
        self._spent += microseconds
        return self._spent <= MOST

    def is_new(self, pattern: object) -> bool:
        """Has this pattern not been looked at before?"""
        before = len(self._patterns)
        self._patterns.add(pattern)
        return len(self._patterns) > before
