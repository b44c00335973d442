"""Framers that only descriptions need. Pure."""

from __future__ import annotations

import re

from ..core.framing import Framer, LineFramer, PromptFramer


class LinesFramer(Framer):
    """A reply has so many lines. The ends between them stay, the last one goes.

    Parameters
    ----------
    line : LineFramer
        What ends a line.
    count : int
    """

    def __init__(self, line: LineFramer, count: int) -> None:
        super().__init__(line.max_length)
        self.line = line
        self.count = count
        self._lasts = re.compile(b"[%s]" % b"".join(re.escape(t[-1:]) for t in line.terminators))
        self._end = re.compile(b"|".join(
            re.escape(t) for t in sorted(line.terminators, key=len, reverse=True)))

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        # (Where no line has ended, the others need not be counted again.)
        ended = self._lasts.search(buffer, scanned, stop)
        ends = self._end.finditer(buffer, start, stop if ended else start)
        for found, match in enumerate(ends, 1):
            if found == self.count:
                return match.start(), match.end()
        if stop - start > self.max_length:
            raise self.too_long(buffer[start:stop])
        return None


class KeptPromptFramer(PromptFramer):
    """As `PromptFramer`, but the prompt stays at the end of the reply, for it says something."""

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        found = super().find(buffer, start, stop, scanned)
        return None if found is None else (found[1], found[1])
