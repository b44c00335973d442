"""``watch``: the same question again and again, and what becomes of it."""

from __future__ import annotations

import argparse
import math
import re
import shutil
import sys
import time
from typing import Any

from ..blocking.interface import TCPInterface
from ..core.errors import DeviceConnectionError
from .common import (
    EXIT_CODES,
    GOOD,
    Style,
    UsageError,
    add_device,
    escaped,
    exit_code,
    make_framer,
    no_log,
    plot,
    printable,
    seconds,
)

EPILOG = rf"""example:
  socs-tcp watch 127.0.0.1:5025 'volt?' --send-terminator '\n' --period 0.5 --count 10

On a terminal the picture is drawn anew; in a pipe there is one line a question:
time, round trip in ms, reply. The exit code is that of the last question.

{EXIT_CODES}"""
#: So many questions are remembered for the plots.
MEMORY = 500
NUMBER = re.compile(rb"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
#: A number is looked for in the first bytes of a reply.
LOOKED_AT = 1000


def add_parser(commands: Any) -> None:
    """Add this command to those of the main parser."""
    parser = commands.add_parser(
        "watch", help="repeat a query, and see losses and round trips", epilog=EPILOG,
        description="Repeat a query; show its reply, losses, round-trip times and plots.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add_device(parser)
    parser.add_argument("command", metavar="COMMAND", type=escaped,
                        help=r"escapes are understood: '\x05'")
    parser.add_argument("--period", metavar="S", type=seconds, default=1.0,
                        help="seconds from one question to the next (1)")
    parser.add_argument("--count", metavar="N", type=int, help="stop after N questions")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Watch until the count is reached, or Ctrl-C; the exit code."""
    no_log()
    framer = make_framer(options)
    if options.count is not None and options.count < 1:
        raise UsageError(f"--count must be at least 1, not {options.count}")
    host, port = options.device
    with TCPInterface(host, port, options.timeout, framer=framer) as device:
        return Watch(device, options.command).run(options.period, options.count)


def number_in(reply: bytes) -> float | None:
    """The first number in a reply, if there is one that can be plotted."""
    # (In a piece of it: where there are digits only, each of them would begin a search.)
    match = NUMBER.search(reply[:LOOKED_AT])
    value = float(match[0]) if match else math.nan
    return value if math.isfinite(value) else None


class Watch:
    """One device, one question, asked again and again."""

    def __init__(self, device: TCPInterface, command: bytes) -> None:
        self._device = device
        self._command = command
        self._style = Style()
        self._asked = self._failed = 0
        self._values: list[float | None] = []
        self._rtts: list[float | None] = []
        self._said = ""
        self._lines = 0         # drawn, and to be drawn over

    def run(self, period: float, count: int | None) -> int:
        """Ask `count` times, or for ever; the exit code of the last question."""
        due = time.monotonic()
        while True:
            code = self._ask()
            self._draw() if self._style.terminal else self._print()
            if count is not None and self._asked >= count:
                return code
            due = max(due + period, time.monotonic())
            time.sleep(max(due - time.monotonic(), 0))

    def _ask(self) -> int:
        self._asked += 1
        value = rtt = None
        code = GOOD
        try:
            reply = self._device.query(self._command)
        except DeviceConnectionError as exc:
            self._failed += 1
            self._said = self._style("bad", str(exc))
            code = exit_code(exc)
        else:
            rtt = self._device.link.last_rtt
            value = number_in(reply)
            self._said = printable(reply)
        self._values = [*self._values, value][-MEMORY:]
        self._rtts = [*self._rtts, rtt][-MEMORY:]
        return code

    def _print(self) -> None:
        rtt = self._rtts[-1]
        shown = "-" if rtt is None else f"{rtt * 1000:.2f}"
        print(f"{time.strftime('%H:%M:%S')}\t{shown}\t{self._said}", flush=True)

    def _draw(self) -> None:
        width = shutil.get_terminal_size().columns
        link = self._device.link
        state = self._style("bad" if link.down else "good", link.state.value)
        known = [r * 1000 for r in self._rtts if r is not None]
        rtt = (f"{known[-1]:.2f} ms, {min(known):.2f} to {max(known):.2f}" if known else "none yet")
        lines = [
            f"{self._style('strong', link.name)}  {printable(self._command)}  link {state}",
            f"asked {self._asked}, failed {self._failed}, lost {link.losses}, "
            f"timeouts {link.timeouts}; round trip {rtt}",
            f"reply       {self._said}"[:width * 2],
            f"values      {plot(self._values, width - 13)}",
            f"round trips {plot(self._rtts, width - 13)}",
        ]
        # back to the first line, and clear from there
        up = f"\x1b[{self._lines}F\x1b[J" if self._lines else ""
        sys.stdout.write(up + "\n".join(lines) + "\n")
        sys.stdout.flush()
        self._lines = len(lines)
