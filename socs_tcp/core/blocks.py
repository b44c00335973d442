"""Replies that are blocks of IEEE 488.2. Pure."""

from __future__ import annotations

from .ends import find_text
from .errors import FramingError, show
from .framer import Framer, Text, to_bytes


class BlockFramer(Framer):
    """A reply is a block of IEEE 488.2: ``#``, one digit, the length, and so many bytes.

    Whatever the bytes are, none of them ends the block. As with `LengthFramer`, the frame is the
    whole block with its header (`content` takes that off), without the terminator. ``#0``
    announces a block of unknown length, which ends with the terminator. A reply that does not
    begin with ``#`` (an error message, say) ends with the terminator, too.

    Parameters
    ----------
    terminator : bytes or str
        What follows a block. Empty if nothing does: then each reply must be a block that says how
        long it is.
    send_terminator : bytes or str, optional
        What ends a command. Default: as `terminator`, or LF if that is empty.
    max_length : int
        The longest block in bytes, its header not counted.
    """

    def __init__(self, terminator: Text = b"\n", *, send_terminator: Text | None = None,
                 max_length: int = 1 << 24) -> None:
        super().__init__(max_length)
        self.terminator = to_bytes(terminator)
        self.send_terminator = (self.terminator or b"\n") if send_terminator is None \
            else to_bytes(send_terminator)

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        digits = buffer[start + 1] - 48 if buffer[start] == 35 and stop > start + 1 else 0
        if buffer[start] == 35 and stop == start + 1:
            return None
        if not digits and self.terminator:
            return self._line(buffer, start, stop, scanned)
        body = start + 2 + digits
        if not 0 < digits < 10 or not bytes(buffer[start + 2:min(body, stop)]).isdigit():
            if 0 < digits < 10 and stop == start + 2:
                return None
            raise FramingError("this is not a block: it begins "
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
            If `frame` is not a block.
        """
        digits = frame[1] - 48 if frame[:1] == b"#" and len(frame) > 1 else -1
        if not 0 <= digits <= 9:
            raise ValueError(f"this is not a block: {show(frame)}")
        return frame[2 + digits:]

    def _ended(self, buffer: bytearray, body: int, end: int,
               stop: int) -> tuple[int, int] | None:
        """The span of the block, once what follows it has come, too."""
        after = end + len(self.terminator)
        if stop >= after and not buffer.startswith(self.terminator, end):
            raise FramingError(f"{show(buffer[end:after])} follows a block, not "
                               f"{show(self.terminator)}", phase="recv", sent="yes")
        return (end, after) if stop >= after else None

    def _line(self, buffer: bytearray, start: int, stop: int,
              scanned: int) -> tuple[int, int] | None:
        after = find_text(buffer, self.terminator, start, stop, scanned)
        if after:
            return after - len(self.terminator), after
        if stop - start > self.max_length:
            raise self.too_long(buffer[start:stop])
        return None
