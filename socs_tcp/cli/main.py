"""The parser of all commands."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from .. import __version__
from .exits import BROKEN_PIPE, FAILED, INTERRUPTED, USAGE, UsageError
from .show import complain

#: The commands, with what ``--help`` says of each. The module of that name has ``EPILOG``,
#: ``DESCRIPTION`` and ``add_arguments(parser)``, which sets ``run``: a function that takes the
#: parsed arguments and returns the exit code. Only the module that is needed is imported, and
#: it imports what it needs when it runs: an answer must not wait for the other commands.
COMMANDS = {
    "query": "send commands and print the replies",
    "console": "talk to a device by hand",
    "watch": "repeat queries and show values, losses and round-trip times",
    "simulate": "act as the device of a description",
    "proxy": "sit between a client and a device, and cause faults",
    "replay": "act as a device that was recorded",
    "check": "check a description, and ask the device",
    "dashboard": "make a Grafana dashboard from a description",
    "demo": "unplug a device, and see what clients see",
}
#: What the system says where the output is a file on a full disk.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
#: Where the module of a command has another name.
MODULES = {"demo": "demo.command"}


def make_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of ``socs-tcp``, or ``python -m socs_tcp``.

    Parameters
    ----------
    only : str, optional
        The one command whose arguments are needed. Default: all of them.
    """
    parser = argparse.ArgumentParser(
        prog="socs-tcp", description="TCP devices for OCS agents, from the command line.")
    parser.add_argument("--version", action="version", version=f"socs_tcp {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, help_text in COMMANDS.items():
        if only is not None and name != only:
            commands.add_parser(name, help=help_text)
            continue
        module = import_module(f".{MODULES.get(name, name)}", __package__)
        command = commands.add_parser(
            name, help=help_text, description=module.DESCRIPTION, epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter)
        command.set_defaults(parser=command)
        module.add_arguments(command)
    return parser


def main(args: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    args : sequence of str, optional
        The command line. Default: that of the process.

    Returns
    -------
    int
        The exit code.
    """
    given = list(sys.argv[1:] if args is None else args)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):    # a letter that is not there is no failure
            stream.reconfigure(errors="backslashreplace")
    options, unknown = make_parser(only=given[0] if given else "").parse_known_args(given)
    if unknown:     # with the usage of the command, and not of `socs-tcp`
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except UsageError as exc:
        with suppress(BrokenPipeError):
            complain(exc)
        return USAGE
    except BrokenPipeError:
        _forget_stdout()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as exc:
        if exc.errno not in NO_ROOM:
            raise
        _forget_stdout()
        with suppress(OSError):
            complain(f"cannot write: {exc.strerror}")
        return FAILED
    return code


def _forget_stdout() -> None:
    """Whoever read our output has left, as in ``| head``: do not fail once more at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
