"""The last things that were said on a link, to be shown when it fails. Off by default."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from .errors import show

#: Bytes of one message that are kept.
KEPT = 256


class Trace:
    """What was sent (``>``) and received (``<``), and what happened (``!``), the last entries.

    Written by whoever holds the device, read by any thread.

    Parameters
    ----------
    entries : int
        So many are kept.
    clock : callable
        Gives seconds since the epoch.
    """

    def __init__(self, entries: int, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._entries: deque[tuple[float, str, bytes | str, int]] = deque(maxlen=entries)

    def add(self, direction: str, data: bytes) -> None:
        """Keep the beginning of a message."""
        self._entries.append((self._clock(), direction, bytes(data[:KEPT]), len(data)))

    def note(self, what: str) -> None:
        """Keep what happened."""
        self._entries.append((self._clock(), "!", what, 0))

    def lines(self) -> list[str]:
        """The entries, oldest first: time (UTC), direction, bytes."""
        lines = []
        for when, direction, what, length in list(self._entries):
            stamp = time.strftime("%H:%M:%S", time.gmtime(when)) + f".{int(when % 1 * 1000):03d}"
            shown = what if isinstance(what, str) else show(what)
            of = f" of {length} bytes" if length > KEPT else ""
            lines.append(f"{stamp} {direction} {shown}{of}")
        return lines

    def __str__(self) -> str:
        return "\n".join(self.lines())
