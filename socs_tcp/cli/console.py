"""``console``: talk to a device by hand."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..blocking.interface import TCPInterface
from ..core.errors import DeviceConnectionError, ReplyTimedOut
from .common import (
    NO_CONNECTION,
    Style,
    add_device,
    complain,
    escaped,
    hex_view,
    hint,
    make_framer,
    no_log,
    printable,
)

EPILOG = r"""in the console:
  *IDN?        a command: it is sent, and its reply is shown; escapes are understood: \x05
  (empty)      show what the device sends by itself
  :send TEXT   send, and wait for no reply
  :hex         show replies in hexadecimal, too; again: no more
  :link        what is known of the connection
  :quit        or Ctrl-D

example:
  socs-tcp console 127.0.0.1:5025 --send-terminator '\n'
  printf 'volt?\n' | socs-tcp console 127.0.0.1:5025 --send-terminator '\n'
"""
#: Seconds to wait for what the device sends by itself.
LISTEN = 0.5
HISTORY = 1000


def add_parser(commands: Any) -> None:
    """Add this command to those of the main parser."""
    parser = commands.add_parser(
        "console", help="talk to a device by hand", epilog=EPILOG,
        description="An interactive console; with a pipe, one command a line.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Talk until the end of the input; the exit code."""
    no_log()
    framer = make_framer(options)
    host, port = options.device
    with TCPInterface(host, port, options.timeout, framer=framer) as device:
        if device.comm is None:
            complain(f"{device.link.name}: {device.link.reason}")
            return NO_CONNECTION
        return Console(device, hint(options, framer)).run()


class Console:
    """A conversation between a person, or a script, and a device.

    Parameters
    ----------
    device : TCPInterface
    advice : str
        Told once, after the first reply that did not come; empty for none.
    """

    def __init__(self, device: TCPInterface, advice: str = "") -> None:
        self._device = device
        self._advice = advice
        self._hex = False
        self._style = Style()
        self._errors = Style(sys.stderr)

    def run(self) -> int:
        """Until the input ends; 1 if a command failed and the input was no terminal."""
        failed = False
        interactive = sys.stdin.isatty()
        if interactive:
            print(self._style("faint", f"{self._device.link.name} is connected; "
                              ":quit or Ctrl-D ends this, :link, :hex, :send TEXT"))
        with history() if interactive else contextlib.nullcontext():
            for line in self._lines(interactive):
                if line == ":quit":
                    break
                failed |= not self._do(line)
        return int(failed and not interactive)

    def _lines(self, interactive: bool) -> Iterator[str]:
        if not interactive:
            yield from (line.rstrip("\r\n") for line in sys.stdin)
            return
        while True:
            try:
                yield input("> ")
            except EOFError:
                print()
                return

    def _do(self, line: str) -> bool:
        """Do what one line says; did it go well?"""
        try:
            if not line.strip():
                self._listen()
            elif line == ":hex":
                self._hex = not self._hex
            elif line == ":link":
                self._show_link()
            elif line.startswith(":send "):
                self._device.send(self._encoded(line.removeprefix(":send ")))
            elif line.startswith(":"):
                raise argparse.ArgumentTypeError(
                    f"{line} is not known here; there are :send TEXT, :hex, :link, :quit")
            else:
                self._show(self._device.query(escaped(line)))
        except (DeviceConnectionError, argparse.ArgumentTypeError) as exc:
            print(self._errors("bad", str(exc)), file=sys.stderr)
            if isinstance(exc, ReplyTimedOut) and self._advice:
                print(self._advice, file=sys.stderr)
                self._advice = ""
            return False
        return True

    def _encoded(self, text: str) -> bytes:
        framer = self._device.framer
        return framer.encode(escaped(text))

    def _listen(self) -> None:
        while True:
            try:
                self._show(self._device.recv_frame(LISTEN))
            except ReplyTimedOut:
                return

    def _show(self, reply: bytes) -> None:
        print(printable(reply))
        if self._hex:
            print(self._style("faint", hex_view(reply)))

    def _show_link(self) -> None:
        link = self._device.link
        rtt = "none yet" if link.last_rtt is None else f"{link.last_rtt * 1000:.2f} ms"
        print(f"{link.name} is {link.state.value}: {link.reason}; {link.exchanges} exchanges, "
              f"{link.losses} losses, {link.timeouts} timeouts, last round trip {rtt}")


@contextlib.contextmanager
def history() -> Iterator[None]:
    """Lines of earlier sessions, where the system has readline."""
    try:
        import readline  # noqa: PLC0415 (not on every system)
    except ImportError:
        yield
        return
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    path = state / "socs-tcp" / "history"
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(HISTORY)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(path)
