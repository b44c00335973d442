"""Framers that only descriptions need. Pure."""

from __future__ import annotations

import re
import struct

from ..core.framing import Framer, LengthFramer, LineFramer


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


class WrappedFramer(Framer):
    """A line that may hold its terminator in an escaped form, and may begin with it, too.

    Parameters
    ----------
    line : LineFramer
        With one terminator.
    escape : int or None
        Where the terminator begins with this byte, an escaped one does not begin it.
    repeats : bool
        Does the terminator also stand in front of a reply?
    """

    def __init__(self, line: LineFramer, escape: int | None, repeats: bool) -> None:
        super().__init__(line.max_length)
        self._line = line
        self.end = line.terminators[0]
        self._escape = escape if self.end[0] == escape else None
        self._ends = re.compile(b"(?:%s)*" % re.escape(self.end)) if repeats else None

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        size = len(self.end)
        begin = self._begin(buffer, start, stop, scanned)
        while True:
            found = self._line.find(buffer, begin, stop, max(scanned, begin))
            if found is None or not self._is_data(buffer, begin, found[0]):
                return found
            scanned = found[0] + size       # (the next one may begin in this one)

    def _begin(self, buffer: bytearray, start: int, stop: int, scanned: int) -> int:
        """Where the reply begins, behind all terminators in front of it."""
        if self._ends is None:
            return start
        size = len(self.end)
        seen = start + (scanned - start) // size * size
        if seen > start and self._escape is None:       # (none is looked at again and again)
            if buffer[seen - size:seen] != self.end:    # the reply has begun
                return start
        else:
            seen = start
        begin = self._ends.match(buffer, seen, stop)
        assert begin is not None
        if begin.end() - start > self.max_length:
            raise self.too_long(buffer[start:stop])
        return begin.end()

    def _is_data(self, buffer: bytearray, start: int, at: int) -> bool:
        """Is the first byte of the terminator at `at` the second of an escape?"""
        first = at
        while first > start and buffer[first - 1] == self._escape:
            first -= 1
        return (at - first) % 2 == 1


class HeaderFramer(LengthFramer):
    """A header says how many bytes follow it.

    Parameters
    ----------
    size : int
        Bytes of the header.
    at : int
        The byte where the length stands in it.
    form : str
        How that is packed.
    extra : int
        So many more bytes follow than it says.
    """

    def __init__(self, size: int, at: int, form: str, extra: int = 0) -> None:
        super().__init__(size, lambda header: int(struct.unpack_from(form, header, at)[0]) + extra)
        self._at = at
        self._form = form
        self._extra = extra

    def announced(self, frame: bytes, behind: int) -> bytes:
        """`frame` with its length in its header, if so many more bytes are to come behind it.

        Raises
        ------
        ValueError
            If it is too long for that.
        """
        filled = bytearray(frame.ljust(self.header_size, b"\0"))
        length = len(filled) + behind - self.header_size - self._extra
        try:
            struct.pack_into(self._form, filled, self._at, length)
        except struct.error:
            raise ValueError(f"{length} does not fit into {self._form!r}") from None
        return bytes(filled)
