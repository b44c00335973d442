"""``query``: one question, one answer."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..blocking.interface import TCPInterface
from ..core.errors import DeviceConnectionError, ReplyTimedOut
from .common import (
    EXIT_CODES,
    GOOD,
    add_device,
    complain,
    escaped,
    exit_code,
    hex_view,
    hint,
    make_framer,
    no_log,
    printable,
)

EPILOG = rf"""example:
  socs-tcp query 127.0.0.1:5025 'volt?' --send-terminator '\n'
  socs-tcp query 127.0.0.1:502 '\x09\x99\x00\x00\x00\x06\x01\x04\x00\x01\x00\x35' --raw --hex

{EXIT_CODES}"""


def add_parser(commands: Any) -> None:
    """Add this command to those of the main parser."""
    parser = commands.add_parser(
        "query", help="send a command, print the reply", epilog=EPILOG,
        description="Send one command and print its reply, escaped.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add_device(parser)
    parser.add_argument("command", metavar="COMMAND", type=escaped,
                        help=r"escapes are understood: '\x05'")
    parser.add_argument("--hex", action="store_true", help="show the reply in hexadecimal, too")
    parser.add_argument("--no-reply", action="store_true", help="only send")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask; the exit code."""
    no_log()
    framer = make_framer(options)
    try:
        host, port = options.device
        with TCPInterface(host, port, options.timeout, framer=framer) as device:
            if options.no_reply:
                device.send(framer.encode(options.command))
                return GOOD
            reply = device.query(options.command)
    except DeviceConnectionError as exc:
        complain(exc)
        if isinstance(exc, ReplyTimedOut) and hint(options, framer):
            complain(hint(options, framer))
        return exit_code(exc)
    sys.stdout.write((hex_view(reply) if options.hex else printable(reply)) + "\n")
    return GOOD
