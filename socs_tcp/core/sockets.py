"""Plain sockets: how we open one, what we set on it, how we end it."""

from __future__ import annotations

import contextlib
import math
import os
import socket
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


def connect(host: str, port: int, *, timeout: float | None, keepalive: float | None,
            starting: Callable[[socket.socket], object]) -> socket.socket:
    """A connected socket, trying each address of `host` within one common `timeout`.

    What is left of the time is shared among the addresses left, so that one that says
    nothing does not take the turn of the next. The name is looked up anew at each call.
    (The look-up itself is the system's and is not bounded by `timeout`.)

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
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for tried, (family, kind, proto, _name, address) in enumerate(addresses):
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
            share = remaining / (len(addresses) - tried)
            sock.settimeout(None if timeout is None else share)
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


def shut(comm: Any) -> None:
    """End a connection without taking the socket from under a thread that uses it."""
    with contextlib.suppress(OSError):      # not connected any more, or not yet
        comm.shutdown(socket.SHUT_RDWR)


def hang_up(comm: Any, pid: int) -> None:
    """Close a connection such that the other side sees it at once.

    A descriptor that a forked child has inherited would keep the connection open. But where
    *we* are that child, it is not ours to end: the parent still uses it.

    Parameters
    ----------
    comm : socket.socket
        It may be closed already.
    pid : int
        What ``os.getpid()`` was where it was connected.
    """
    if os.getpid() == pid:
        shut(comm)
    comm.close()
