"""Where one reply ends and the next begins. Pure: no socket, no clock.

A *framer* is a description: it holds no data and may be shared by many devices.
A *decoder* (`Framer.decoder`) belongs to one connection: bytes go in as they come,
whole frames come out. However the bytes are cut into pieces on the way, the frames
are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .checks import positive
from .decoder import MAX_LENGTH, Decoder, Framer, Text, to_bytes
from .errors import FramingError, show
from .prompts import PromptFramer, find_text, plain_text, split_text

__all__ = [
    "MAX_LENGTH",
    "BlockFramer",
    "Decoder",
    "FixedFramer",
    "Framer",
    "LengthFramer",
    "LineFramer",
    "PromptFramer",
    "RawFramer",
    "Text",
    "checked",
    "find_text",
    "plain_text",
    "split_text",
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

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        return stop, stop


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
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)))

    def whole(self, data: bytes) -> bytes | None:
        single = self._single
        if single is None or not data.endswith(single):
            return None
        end = len(data) - self._longest
        # (Where the terminator's last byte is the first of its kind, there is but one.)
        if end > self.max_length or data.find(single[-1:]) != len(data) - 1:
            return None
        return data[:end]

    def split(self, data: bytes, most: int) -> list[bytes] | None:
        single = self._single
        return None if single is None else split_text(data, single, most, self.max_length)

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

    def split(self, data: bytes, most: int) -> list[bytes] | None:
        size = self.length
        end = min(most, len(data) // size) * size
        return [*(data[at:at + size] for at in range(0, end, size)), data[end:]]

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        return start + self.length, start + self.length


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

    def whole(self, data: bytes) -> bytes | None:
        size = self.header_size
        try:
            return data if len(data) >= size and self._total(data[:size]) == len(data) else None
        except FramingError:
            return None         # as `find` will say

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        body = start + self.header_size
        if stop < body:
            return None
        end = start + self._total(bytes(buffer[start:body]))
        return end, end

    def _total(self, header: bytes) -> int:
        """The length of the frame that begins with this header."""
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
        return total


class BlockFramer(Framer):
    """A reply is a block of IEEE 488.2: ``#``, one digit, the length, and so many bytes.

    Whatever the bytes are, none of them ends the block. As with `LengthFramer`, the frame is the
    whole block with its header (`content` takes that off), without the terminator. ``#0``
    announces a block of unknown length, which ends with the terminator. A reply that does not
    begin with ``#`` (an error message, say) ends with the terminator, too.

    Parameters
    ----------
    terminator : bytes or str
        What follows a block; also what ends a command.
    max_length : int
        The longest block in bytes, its header not counted.
    """

    def __init__(self, terminator: Text = b"\n", *, max_length: int = 1 << 24) -> None:
        super().__init__(max_length)
        self.send_terminator = to_bytes(terminator)
        if not self.send_terminator:
            raise ValueError("a terminator must have at least one byte")

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        digits = buffer[start + 1] - 48 if buffer[start] == 35 and stop > start + 1 else 0
        if buffer[start] == 35 and stop == start + 1:
            return None
        if not digits:
            return self._line(buffer, start, stop, scanned)
        body = start + 2 + digits
        if not 0 < digits < 10 or not bytes(buffer[start + 2:min(body, stop)]).isdigit():
            if 0 < digits < 10 and stop == start + 2:
                return None
            raise FramingError("this is no block: it begins "
                               f"{show(buffer[start:min(stop, start + 12)])}",
                               phase="recv", sent="yes")
        if stop < body:
            return None
        length = int(buffer[start + 2:body])
        if length > self.max_length:
            raise FramingError(f"a block of {length} bytes is announced; at most "
                               f"{self.max_length} are possible", phase="recv", sent="yes")
        return self._ended(buffer, body, body + length, stop)

    @staticmethod
    def content(frame: bytes) -> bytes:
        """The bytes of a block, without its header.

        Raises
        ------
        ValueError
            If `frame` is no block.
        """
        digits = frame[1] - 48 if frame[:1] == b"#" and len(frame) > 1 else -1
        if not 0 <= digits <= 9:
            raise ValueError(f"this is no block: {show(frame)}")
        return frame[2 + digits:]

    def _ended(self, buffer: bytearray, body: int, end: int,
               stop: int) -> tuple[int, int] | None:
        """The span of the block, once what follows it has come, too."""
        after = end + len(self.send_terminator)
        if stop >= after and not buffer.startswith(self.send_terminator, end):
            raise FramingError(f"{show(buffer[end:after])} follows a block, not "
                               f"{show(self.send_terminator)}", phase="recv", sent="yes")
        return (end, after) if stop >= after else None

    def _line(self, buffer: bytearray, start: int, stop: int,
              scanned: int) -> tuple[int, int] | None:
        after = find_text(buffer, self.send_terminator, start, stop, scanned)
        if after:
            return after - len(self.send_terminator), after
        if stop - start > self.max_length:
            raise self.too_long(buffer[start:stop])
        return None
