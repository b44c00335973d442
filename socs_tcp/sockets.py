"""Plain sockets: how we open one, what we set on it, and whether it still lives."""

from __future__ import annotations

import contextlib
import math
import select
import socket
import time
from collections.abc import Callable
from typing import Any

from .framing import Decoder

_READ_SIZE = 65536
# Linux tells of a hang-up behind unread bytes; elsewhere it shows once those are read.
_RDHUP: int = getattr(select, "POLLRDHUP", 0)
_GONE: int = _RDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL


def configure(sock: socket.socket, keepalive: float | None) -> None:
    """Make `sock` send at once, and find out by itself that the other side is gone.

    Parameters
    ----------
    sock : socket.socket
        A TCP socket.
    keepalive : float or None
        Seconds after which a dead connection on which nothing is said is noticed, and
        unacknowledged bytes are given up; None leaves the system's own (hours).
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if keepalive is None:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Half of the time in peace, then three probes; the system counts in whole seconds.
    interval = max(1, int(keepalive / 6))
    idle = max(1, int(keepalive) - 3 * interval)
    for name, value in (("TCP_KEEPIDLE", idle), ("TCP_KEEPINTVL", interval),
                        ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", int(keepalive * 1000))):
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def connect(host: str, port: int, *, timeout: float | None, keepalive: float | None,
            starting: Callable[[socket.socket], object]) -> socket.socket:
    """A connected socket, trying each address of `host` within one common `timeout`.

    The name is looked up anew at each call. (The look-up itself is the system's and is
    not bounded by `timeout`.)

    Parameters
    ----------
    host, port
        Name, IPv4 or IPv6 address; TCP port.
    timeout : float or None
        Seconds for all addresses together; also the timeout of the socket returned.
    keepalive : float or None
        As in `configure`.
    starting : callable
        Gets each socket before it is connected, so that another thread can shut it down.

    Raises
    ------
    OSError
        Of the last address; `socket.gaierror` where the name is not known.
    """
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    last: OSError = OSError(f"{host} has no address")
    for family, kind, proto, _name, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM):
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("timed out") from last
        try:
            sock = socket.socket(family, kind, proto)
        except OSError as exc:      # IPv6 switched off, or out of file descriptors
            last = exc
            continue
        try:
            starting(sock)
            configure(sock, keepalive)
            sock.settimeout(None if timeout is None else remaining)
            sock.connect(address)
            sock.settimeout(timeout)
            return sock
        except OSError as exc:
            sock.close()
            last = exc
        except BaseException:
            sock.close()
            raise
    raise last


class Channel:
    """One connection: its socket, the bytes not handed over yet, the replies still owed.

    It lives as long as the connection, so that nothing of one connection can be left over
    in the next. Owned by whoever holds the device's lock.

    Parameters
    ----------
    comm : socket.socket
        Connected. (Anything else with `sendall` and `recv`, such as a mock in a test, is
        used without being watched.)
    decoder : Decoder
        New.
    """

    __slots__ = ("_fd", "_poll", "comm", "dead", "decoder", "owed")

    def __init__(self, comm: Any, decoder: Decoder) -> None:
        self.comm = comm
        self.decoder = decoder
        self.owed = 0           # replies to questions that were given up
        self.dead = False       # its loss has been noticed
        self._fd: int | None = None
        if isinstance(comm, socket.socket):
            self._fd = comm.fileno()
            if self._fd >= 0:
                # One poll object a connection: it needs no file descriptor of its own.
                self._poll = select.poll()
                self._poll.register(self._fd, select.POLLIN | _RDHUP)

    def lost(self) -> bool:
        """Has the other side hung up, or somebody closed the socket? Does not block."""
        if self.dead or self._fd is None:
            return self.dead
        if self._fd < 0 or self.comm.fileno() != self._fd:
            return True
        events = self._poll.poll(0)
        if not events:
            return False
        return bool(events[0][1] & _GONE) or (not _RDHUP and self._peek_eof())

    def _peek_eof(self) -> bool:
        try:
            return not self.comm.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def quiet(self) -> bool:
        """Is the connection alive, with nothing to read and nothing owed? Does not block.

        The one question before each query in the good case: it costs one system call.
        """
        if self.dead or self.owed or len(self.decoder):
            return False
        if self._fd is None:
            return True
        return self._fd >= 0 and self.comm.fileno() == self._fd and not self._poll.poll(0)

    def wait(self, seconds: float) -> bool:
        """Wait until there is something to read (or the connection is lost).

        Parameters
        ----------
        seconds : float
            At most; may be infinite.
        """
        if self._fd is None:
            return True
        if self._fd < 0 or self.comm.fileno() != self._fd:
            return True         # the read that follows says what is wrong
        milliseconds = None if math.isinf(seconds) else max(0, math.ceil(seconds * 1000))
        return bool(self._poll.poll(milliseconds))

    def limit(self, seconds: float, usual: float | None) -> None:
        """Let the socket's own operations take `seconds` instead of the `usual` timeout."""
        if self._fd is None or math.isinf(seconds):
            return
        # Setting it costs a system call: not for the microseconds spent since the start.
        wanted = usual if usual is not None and usual - seconds < 0.02 else max(seconds, 0.001)
        if self.comm.gettimeout() != wanted:
            self.comm.settimeout(wanted)

    def fill(self, seconds: float) -> Any:
        """Wait for bytes and give them to the decoder.

        Returns
        -------
        bytes
            What came; empty at the end of the connection.

        Raises
        ------
        TimeoutError
            If nothing came in so many seconds.
        OSError
            If the connection is lost.
        """
        if not self.wait(seconds):
            raise TimeoutError("timed out")
        data = self.comm.recv(_READ_SIZE)
        if type(data) is bytes:
            self.decoder.feed(data)
        return data

    def discard(self, most: int) -> tuple[int, bool]:
        """Throw away what has come without being asked for.

        Returns
        -------
        (int, bool)
            How many bytes (more than `most`: the device talks without pause), and whether
            the connection is still there.
        """
        count = self.decoder.clear()
        while self._fd is not None and count <= most and self._poll.poll(0):
            data = self.comm.recv(_READ_SIZE)
            if not data:
                return count, False
            count += len(data)
        return count, True


def shut(comm: Any) -> None:
    """End a connection without taking the socket from under a thread that uses it."""
    with contextlib.suppress(OSError):      # not connected any more, or not yet
        comm.shutdown(socket.SHUT_RDWR)
