"""Replies as they came, terminator and all; and what came and is no whole reply."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.framing import Framer

#: So many bytes of an unfinished reply are kept, its last ones.
KEPT = 4096


@dataclass(frozen=True)
class Reply:
    """One reply: `data` is all of it, `text` is without what ends it."""

    data: bytes
    text: bytes


class Whole(Framer):
    """Ends replies where another framer does, and leaves on them what ends them.

    For one connection: it remembers what came and is no whole reply yet.
    """

    def __init__(self, framer: Framer) -> None:
        super().__init__(framer.max_length)
        self.framer = framer
        self.send_terminator = framer.send_terminator
        #: The end of what came since the last whole reply.
        self.unfinished = b""
        #: So many whole replies came.
        self.count = 0

    def begin(self) -> None:
        """Forget what came: a new command is sent."""
        self.unfinished, self.count = b"", 0

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        self.unfinished = bytes(buffer[max(start, stop - KEPT):stop])
        found = self.framer.find(buffer, start, stop, scanned)
        if found is None or found[1] > stop:
            return found
        self.unfinished = b""
        self.count += 1
        return found[1], found[1]

    def reply(self, data: bytes) -> Reply:
        """What `data`, a frame of this framer, says."""
        found = self.framer.find(bytearray(data), 0, len(data), 0)
        return Reply(data, data if found is None else data[:found[0]])
