"""``proxy``: stand between a client and a device, do harm, take notes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .common import USAGE, add_framing, address, complain, make_framer
from .serve import CONTROL, add_listening, serve

EPILOG = f"""{CONTROL}
example:
  socs-tcp proxy 127.0.0.1:5025 --port 6025 --record session.txt
"""


def add_parser(commands: Any) -> None:
    """Add this command to those of the main parser."""
    parser = commands.add_parser(
        "proxy", help="stand between a client and a device, with faults", epilog=EPILOG,
        description="Pass everything on between clients and a device, let things go wrong on "
                    "the way, and record what was said.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("device", metavar="HOST:PORT", type=address, help="the device")
    add_listening(parser)
    parser.add_argument("--record", metavar="FILE", type=Path,
                        help="write what is said to a new file, for `replay`")
    add_framing(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Pass on until Ctrl-C; the exit code."""
    from ..testing import FaultProxy  # noqa: PLC0415

    if options.record is not None and options.record.exists():
        complain(f"{options.record} is there already; --record writes new files only")
        return USAGE
    try:
        proxy = FaultProxy(*options.device, host=options.host, port=options.port,
                           framer=make_framer(options), record=options.record)
    except (OSError, ValueError) as exc:
        complain(exc)
        return USAGE
    return serve(proxy, f"proxy for {options.device[0]}:{options.device[1]}")
