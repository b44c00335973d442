"""Where a prompt ends that is a regular expression. Pure.

A reply ends as soon as any beginning of it has a match, as if the bytes came one by one. So each
beginning would have to be searched, which for a long reply takes for ever. Three things spare that:

- A match can only end where the bytes are such as it can end with (`Cost.tail`). One search for
  those, which is cheap whatever comes, finds the next place where it may end.
- Where these bytes are all that the pattern asks for, that is it.
- Nearly always the first such bytes are the prompt, so the pattern is tried there (`_likely`).
- Otherwise the reply is divided into blocks: a prompt that ends in one begins there or in the
  block before, and nowhere else, however much has come. So a search looks at two blocks. For a
  block that holds such places, but no prompt, two are made; for one with the prompt, as many more
  as it takes to halve a block until one byte is left.

So what it costs grows with the length of the reply and no faster.
"""

from __future__ import annotations

import re
from itertools import repeat

from .byte_sets import bytes_of, one_of
from .ends import split_texts
from .patterns import Cost

#: A prompt of any length (``\\w+> ``) is found if it has so many bytes at most.
LONGEST_PROMPT = 128
#: So many steps of matching are taken for one piece of a reply at most (about 1 ms).
STEPS = 50_000

#: So many other bytes are looked for before all prompts are taken for line feeds.
MOST_RIVALS = 3

#: Bytes that replies are full of: of those that end a prompt, others are looked for first.
_FREQUENT = b" .,:+-\t0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

Span = tuple[int, int]


class PromptSearch:
    """Looks for one prompt. Holds no data of a device.

    Parameters
    ----------
    pattern : compiled pattern of bytes
        One that does not look ahead, as `PromptFramer` has checked.
    price : Cost
        Of the pattern.
    """

    def __init__(self, pattern: re.Pattern[bytes], price: Cost) -> None:
        self.pattern = pattern
        #: A prompt of so many bytes is always found.
        self.longest = max(min(price.longest(STEPS) // 2, LONGEST_PROMPT), 1)
        self._is_tail = price.is_tail
        self._size = len(price.tail)
        self._tail = re.compile(b"".join(map(one_of, price.tail)))
        self._byte, self._offset = _rarest(price.tail)
        #: Where a prompt is a certain byte and another one: can it be this one?
        self._fits = _other(price.tail, self._offset) if self._byte and price.is_tail else None
        #: ... and where that may be a line feed: what else it may be, if that is little.
        self._rivals = _rivals(price.tail) if self._fits is not None and not self._offset else None
        self._is_likely = bool(self._byte) and price.alone
        #: Bytes of the longest prompt, where that is not too long to be tried.
        self._width = price.width if price.width and price.width <= self.longest else None

    def find(self, buffer: bytes | bytearray, start: int, stop: int, scanned: int) -> Span | None:
        """The span of the first prompt of the reply ``buffer[start:stop]``.

        Parameters
        ----------
        buffer, start, stop, scanned
            As of `Framer.find`: none ends before `scanned`.
        """
        reply = None
        while (span := self._candidate(buffer, start, stop, scanned)) is not None:
            if self._is_tail:
                return span
            if reply is None:       # (For a search from `start` on, "^" would be elsewhere.)
                reply = memoryview(buffer)[start:stop]
            scanned, found = self._in_block(reply, span[1] - start)
            if found is not None:
                return start + found[0], start + found[1]
            scanned += start
        return None

    def split(self, data: bytes, most: int, start: int, longest: int,
              keep: bool) -> tuple[list[bytes], int] | None:
        """Up to `most` replies of ``data[start:]``, and where in `data` the next one begins.

        None where `find` has to tell: in the middle, a reply has more than `longest` bytes with
        its prompt.
        """
        if self._fits is not None:
            return self._split_pairs(data, most, start, longest, keep)
        frames: list[bytes] = []
        while len(frames) < most:
            stop = min(len(data), start + longest)
            span = self._likely(data, start, stop) or self.find(data, start, stop, start)
            if span is None:
                break
            frames.append(data[start:span[keep]])
            start = span[1]
        return frames, start

    def _split_pairs(self, data: bytes, most: int, start: int, longest: int,
                     keep: bool) -> tuple[list[bytes], int] | None:
        """The same for prompts of a certain byte and another one."""
        assert self._fits is not None
        if self._rivals is not None and not keep and all(data.find(rival, start) < 0
                                                         for rival in self._rivals):
            lines = split_texts(data, (self._byte + b"\n",), most, start, longest - 2)
            if lines is not None:       # all that is there are lines, which are soon found
                return lines
        frames: list[bytes] = []
        find, byte, offset, fits, first = data.find, self._byte, self._offset, self._fits, start
        other, after, kept = 1 - 2 * offset, 2 - offset, 2 * keep - offset
        stop = len(data) - 1 + offset
        for _ in repeat(None, most):
            at = find(byte, start + offset, stop)
            if at < 0:
                break
            if not fits[data[at + other]]:
                found = self._tail.search(data, at - offset)
                if found is None:
                    break
                at = found.start() + offset
            frames.append(data[start:at + kept])
            start = at + after
        if start - first > longest and max(map(len, frames)) + 2 * (not keep) > longest:
            return None
        return frames, start

    def _likely(self, data: bytes, start: int, stop: int) -> Span | None:
        """The span of the prompt that ends where the first can, if one does; soon said."""
        if not self._is_likely:
            return None
        at = data.find(self._byte, start + self._offset, stop)
        end = at - self._offset + self._size
        if at < 0 or end > stop:
            return None
        low = self._low(end - start) + start if self._width is None else end - self._width
        found = self.pattern.search(data, max(low, start), end)
        return None if found is None else (found.start(), end)

    def _low(self, end: int) -> int:
        """The first place that is looked at for a prompt which ends at `end` of a reply."""
        return max((end - 1) // self.longest * self.longest - self.longest, 0)

    def _candidate(self, buffer: bytes | bytearray, start: int, stop: int,
                   scanned: int) -> Span | None:
        """The first bytes that end after `scanned`, and that a prompt can end with."""
        if not self._size:
            return (scanned, scanned + 1) if scanned < stop else None
        low = max(scanned - self._size + 1, start)
        if self._byte:      # one byte is found with all the processor has
            low = buffer.find(self._byte, low + self._offset, stop) - self._offset
            if low < start:
                return None
        found = self._tail.search(buffer, low, stop)
        return None if found is None else found.span()

    def _in_block(self, reply: memoryview, first: int) -> tuple[int, Span | None]:
        """How far the block is searched that has `first` in it, and the span of a prompt.

        No prompt ends before `first`. Whether there is one is monotone in how much of the reply is
        looked at.
        """
        low = self._low(first)
        end = min((first - 1) // self.longest * self.longest + self.longest, len(reply))
        search = self.pattern.search
        found = search(reply, low, first)
        if found is not None:
            return first, (found.start(), first)
        if first == end or search(reply, low, end) is None:
            return end, None
        while end - first > 1:
            middle = (first + end) // 2
            if search(reply, low, middle):
                end = middle
            else:
                first = middle
        last = search(reply, low, end)
        assert last is not None
        return end, (last.start(), end)


def _other(tail: tuple[int, ...], offset: int) -> list[bool] | None:
    """Of a tail of two bytes, whether the one that is not at `offset` can be this byte."""
    return [bool(tail[1 - offset] >> byte & 1) for byte in range(256)] if len(tail) == 2 else None


def _rivals(tail: tuple[int, ...]) -> list[bytes] | None:
    """The bytes that may be the last one in place of a line feed; None if it cannot, or of many."""
    last = bytes_of(tail[1])
    if b"\n" not in last or len(last) > MOST_RIVALS + 1:
        return None
    return [bytes([byte]) for byte in last if byte != 10]


def _rarest(tail: tuple[int, ...]) -> tuple[bytes, int]:
    """A byte that stands in one place of the tail, and which place; nothing if there is none."""
    single = [(bytes_of(mask), offset) for offset, mask in enumerate(tail) if mask.bit_count() == 1]
    return min(single, key=lambda one: one[0] in _FREQUENT, default=(b"", 0))
