"""A record of what a device said, in a file that a person can read.

The file has one line for each thing that happened: seconds since the start, the number
of the connection, a direction, and the bytes as Python shows them::

    # socs_tcp recording 1
    # device 10.10.10.5:7777, begun 2025-01-31T12:00:00+00:00
    0.000000 1 open
    0.001204 1 > b'*IDN?\\r\\n'
    0.013377 1 < b'LSCI,MODEL372\\r\\n'
    9.100000 1 close

``>`` is to the device, ``<`` is from it.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ...core.framing import Framer
from ...core.line_file import LineFile
from ...core.log import DeviceLogger
from ...core.text import shown

HEADER = "# socs_tcp recording 1"
KINDS = ("open", ">", "<", "close")

#: What stands in the columns of a line.
_TIME, _NUMBER = re.compile(r"\d{1,12}(\.\d{0,9})?", re.ASCII), re.compile(r"\d{1,9}", re.ASCII)
_BYTES = re.compile(r"""b(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?:\s*#.*)?""")

log = DeviceLogger()


class Entry(NamedTuple):
    """One line of a recording."""

    #: Seconds since the start.
    time: float
    #: 1 for the first client, and so on.
    connection: int
    #: ``open``, ``>`` (to the device), ``<`` (from it) or ``close``.
    kind: str
    data: bytes

    def __str__(self) -> str:
        said = f" {self.data!r}" if self.kind in "<>" else ""
        return f"{self.time:.6f} {self.connection} {self.kind}{said}"

    @classmethod
    def parse(cls, line: str) -> Entry:
        """Parse a line of a recording into an entry.

        Raises
        ------
        ValueError
            If the line is not an entry.
        """
        words = line.split(None, 3)
        if len(words) < 3 or words[2] not in KINDS or (len(words) == 4) != (words[2] in "<>") \
                or not _TIME.fullmatch(words[0]) or not _NUMBER.fullmatch(words[1]):
            raise ValueError(f"not a line of a recording: {shown(line)}")
        try:
            # (Only what is one text: an expression may be too deep for the parser.)
            data = b"" if len(words) == 3 else \
                ast.literal_eval(words[3]) if _BYTES.fullmatch(words[3]) else None
        except (SyntaxError, ValueError):
            data = None
        if not isinstance(data, bytes):
            raise ValueError(f"not bytes: {shown(line)}")
        return cls(float(words[0]), int(words[1]), words[2], data)


class Exchange(NamedTuple):
    """A command without its terminator, and all that came before the next command."""

    command: bytes
    reply: bytes


class Recording:
    """What was said between clients and a device.

    Parameters
    ----------
    entries : iterable of Entry
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)

    @classmethod
    def load(cls, path: str | Path) -> Recording:
        """Read a file that a `Recorder`, or a person, wrote."""
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        return cls(Entry.parse(line) for line in lines
                   if line.strip() and not line.startswith("#"))

    def exchanges(self, framer: Framer) -> tuple[bytes, list[Exchange]]:
        """The greeting, and each command with its reply, in the order of the commands.

        Parameters
        ----------
        framer : Framer
            Of the commands.
        """
        greeting = bytearray()
        commands: list[tuple[bytes, bytearray]] = []
        # of each connection: what decodes its commands, and where its replies go
        decoders = {n: framer.decoder() for n in {e.connection for e in self.entries}}
        replies = {n: bytearray() for n in decoders}
        first_greeting = min(decoders, default=0)
        for entry in self.entries:
            number = entry.connection
            if entry.kind == "<":
                replies[number] += entry.data
            elif entry.kind == ">":
                decoders[number].feed(entry.data)
                while (command := decoders[number].next_frame()) is not None:
                    if number == first_greeting and not greeting:
                        greeting, first_greeting = replies[number], 0
                    replies[number] = bytearray()
                    commands.append((command, replies[number]))
        return bytes(greeting), [Exchange(c, bytes(r)) for c, r in commands]


class Recorder:
    """Writes a recording, line by line. One thread at a time.

    If the disk is full, the recording ends with the last whole line that fitted. One message says
    so, and the recorded program goes on.

    Parameters
    ----------
    path : str or Path
        A new file; an old one is replaced.
    device : str
        The name of the device in the first lines.
    clock : callable
        Gives seconds.

    Raises
    ------
    OSError
        If the file cannot be written.
    """

    def __init__(self, path: str | Path, device: str,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        begun = datetime.now(UTC).isoformat(timespec="seconds")
        self._file = LineFile(path, "w", lambda text: log.error(f"the recording {text}"))
        self._file.write(f"{HEADER}\n# device {device}, begun {begun}\n")

    def write(self, connection: int, kind: str, data: bytes = b"") -> None:
        """Add one entry; see `Entry`. Never raises an `OSError`."""
        entry = Entry(self._clock() - self._began, connection, kind, data)
        self._file.write(f"{entry}\n")

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()
