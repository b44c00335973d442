"""Log lines that are seen: through txaio as in OCS, and on stderr where nobody set logging up."""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from typing import Any

import txaio
from twisted.internet.interfaces import IReactorCore
from twisted.logger import Logger, globalLogBeginner

from ..deferred.turns import Turns
from .text import duration, printable

__all__ = ["DeviceLogger", "ReactorLog", "duration", "logging_has_begun"]

#: So many lines about the devices of one reactor are written at once.
BURST = 32

#: Seconds between those that follow. To write one takes a hundredth of that, or a few.
SPACING = 0.001

#: So many may wait. Where there are more, each that comes has the oldest written at once.
MOST_WAITING = 2000

#: Characters of one line, what was said last (a trace) included.
MOST_CHARACTERS = 8000

_PLAIN = Logger(namespace="socs_tcp")


def logging_has_begun() -> bool:
    """Has the application said where its log goes?

    Twisted offers no public way to ask. The attribute is None from the first
    ``beginLoggingTo`` on (which ``txaio.start_logging`` and ``twistd`` call, too);
    were it ever gone, we would take it that logging has begun.
    """
    return getattr(globalLogBeginner, "_temporaryObserver", None) is None


class DeviceLogger:
    """One logger a module, made at its top: ``log = DeviceLogger()``. Any thread may use it.

    What it is given is text, whatever is in it.
    """

    def __init__(self) -> None:
        self._own: Any = None           # txaio's, once there is one

    @property
    def _logger(self) -> Any:
        # Whether txaio is for Twisted or for asyncio is the application's choice, not ours: OCS
        # makes it. Without one the lines go to Twisted's log all the same.
        if not getattr(txaio, "using_twisted", False):
            return _PLAIN
        if self._own is None:
            self._own = txaio.make_logger()     # type: ignore[attr-defined]
        return self._own

    def info(self, text: str) -> None:
        self._emit("info", text)

    def warn(self, text: str) -> None:
        self._emit("warn", text)

    def error(self, text: str) -> None:
        self._emit("error", text)

    def _emit(self, level: str, text: str) -> None:
        text = printable(text, MOST_CHARACTERS)
        # The text is a value, never the format: bytes of a device may hold braces.
        getattr(self._logger, level)("{text}", text=text)
        if not logging_has_begun():
            stream = sys.stderr
            if stream is not None:
                # Closed, or a pipe that nobody reads: no reason to fail a call of the user.
                with contextlib.suppress(OSError, ValueError):
                    stream.write(text + "\n")


class ReactorLog(DeviceLogger):
    """The log of all devices of one reactor. Reactor thread only.

    Where hundreds fail in the same moment, their lines would take longer than all else that
    is to be done then. They come in their order, each as soon as the devices that are still
    there need not wait for it, and all of them before the reactor ends.
    """

    def __init__(self, reactor: Any) -> None:
        super().__init__()
        self._reactor = reactor
        self._turns = Turns(reactor, BURST, SPACING)
        self._hears_end = self._ended = False

    def _emit(self, level: str, text: str) -> None:
        if self._ended or self._turns.now():
            super()._emit(level, text)
            return
        if not self._hears_end and IReactorCore.providedBy(self._reactor):
            self._hears_end = True
            self._reactor.addSystemEventTrigger("after", "shutdown", self._end)
        self._turns.join(partial(super()._emit, level, text))
        self._turns.rush(leave=MOST_WAITING)

    def _end(self) -> None:
        self._ended = True
        self._turns.rush()
