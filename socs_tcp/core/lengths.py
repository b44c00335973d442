"""Replies whose length is known before they end. Pure."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import repeat
from struct import iter_unpack

from .checks import positive
from .errors import FramingError, show
from .framer import MAX_LENGTH, Framer


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

    def split(self, data: bytes, most: int, start: int = 0) -> tuple[list[bytes], int] | None:
        size = self.length
        stop = start + min(most, (len(data) - start) // size) * size
        return [frame for frame, in iter_unpack(f"{size}s", memoryview(data)[start:stop])], stop

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

    def split(self, data: bytes, most: int, start: int = 0) -> tuple[list[bytes], int] | None:
        frames: list[bytes] = []
        size, stop = self.header_size, len(data)
        known, total = None, 0      # in a stream, each header may well be like the last
        with suppress(FramingError):        # `find` will say
            for _ in repeat(None, most):
                header = data[start:start + size]
                if header != known:
                    if len(header) < size:
                        break
                    known, total = header, self._total(header)
                end = start + total
                if end > stop:
                    break
                frames.append(data[start:end])
                start = end
        return frames, start

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
