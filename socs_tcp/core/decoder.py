"""From bytes as they come to whole frames: what all framers have in common."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeAlias

from .checks import positive
from .errors import FramingError, show

Text: TypeAlias = "bytes | bytearray | memoryview | str"

MAX_LENGTH = 65536

#: A decoder's memory is this many bytes at least: short lines come many at a time.
LEAST = 4096

#: So many bytes of a reply that makes no sense are shown in messages.
SHOWN = 40


def to_bytes(text: Text) -> bytes:
    """`text` as bytes; ``str`` is encoded as UTF-8.

    Raises
    ------
    TypeError
        If it is neither text nor bytes.
    """
    if type(text) is bytes:
        return text
    if isinstance(text, str):
        return text.encode()
    if isinstance(text, (bytes, bytearray, memoryview)):
        return bytes(text)
    raise TypeError(f"a message must be bytes or str, not {type(text).__name__}: {text!r}")


class Framer:
    """How a device marks the end of a reply. Subclass it for a new kind: write `find`.

    Parameters
    ----------
    max_length : int
        The longest frame in bytes; a longer one is a `FramingError`.
    """

    #: Added by `encode` where it is missing.
    send_terminator: bytes = b""

    def __init__(self, max_length: int = MAX_LENGTH) -> None:
        self.max_length = positive("max_length", max_length)

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        """Where the first frame ends.

        Parameters
        ----------
        buffer : bytearray
            What came is ``buffer[start:stop]``, at least one byte. The rest of it means
            nothing: bytes of earlier frames may stand there. Not to be changed.
        start, stop : int
            Where the frame begins, and where that which has come ends.
        scanned : int
            So far the last call saw it, which found nothing; `start` if there was none.

        Returns
        -------
        (int, int) or None
            Where the frame ends, and where the next one begins, as indices of `buffer`; beyond
            `stop` where that has yet to come. None if it is not yet known.

        Raises
        ------
        FramingError
            If no frame can come of this.
        """
        raise NotImplementedError

    def whole(self, data: bytes) -> bytes | None:
        """The frame, if `data` is exactly one whole frame; None where that is not easily told.

        Only a short cut for the most frequent case: `find` decides all others.
        """
        return None

    def split(self, data: bytes, most: int) -> list[bytes] | None:
        """Up to `most` frames that `data` begins with, and then what is left of it.

        None where that is not easily told: as `whole`, a short cut.
        """
        return None

    def encode(self, message: Text) -> bytes:
        """The bytes to send for `message`, with the terminator where it is missing."""
        data = message if type(message) is bytes else to_bytes(message)
        if self.send_terminator and not data.endswith(self.send_terminator):
            return data + self.send_terminator
        return data

    def decoder(self) -> Decoder:
        """A new, empty decoder for one connection."""
        return Decoder(self)

    def too_long(self, begin: bytes | bytearray) -> FramingError:
        """The error for a reply of which no end is to be seen, and which begins with `begin`."""
        return FramingError(f"no end of the reply within {self.max_length} bytes; "
                            f"it begins {show(begin[:SHOWN])}", phase="recv", sent="yes")


class Decoder:
    """The bytes of one connection that are not yet handed over.

    Not thread-safe: whoever owns the connection owns its decoder.

    They stand in one piece of memory that is used again and again. New memory for each long
    frame would cost more than all that is done with it: the system clears it first.
    """

    __slots__ = ("_buffer", "_framer", "_scanned", "_searched_by", "_start", "_view", "waiting")

    def __init__(self, framer: Framer) -> None:
        self._framer = self._searched_by = framer
        #: How many bytes wait here. For others to look at, not to change.
        self.waiting = 0
        # What waits stands in _buffer from _start on, and was searched as far as _scanned.
        self._buffer = bytearray()
        self._view = memoryview(self._buffer)
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

    def next_frame(self, framer: Framer | None = None) -> bytes | None:
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

    def next_frames(self, most: int, framer: Framer | None = None) -> list[bytes]:
        """Up to `most` whole frames that are there already, as `next_frame` gives them.

        Raises
        ------
        FramingError
            Only where it is the first that cannot be one; otherwise the next call tells it.
        """
        first = self.next_frame(framer)
        if first is None:
            return []
        start, stop = self._start, self._start + self.waiting
        frames = self._searched_by.split(self._view[start:stop].tobytes(), most - 1)
        if frames is not None:
            self.waiting = len(frames.pop())
            self._start = self._scanned = stop - self.waiting
            return [first, *frames]
        frames = [first]
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
