"""``watch``: the same commands again and again, and what becomes of them."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from .arguments import count, seconds
from .device import add_commands, add_device, commands_of, no_log
from .exits import EXIT_CODES, GOOD, TERMINATED, exit_code
from .records import Sample, add_records, open_record, printer
from .show import complain, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from .talk import Talk

DESCRIPTION = """\
Repeat commands; show their replies, losses, round-trip times and plots."""
EPILOG = rf"""example:
  socs-tcp watch 127.0.0.1:5025 'volt?' --terminator LF --period 0.5 --count 10
  socs-tcp watch 127.0.0.1:5025 'volt?' 'curr?' --terminator LF --csv -o supply.csv

On a terminal a panel is drawn (if rich is installed: pip install 'socs_tcp[cli]'); Ctrl-C
ends it. In a pipe there is one line a reply: time, round trip in ms, reply; with
several commands the command comes last. The exit code is that of the last round.

{EXIT_CODES}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command is told."""
    add_device(parser)
    add_commands(parser)
    parser.add_argument("--period", metavar="S", type=seconds, default=1.0,
                        help="seconds from one round to the next (1)")
    parser.add_argument("--count", metavar="N", type=count, help="stop after N rounds")
    add_records(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Watch until the count is reached, or Ctrl-C; the exit code."""
    from .talk import Talk

    commands = commands_of(options)
    no_log()
    # an exception, so that the terminal is left as it was
    signal.signal(signal.SIGTERM, lambda *_caught: sys.exit(TERMINATED))
    with ExitStack() as stack:
        tellers = [stack.enter_context(open_record(options))] if options.output else []
        talk = stack.enter_context(Talk(options))
        watch = Watch(talk, commands, options.encoding)
        if wants_panel(options):
            from .panel import panel

            tellers.append(stack.enter_context(panel(watch)))
        elif not tellers:
            tellers.append(printer(options.format, sys.stdout, several=len(commands) > 1))
        return watch.run(options.period, options.count, tellers)


def wants_panel(options: argparse.Namespace) -> bool:
    """Is there a terminal to draw on, and something to draw with?"""
    if not sys.stdout.isatty() or (options.format != "lines" and options.output is None):
        return False
    try:
        import rich  # noqa: F401
    except ImportError:
        complain("no panel: rich is not installed (pip install 'socs_tcp[cli]')")
        return False
    return True


class Watch:
    """One device, some commands, asked again and again.

    Attributes
    ----------
    latest : dict
        The last sample of each command.
    rounds, failed : int
        So often all were asked; so many commands got no good reply.
    """

    def __init__(self, talk: Talk, commands: list[tuple[str, bytes]],
                 encoding: str | None) -> None:
        self.device = talk.device
        self.commands = commands
        self.rounds = self.failed = 0
        self._talk = talk
        self._encoding = encoding

    def run(self, period: float, rounds: int | None,
            tellers: list[Callable[[Sample], None]]) -> int:
        """Ask so many times, or for ever; the exit code of the last round."""
        due = time.monotonic()
        while True:
            code = GOOD
            for sample in self._round():
                code = sample.code or code
                for tell in tellers:
                    tell(sample)
            if rounds is not None and self.rounds >= rounds:
                return code
            due = max(due + period, time.monotonic())
            time.sleep(max(due - time.monotonic(), 0))

    def _round(self) -> Iterator[Sample]:
        self.rounds += 1
        for text, command in self.commands:
            sample = self._ask(text, command)
            self.failed += sample.code != GOOD
            yield sample

    def _ask(self, text: str, command: bytes) -> Sample:
        from ..core.errors import DeviceConnectionError

        try:
            reply = self._talk.ask(command)[0].text
        except DeviceConnectionError as exc:
            return Sample(text, error=str(exc), code=exit_code(exc))
        return Sample(text, reply, printable(reply, self._encoding),
                      round_trip=self.device.link.last_rtt)

