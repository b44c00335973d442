"""Where one reply ends and the next begins. Pure: no socket, no clock.

A *framer* is a description: it holds no data and may be shared by many devices.
A *decoder* (`Framer.decoder`) belongs to one connection: bytes go in as they come,
whole frames come out. However the bytes are cut into pieces on the way, the frames
are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .decoder import MAX_LENGTH, Decoder, Framer, Text, positive, to_bytes
from .errors import FramingError, show

__all__ = [
    "MAX_LENGTH",
    "Decoder",
    "FixedFramer",
    "Framer",
    "LengthFramer",
    "LineFramer",
    "PromptFramer",
    "RawFramer",
    "Text",
    "checked",
    "to_bytes",
]


def checked(framer: Framer) -> Framer:
    """`framer` if it is one.

    Raises
    ------
    TypeError
        With what is expected.
    """
    if not isinstance(framer, Framer):
        raise TypeError(f"framer must be a Framer, such as LineFramer(), not {framer!r}")
    return framer


class RawFramer(Framer):
    """No framing: a reply is whatever has come, one byte or more."""

    def whole(self, data: bytes) -> bytes | None:
        return data or None

    def find(self, buffer: bytearray, scanned: int) -> tuple[int, int] | None:
        return len(buffer), len(buffer)


class LineFramer(Framer):
    """A reply ends with a terminator.

    Parameters
    ----------
    terminator : bytes, str, or a tuple of them
        What ends a reply. Of several, whichever comes first.
    send_terminator : bytes or str, optional
        What ends a command; the (first) `terminator` unless given.
    max_length : int
        The longest line in bytes, its terminator not counted.

    Raises
    ------
    ValueError
        If a terminator is empty, or one of several stands inside another (other than
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
                    raise ValueError(f"terminator {one!r} stands inside terminator {other!r}: "
                                     "which of them ends a reply could not be told")
        self.send_terminator = (self.terminators[0] if send_terminator is None
                                else to_bytes(send_terminator))
        longest_first = sorted(self.terminators, key=len, reverse=True)
        self._longest = len(longest_first[0])
        self._single = self.terminators[0] if len(self.terminators) == 1 else None
        self._last = self.terminators[0][-1:]
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)))

    def whole(self, data: bytes) -> bytes | None:
        single = self._single
        if single is None:
            return None
        end = data.find(single)
        return data[:end] if 0 <= end == len(data) - self._longest <= self.max_length else None

    def find(self, buffer: bytearray, scanned: int) -> tuple[int, int] | None:
        start = max(scanned - self._longest + 1, 0)
        if self._single is not None:
            end = self._find_single(buffer, self._single, start)
            consumed = end + self._longest
        else:
            match = self._pattern.search(buffer, start)
            end, consumed = match.span() if match else (-1, -1)
        if end < 0:
            if len(buffer) >= self.max_length + self._longest:
                raise self.too_long(buffer)
            return None
        if end > self.max_length:
            raise self.too_long(buffer)
        return end, consumed

    def _find_single(self, buffer: bytearray, terminator: bytes, start: int) -> int:
        """``buffer.find(terminator, start)``, but twenty times faster in long lines.

        One byte is found with all the processor has (memchr), two are not: so the last byte
        is looked for, and then it is seen whether the others stand before it.
        """
        after = buffer.find(self._last, start) + 1
        while after and not buffer.endswith(terminator, start, after):
            after = buffer.find(self._last, after) + 1
        return after - self._longest if after else -1


class FixedFramer(Framer):
    """Every reply has the same length.

    Parameters
    ----------
    length : int
        Of a reply, in bytes.
    """

    def __init__(self, length: int) -> None:
        super().__init__(positive("length", length))
        self.length = length

    def whole(self, data: bytes) -> bytes | None:
        return data if len(data) == self.length else None

    def find(self, buffer: bytearray, scanned: int) -> tuple[int, int] | None:
        return None if len(buffer) < self.length else (self.length, self.length)


class LengthFramer(Framer):
    """A header of fixed size tells how many bytes follow it.

    A frame is handed over whole, with its header, since the header often holds what
    tells two replies apart. Modbus/TCP, for instance (its header up to and with the
    length field has six bytes, the length stands in the last two)::

        LengthFramer(6, lambda header: int.from_bytes(header[4:6], "big"))

    Parameters
    ----------
    header_size : int
        Bytes of the header.
    length_of : callable
        Gets the header (bytes) and returns how many bytes follow it.
    max_length : int
        The longest frame in bytes, its header counted.
    """

    def __init__(self, header_size: int, length_of: Callable[[bytes], int], *,
                 max_length: int = MAX_LENGTH) -> None:
        super().__init__(max_length)
        self.header_size = positive("header_size", header_size)
        if header_size > max_length:
            raise ValueError(f"max_length must have room for the header of {header_size} bytes, "
                             f"not {max_length}")
        if not callable(length_of):
            raise TypeError(f"length_of must be a function of the header, not {length_of!r}")
        self.length_of = length_of

    def find(self, buffer: bytearray, scanned: int) -> tuple[int, int] | None:
        if len(buffer) < self.header_size:
            return None
        header = bytes(memoryview(buffer)[:self.header_size])
        try:
            following = int(self.length_of(header))
        except Exception as exc:
            raise FramingError(f"length_of failed on the header {show(header)}: {exc}",
                               phase="recv", sent="yes") from exc
        total = self.header_size + following
        if following < 0 or total > self.max_length:
            raise FramingError(f"the header {show(header)} announces {following} more bytes; "
                               f"0 to {self.max_length - self.header_size} are possible",
                               phase="recv", sent="yes")
        return None if len(buffer) < total else (total, total)


class PromptFramer(Framer):
    """A reply ends where the device prompts for the next command.

    Parameters
    ----------
    pattern : bytes, str, or compiled pattern of bytes
        The prompt as a regular expression. The reply ends as soon as it matches, so it
        may not be empty and may not end in ``$``, ``\\Z`` or look ahead: what comes
        after the prompt is not known yet when it is seen. (Nor may it have groups or
        repetitions that do not backtrack, ``(?>...)``, ``*+``: what they match depends on
        how much has come.)
    send_terminator : bytes or str
        What ends a command.
    max_length : int
        The longest reply in bytes, its prompt counted.
    """

    def __init__(self, pattern: Text | re.Pattern[bytes], *, send_terminator: Text = b"\r\n",
                 max_length: int = MAX_LENGTH) -> None:
        super().__init__(max_length)
        if not isinstance(pattern, re.Pattern):
            pattern = re.compile(to_bytes(pattern))
        source = pattern.pattern
        if not isinstance(source, bytes):
            raise TypeError(f"a compiled pattern must be one of bytes, not {source!r}")
        if pattern.search(b"") is not None:
            raise ValueError(f"the prompt {source!r} matches nothing at all: "
                             "every reply would be over before it begins")
        if re.search(rb"(?<!\\)(\\\\)*(\$|\\Z|\\b|\\B|\(\?[=!])", source):
            raise ValueError(f"the prompt {source!r} depends on what comes after it, "
                             "which is not known when the prompt is seen "
                             r"(a literal dollar sign is written \$)")
        self.pattern = pattern
        # A prompt that is a plain text has a known length: of what was searched already, only
        # the end can be its beginning. Any other is searched from the start of the reply.
        plain = not re.search(rb"[\\.^$*+?{}\[\]|()]", source) and not pattern.flags
        self._length = len(source) if plain else None
        self.send_terminator = to_bytes(send_terminator)

    def find(self, buffer: bytearray, scanned: int) -> tuple[int, int] | None:
        limit = min(len(buffer), self.max_length)
        begin = 0 if self._length is None else max(scanned - self._length + 1, 0)
        match = self.pattern.search(buffer, begin, limit)
        if match is None:
            if len(buffer) >= self.max_length:
                raise self.too_long(buffer)
            return None
        # The reply ends as soon as any beginning of it matches: the same place at which
        # it ends when the bytes come one by one. Matching is monotone in the length, and
        # no match begins before the leftmost.
        begin = match.start()
        low, high = max(scanned, begin), match.end()
        while high - low > 1:
            middle = (low + high) // 2
            if self.pattern.search(buffer, begin, middle):
                high = middle
            else:
                low = middle
        last = self.pattern.search(buffer, begin, high)
        assert last is not None
        return last.start(), high
