"""What people see: bytes made fit for a terminal, times, colours."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import TextIO

from ..core.text import printable as fit

#: Characters of an error message.
LONGEST = 4000


def printable(data: bytes, encoding: str | None = None) -> str:
    r"""Bytes as text in which nothing can drive a terminal.

    Parameters
    ----------
    data : bytes
    encoding : str, optional
        Of the text; what is no text in it becomes an escape such as ``\xff``. So does, without
        an encoding, all that is not ASCII. So do, always, characters that are not to be seen:
        control characters, marks that turn the direction of writing.
    """
    if encoding is None:
        return data.decode("latin-1").encode("unicode_escape").decode("ascii")
    return visible(data.decode(encoding, "backslashreplace"))


def visible(text: str) -> str:
    """`text`, with an escape for each character that is not to be seen."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
                   for c in text)


def hex_view(data: bytes) -> str:
    """Bytes as people compare them: offset, hexadecimal, text."""
    lines = []
    for start in range(0, len(data), 16):
        part = data[start:start + 16]
        text = "".join(chr(b) if 32 <= b < 127 else "." for b in part)
        lines.append(f"{start:06x}  {part.hex(' '):<47}  {text}")
    return "\n".join(lines)


def now() -> str:
    """The time of this moment: ISO 8601 with milliseconds and the offset from UTC."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


class Style:
    """Colours on a terminal, none in a pipe or where ``NO_COLOR`` is set."""

    CODES = {"good": "32", "bad": "31;1", "faint": "2", "strong": "1"}

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = sys.stdout if stream is None else stream
        self.terminal = stream.isatty()
        self._colours = self.terminal and not os.environ.get("NO_COLOR") \
            and os.environ.get("TERM") != "dumb"

    def __call__(self, kind: str, text: str) -> str:
        """`text`, in the colour for good, bad, faint or strong."""
        return f"\x1b[{self.CODES[kind]}m{text}\x1b[0m" if self._colours else text


def complain(text: object) -> None:
    """An error message, on stderr."""
    print(f"socs-tcp: {fit(str(text), LONGEST)}", file=sys.stderr)
