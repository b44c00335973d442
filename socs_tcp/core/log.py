"""Log lines that are seen: through txaio as in OCS, and on stderr where nobody set logging up.

Twisted's log is imported when the first line is written: a program that only asks a device, and
says itself what goes wrong, need not wait for it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any

from .text import duration, printable

__all__ = ["DeviceLogger", "duration", "logging_has_begun", "silence"]

#: Characters of one line, what was said last (a trace) included.
MOST_CHARACTERS = 8000

#: No line is written.
_silent = False


def silence() -> None:
    """Write no lines in this process: for programs that say themselves what happens."""
    global _silent  # noqa: PLW0603 (one log a process)
    _silent = True


def logging_has_begun() -> bool:
    """Has the application said where its log goes?

    Twisted offers no public way to ask. The attribute is None from the first
    ``beginLoggingTo`` on (which ``txaio.start_logging`` and ``twistd`` call, too);
    were it ever gone, we would take it that logging has begun.
    """
    from twisted.logger import globalLogBeginner  # noqa: PLC0415 (see above)

    return getattr(globalLogBeginner, "_temporaryObserver", None) is None


class DeviceLogger:
    """One logger a module, made at its top: ``log = DeviceLogger()``. Any thread may use it.

    What it is given is text, whatever is in it.
    """

    def __init__(self) -> None:
        self._own: Any = None           # txaio's, once there is one
        self._twisteds: Any = None

    @property
    def _logger(self) -> Any:
        import txaio  # noqa: PLC0415 (see above)

        # Whether txaio is for Twisted or for asyncio is the application's choice, not ours: OCS
        # makes it. Without one the lines go to Twisted's log all the same.
        if not getattr(txaio, "using_twisted", False):
            if self._twisteds is None:
                from twisted.logger import Logger  # noqa: PLC0415 (see above)

                self._twisteds = Logger(namespace="socs_tcp")
            return self._twisteds
        if self._own is None:
            self._own = txaio.make_logger()     # type: ignore[attr-defined]
        return self._own

    def info(self, text: str) -> None:
        self._emit("info", text)

    def warn(self, text: str) -> None:
        self._emit("warn", text)

    def error(self, text: str) -> None:
        self._emit("error", text)

    def beside(self, write: Callable[[], object]) -> None:
        """Do this, which writes to this log, in a thread that may. Any thread."""
        write()

    def _emit(self, level: str, text: str) -> None:
        if _silent:
            return
        text = printable(text, MOST_CHARACTERS)
        # The text is a value, never the format: bytes of a device may hold braces.
        getattr(self._logger, level)("{text}", text=text)
        if not logging_has_begun():
            stream = sys.stderr
            if stream is not None:
                # Closed, or a pipe that nobody reads: no reason to fail a call of the user.
                with contextlib.suppress(OSError, ValueError):
                    stream.write(text + "\n")
