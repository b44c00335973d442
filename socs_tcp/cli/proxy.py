"""``proxy``: stand between a client and a device, do harm, take notes."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import address
from .exits import USAGE
from .framing import add_framing, make_framer
from .serve import CONTROL, add_listening, add_traffic, serve
from .show import complain

DESCRIPTION = """\
Pass all data between clients and a device. Cause faults, and record the traffic. If the device
is away, the proxy says so."""
EPILOG = f"""{CONTROL}
example:
  socs-tcp proxy 127.0.0.1:5025 --port 6025 --record session.txt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("device", metavar="HOST:PORT", type=address, help="the device")
    add_listening(parser)
    parser.add_argument("--record", metavar="FILE", type=Path,
                        help="write what is said to a new file, for `replay`")
    add_traffic(parser)
    add_framing(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Pass on until Ctrl-C; the exit code."""
    from ..testing import FaultProxy

    if options.record is not None and options.record.exists():
        complain(f"{options.record} already exists; --record writes only new files")
        return USAGE
    try:
        proxy = FaultProxy(*options.device, host=options.host, port=options.port or 0,
                           framer=make_framer(options), record=options.record)
    except (OSError, ValueError) as exc:
        complain(exc)
        return USAGE
    return serve(proxy, f"proxy for {options.device[0]}:{options.device[1]}",
                 traffic=options.traffic)
