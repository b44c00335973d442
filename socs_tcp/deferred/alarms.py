"""What a device says by itself, for the user who asked for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from ..core.link import Link

#: So many wait at most for a user who takes long over one.
MOST_WAITING = 1000


class Alarms:
    """Gives whole frames that answer nothing to a user's function, one at a time.

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

    def tell(self, frames: list[bytes]) -> None:
        """Hand over what waits."""
        while len(frames) > MOST_WAITING:
            self._link.bytes_discarded += len(frames.pop(0))
        while frames and not self._busy:
            self._busy = True
            done: Deferred[Any] = maybeDeferred(self._on_unasked, frames.pop(0))
            done.addErrback(self._failed)
            done.addCallback(self._free)
            if self._busy:      # it takes its time over this one
                done.addCallback(lambda _none: self.tell(frames))

    def _free(self, _result: Any) -> None:
        self._busy = False

    def _failed(self, failure: Failure) -> None:
        self._link.remark("on_unasked", f"on_unasked failed: {failure.value!r}")
        self._link.tell()
