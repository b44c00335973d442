"""A file of whole lines that ends where the disk is full, and nobody with it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path

#: There is room for nothing more.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class LineFile:
    """Takes lines; each is in the file at once. One thread at a time.

    Where there is no room left, the file ends with the last whole line, which is told once;
    what is written after that goes nowhere.

    Parameters
    ----------
    path : str or Path
    mode : str
        ``w`` to write it anew, ``x`` if it must not be there.
    tell : callable
        Gets one line of text when there is no room left.

    Attributes
    ----------
    failure : OSError or None
        What ended the file.

    Raises
    ------
    OSError
        If there can be no such file.
    """

    def __init__(self, path: str | Path, mode: str, tell: Callable[[str], None]) -> None:
        self.failure: OSError | None = None
        self._path = path
        self._tell = tell
        self._file: FileIO | None = None
        self._size = 0          # of the whole lines
        try:
            # No buffer, so that what a crash leaves can be read.
            self._file = FileIO(str(path), mode)
        except OSError as exc:
            if exc.errno not in FULL:
                raise
            self._failed(exc)

    def write(self, text: str) -> int:
        """Add one or more whole lines. Never raises an `OSError`."""
        if self._file is not None:
            data = text.encode("utf-8", "backslashreplace")
            left = memoryview(data)
            try:
                while left:
                    left = left[self._file.write(left):]
            except OSError as exc:
                self._failed(exc)
            else:
                self._size += len(data)
        return len(text)

    def _failed(self, error: OSError) -> None:
        self.failure = error
        if self._file is not None:
            with suppress(OSError):     # (of a device that is no file)
                self._file.truncate(self._size)     # no half a line, which nobody could read
        self.close()
        self._tell(f"{self._path} ends here: {error.strerror or error}; everything else goes on")

    def flush(self) -> None:
        """All is in the file already."""

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()
