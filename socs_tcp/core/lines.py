"""Replies that end with a terminator. Pure."""

from __future__ import annotations

import re

from .ends import find_text, split_texts
from .framer import MAX_LENGTH, Framer, Text, to_bytes


class LineFramer(Framer):
    """A reply ends with a terminator.

    Parameters
    ----------
    terminator : bytes, str, or a tuple of them
        What ends a reply. Of several, whichever comes first.
    send_terminator : bytes or str, optional
        Ends a command. Default: the (first) `terminator`.
    max_length : int
        The longest line in bytes, its terminator not counted.

    Raises
    ------
    ValueError
        If a terminator is empty, or one of several is part of another (other than
        at its end): the end of a reply would then depend on how its bytes are cut.
    """

    def __init__(self, terminator: Text | tuple[Text, ...] = b"\r\n", *,
                 send_terminator: Text | None = None, max_length: int = MAX_LENGTH) -> None:
        super().__init__(max_length)
        given = terminator if isinstance(terminator, tuple) else (terminator,)
        self.terminators = tuple(to_bytes(t) for t in given)
        if not self.terminators or not all(self.terminators):
            raise ValueError(f"a terminator must have at least one byte, not {terminator!r}; "
                             "for a device without one, use RawFramer or FixedFramer")
        for one in self.terminators:
            for other in self.terminators:
                if one in other[:-1]:
                    raise ValueError(f"terminator {one!r} is part of terminator {other!r}: "
                                     "it would not be clear which of them ends a reply")
        self.send_terminator = (self.terminators[0] if send_terminator is None
                                else to_bytes(send_terminator))
        self._longest_first = longest_first = sorted(self.terminators, key=len, reverse=True)
        self._longest = len(longest_first[0])
        self._single = self.terminators[0] if len(self.terminators) == 1 else None
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)))

    def whole(self, data: bytes) -> bytes | None:
        single = self._single
        # (To look through a long piece for two bytes takes its time, so first at its end.)
        if single is None or not data.endswith(single):
            return None
        frame, _, more = data.partition(single)
        return None if more or len(frame) > self.max_length else frame

    def split(self, data: bytes, most: int, start: int = 0) -> tuple[list[bytes], int] | None:
        return split_texts(data, self._longest_first, most, start, self.max_length)

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        if self._single is not None:
            after = find_text(buffer, self._single, start, stop, scanned)
            end = after - self._longest
        else:
            match = self._pattern.search(buffer, max(scanned - self._longest + 1, start), stop)
            end, after = match.span() if match else (0, 0)
        # Where there is no terminator, all but the beginning of one belongs to the line.
        if (end if after else stop - self._longest + 1) - start > self.max_length:
            raise self.too_long(buffer[start:stop])
        return (end, after) if after else None
