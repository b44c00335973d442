"""Log lines that are seen: through txaio as in OCS, and on stderr where nobody set logging up."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import txaio
from twisted.logger import globalLogBeginner

txaio.use_twisted()


def logging_has_begun() -> bool:
    """Has the application said where its log goes?

    Twisted offers no public way to ask. The attribute is None from the first
    ``beginLoggingTo`` on (which ``txaio.start_logging`` and ``twistd`` call, too);
    were it ever gone, we would take it that logging has begun.
    """
    return getattr(globalLogBeginner, "_temporaryObserver", None) is None


class DeviceLogger:
    """One logger a module, made at its top: ``log = DeviceLogger()``. Any thread may use it."""

    def __init__(self) -> None:
        self._logger: Any = txaio.make_logger()  # type: ignore[attr-defined]

    def info(self, text: str) -> None:
        self._emit("info", text)

    def warn(self, text: str) -> None:
        self._emit("warn", text)

    def error(self, text: str) -> None:
        self._emit("error", text)

    def _emit(self, level: str, text: str) -> None:
        # The text is a value, never the format: bytes of a device may hold braces.
        getattr(self._logger, level)("{text}", text=text)
        if not logging_has_begun():
            stream = sys.stderr
            if stream is not None:
                # Closed, or a pipe that nobody reads: no reason to fail a call of the user.
                with contextlib.suppress(OSError, ValueError):
                    stream.write(text + "\n")


def duration(seconds: float) -> str:
    """A length of time as a person says it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
