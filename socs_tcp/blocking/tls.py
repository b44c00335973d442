"""A socket that speaks TLS, as far as a device needs one."""

from __future__ import annotations

import contextlib
import math
import select
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from ..core.sockets import Patience
from ..core.tls import TlsStream

_READ_SIZE = 65536

#: So many reads at most find out whether anything was said: what is no data (session tickets) comes
#: now and then, and a device that sends nothing else must not hold us.
_MOST_READS = 16

#: Seconds that who writes waits for the device at a time, while another thread may be reading.
_TURN = 0.05


class TlsSocket:
    """Has the methods of `socket.socket` that drivers and we use, with the same meaning.

    That its descriptor is readable does not mean that there is data: ask `look`. And there may be
    data where it is not: ask `pending`. One thread may read while another writes.

    Parameters
    ----------
    sock : socket.socket
        Connected. From now on it belongs to this, which makes it non-blocking.
    context : ssl.SSLContext
        Of a client.
    host : str
        As in `TlsStream`.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._sock = sock
        self._timeout = sock.gettimeout()
        sock.setblocking(False)
        self._plain = bytearray()
        # What was wrong with what came: told as often as somebody asks.
        self._broken: Callable[[], OSError] | None = None
        self._unsent = b""              # of whoever has _writing
        self._lock = threading.RLock()  # around the stream, which never waits
        self._writing = threading.Lock()
        self._stream = TlsStream(context, host)
        self._stream.start()
        #: How long a device may take nothing.
        self.patience = Patience(sock, None)

    # the handshake

    def shake(self) -> int:
        """Go on with the handshake.

        Returns
        -------
        int
            What to wait for, as ``poll`` has it, before it is called again; 0 once it is over.

        Raises
        ------
        OSError
            If the device does not speak TLS, or its certificate is not the right one, or the
            connection is lost.
        """
        self._flush()
        if not self._stream.ready:
            self._take_in()
            self._flush()
        if self._unsent:
            return select.POLLOUT
        return 0 if self._stream.ready else select.POLLIN

    # what we need beyond a plain socket

    def look(self) -> bool:
        """Take in what has come. True if `recv` has something: data, or the end. Never blocks.

        Raises
        ------
        OSError
            If the connection is lost.
        """
        with self._lock:
            reads = 0
            if self._broken is not None and not self._plain:
                raise self._broken()
            while not self._plain and not self._stream.ended and reads < _MOST_READS:
                if not self._take_in():
                    break
                reads += 1
        if self._writing.acquire(False):    # an answer of TLS itself, to a change of keys
            try:
                with contextlib.suppress(OSError):      # who reads finds that out by reading
                    self._flush_now()
            finally:
                self._writing.release()
        return self.known

    @property
    def known(self) -> bool:
        """Does `recv` have something, as far as has been taken in?"""
        return bool(self._plain) or self._stream.ended or self._broken is not None

    def pending(self) -> int:
        """How many bytes of data have been taken in, and not received yet."""
        return len(self._plain)

    @property
    def ended(self) -> bool:
        """Has the device hung up, as far as `look` knows? There may be `pending` data."""
        return self._stream.ended

    def _take_in(self) -> bool:
        try:
            data = self._sock.recv(_READ_SIZE)
        except BlockingIOError:
            return False
        except OSError as exc:
            self._broken = partial(type(exc), *exc.args)
            raise
        with self._lock:
            try:
                self._plain += self._stream.feed(data)
            except OSError as exc:
                self._broken = partial(type(exc), *exc.args)
                raise
        return True

    # what sockets have

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As of a socket; ``MSG_PEEK`` and ``MSG_DONTWAIT`` are known."""
        if not self._plain and not self.look():
            if self._timeout == 0 or flags & socket.MSG_DONTWAIT:
                raise BlockingIOError("nothing has come")
            deadline = self._deadline()
            while not self.look():
                self._wait(select.POLLIN, deadline)
        with self._lock:
            data = bytes(self._plain[:size])
            if not flags & socket.MSG_PEEK:
                del self._plain[:size]
        return data

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        view = memoryview(buffer).cast("B")
        data = self.recv(size or len(view), flags)
        view[:len(data)] = data
        return len(data)

    def sendall(self, data: bytes) -> None:
        """Hand all of it to the system.

        Raises
        ------
        TimeoutError
            If it does not take all in time. What is left goes out before all else, since no one
            could read what comes after half of a TLS record.
        OSError
            If the connection is lost.
        """
        self.send_until(data, self._deadline())

    def send_until(self, data: bytes, deadline: float) -> None:
        """As `sendall`, until a time by `time.monotonic`, which may be infinite."""
        left = deadline - monotonic()
        if not self._writing.acquire(timeout=-1 if left == math.inf else max(left, 0)):
            raise TimeoutError("timed out")
        try:
            if self._unsent:
                self._finish(deadline)      # what an earlier one could not
            with self._lock:
                self._stream.write(data)
            self._finish(deadline)
        finally:
            self._writing.release()

    def send(self, data: bytes) -> int:
        """As `sendall`; the length of `data`."""
        self.sendall(data)
        return len(data)

    def _finish(self, deadline: float) -> None:
        while not self._flush_now():
            self._wait(select.POLLOUT, deadline)
        while self._stream.holding:
            self._renew(deadline)

    def _renew(self, deadline: float) -> None:
        """Go on with the handshake in which the device renews the keys. With _writing."""
        if monotonic() >= deadline:
            raise TimeoutError("timed out")
        with contextlib.suppress(TimeoutError):     # another thread may take in what comes
            self._wait(select.POLLIN, min(deadline, monotonic() + _TURN))
        with self._lock:
            self._take_in()
        while not self._flush_now():
            self._wait(select.POLLOUT, deadline)

    def _flush(self) -> None:
        with self._writing:
            self._flush_now()

    def _flush_now(self) -> bool:
        """Hand to the system what it takes now; True if that was all. With _writing."""
        with self._lock:
            data = self._unsent + self._stream.take()
        self._unsent = data
        if data:
            with contextlib.suppress(BlockingIOError):
                self._unsent = data[self._sock.send(data):]
        return not self._unsent

    def _deadline(self) -> float:
        return math.inf if self._timeout is None else monotonic() + self._timeout

    def _wait(self, events: int, deadline: float) -> None:
        if self._sock.fileno() == -1:
            raise OSError(9, "Bad file descriptor")
        poll = select.poll()
        poll.register(self._sock, events)
        if not self.patience.wait(poll.poll, deadline):
            raise TimeoutError("timed out")

    @property
    def family(self) -> int:
        return self._sock.family

    def fileno(self) -> int:
        return self._sock.fileno()

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds

    def gettimeout(self) -> float | None:
        return self._timeout

    def setblocking(self, blocking: bool) -> None:
        self._timeout = None if blocking else 0.0

    def getpeername(self) -> Any:
        return self._sock.getpeername()

    def getsockname(self) -> Any:
        return self._sock.getsockname()

    def getsockopt(self, *args: Any) -> Any:
        return self._sock.getsockopt(*args)

    def setsockopt(self, *args: Any) -> None:
        self._sock.setsockopt(*args)

    def shutdown(self, how: int) -> None:
        """End the connection, with TLS' farewell where it can go out at once."""
        if how != socket.SHUT_RD and self._writing.acquire(False):
            try:
                with self._lock, contextlib.suppress(OSError):
                    self._stream.farewell()
                    self._flush_now()
            finally:
                self._writing.release()
        self._sock.shutdown(how)

    def close(self) -> None:
        """Say nothing, and close."""
        self._sock.close()

    def __enter__(self) -> TlsSocket:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
