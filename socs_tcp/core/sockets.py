"""Plain sockets: how we open one, what we set on it, how we end it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import math
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

#: The most that Linux takes as TCP_KEEPIDLE and TCP_KEEPINTVL, and as milliseconds.
_MOST_SECONDS = 32767
_MOST_MILLISECONDS = 0x7FFFFFFF


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
    # Half of the time in peace, then three probes; the system counts in whole seconds, and
    # not beyond nine hours.
    interval = min(max(1, int(keepalive / 6)), _MOST_SECONDS)
    idle = min(max(1, int(keepalive) - 3 * interval), _MOST_SECONDS)
    for name, value in (("TCP_KEEPIDLE", idle), ("TCP_KEEPINTVL", interval),
                        ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", _milliseconds(keepalive))):
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _milliseconds(seconds: float) -> int:
    return min(max(1, int(seconds * 1000)), _MOST_MILLISECONDS)


class Patience:
    """How long the system lets a device take nothing of what was sent to it.

    The system gives unacknowledged bytes up after `keepalive` seconds (TCP_USER_TIMEOUT), so
    that a link that is cut is noticed also by who only sends. It makes no difference between
    that and a device that lives, and has no room for more (a zero window): such a device may
    take as long as the call allows. The same option also rules how soon an idle connection is
    found dead, so it is set only for as long as it has to be.

    For one connection; who writes and reads it calls this.

    Parameters
    ----------
    sock : socket.socket
        TCP, and set up by `configure` with the same `keepalive`. (Of any other, nothing is done.)
    keepalive : float or None
        Seconds.

    Attributes
    ----------
    slice : float
        Seconds; who waits for a reply, or for room to write, waits no longer than this at a time,
        and then calls `look` (as `wait` does). May be infinite.
    usual : float
        Seconds that a device has without any of this; may be infinite. A call that allows no more
        need not ask for more.
    stretched : bool
        It has been given more, which `relax` takes back.
    """

    __slots__ = ("_sock", "slice", "stretched", "usual")

    def __init__(self, sock: Any, keepalive: float | None) -> None:
        self._sock = sock
        self.stretched = False
        self.usual = self.slice = math.inf
        if keepalive is not None and _USER_TIMEOUT is not None and _is_tcp(sock):
            self.usual = keepalive
            self.slice = min(keepalive / 4, 1.0)

    def grant(self, seconds: float) -> None:
        """Before a command without an answer: nobody will `look` how it is taken."""
        if self.usual < seconds < math.inf:
            self._set(seconds)

    def wait(self, poll: Callable[[int | None], Any], deadline: float) -> bool:
        """``poll(milliseconds)`` until it finds something; False at the deadline.

        Parameters
        ----------
        poll : callable
            Of a `select.poll` object, which waits for the device to speak or to take.
        deadline : float
            By `time.monotonic`; may be infinite.
        """
        while True:
            seconds = deadline - time.monotonic()
            part = self.slice if self.slice < seconds else seconds
            if poll(None if part == math.inf else
                    # The system counts milliseconds, and not beyond 24 days.
                    min(int(part * 1000) + 1, _MOST_MILLISECONDS) if part > 0 else 0):
                return True
            if part == seconds:
                return False
            self.look(deadline - time.monotonic())

    def look(self, seconds: float) -> None:
        """If the device lives but has no room, let it have `seconds` from now.

        It is for who has waited in vain, for room or for a reply: two system calls.
        """
        if self.slice < math.inf and _is_stalled(self._sock):
            self._set(self.usual + seconds)

    def relax(self) -> None:
        """Once a reply has come, or the next command goes out: as ever."""
        if self.stretched:
            self._set(self.usual)
            self.stretched = False

    def _set(self, seconds: float) -> None:
        self.stretched = True
        with contextlib.suppress(OSError):      # lost, or closed: who uses it finds out
            self._sock.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, 0 if seconds == math.inf
                                  else _milliseconds(seconds))


_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)

# Of Linux: how many bytes have not been acknowledged, and how many of them not even sent.
_SIOCOUTQ = 0x5411
_SIOCOUTQNSD = 0x894B


def _is_tcp(sock: Any) -> bool:
    return getattr(sock, "family", None) in (socket.AF_INET, socket.AF_INET6)


def _is_stalled(sock: Any) -> bool:
    """Does the device acknowledge all that is sent, and have no room for what is left?"""
    try:
        unacknowledged, unsent = (
            struct.unpack("i", fcntl.ioctl(sock.fileno(), request, bytes(4)))[0]
            for request in (_SIOCOUTQ, _SIOCOUTQNSD))
    except (OSError, ValueError):       # lost, or closed
        return False
    return bool(unacknowledged == unsent > 0)


def refuse_itself(sock: socket.socket) -> None:
    """Check that a socket which has just connected is not connected to itself.

    The system does that where nobody listens on a port of this machine which it may also give
    to a client. The port is free as soon as the socket is closed, for the server that belongs
    there.

    Raises
    ------
    ConnectionRefusedError
        If it is. (Other kinds of `OSError` if it is lost by now.)
    """
    if sock.getsockname() == sock.getpeername():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionRefusedError(errno.ECONNREFUSED,
                                     "nobody listens there (the system connected it to itself)")


def end(comm: Any, pid: int) -> None:
    """Have the other side see at once that a connection is over.

    A descriptor that a forked child has inherited would keep it open. But where *we* are that
    child, it is not ours to end: the parent still uses it.

    Parameters
    ----------
    comm : socket.socket
        It may be closed already.
    pid : int
        What ``os.getpid()`` was where it was connected.
    """
    if os.getpid() == pid:
        with contextlib.suppress(OSError):      # not connected any more, or not yet
            comm.shutdown(socket.SHUT_RDWR)
