"""What a device says by itself, for the user who asked for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from ..core.errors import told
from ..core.link import Link

#: So many wait at most for a user who takes long over one.
MOST_WAITING = 1000


class Alarms:
    """Gives whole frames that answer nothing to a user's function, one at a time.

    One for all connections of a device. Reactor thread only.

    Parameters
    ----------
    on_unasked : callable
        Gets each frame. If it returns a Deferred, the next one waits for that.
    link : Link
        Counts those that are discarded, and tells of a function that fails.
    """

    def __init__(self, on_unasked: Callable[[bytes], Any], link: Link) -> None:
        self._on_unasked = on_unasked
        self._link = link
        self._busy = False
        #: Those that wait: the conversations add to it.
        self.frames: list[bytes] = []

    def tell(self) -> None:
        """Hand over what waits."""
        frames = self.frames
        while len(frames) > MOST_WAITING:
            self._link.bytes_discarded += len(frames.pop(0))
        while frames and not self._busy:
            self._busy = True
            done: Deferred[Any] = maybeDeferred(self._on_unasked, frames.pop(0))
            done.addErrback(self._failed)
            done.addCallback(self._free)
            if self._busy:      # it takes its time over this one
                done.addCallback(lambda _none: self.tell())

    def _free(self, _result: Any) -> None:
        self._busy = False

    def _failed(self, failure: Failure) -> None:
        assert failure.value is not None
        self._link.remark("on_unasked", f"on_unasked failed: {told(failure.value)}")
        self._link.tell()
