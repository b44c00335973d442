"""The log of the devices of one reactor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from ..core.log import DeviceLogger
from .clock import steady
from .ending import ending
from .turns import Turns

#: So many lines about the devices of one reactor are written at once.
BURST = 32

#: Seconds between those that follow. To write one takes a hundredth of that, or a few.
SPACING = 0.001

#: So many may wait. Where there are more, each that comes has the oldest written at once.
MOST_WAITING = 2000


class ReactorLog(DeviceLogger):
    """The log of all devices of one reactor. Reactor thread only, but for `beside`.

    Where hundreds fail in the same moment, their lines would take longer than all else that
    is to be done then. They come in their order, each as soon as the devices that are still
    there need not wait for it, and all of them before the reactor ends.
    """

    def __init__(self, reactor: Any) -> None:
        super().__init__()
        self._reactor = reactor
        self._lines: deque[tuple[str, str]] = deque()       # each waits for its turn
        self._turns = Turns(steady(reactor), BURST, SPACING)
        self._ending = ending(reactor)
        self._ended = False
        self._users = 0

    def join(self) -> None:
        """One more device is logged here."""
        self._users += 1

    def leave(self) -> None:
        """One is closed. With the last one all is written, and no timer is left over."""
        self._users -= 1
        if not self._users:
            self.flush()

    def beside(self, write: Callable[[], object]) -> None:
        """Have the reactor do this. Any thread."""
        self._reactor.callFromThread(write)

    def _emit(self, level: str, text: str) -> None:
        if self._ended or self._turns.now():
            super()._emit(level, text)
            return
        self._ending.add(self)
        self._lines.append((level, text))
        self._turns.join(self._emit_next)
        self._turns.rush(leave=MOST_WAITING)

    def _emit_next(self) -> None:
        super()._emit(*self._lines.popleft())

    def flush(self) -> None:
        """Write all that waits, now; no timer is left over."""
        self._turns.rush()

    def forked(self) -> None:
        """This is a child: the lines that wait are the parent's to write."""

    def reactor_ended(self) -> None:
        self._ended = True
        self.flush()
