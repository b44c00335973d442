"""One device, asked from the command line, one command after the other."""

from __future__ import annotations

import argparse
import time
from types import TracebackType

from ..blocking.interface import TCPInterface
from ..core.errors import DeviceConnectionError, ReplyTimedOut
from .framing import hint, make_framer
from .replies import Reply, Whole

#: Seconds in which what comes after a reply is noticed.
LINGER = 0.1
#: So many frames that were not asked for are looked at.
MOST = 100


class Talk:
    """A device, as the arguments of `add_device` describe it.

    Raises
    ------
    UsageError
        If they make no sense.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        host, port = options.device
        self.framer = Whole(make_framer(options))
        self._timeout = options.timeout
        self.device = TCPInterface(host, port, options.timeout, framer=self.framer)

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.device.close()

    def ask(self, command: bytes, replies: int = 1) -> list[Reply]:
        """Send a command; its replies.

        Raises
        ------
        DeviceConnectionError
            What went wrong.
        """
        until = time.monotonic() + self._timeout
        self.framer.unfinished = b""
        came = [self.framer.reply(self.device.query(command))]
        while len(came) < replies:
            left = max(until - time.monotonic(), 0.001)
            try:
                came.append(self.framer.reply(self.device.recv_frame(left)))
            except ReplyTimedOut as exc:
                text = f"{self.device.link.name}: {len(came)} of {replies} replies came within " \
                       f"{self._timeout:g} s"
                error = ReplyTimedOut(text, host=exc.host, port=exc.port, phase="recv",
                                      sent="yes")
                raise error from exc
        return came

    def tell(self, command: bytes) -> None:
        """Send a command that is not answered."""
        self.device.send(self.framer.encode(command))

    def more(self, seconds: float = LINGER) -> list[bytes]:
        """What comes within so many seconds without being asked for; unfinished, too."""
        came: list[bytes] = []
        self.framer.unfinished = b""
        try:
            while len(came) < MOST:
                came.append(self.device.recv_frame(seconds))
        except DeviceConnectionError:       # nothing more, or the device has hung up
            pass
        if self.framer.unfinished:
            came.append(self.framer.unfinished)
        return came

    def advice(self, error: DeviceConnectionError) -> str:
        """What may be the matter; empty where nothing is known."""
        if not isinstance(error, ReplyTimedOut):
            return ""
        return hint(self.framer.framer, self.framer.unfinished)
