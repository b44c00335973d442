"""``console``: talk to a device by hand."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import escaped
from .colon_commands import HELP, command_of, link_line
from .device import add_device, no_log
from .exits import NO_CONNECTION, UsageError
from .show import Style, complain, hex_view, printable
from .transcript import Transcript

if TYPE_CHECKING:
    from .talk import Talk

DESCRIPTION = "Talk to a device by hand. In a pipe, send one command per line."
EPILOG = rf"""in the console:
{HELP}
On a terminal, messages that the device sends on its own appear as they come, and so does a
hang-up. Tab completes from the history and from --description. Ctrl-C cancels the line, or the
wait for a reply. In a pipe, an empty line shows what the device sends on its own within 0.5 s.

example:
  socs-tcp console 127.0.0.1:5025 --send-terminator LF
  socs-tcp console 127.0.0.1:5025 --description kikusui_pmx --wait
  printf 'volt?\n' | socs-tcp console 127.0.0.1:5025 --send-terminator LF
"""
#: Seconds to wait for what the device sends by itself, and between two attempts to connect while
#: somebody waits for the device.
LISTEN = 0.5
RETRY = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_device(parser)
    parser.add_argument("--wait", action="store_true",
                        help="wait for a device that is not there yet")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Talk until the end of the input; the exit code."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        try:
            import prompt_toolkit  # noqa: F401
        except ImportError:
            complain("no editing, no history: prompt_toolkit is not installed "
                     "(pip install 'socs_tcp[cli]')")
        else:
            from .terminal import run as run_terminal

            return run_terminal(options)
    from .talk import Talk

    no_log()
    told = False
    while True:
        with Talk(options) as talk:
            if talk.device.comm is not None:
                return Console(talk, options.encoding).run(sys.stdin)
            if not told:
                complain(f"{talk.device.link.name}: {talk.device.link.reason}"
                         f"{'; waiting for it' if options.wait else ''}")
            if not options.wait:
                return NO_CONNECTION
        told = True
        time.sleep(RETRY)


class Console:
    """A conversation between a script and a device, a line after the other."""

    def __init__(self, talk: Talk, encoding: str | None) -> None:
        self._talk = talk
        self._encoding = encoding
        self._hex = False
        self._advised: set[str] = set()
        self._style = Style()
        self._errors = Style(sys.stderr)
        self._transcript = Transcript()

    def run(self, lines: Iterable[str]) -> int:
        """Until the lines end; 1 if a command failed."""
        failed = False
        with self._transcript:
            for line in (line.rstrip("\r\n") for line in lines):
                if line == ":quit":
                    break
                failed |= not self._do(line)
        return int(failed)

    def _do(self, line: str) -> bool:
        """Do what one line says; did it go well?"""
        from ..core.errors import DeviceConnectionError

        try:
            self._act(*command_of(line))
        except DeviceConnectionError as exc:
            self._complain(str(exc))
            advice = self._talk.advice(exc)
            if advice not in self._advised:
                self._advised.add(advice)
                self._complain(advice)
            return False
        except (UsageError, argparse.ArgumentTypeError) as exc:
            self._complain(str(exc))
            return False
        return True

    def _act(self, name: str, rest: str) -> None:
        if name == "listen":
            for data in self._talk.more(LISTEN):
                self._show(data, data)
        elif name == "hex":
            self._hex = not self._hex
        elif name == "help":
            print(HELP, end="")
        elif name == "link":
            print(link_line(self._talk.device.link), flush=True)
        elif name == "save":
            self._transcript.save(Path(rest.strip()))
        elif name == "send":
            self._transcript.add(">", rest)
            self._talk.tell(escaped(rest, self._encoding or "utf-8"))
        else:
            self._transcript.add(">", rest)
            reply, = self._talk.ask(escaped(rest, self._encoding or "utf-8"))
            self._show(reply.text, reply.data)

    def _show(self, text: bytes, data: bytes) -> None:
        shown = printable(text, self._encoding)
        self._transcript.add("<", shown)
        print(shown, flush=True)
        if self._hex:
            print(self._style("faint", hex_view(data)), flush=True)

    def _complain(self, text: str) -> None:
        if text:
            self._transcript.add("!", text)
            print(self._errors("bad", text), file=sys.stderr, flush=True)
