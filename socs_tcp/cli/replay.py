"""``replay``: a device that says again what was recorded."""

from __future__ import annotations

import argparse
from pathlib import Path

from .exits import FAILED, USAGE
from .framing import add_framing, make_framer
from .serve import CONTROL, add_listening, add_traffic, serve
from .show import complain

DESCRIPTION = "Answer like the device that `proxy --record` recorded."
EPILOG = f"""{CONTROL}
example:
  socs-tcp replay session.txt --port 7025 --match

exit codes: 0 good; 1 the commands differ from the recording, which is shown as a diff at
the end (not with --match); 2 a mistake in the command line.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("recording", metavar="FILE", type=Path, help="what `proxy` recorded")
    add_listening(parser)
    parser.add_argument("--match", action="store_true",
                        help="answer in any order, as often as asked")
    add_traffic(parser)
    add_framing(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Answer until Ctrl-C; the exit code."""
    from ..testing import DeviceServer, Replay, ReplayMismatch

    try:
        device = Replay(options.recording, match=options.match, framer=make_framer(options))
        server = DeviceServer(device, host=options.host, port=options.port or 0)
    except FileNotFoundError:
        complain(f"{options.recording}: there is no such file")
        return USAGE
    except (OSError, ValueError) as exc:
        complain(exc)
        return USAGE
    try:
        return serve(server, f"replay of {options.recording}",
                     traffic=options.traffic)
    except ReplayMismatch as exc:
        complain(f"the commands differ from the recording:\n{exc}")
        return FAILED
