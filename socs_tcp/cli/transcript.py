"""What was said in a console, to be written to a file when somebody asks for it."""

from __future__ import annotations

import contextlib
from collections import deque
from pathlib import Path
from typing import TextIO

from .exits import UsageError
from .show import complain, now

#: So many lines are kept until somebody asks.
KEPT = 10_000


class Transcript:
    """Lines with their time: what was typed (``>``), what came (``<``), what happened (``!``)."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._file: TextIO | None = None

    def add(self, kind: str, text: str) -> None:
        """Keep a line; write it, where a file was asked for."""
        line = f"{now()} {kind} {text}\n"
        self._lines.append(line)
        if self._file is not None:
            self._write(line)

    def save(self, path: Path) -> None:
        """Write all of it to a new file, and from now on what comes.

        Raises
        ------
        UsageError
            If the file is there already, or cannot be written.
        """
        try:
            file = path.expanduser().open("x", encoding="utf-8")
        except FileExistsError:
            raise UsageError(f"{path} is there already; :save writes new files only") from None
        except OSError as exc:
            raise UsageError(f"{path}: {exc.strerror}") from None
        self.__exit__()
        self._file = file
        self._write("".join(self._lines))

    def _write(self, text: str) -> None:
        file, self._file = self._file, None
        assert file is not None
        try:
            file.write(text)
            file.flush()
        except OSError as exc:
            with contextlib.suppress(OSError):
                file.close()
            complain(f"{file.name}: {exc.strerror}; nothing more is saved")
        else:
            self._file = file

    def __enter__(self) -> Transcript:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
