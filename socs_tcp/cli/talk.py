"""One device, asked from the command line, one command after the other."""

from __future__ import annotations

import argparse
from types import TracebackType

from ..blocking.interface import TCPInterface
from ..core.errors import DeviceConnectionError, ReplyTimedOut
from .device import ways
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
        self._unasked: list[bytes] = []
        self.device = TCPInterface(host, port, options.timeout, framer=self.framer,
                                   on_unasked=self._heard, **ways(options))
        error = self.device.link.error if self.device.comm is None else None
        self._first_error = error if isinstance(error, DeviceConnectionError) else None

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
        self._connected()
        self.framer.begin()
        return [self.framer.reply(data)
                for data in self.device.query(command, replies=replies)]

    def tell(self, command: bytes) -> None:
        """Send a command that is not answered."""
        self._connected()
        self.device.send(self.framer.encode(command))

    def _connected(self) -> None:
        """Tell why the first attempt failed, once, before another is made: it waits as long."""
        error, self._first_error = self._first_error, None
        if error is not None:
            raise error

    def _heard(self, data: bytes) -> None:
        del self._unasked[MOST:]
        self._unasked.append(data)

    def take_unasked(self) -> list[bytes]:
        """What came without being asked for since this was last called."""
        came, self._unasked = self._unasked, []
        return came

    def more(self, seconds: float = LINGER) -> list[bytes]:
        """What comes within so many seconds without being asked for; unfinished, too."""
        self.framer.begin()
        came = self.take_unasked()
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
        if self.framer.count:
            return f"complete replies that came: {self.framer.count} (--lines)"
        return hint(self.framer.framer, self.framer.unfinished)
