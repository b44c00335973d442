"""What the commands share: addresses, framing options, and bytes made fit for a terminal."""

from __future__ import annotations

import argparse
import ast
import os
import re
import sys
from typing import Any, TextIO

from twisted.logger import globalLogBeginner

from ..core.errors import ConnectFailed, DeviceConnectionError, ReplyTimedOut
from ..core.framing import FixedFramer, Framer, LineFramer, PromptFramer, RawFramer
from ..core.log import logging_has_begun
from ..core.policy import check_port, check_seconds

#: Exit codes, told in the help of each command that uses them.
GOOD, FAILED, USAGE, NO_CONNECTION, NO_REPLY = 0, 1, 2, 3, 4

CR_LF = b"\r\n"

EXIT_CODES = """\
exit codes: 0 good; 2 the command line makes no sense; 3 no connection; 4 no reply in time;
1 any other failure of the device.
"""


class UsageError(ValueError):
    """The command line makes no sense; the main program says why."""


def exit_code(error: DeviceConnectionError) -> int:
    """What a script learns of an error."""
    if isinstance(error, ConnectFailed):
        return NO_CONNECTION
    return NO_REPLY if isinstance(error, ReplyTimedOut) else FAILED


def no_log() -> None:
    """Commands say themselves what happens: keep the log's lines off stderr."""
    if not logging_has_begun():
        globalLogBeginner.beginLoggingTo([], redirectStandardIO=False)


# what people type

def address(text: str) -> tuple[str, int]:
    """``HOST:PORT`` or ``[IPV6]:PORT``, for argparse."""
    match = re.fullmatch(r"\[([^]]+)\]:(\d+)|([^:]+):(\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT (or [IPV6]:PORT)")
    host, port = match[1] or match[3], match[2] or match[4]
    try:
        return host, check_port(port)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def seconds(text: str) -> float:
    """A number of seconds, for argparse."""
    try:
        value = float(text)
        check_seconds("it", value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0") from None
    return value


def escaped(text: str) -> bytes:
    r"""Text with escapes such as ``\r``, ``\x05``, for argparse."""
    try:
        body = text.replace('"', '\\"') if '\\"' not in text else text
        value = ast.literal_eval(f'b"{body}"') if text.isascii() else text.encode()
    except (SyntaxError, ValueError):
        raise argparse.ArgumentTypeError(
            rf"{text!r} has a bad escape; good ones are \r \n \t \\ \x05") from None
    assert isinstance(value, bytes)
    return value


def add_device(parser: Any) -> None:
    """The arguments that say how to talk to a device."""
    parser.add_argument("device", metavar="HOST:PORT", type=address, help="the device")
    add_framing(parser)
    parser.add_argument("--timeout", metavar="S", type=seconds, default=5.0,
                        help="seconds for one exchange (5)")


def add_framing(parser: Any) -> None:
    """The arguments that say where a reply ends."""
    group = parser.add_argument_group("where a reply ends (CR LF unless given)")
    kinds = group.add_mutually_exclusive_group()
    kinds.add_argument("--terminator", metavar="TEXT", type=escaped,
                       help=r"with this; escapes are understood: '\n', '\r'")
    kinds.add_argument("--length", metavar="N", type=int, help="after N bytes")
    kinds.add_argument("--prompt", metavar="REGEX", help="with a prompt")
    kinds.add_argument("--raw", action="store_true", help="it is what comes at once")
    group.add_argument("--send-terminator", metavar="TEXT", type=escaped,
                       help="what ends a command (as --terminator; with --prompt, CR LF)")


def make_framer(options: argparse.Namespace) -> Framer:
    """The framer that the arguments of `add_framing` describe.

    Raises
    ------
    UsageError
        If they make no sense.
    """
    try:
        return _framer(options)
    except re.error as exc:
        raise UsageError(f"--prompt {options.prompt!r} is no regular expression: {exc}") from None
    except (TypeError, ValueError) as exc:
        raise UsageError(str(exc)) from exc


def _framer(options: argparse.Namespace) -> Framer:
    framer: Framer
    if options.length is not None:
        framer = FixedFramer(options.length)
    elif options.raw:
        framer = RawFramer()
    elif options.prompt is not None:
        framer = PromptFramer(options.prompt)
    else:
        framer = LineFramer(CR_LF if options.terminator is None else options.terminator)
    if options.send_terminator is not None:
        framer.send_terminator = options.send_terminator
    return framer


def hint(options: argparse.Namespace, framer: Framer) -> str:
    """What may be the matter when no reply comes; empty where the user said what to send."""
    chosen = options.terminator is not None or options.send_terminator is not None
    if chosen or framer.send_terminator != CR_LF:
        return ""
    return "commands ended with CR LF; the device may want another end (--send-terminator)"


# what people see

def printable(data: bytes) -> str:
    """Bytes as text in which nothing can drive a terminal: all but plain ASCII is escaped."""
    return data.decode("latin-1").encode("unicode_escape").decode("ascii")


def hex_view(data: bytes) -> str:
    """Bytes as people compare them: offset, hexadecimal, text."""
    lines = []
    for start in range(0, len(data), 16):
        part = data[start:start + 16]
        text = "".join(chr(b) if 32 <= b < 127 else "." for b in part)
        lines.append(f"{start:06x}  {part.hex(' '):<47}  {text}")
    return "\n".join(lines)


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


BARS = "▁▂▃▄▅▆▇█"


def plot(values: list[float | None], width: int) -> str:
    """The last values as a line of bars; a gap where there is none."""
    values = values[-width:]
    known = [v for v in values if v is not None]
    if not known:
        return " " * len(values)
    # (Halves, since the distance of two numbers may be more than a number can be.)
    low, span = min(known) / 2, max(known) / 2 - min(known) / 2
    return "".join(" " if v is None else BARS[round((v / 2 - low) / span * 7) if span else 3]
                   for v in values)


def complain(text: object) -> None:
    """An error message, on stderr."""
    print(f"socs-tcp: {text}", file=sys.stderr)
