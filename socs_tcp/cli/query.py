"""``query``: commands, and what answers them."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from .arguments import count
from .device import add_commands, add_device, commands_of, no_log
from .exits import EXIT_CODES, GOOD, exit_code
from .framing import left_over
from .show import complain, hex_view, now, printable

if TYPE_CHECKING:
    from ..core.errors import DeviceConnectionError
    from .replies import Reply
    from .talk import Talk

DESCRIPTION = """\
Send commands, one after the other, and print each reply on one line, escaped.
The first command that fails is the last one sent."""
EPILOG = rf"""example:
  socs-tcp query 127.0.0.1:5025 'volt?' --send-terminator LF
  socs-tcp query 127.0.0.1:5025 'volt?' 'curr?' --send-terminator LF --json
  socs-tcp query 127.0.0.1:502 '\x00\x01\x00\x00\x00\x06\x01\x04\x00\x01\x00\x01' --header '6,4,>H' --hex

{EXIT_CODES}"""  # noqa: E501
#: Bytes of what is not shown that a warning shows.
SHOWN = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_device(parser)
    add_commands(parser)
    parser.add_argument("--lines", metavar="N", type=count, default=1,
                        help="lines (frames) in the answer to each command (default: 1)")
    parser.add_argument("--no-reply", action="store_true", help="send without waiting for a reply")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--hex", action="store_true",
                       help="show every byte of the replies in hexadecimal, terminators too")
    shown.add_argument("--json", action="store_true",
                       help="one JSON object per command: time, command, replies, hex, "
                            "round_trip (seconds); or error")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask; the exit code."""
    from .talk import Talk

    commands = commands_of(options)
    no_log()
    with Talk(options) as talk:
        query = Query(talk, options)
        for text, command in commands:
            code = query.ask(text, command)
            if code != GOOD:
                return code
        query.end()
    return GOOD


class Query:
    """Commands to one device, and how their replies are shown."""

    def __init__(self, talk: Talk, options: argparse.Namespace) -> None:
        self._talk = talk
        self._options = options
        self._discarded = 0
        self._advised = False

    def ask(self, text: str, command: bytes) -> int:
        """Send one command and show what comes; the exit code."""
        from ..core.errors import DeviceConnectionError

        try:
            if self._options.no_reply:
                self._talk.tell(command)
                return GOOD
            replies = self._talk.ask(command, self._options.lines)
        except DeviceConnectionError as exc:
            self._failed(text, exc)
            return exit_code(exc)
        self._warn_of_discarded()
        self._show(text, replies)
        return GOOD

    def end(self) -> None:
        """Warn where more came than was shown."""
        if self._options.no_reply:
            return
        self._warn_of(self._talk.more())

    def _warn_of(self, more: list[bytes]) -> None:
        if more:
            shown = printable(b"".join(more)[:SHOWN], self._options.encoding)
            complain(f"more came than is shown: {shown} (--lines {len(more) + self._options.lines}"
                     " shows it)")

    def _warn_of_discarded(self) -> None:
        """Warn of what came before this command, and after the reply to the last one."""
        discarded = self._talk.device.link.bytes_discarded
        unasked = self._talk.take_unasked()
        if unasked:
            self._warn_of(unasked)
        elif discarded > self._discarded:
            complain(f"{discarded - self._discarded} unasked bytes came before this reply; "
                     "they are not shown")
        self._discarded = discarded

    def _show(self, text: str, replies: list[Reply]) -> None:
        if self._options.json:
            encoding = self._options.encoding or "latin-1"
            shown = [reply.text.decode(encoding, "backslashreplace") for reply in replies]
            self._print_json(text, replies=shown, hex=[reply.data.hex() for reply in replies],
                             round_trip=self._talk.device.link.last_rtt)
            return
        for reply in replies:
            print(hex_view(reply.data) if self._options.hex
                  else printable(reply.text, self._options.encoding), flush=True)
        advice = left_over(self._talk.framer.framer, replies[-1].text)
        if advice and not (self._options.hex or self._advised):
            self._advised = True
            complain(advice)

    def _failed(self, text: str, error: DeviceConnectionError) -> None:
        if self._options.json:
            self._print_json(text, error=str(error), kind=type(error).__name__)
        complain(error)
        advice = self._talk.advice(error)
        if advice:
            complain(advice)

    def _print_json(self, text: str, **values: Any) -> None:
        print(json.dumps({"time": now(), "command": text, **values}), flush=True)
