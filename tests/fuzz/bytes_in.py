"""Decisions, taken from the bytes that a fuzzer makes up."""

from __future__ import annotations


class Bytes:
    """Reads an input from its beginning; at its end all answers are 0 or empty."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        """Is there more?"""
        return self._at < len(self._data)

    def number(self, below: int) -> int:
        """0 to `below` - 1, from one byte."""
        if not self:
            return 0
        self._at += 1
        return self._data[self._at - 1] % below

    def take(self, count: int) -> bytes:
        """Up to `count` bytes as they are."""
        self._at += count
        return self._data[self._at - count:self._at]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(max(len(self._data) - self._at, 0))
