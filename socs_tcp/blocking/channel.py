"""One connection of a device, and whether it still lives."""

from __future__ import annotations

import math
import os
import select
import socket
from time import monotonic
from typing import Any

from ..core.decoder import Decoder

_READ_SIZE = 65536
# Linux tells of a hang-up behind unread bytes; elsewhere it shows once those are read.
_RDHUP: int = getattr(select, "POLLRDHUP", 0)
_GONE: int = _RDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL


class Channel:
    """One connection: its socket, the bytes not handed over yet, the replies still owed.

    It lives as long as the connection, so that nothing of one connection can be left over
    in the next. Owned by whoever holds the device's lock.

    A socket with a timeout polls before each of its operations. We wait by ourselves, and
    then read and write its descriptor: half the system calls, which pays for the look at
    the connection before each command.

    Parameters
    ----------
    comm : socket.socket
        Connected. (Anything else with `sendall` and `recv`, such as a mock in a test, is
        used without being watched.)
    decoder : Decoder
        New.
    """

    __slots__ = ("_fd", "_plain", "_poll", "asked", "comm", "dead", "decoder", "late",
                 "owed")

    def __init__(self, comm: Any, decoder: Decoder) -> None:
        self.comm = comm
        self.decoder = decoder
        self.owed = 0           # replies to questions that were given up
        self.late = 0           # of those, the ones that a `recv` gave up, for the next `send`
        self.asked = False      # something was sent by itself, and nothing received since
        self.dead = False       # its loss has been noticed
        # A subclass of socket (TLS, say) does more than read and write its descriptor.
        self._plain = type(comm) is socket.socket
        self._fd: int | None = None
        if isinstance(comm, socket.socket):
            # -2 is no descriptor, not even that of a closed socket.
            self._fd = comm.fileno() if comm.fileno() >= 0 else -2
            # One poll object a connection: it needs no file descriptor of its own.
            poll = select.poll()
            if self._fd >= 0:
                poll.register(self._fd, select.POLLIN | _RDHUP)
            self._poll = poll.poll

    def _was_closed(self) -> bool:
        """Somebody closed the socket, and its number may now be another's: use it no more."""
        self._plain = False
        return True

    def lost(self) -> bool:
        """Has the other side hung up, or somebody closed the socket? Does not block."""
        if self.dead or self._fd is None:
            return self.dead
        if self.comm.fileno() != self._fd and self._was_closed():
            return True
        events = self._poll(0)
        return bool(events) and (bool(events[0][1] & _GONE)
                                 or (not _RDHUP and self.at_end()))

    def ending(self) -> str:
        """Why it is lost, for a message: a cable that was pulled is not the device's doing."""
        number = 0
        if isinstance(self.comm, socket.socket) and self.comm.fileno() >= 0:
            number = self.comm.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return (f"connection lost: {os.strerror(number)}" if number
                else "the device closed the connection")

    def at_end(self) -> bool:
        """Is nothing left to read of a connection that is `lost`?"""
        try:
            return not self.decoder.waiting and not self.comm.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def quiet(self) -> bool:
        """Is the connection alive, with nothing to read and nothing owed? Does not block.

        The one question before each command in the good case: it costs one system call.
        """
        if self.dead or self.owed or self.decoder.waiting:
            return False
        if self._fd is None:
            return True
        if self.comm.fileno() != self._fd and self._was_closed():
            return False
        return not self._poll(0)

    def wait(self, deadline: float) -> bool:
        """Wait until there is something to read (or the connection is lost).

        Parameters
        ----------
        deadline : float
            By `time.monotonic`; may be infinite.
        """
        if self._fd is None or (self.comm.fileno() != self._fd and self._was_closed()):
            return True         # the read that follows says what is wrong
        if deadline == math.inf:
            return bool(self._poll(None))
        seconds = deadline - monotonic()
        # The system counts milliseconds, and not beyond 24 days.
        return bool(self._poll(min(int(seconds * 1000) + 1, 0x7FFFFFFF) if seconds > 0 else 0))

    def put(self, data: bytes, deadline: float) -> None:
        """Hand all of `data` to the system. To be called after `lost` or `quiet`.

        Parameters
        ----------
        deadline : float
            By `time.monotonic`; may be infinite.

        Raises
        ------
        TimeoutError
            If the device does not take it until then.
        OSError
            If the connection is lost.
        """
        # (One without a timeout would block for as long as the device likes.)
        if self._plain and (deadline == math.inf or self.comm.gettimeout() is not None):
            try:
                done = os.write(self._fd, data)     # type: ignore[arg-type]
            except BlockingIOError:
                done = 0
            if done == len(data):
                return
            data = data[done:]
        if self._fd is None or deadline == math.inf:
            self.comm.sendall(data)
            return
        usual = self.comm.gettimeout()
        self.comm.settimeout(max(deadline - monotonic(), 0.001))
        try:
            self.comm.sendall(data)
        finally:
            self.comm.settimeout(usual)

    def get(self, count: int) -> Any:
        """Read up to `count` bytes, which `wait` said are there; empty at the end.

        Raises
        ------
        OSError
            If the connection is lost.
        """
        if self._plain:
            try:
                return os.read(self._fd, count)     # type: ignore[arg-type]
            except BlockingIOError:
                pass        # the system took back what it announced: wait as the socket does
        return self.comm.recv(count)

    def fill(self, deadline: float) -> Any:
        """Wait for bytes and read them.

        Returns
        -------
        bytes
            What came; empty at the end of the connection.

        Raises
        ------
        TimeoutError
            If nothing came until the deadline.
        OSError
            If the connection is lost.
        """
        if not self.wait(deadline):
            raise TimeoutError("timed out")
        return self.get(_READ_SIZE)

    def discard(self, most: int, *, whole: bool = False) -> tuple[int, bool]:
        """Throw away what has come without being asked for.

        Parameters
        ----------
        most : int
            So many bytes are normal.
        whole : bool
            Keep a frame of which only the beginning has come (where replies are matched,
            its end is not mistaken for another reply then).

        Returns
        -------
        (int, bool)
            How many bytes (more than `most`: the device talks without pause), and whether
            the connection is still there.

        Raises
        ------
        FramingError
            If what came makes no sense, where whole frames are to be found.
        OSError
            If the connection is lost.
        """
        count = self._throw_away(whole)
        while self._fd is not None and count <= most and self._poll(0):
            data = self.get(_READ_SIZE)
            if not data:
                return count, False
            self.decoder.feed(data)
            count += self._throw_away(whole)
        return count, True

    def _throw_away(self, whole: bool) -> int:
        decoder = self.decoder
        if not whole:
            return decoder.clear()
        before = decoder.waiting
        while decoder.next_frame() is not None:
            pass
        return before - decoder.waiting
