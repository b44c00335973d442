"""What was said in a console, to be written to a file when somebody asks for it."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from ..core.line_file import LineFile
from .exits import UsageError
from .show import complain, now

#: So many lines are kept until somebody asks.
KEPT = 10_000


class Transcript:
    """Lines with their time: what was typed (``>``), what came (``<``), what happened (``!``)."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._file: LineFile | None = None

    def add(self, kind: str, text: str) -> None:
        """Keep a line; write it, where a file was asked for."""
        line = f"{now()} {kind} {text}\n"
        self._lines.append(line)
        if self._file is not None:
            self._file.write(line)

    def save(self, path: Path) -> None:
        """Write all of it to a new file, and from now on what comes.

        Raises
        ------
        UsageError
            If the file is there already, or cannot be written.
        """
        try:
            file = LineFile(path.expanduser(), "x", complain)
        except FileExistsError:
            raise UsageError(f"{path} already exists; :save writes only new files") from None
        except (OSError, RuntimeError) as exc:      # (RuntimeError: ~ of nobody)
            raise UsageError(f"{path}: {getattr(exc, 'strerror', None) or exc}") from None
        self.__exit__()
        self._file = file
        file.write("".join(self._lines))

    def __enter__(self) -> Transcript:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
