"""The connection under a serial port: reads and writes have a timeout of their own each."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..tcp import TCPInterface

#: Bytes that are read at once.
CHUNK = 65536
#: Look at what is there, and leave it there.
PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT


class SerialDevice(TCPInterface):
    """A `TCPInterface` whose timeout is that of the call which a thread makes."""

    def __init__(self, host: str, port: int, **options: Any) -> None:
        # Before the constructor: that connects.
        self._seconds = threading.local()
        self._usual: float | None = None
        super().__init__(host, port, **options)

    @property
    def timeout(self) -> float | None:
        """Seconds, in the thread that asks."""
        seconds: float | None = getattr(self._seconds, "now", self._usual)
        return seconds

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self._usual = seconds

    @contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """What this thread calls in the block has these seconds."""
        self._seconds.now = seconds
        try:
            yield
        finally:
            del self._seconds.now

    def readable(self) -> bool:
        """Is there something to read, or an end to be told? Does not block."""
        comm = self.comm
        return comm is not None and stirs(comm)

    def at_end(self) -> bool:
        """Is the connection over, with nothing left to read? Does not block."""
        comm = self.comm        # once: another thread may close it
        if comm is None or not stirs(comm):     # (a socket with a timeout would wait)
            return False
        try:
            return not comm.recv(1, PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def receive(self, seconds: float | None) -> bytes:
        """What comes first; a device that stays silent has failed to answer.

        Raises
        ------
        ConnectionError
            `ReplyTimedOut` or `Disconnected`.
        """
        with self.within(seconds):
            return self.recv(CHUNK)

    def overhear(self, seconds: float | None) -> bytes:
        """What comes first, where nobody can say whether something is to come.

        Raises
        ------
        ConnectionError
            As `receive`; but a silence is no failure of the device.
        """
        with self.within(seconds):
            return self.recv_frame()


def stirs(comm: socket.socket) -> bool:
    """Can `comm` be read, or its end be told? Does not block."""
    poll = select.poll()
    try:
        poll.register(comm, select.POLLIN)
    except (OSError, ValueError):       # closed in the meantime: reading tells of it
        return True
    return bool(poll.poll(0))
