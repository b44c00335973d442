"""Where a prompt ends that is a regular expression. Pure.

A reply ends as soon as any beginning of it has a match, as if the bytes came one by one. So each
beginning would have to be searched, which for a long reply takes for ever. Three things spare that:

- A match can only end where the bytes are such as it can end with (`Cost.tail`). One search for
  those, which is cheap whatever comes, finds the next place where it may end.
- Where these bytes are all that the pattern asks for, that is it. If they can be a few texts only,
  and one of these is all that can be there, the end of many replies is found as that of lines.
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

#: Of a pattern that stands for so few texts, each is looked for first.
MOST_TEXTS = 4

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
        #: Where it is one of a few texts, each with a byte that only this one has.
        self._texts = _texts(price.tail) if price.is_tail else ()
        #: Where it is a certain byte and another one: can it be this one?
        self._fits = _other(price.tail, self._offset) if self._byte and price.is_tail else None
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
        if self._texts and not keep:
            there = [text for text, byte in self._texts if data.find(byte, start) >= 0]
            # Most often it is one, and then that is all that has to be looked for.
            if len(there) == 1 and (self._size == 1 or there[0].endswith(b"\n")):
                found = split_texts(data, there, most, start, longest - self._size)
                if found is not None:
                    return found
        if self._fits is not None:
            return self._split_pairs(data, most, start, longest, keep)
        frames: list[bytes] = []
        for _ in repeat(None, most):
            span = self._likely(data, start) or self.find(data, start, len(data), start)
            if span is None:
                break
            first, after = span
            if after - start > longest:
                return None
            frames.append(data[start:after if keep else first])
            start = after
        return frames, start

    def _split_pairs(self, data: bytes, most: int, start: int, longest: int,
                     keep: bool) -> tuple[list[bytes], int] | None:
        """The same for prompts of a certain byte and another one."""
        assert self._fits is not None
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

    def _likely(self, data: bytes, start: int) -> Span | None:
        """The span of the prompt that ends where the first can, if one does; soon said."""
        at = data.find(self._byte, start + self._offset) if self._is_likely else -1
        if at < 0:
            return None
        end, width = at - self._offset + self._size, self._width
        low = start + self._low(end - start) if width is None else end - width
        found = self.pattern.search(data, low if low > start else start, end)
        # (It may not be there in full yet.)
        return (found.start(), end) if found is not None and found.end() == end else None

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


def _texts(tail: tuple[int, ...]) -> list[tuple[bytes, bytes]]:
    """All that a tail can be, and what is in no other; nothing if that is much, or not so."""
    several = [place for place, mask in enumerate(tail) if mask.bit_count() != 1]
    if len(several) != 1 or tail[several[0]].bit_count() > MOST_TEXTS:
        return []
    if len(tail) > 1 and b"\n" not in bytes_of(tail[-1]):
        return []       # (of those, one by one is as good)
    place, texts = several[0], [b""]
    for mask in tail:
        texts = [text + bytes([byte]) for text in texts for byte in bytes_of(mask)]
    return [(text, text[place:place + 1]) for text in texts]


def _rarest(tail: tuple[int, ...]) -> tuple[bytes, int]:
    """A byte that stands in one place of the tail, and which place; nothing if there is none."""
    single = [(bytes_of(mask), offset) for offset, mask in enumerate(tail) if mask.bit_count() == 1]
    return min(single, key=lambda one: one[0] in _FREQUENT, default=(b"", 0))
