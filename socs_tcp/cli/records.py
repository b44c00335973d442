"""What ``watch`` writes down: lines for people, CSV and JSON for programs."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ..core.line_file import LineFile
from .exits import GOOD, UsageError
from .plot import number_in
from .show import complain, now

if TYPE_CHECKING:
    import argparse

COLUMNS = ["time", "command", "value", "round_trip", "reply", "error"]


@dataclass(frozen=True)
class Sample:
    """What became of one command."""

    command: str
    data: bytes = b""
    #: Fit for a terminal.
    reply: str = ""
    #: Empty where a reply came.
    error: str = ""
    #: Seconds.
    round_trip: float | None = None
    code: int = GOOD
    time: str = field(default_factory=now)

    @property
    def value(self) -> float | None:
        """The first number of the reply, if it has one."""
        return number_in(self.data)

    def row(self) -> dict[str, Any]:
        """As a program wants it; None where nothing is known."""
        return {"time": self.time, "command": self.command, "value": self.value,
                "round_trip": self.round_trip, "reply": None if self.error else self.reply,
                "error": self.error or None}


def add_records(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what is written, and where."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", dest="format", action="store_const", const="csv",
                      help=f"with the columns {', '.join(COLUMNS)}; round_trip in seconds, "
                           "value: the first number of the reply")
    form.add_argument("--json", dest="format", action="store_const", const="json",
                      help="one JSON object per line, with the same names")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path,
                        help="write to a new FILE, and still draw the panel")
    parser.set_defaults(format="lines")


@contextlib.contextmanager
def open_record(options: argparse.Namespace) -> Iterator[Callable[[Sample], None]]:
    """What writes samples to the file that was asked for.

    Raises
    ------
    UsageError
        If it cannot be made, or is there already.
    """
    try:
        stream = LineFile(options.output, "x", complain)
    except FileExistsError:
        raise UsageError(f"{options.output} already exists; -o writes only new files") from None
    except OSError as exc:
        raise UsageError(f"{options.output}: {exc.strerror}") from None
    with contextlib.closing(stream):
        yield printer(options.format, stream, several=len(options.commands) > 1)


def printer(form: str, stream: TextIO | LineFile, *, several: bool) -> Callable[[Sample], None]:
    """What writes samples to a stream; each is there at once."""
    write = {"csv": _csv, "json": _json, "lines": _lines}[form](stream, several)

    def tell(sample: Sample) -> None:
        write(sample)
        stream.flush()
    return tell


def _csv(stream: TextIO | LineFile, several: bool) -> Callable[[Sample], object]:
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    return lambda sample: writer.writerow(sample.row())


def _json(stream: TextIO | LineFile, several: bool) -> Callable[[Sample], object]:
    return lambda sample: stream.write(json.dumps(sample.row()) + "\n")


def _lines(stream: TextIO | LineFile, several: bool) -> Callable[[Sample], object]:
    def write(sample: Sample) -> None:
        rtt = "-" if sample.round_trip is None else f"{sample.round_trip * 1000:.2f}"
        columns = [sample.time, rtt, sample.error or sample.reply]
        stream.write("\t".join([*columns, sample.command] if several else columns) + "\n")
    return write
