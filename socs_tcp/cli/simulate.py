"""``simulate``: a device from its description."""

from __future__ import annotations

import argparse
from typing import Any

from .common import USAGE, complain
from .serve import CONTROL, add_listening, serve

EPILOG = f"""{CONTROL}
example:
  socs-tcp simulate kikusui_pmx --port 5025
"""


def add_parser(commands: Any) -> None:
    """Add this command to those of the main parser."""
    parser = commands.add_parser(
        "simulate", help="be a device", epilog=EPILOG,
        description="Be the device that a description describes: answer its queries, keep "
                    "what is set.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("description", metavar="FILE",
                        help="YAML file, or the name of a description that comes with socs_tcp")
    add_listening(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Simulate until Ctrl-C; the exit code."""
    from ..description import load  # noqa: PLC0415 (needs a YAML parser, as few commands do)
    from ..simulate import scripted_device  # noqa: PLC0415
    from ..testing import DeviceServer  # noqa: PLC0415

    try:
        description = load(options.description)
        device = scripted_device(description)
    except ValueError as exc:
        complain(exc)
        return USAGE
    port = options.port or description.port or 0
    try:
        server = DeviceServer(device, host=options.host, port=port)
    except OSError as exc:
        complain(f"cannot listen on {options.host}:{port}: {exc.strerror or exc}; "
                 "another port can be given with --port")
        return USAGE
    return serve(server, description.device)
