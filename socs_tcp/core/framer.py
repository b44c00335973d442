"""What a framer is: how a device marks the end of a reply. Pure: no socket, no clock."""

from __future__ import annotations

from typing import TypeAlias

from .checks import positive
from .decoder import SHOWN, Decoder
from .errors import FramingError, show

Text: TypeAlias = "bytes | bytearray | memoryview | str"

MAX_LENGTH = 65536


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

    def __init_subclass__(cls, **more: object) -> None:
        """One with a `find` of its own has no use for the short cuts of another's."""
        super().__init_subclass__(**more)
        if "find" in vars(cls):
            for name in {"whole", "split"} - set(vars(cls)):
                setattr(cls, name, getattr(Framer, name))

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

    def split(self, data: bytes, most: int, start: int = 0) -> tuple[list[bytes], int] | None:
        """Up to `most` frames of ``data[start:]``, and where in `data` the next one begins.

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
