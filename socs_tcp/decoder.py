"""From bytes as they come to whole frames: what all framers have in common."""

from __future__ import annotations

from typing import TypeAlias

from .errors import FramingError, show

Text: TypeAlias = "bytes | bytearray | memoryview | str"

MAX_LENGTH = 65536

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


def positive(name: str, value: int) -> int:
    """`value` if it is a number of bytes.

    Raises
    ------
    TypeError, ValueError
        With the name of the parameter and what is expected.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number of bytes, not {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1 byte, not {value}")
    return value


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

    def find(self, buffer: bytearray, scanned: int) -> tuple[int, int] | None:
        """Where the first frame in `buffer` ends.

        Parameters
        ----------
        buffer : bytearray
            Begins where the frame begins. Never empty. Not to be changed.
        scanned : int
            So many bytes were there at the last call, which found nothing.

        Returns
        -------
        (int, int) or None
            Length of the frame, and of the frame with all that ends it; None where it
            is not yet complete.

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

    def encode(self, message: Text) -> bytes:
        """The bytes to send for `message`, with the terminator where it is missing."""
        data = to_bytes(message)
        if self.send_terminator and not data.endswith(self.send_terminator):
            return data + self.send_terminator
        return data

    def decoder(self) -> Decoder:
        """A new, empty decoder for one connection."""
        return Decoder(self)

    def too_long(self, buffer: bytearray) -> FramingError:
        """The error for a reply of which no end is to be seen."""
        return FramingError(f"no end of the reply within {self.max_length} bytes; "
                            f"it begins {show(buffer[:SHOWN])}", phase="recv", sent="yes")


class Decoder:
    """The bytes of one connection that are not yet handed over.

    Not thread-safe: whoever owns the connection owns its decoder.
    """

    __slots__ = ("_framer", "_scanned", "buffer")

    def __init__(self, framer: Framer) -> None:
        self._framer = framer
        #: What waits. For others to look at, not to change.
        self.buffer = bytearray()
        self._scanned = 0

    def __len__(self) -> int:
        """Bytes that wait here."""
        return len(self.buffer)

    def feed(self, data: bytes) -> None:
        """Take what came from the device."""
        self.buffer += data

    def next_frame(self) -> bytes | None:
        """The next whole frame without its terminator, or None.

        Raises
        ------
        FramingError
            If what came cannot be a frame. The connection is then of no more use.
        """
        buffer = self.buffer
        if not buffer:
            return None
        found = self._framer.find(buffer, self._scanned)
        if found is None:
            self._scanned = len(buffer)
            return None
        length, consumed = found
        frame = bytes(memoryview(buffer)[:length])
        del buffer[:consumed]
        self._scanned = 0
        return frame

    def feed_frame(self, data: bytes) -> bytes | None:
        """`feed`, and then `next_frame`."""
        if not self.buffer:
            frame = self._framer.whole(data)
            if frame is not None:
                return frame
        self.buffer += data
        return self.next_frame()

    def take(self, count: int) -> bytes:
        """Up to `count` bytes as they came, whatever the framing."""
        data = bytes(memoryview(self.buffer)[:count])
        del self.buffer[:count]
        self._scanned = 0
        return data

    def peek(self, count: int = SHOWN) -> bytes:
        """The first `count` bytes that wait, left where they are (for messages)."""
        return bytes(memoryview(self.buffer)[:count])

    def clear(self) -> int:
        """Throw away all that waits.

        Returns
        -------
        int
            How many bytes that were.
        """
        count = len(self.buffer)
        self.buffer.clear()
        self._scanned = 0
        return count
