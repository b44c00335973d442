"""``simulate``: a device from its description."""

from __future__ import annotations

import argparse

from .exits import UsageError
from .framing import described
from .serve import CONTROL, add_listening, add_traffic, serve

DESCRIPTION = """\
Simulate the device that a description describes: answer its queries, and keep the values that
are set. A command that it does not know is printed once."""
EPILOG = f"""\
Without --port, it listens on the port in the description, like the real device. If the
description has no port, it listens on any free one. The first line of output says which.

{CONTROL}
example:
  socs-tcp simulate kikusui_pmx --port 5025
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("description", metavar="FILE",
                        help="YAML file, or the name of a description that comes with socs_tcp")
    add_listening(parser, told="TCP port; 0: any free one (default: the port in the description, "
                               "or any free one if it has none)")
    add_traffic(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Simulate until Ctrl-C; the exit code."""
    from ..description.simulated import scripted_device
    from .simulated import Server, Told

    description = described(options.description)
    told = Told()
    try:
        device = scripted_device(description, told.unknown)
    except ValueError as exc:
        raise UsageError(str(exc)) from None
    port = (description.port or 0) if options.port is None else options.port
    try:
        server = Server(device, told, host=options.host, port=port)
    except OSError as exc:
        raise UsageError(f"cannot listen on {options.host}:{port}: {exc.strerror or exc}; "
                         "another port can be given with --port") from None
    return serve(server, description.device, traffic=options.traffic)
