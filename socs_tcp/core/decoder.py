"""From bytes as they come to whole frames: what all framers have in common."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from .errors import FramingError

#: A decoder's memory is this many bytes at least: short lines come many at a time.
LEAST = 4096

#: So many bytes of a reply that makes no sense are shown in messages.
SHOWN = 40

# A stream is read up to 256 kB at a time. The C library of Linux takes memory of 128 kB or more
# from the system each time, which clears it: that takes longer than the read. But once a larger
# piece has been given back, it keeps such memory for the next read.
bytes(1 << 19)


class Finder(Protocol):
    """What a decoder asks of a `Framer`, which says what each of these means."""

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None: ...

    def whole(self, data: bytes) -> bytes | None: ...

    def split(self, data: bytes, most: int,
              start: int = 0) -> tuple[list[bytes], int] | None: ...


#: What a decoder has before the first byte: of many devices, each reply comes in one piece, and
#: never stands here.
_NOTHING = bytearray()
_VIEW_OF_NOTHING = memoryview(_NOTHING)


class Decoder:
    """The bytes of one connection that are not yet handed over.

    Not thread-safe: whoever owns the connection owns its decoder.

    They stand in one piece of memory that is used again and again. New memory for each long
    frame would cost more than all that is done with it: the system clears it first.
    """

    __slots__ = ("_buffer", "_framer", "_scanned", "_searched_by", "_start", "_view", "waiting")

    def __init__(self, framer: Finder) -> None:
        self._framer = self._searched_by = framer
        #: How many bytes wait here. For others to look at, not to change.
        self.waiting = 0
        # What waits stands in _buffer from _start on, and was searched as far as _scanned.
        self._buffer, self._view = _NOTHING, _VIEW_OF_NOTHING
        self._start = self._scanned = 0

    def feed(self, data: bytes) -> None:
        """Take what came from the device."""
        count = len(data)
        if not self.waiting:
            self._start = self._scanned = 0
        stop = self._start + self.waiting
        if stop + count > len(self._buffer):
            self._make_room(count)
            stop = self.waiting
        self._view[stop:stop + count] = data
        self.waiting += count

    def _make_room(self, count: int) -> None:
        """Move what waits to the front; into a larger piece, where that is not worth it."""
        start, waiting = self._start, self.waiting
        old = self._view[start:start + waiting]
        # A byte is moved only where another was handed over before it, or the piece doubles:
        # so none is moved more than a few times, however long a frame is.
        if start < waiting or waiting + count > len(self._buffer):
            self._buffer = bytearray(max(2 * waiting + count, LEAST))
            self._view = memoryview(self._buffer)
        self._view[:waiting] = old
        self._scanned -= start
        self._start = 0

    def next_frame(self, framer: Finder | None = None) -> bytes | None:
        """The next whole frame without its terminator, or None.

        Parameters
        ----------
        framer : Framer, optional
            Where this frame ends, if not where the usual framer says.

        Raises
        ------
        FramingError
            If what came cannot be a frame. The connection is then of no more use.
        """
        waiting = self.waiting
        if not waiting:
            return None
        start = self._start
        stop = start + waiting
        if framer is None:
            framer = self._framer
        if framer is not self._searched_by:     # it knows nothing of what another one scanned
            self._searched_by, self._scanned = framer, start
        found = framer.find(self._buffer, start, stop, self._scanned)
        if found is None or found[1] > stop:
            self._scanned = stop
            return None
        end, after = found
        self.waiting = stop - after
        self._start = self._scanned = after
        return self._view[start:end].tobytes()

    def next_frames(self, most: int, framer: Finder | None = None) -> list[bytes]:
        """Up to `most` whole frames that are there already, as `next_frame` gives them.

        Raises
        ------
        FramingError
            Only where it is the first that cannot be one; otherwise the next call tells it.
        """
        waiting, first = self.waiting, self.next_frame(framer)
        if first is None:
            return []
        frames = [first]
        if most > 1 and self.waiting:
            # (Of much that waits, only so much is looked at as is likely to be taken.)
            likely = max((waiting - self.waiting) * most, LEAST)
            found = self._searched_by.split(self.peek(likely), most - 1)
            if found is not None:
                frames += found[0]
                self.waiting -= found[1]
                self._start = self._scanned = self._start + found[1]
        return self._with_more(frames, most, framer)

    def _with_more(self, frames: list[bytes], most: int, framer: Finder | None) -> list[bytes]:
        """Up to `most`, with those that `next_frame` finds; what is wrong, the next call tells."""
        with suppress(FramingError):
            while len(frames) < most and (frame := self.next_frame(framer)) is not None:
                frames.append(frame)
        return frames

    def feed_frame(self, data: bytes) -> bytes | None:
        """`feed`, and then `next_frame`."""
        if not self.waiting:
            frame = self._framer.whole(data)
            if frame is not None:
                return frame
        self.feed(data)
        return self.next_frame()

    def feed_frames(self, data: bytes, most: int, framer: Finder | None = None) -> list[bytes]:
        """`feed`, and then `next_frames`; without a copy of what is taken apart at once."""
        frames: list[bytes] = []
        start = 0
        if self.waiting:            # most often the beginning of a frame
            first, start = self._finish(data, framer)
            if first is None:
                return frames
            frames.append(first)
        if start >= 0 and len(frames) < most:
            found = (self._framer if framer is None else framer).split(
                data, most - len(frames), start)
            if found is not None and (found[0] or frames):
                self.waiting = 0
                if found[1] < len(data):
                    self.feed(data[found[1]:])
                return frames + found[0] if frames else found[0]
        self.feed(data[start + self.waiting:])
        return self._with_more(frames, most, framer) if frames else self.next_frames(most, framer)

    def _finish(self, data: bytes, framer: Finder | None) -> tuple[bytes | None, int]:
        """The frame that has begun, and where in `data` the next one begins.

        No more of `data` is taken than is likely to hold its end. Negative where what waited was
        more than one frame; it still waits then.
        """
        size, taken, frame = LEAST, 0, None
        while frame is None and taken < len(data):
            self.feed(data[taken:taken + size])
            taken, size = min(taken + size, len(data)), 4 * size
            try:
                frame = self.next_frame(framer)
            except FramingError:
                self.feed(data[taken:])
                raise
        return frame, taken - self.waiting

    def take(self, count: int) -> bytes:
        """Up to `count` bytes as they came, whatever the framing."""
        data = self.peek(count)
        self._start += len(data)
        self.waiting -= len(data)
        self._scanned = self._start
        return data

    def peek(self, count: int = SHOWN) -> bytes:
        """The first `count` bytes that wait, left where they are (for messages)."""
        start = self._start
        return self._view[start:start + min(count, self.waiting)].tobytes()

    def clear(self) -> int:
        """Throw away all that waits.

        Returns
        -------
        int
            How many bytes that were.
        """
        count, self.waiting = self.waiting, 0
        return count
