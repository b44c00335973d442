"""``watch``: the same commands again and again, and what becomes of them."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import ExitStack

from .arguments import count, seconds
from .device import add_commands, add_device, commands_of, no_log
from .exits import EXIT_CODES, TERMINATED
from .records import add_records, open_record, printer
from .rounds import Watch
from .show import complain

DESCRIPTION = """\
Repeat commands; show their replies, losses, round-trip times and plots."""
EPILOG = rf"""example:
  socs-tcp watch 127.0.0.1:5025 'volt?' --send-terminator LF --period 0.5 --count 10
  socs-tcp watch 127.0.0.1:5025 'volt?' 'curr?' --send-terminator LF --csv -o supply.csv

On a terminal a panel is drawn (if rich is installed: pip install 'socs_tcp[cli]'); Ctrl-C
ends it. In a pipe there is one line per reply: time, round trip in ms, reply; with
several commands the command comes last. The exit code is that of the last round.

{EXIT_CODES}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_device(parser)
    add_commands(parser)
    parser.add_argument("--period", metavar="S", type=seconds, default=1.0,
                        help="seconds from one round to the next (default: 1)")
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
