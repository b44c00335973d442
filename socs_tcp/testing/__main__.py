r"""A simulated device as a process: ``python -m socs_tcp.testing``.

::

    $ python -m socs_tcp.testing --answer '*IDN?=LSCI,MODEL372' --answer 'T?=4.2' --port 7777
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any

from ..cli.serve import CONTROL, add_listening, serve
from ..core.framing import LineFramer
from .blocking.server import DeviceServer
from .device.scripted import ScriptedDevice
from .faults.random_faults import RandomFaults


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m socs_tcp.testing", epilog=CONTROL,
        description="A simulated device behind a TCP port. It prints where it listens.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    script = parser.add_mutually_exclusive_group()
    script.add_argument("--answer", action="append", type=_answer, metavar="COMMAND=REPLY",
                        help="what answers a command; can be given again and again")
    script.add_argument("--echo", action="store_true", help="answer each command with itself")
    script.add_argument("--device", type=_imported, metavar="MODULE:NAME",
                        help="a ScriptedDevice, dict, function or class of your own")
    parser.add_argument("--terminator", type=_bytes, default=b"\r\n", metavar="BYTES",
                        help=r"what ends commands and replies, as in Python (default: \r\n)")
    parser.add_argument("--banner", type=_bytes, default=b"", metavar="BYTES",
                        help="what a client hears that connects")
    parser.add_argument("--banner-delay", type=float, default=0.0, metavar="SECONDS",
                        help="after which it hears that")
    parser.add_argument("--closes-after-reply", action="store_true",
                        help="hang up when a command has been answered")
    parser.add_argument("--telnet", action="store_true", help="speak telnet")
    parser.add_argument("--prompt", type=_bytes, default=b"", metavar="BYTES",
                        help="what is said after each reply")
    parser.add_argument("--fault-rate", type=float, default=0.0, metavar="PROBABILITY",
                        help="of a fault in an exchange, drawn at random: 0 to 1")
    parser.add_argument("--seed", type=int, help="of the faults, to have the same ones again")
    add_listening(parser)
    return parser


def main(args: Sequence[str] | None = None) -> int:
    """Simulate until Ctrl-C or SIGTERM.

    Parameters
    ----------
    args : sequence of str, optional
        The command line. Default: that of the process.

    Returns
    -------
    int
        The exit code: 0, or 2 if the arguments make no sense.
    """
    parser = make_parser()
    options = parser.parse_args(args)
    try:
        server = DeviceServer(_device(options), host=options.host, port=options.port or 0)
    except (OSError, TypeError, ValueError) as exc:
        parser.error(str(exc))
    what = "a simulated device"
    try:
        if options.fault_rate:
            drawn = RandomFaults(options.seed, rate=options.fault_rate)
            server.faults.draw_from(drawn)
            what = f"a simulated device with {drawn!r}"
    except ValueError as exc:
        server.close()
        parser.error(str(exc))
    return serve(server, what)


def _device(options: argparse.Namespace) -> Any:
    if isinstance(options.device, ScriptedDevice):
        return options.device
    script = (lambda command: command) if options.echo else options.device
    return ScriptedDevice(dict(options.answer or ()) if script is None else script,
                          framer=LineFramer(options.terminator), banner=options.banner,
                          prompt=options.prompt, banner_delay=options.banner_delay,
                          closes_after_reply=options.closes_after_reply, telnet=options.telnet)


def _bytes(text: str) -> bytes:
    r"""Bytes as they are typed: ``\r`` and the like mean what they mean in Python."""
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")


def _answer(text: str) -> tuple[str, str]:
    command, equals, reply = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not COMMAND=REPLY")
    return command, reply


def _imported(text: str) -> Any:
    module, _, name = text.partition(":")
    sys.path.insert(0, "")      # a file in the current directory, as with python -m
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is not MODULE:NAME: {exc}") from None


if __name__ == "__main__":
    sys.exit(main())
