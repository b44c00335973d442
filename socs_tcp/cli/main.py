"""The parser of all commands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from . import check, console, proxy, query, replay, simulate, watch
from .common import USAGE, UsageError, complain
from .demo import command as demo

#: Modules with ``add_parser(commands)``, which sets ``run``: a function that takes the parsed
#: arguments and returns the exit code. What it needs it imports when it runs.
COMMANDS = [query, console, watch, simulate, proxy, replay, check, demo]

INTERRUPTED = 130


def make_parser() -> argparse.ArgumentParser:
    """The parser of ``socs-tcp``, or ``python -m socs_tcp``, with all its commands."""
    parser = argparse.ArgumentParser(
        prog="socs-tcp", description="TCP devices for OCS agents, from the command line.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def main(args: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    args : sequence of str, optional
        The command line; that of the process unless given.

    Returns
    -------
    int
        The exit code.
    """
    options = make_parser().parse_args(args)
    try:
        code: int = options.run(options)
    except UsageError as exc:
        complain(exc)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code
