"""Frames with all of their bytes: what a proxy passes on."""

from __future__ import annotations

from ...core.errors import FramingError
from ...core.framing import Framer


class Cutter:
    """Cuts a stream into frames and keeps all of its bytes."""

    def __init__(self, framer: Framer | None) -> None:
        self._framer = framer
        self._buffer = bytearray()
        self._scanned = 0

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """What `data` completes: each frame, and the same with all that ends it."""
        if self._framer is None:
            return [(data, data)] if data else []
        self._buffer += data
        whole: list[tuple[bytes, bytes]] = []
        while self._buffer:
            try:
                found = self._framer.find(self._buffer, 0, len(self._buffer), self._scanned)
            except FramingError:
                rest = self.rest()      # it is the client's to complain
                return [*whole, (rest, rest)]
            if found is None or found[1] > len(self._buffer):
                self._scanned = len(self._buffer)
                break
            end, after = found
            whole.append((bytes(self._buffer[:end]), bytes(self._buffer[:after])))
            del self._buffer[:after]
            self._scanned = 0
        return whole

    def rest(self) -> bytes:
        """What is not complete; it is gone from here."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._scanned = 0
        return rest
