"""The arguments that say which device, and how to talk to it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .arguments import address, encoding, escaped, seconds
from .exits import UsageError
from .framing import add_framing


def add_device(parser: Any) -> None:
    """Add the arguments that say how to talk to a device."""
    parser.add_argument("device", metavar="HOST:PORT", type=address, help="the device")
    parser.add_argument("--timeout", metavar="S", type=seconds, default=5.0,
                        help="seconds for one exchange (default: 5)")
    parser.add_argument("--encoding", metavar="NAME", type=encoding,
                        help="of text, such as utf-8 or latin-1. "
                             "Without it, everything that is not ASCII is shown escaped")
    parser.add_argument("--telnet", action="store_true",
                        help="the device negotiates telnet options: refuse and hide them")
    parser.add_argument("--greeting", action="store_true",
                        help="the device sends one line (frame) after each connect: wait for it")
    parser.add_argument("--tls", action="store_true",
                        help="use TLS, and check the device's certificate")
    parser.add_argument("--tls-ca", metavar="FILE", type=Path,
                        help="use TLS, with the authorities in this PEM file")
    add_framing(parser)


def ways(options: argparse.Namespace) -> dict[str, Any]:
    """What both faces are told of the device's ways.

    Raises
    ------
    UsageError
        If there is no such certificate.
    """
    return {"telnet": options.telnet, "greeting": options.greeting or None,
            "tls": _tls(options.tls_ca) if options.tls or options.tls_ca else None}


def _tls(authorities: Path | None) -> Any:
    import ssl

    try:
        return ssl.create_default_context(cafile=authorities)
    except OSError as exc:      # ssl.SSLError is one: the file is no PEM
        raise UsageError(f"{authorities}: {exc.strerror or exc}") from None


def add_commands(parser: Any) -> None:
    """Add the arguments that say what to send."""
    parser.add_argument("commands", metavar="COMMAND", nargs="*",
                        help=r"what to send; escapes are understood: '\x05'")
    parser.add_argument("-f", "--file", metavar="FILE", type=Path,
                        help="read commands from FILE, one per line; - is standard input")


def commands_of(options: argparse.Namespace) -> list[tuple[str, bytes]]:
    """What to send: as it was typed, and as bytes.

    Raises
    ------
    UsageError
        If there is nothing to send, or a file cannot be read.
    """
    texts = [*options.commands, *(_lines(options.file) if options.file else ())]
    if not texts:
        raise UsageError("there is nothing to send: give a COMMAND or -f FILE")
    try:
        return [(text, escaped(text, options.encoding or "utf-8")) for text in texts]
    except argparse.ArgumentTypeError as exc:
        raise UsageError(str(exc)) from None


def _lines(path: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"{path}: {exc.strerror}") from None
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path}: not UTF-8 (byte {exc.start})") from None
    return [line for line in text.splitlines() if line.strip()]


def no_log() -> None:
    """Commands say themselves what happens: keep the log's lines off stderr."""
    from ..core.log import silence

    silence()
