"""Where a prompt ends that is a regular expression. Pure.

A reply ends as soon as any beginning of it has a match, as if the bytes came one by one. So each
beginning would have to be searched, which for a long reply takes for ever. Three things spare that:

- A match can only end where the bytes are such as it can end with (`Cost.tail`). One search for
  those, which is cheap whatever comes, finds the next place where it may end.
- Where these bytes are all that the pattern asks for, that is it.
- Otherwise the reply is divided into blocks: a prompt that ends in one begins there or in the
  block before, and nowhere else, however much has come. So a search looks at two blocks. For a
  block that holds such places, but no prompt, two are made; for one with the prompt, as many more
  as it takes to halve a block until one byte is left.

So what it costs grows with the length of the reply and no faster.
"""

from __future__ import annotations

import re
from itertools import product
from math import prod

from .byte_sets import bytes_of, one_of
from .patterns import Cost

#: A prompt of any length (``\\w+> ``) is found if it has so many bytes at most.
LONGEST_PROMPT = 128
#: So many steps of matching are taken for one piece of a reply at most (about 1 ms).
STEPS = 50_000

#: So many texts are compared at most, where a pattern stands for a few.
MOST_TEXTS = 16

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
        #: All that the tail can be, where that is little.
        self._texts = _texts(price.tail)

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

    def split(self, data: bytes, most: int, longest: int) -> tuple[list[bytes], int]:
        """Up to `most` replies that `data` begins with, and how many of its bytes they took.

        None of them has more than `longest` bytes with its prompt: they end in front of that.
        """
        if self._is_tail and self._byte:
            return self._split_by_tail(data, most, longest)
        frames: list[bytes] = []
        start = 0
        while len(frames) < most and (span := self.find(
                data, start, min(len(data), start + longest), start)) is not None:
            frames.append(data[start:span[0]])
            start = span[1]
        return frames, start

    def _split_by_tail(self, data: bytes, most: int, longest: int) -> tuple[list[bytes], int]:
        """The same where `_candidate` is all there is to do."""
        frames: list[bytes] = []
        byte, offset, texts, find, start = self._byte, self._offset, self._texts, data.find, 0
        while len(frames) < most and (at := find(byte, start + offset) - offset) >= start:
            if not data.startswith(texts, at):
                found = self._tail.search(data, at)
                if found is None:
                    break
                at = found.start()
            after = at + self._size
            if after - start > longest:
                break
            frames.append(data[start:at])
            start = after
        return frames, start

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
        block = (first - 1) // self.longest * self.longest
        low, end = max(block - self.longest, 0), min(block + self.longest, len(reply))
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


def _texts(tail: tuple[int, ...]) -> tuple[bytes, ...]:
    """All texts that a tail can be; none if there are many."""
    if prod(mask.bit_count() for mask in tail) > MOST_TEXTS:
        return ()
    return tuple(map(bytes, product(*map(bytes_of, tail))))


def _rarest(tail: tuple[int, ...]) -> tuple[bytes, int]:
    """A byte that stands in one place of the tail, and which place; nothing if there is none."""
    single = [(bytes_of(mask), offset) for offset, mask in enumerate(tail) if mask.bit_count() == 1]
    return min(single, key=lambda one: one[0] in _FREQUENT, default=(b"", 0))
