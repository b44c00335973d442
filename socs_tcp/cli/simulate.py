"""``simulate``: a device from its description."""

from __future__ import annotations

import argparse
import contextlib
from typing import Any

from ..testing import DeviceServer, ScriptedDevice
from ..testing.blocking.peer import Peer
from .common import USAGE, complain, printable
from .serve import CONTROL, add_listening, serve

EPILOG = f"""{CONTROL}
example:
  socs-tcp simulate kikusui_pmx --port 5025
"""
#: So many lines about what is not answered, and so many bytes of each: the device goes on
#: whoever reads them, and must never wait until there is room for one.
LINES, SHOWN = 20, 60


def add_parser(commands: Any) -> None:
    """Add this command to those of the main parser."""
    parser = commands.add_parser(
        "simulate", help="be a device", epilog=EPILOG,
        description="Be the device that a description describes: answer its queries, keep "
                    "what is set. What is not answered is told once.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("description", metavar="FILE",
                        help="YAML file, or the name of a description that comes with socs_tcp")
    add_listening(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Simulate until Ctrl-C; the exit code."""
    from ..description import load  # noqa: PLC0415 (needs a YAML parser, as few commands do)
    from ..description.simulated import scripted_device  # noqa: PLC0415

    told = Told()
    try:
        description = load(options.description)
        device = scripted_device(description, told.unknown)
    except ValueError as exc:
        complain(exc)
        return USAGE
    port = options.port or description.port or 0
    try:
        server = Server(device, told, host=options.host, port=port)
    except OSError as exc:
        complain(f"cannot listen on {options.host}:{port}: {exc.strerror or exc}; "
                 "another port can be given with --port")
        return USAGE
    return serve(server, description.device)


class Told:
    """What the device does not answer, each once. The thread of the device only."""

    def __init__(self) -> None:
        self._lines: set[str] = set()

    def unknown(self, command: bytes) -> None:
        """A command came that is not described."""
        more = "..." if len(command) > SHOWN else ""
        self.tell(f"not described, not answered: {printable(command[:SHOWN])}{more}")

    def tell(self, line: str) -> None:
        """Print `line`, unless it was printed or there were too many."""
        if line in self._lines or len(self._lines) >= LINES:
            return
        self._lines.add(line)
        with contextlib.suppress(OSError):      # nobody reads: no fault of the device
            print(line, flush=True)


class Server(DeviceServer):
    """Tells of a client that leaves before its command has ended."""

    def __init__(self, device: ScriptedDevice, told: Told, *, host: str, port: int) -> None:
        self._told = told
        super().__init__(device, host=host, port=port)

    def _gone(self, peer: Peer) -> None:
        rest = self._simulation.journal.unfinished.get(peer.line)
        if rest is not None:
            self._told.tell(f"unfinished, not answered: {rest}")
        super()._gone(peer)
