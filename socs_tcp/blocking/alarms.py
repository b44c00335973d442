"""What a device says by itself, for the user who asked for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..core.errors import told
from ..core.forking import inherited
from ..core.link import Link


class Alarms:
    """Gives whole frames that answer nothing to a user's function, one at a time. Any thread.

    Parameters
    ----------
    on_unasked : callable
        Gets each frame.
    link : Link
        Is told of a function that fails.
    """

    def __init__(self, on_unasked: Callable[[bytes], object], link: Link) -> None:
        self._on_unasked = on_unasked
        self._link = link
        #: Those that wait, of whichever connection: the conversations add to it.
        self.frames: list[bytes] = []
        self.forked()
        inherited.add(self)

    def forked(self) -> None:
        """Nobody is told anything: at first, and in a forked child."""
        # Reentrant only so that a thread can tell that it is its own.
        self._lock = threading.RLock()
        self.frames.clear()

    def tell(self) -> None:
        """Hand over what waits, unless somebody is at it: that one goes on with ours.

        Not while this thread has the device: the function may use it.
        """
        lock = self._lock
        # (As in `gate.Call`: whatever interrupts this, the lock is given back.)
        while self.frames and not lock._is_owned():     # type: ignore[attr-defined]
            try:
                if not lock.acquire(blocking=False):
                    return
                while self.frames:
                    self._tell(self.frames.pop(0))
            finally:
                if lock._is_owned():                    # type: ignore[attr-defined]
                    lock.release()

    def _tell(self, frame: bytes) -> None:
        try:
            self._on_unasked(frame)
        except Exception as exc:
            self._link.remark("on_unasked", f"on_unasked failed: {told(exc)}")
            self._link.tell()
