"""From the name of a device to a connected socket, or an error, in time.

`dial` is all there is to call. It is one loop around one ``poll``, which waits for the look-up,
for all attempts under way, for the deadline, and for whoever wants to end it.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import math
import os
import select
import socket
import ssl
from collections import deque
from time import monotonic

from ..core.candidates import Candidates
from ..core.names import Address, Answer, names
from ..core.policy import KEEPALIVE
from ..core.sockets import configure, refuse_itself
from .cancel import Cancel, Waker
from .tls import TlsSocket


class Remembered:
    """The address at which a device was reached last. One for each device."""

    def __init__(self) -> None:
        self._of: tuple[str, int] | None = None
        self._address: Address | None = None

    def put(self, host: str, port: int, address: Address) -> None:
        self._of, self._address = (host, port), address

    def get(self, host: str, port: int) -> Address | None:
        """Of this host and port, which a driver may have changed meanwhile."""
        return self._address if self._of == (host, port) else None


def dial(host: str, port: int, *, timeout: float | None, keepalive: float | None = KEEPALIVE,
         remembered: Remembered | None = None, cancelled: Cancel | None = None,
         tls: ssl.SSLContext | None = None) -> socket.socket | TlsSocket:
    """A connected socket. Any thread.

    A name is looked up at each call, in another thread, at most once at a time for each
    host of the process. All addresses are tried, as `Candidates` says: the one that worked last
    first, and the next one beside it where that has said nothing for a quarter of a second. The
    first that answers is taken.

    Parameters
    ----------
    host, port
        Name, IPv4 or IPv6 address (with its zone, ``fe80::1%eth0``, where it needs one).
    timeout : float or None
        Seconds for all of it, the look-up included; also the timeout of the socket returned.
        None waits as long as the system does.
    keepalive : float or None
        As in `socs_tcp.core.sockets.configure`.
    remembered : Remembered, optional
        What is read, and written where it worked.
    cancelled : Cancel, optional
        Whoever sets it, in any thread or signal handler, ends this at once.
    tls : ssl.SSLContext, optional
        Speak TLS: the handshake is part of this, and a `TlsSocket` is returned. Where `tls` checks
        host names, the certificate has to name `host`.

    Returns
    -------
    socket.socket or TlsSocket

    Raises
    ------
    TimeoutError
        Without ``errno``, if the time was over. (With ``ETIMEDOUT``, the system gave it up.)
    ConnectionAbortedError
        If it was cancelled.
    OSError
        Of the last address; `socket.gaierror` where the name is not known.
    """
    now = monotonic()
    deadline = math.inf if timeout is None else now + timeout
    known = None if remembered is None else remembered.get(host, port)
    candidates = Candidates(port, known, now, deadline)
    with contextlib.closing(_Waiting(deadline, cancelled or Cancel())) as waiting:
        won, sock = _race(host, candidates, keepalive, waiting)
        if remembered is not None:
            remembered.put(host, port, won)
        comm: socket.socket | TlsSocket = sock
        if tls is not None:
            comm = _secure(sock, tls, host)
            _shake_hands(comm, waiting)
    comm.settimeout(timeout)
    return comm


def _secure(sock: socket.socket, tls: ssl.SSLContext, host: str) -> TlsSocket:
    try:
        return TlsSocket(sock, tls, host)
    except BaseException:
        sock.close()
        raise


def _shake_hands(comm: TlsSocket, waiting: _Waiting) -> None:
    try:
        while events := comm.shake():
            waiting.check()
            waiting.register(comm.fileno(), events)
            waiting.wait()
    except BaseException:
        comm.close()
        raise


class _Waiting:
    """The one wait: for descriptors, other threads, and the end of the time."""

    def __init__(self, deadline: float, cancelled: Cancel) -> None:
        self._deadline = deadline
        self._cancelled = cancelled
        self._stack = contextlib.ExitStack()
        self._waker = self._stack.enter_context(contextlib.closing(Waker()))
        self._stack.enter_context(cancelled.calling(self._waker.wake))
        self._poll = select.poll()
        self._poll.register(self._waker, select.POLLIN)
        self.wake = self._waker.wake
        self.register = self._poll.register
        self.unregister = self._poll.unregister
        self.close = self._stack.close

    def check(self, reason: Exception | None = None) -> None:
        """May this go on?

        Raises
        ------
        TimeoutError
            If the time of all is over; from `reason`.
        ConnectionAbortedError
            If it was cancelled.
        """
        if self._cancelled.is_set():
            raise ConnectionAbortedError(errno.ECONNABORTED, "given up by this program")
        if monotonic() >= self._deadline:
            raise TimeoutError("timed out") from reason

    def wait(self, until: float = math.inf) -> list[int]:
        """Wait until something happens, or until a time; the descriptors that are ready."""
        ready = self._poll.poll(_milliseconds(min(until, self._deadline) - monotonic()))
        self._waker.clear()
        return [fd for fd, _events in ready]


def _race(host: str, candidates: Candidates, keepalive: float | None,
          waiting: _Waiting) -> tuple[Address, socket.socket]:
    """The first that answers, of the addresses of `host`."""
    answers: deque[Answer] = deque()

    def told(answer: Answer) -> None:
        answers.append(answer)
        waiting.wake()
    attempts = _Attempts(candidates, keepalive, waiting)
    forget = names.ask(host, told)
    try:
        while True:
            waiting.check(candidates.reason())
            if answers:
                attempts.give_up(candidates.resolved(answers.popleft()))
            attempts.begin_next()
            if candidates.over():
                # (A copy: once raised, it keeps alive whatever holds `candidates`.)
                raise copy.copy(candidates.reason()) or OSError(f"{host} has no address")
            for fd in waiting.wait(candidates.next_at()):
                won = attempts.finish(fd)
                if won is not None:
                    return won
    finally:
        forget()
        attempts.close()


class _Attempts:
    """The sockets that are connecting."""

    def __init__(self, candidates: Candidates, keepalive: float | None,
                 waiting: _Waiting) -> None:
        self._candidates = candidates
        self._keepalive = keepalive
        self._waiting = waiting
        self._sockets: dict[int, tuple[Address, socket.socket]] = {}

    def begin_next(self) -> None:
        """Begin with all addresses whose time has come."""
        while (address := self._candidates.next(monotonic())) is not None:
            try:
                sock = socket.socket(address[0], socket.SOCK_STREAM)
            except OSError as exc:      # IPv6 switched off, or out of file descriptors
                self._candidates.failed(address, exc)
                continue
            self._sockets[sock.fileno()] = address, sock
            try:
                self._begin(address, sock)
            except OSError as exc:
                self._failed(sock.fileno(), exc)

    def _begin(self, address: Address, sock: socket.socket) -> None:
        sock.setblocking(False)
        configure(sock, self._keepalive)
        number = sock.connect_ex(address[1])
        if number not in (0, errno.EINPROGRESS):
            raise OSError(number, os.strerror(number))
        self._waiting.register(sock.fileno(), select.POLLOUT)

    def finish(self, fd: int) -> tuple[Address, socket.socket] | None:
        """The attempt of this descriptor, if it is one, has come to its end: has it won?"""
        if fd not in self._sockets:
            return None
        sock = self._sockets[fd][1]
        try:
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                raise OSError(number, os.strerror(number))
            refuse_itself(sock)
        except OSError as exc:
            self._failed(fd, exc)
            return None
        self._waiting.unregister(fd)
        return self._sockets.pop(fd)

    def _failed(self, fd: int, error: OSError) -> None:
        address = self._sockets[fd][0]
        self._close(fd)
        self._candidates.failed(address, error)

    def give_up(self, addresses: set[Address]) -> None:
        for fd, (address, _sock) in tuple(self._sockets.items()):
            if address in addresses:
                self._close(fd)

    def close(self) -> None:
        """End those that have not won."""
        for fd in tuple(self._sockets):
            self._close(fd)

    def _close(self, fd: int) -> None:
        with contextlib.suppress(KeyError):
            self._waiting.unregister(fd)
        self._sockets.pop(fd)[1].close()


def _milliseconds(seconds: float) -> int | None:
    """As ``poll`` counts: in whole ones, and not beyond 24 days."""
    if seconds == math.inf:
        return None
    return 0 if seconds <= 0 else min(math.ceil(seconds * 1000), 0x7FFFFFFF)
