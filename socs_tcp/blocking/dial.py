"""From the name of a device to a connected socket, or an error, in time.

`dial` is all there is to call. It is one loop around one ``poll``, which waits for the look-up,
for all attempts under way, for the deadline, and for whoever wants to end it.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import select
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable
from time import monotonic

from ..core.names import Address, Answer, names, with_port
from ..core.policy import KEEPALIVE
from ..core.sockets import configure
from .cancel import Cancel, Waker
from .tls import TlsSocket

#: Seconds that one address has before the next is tried beside it (RFC 8305).
STAGGER = 0.25

#: Seconds that a look-up has before the address that worked last is tried while it lasts.
HEAD_START = 0.25

#: The name server could not be asked, or said nothing: the name may well be right.
_NO_ANSWER = (socket.EAI_AGAIN, getattr(socket, "EAI_SYSTEM", socket.EAI_AGAIN))


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
    host of the process. All addresses are tried, the one that worked last first; where one has
    said nothing for `STAGGER` seconds the next is tried beside it, and the first that answers is
    taken. While a look-up lasts, or where no name server answers, the one that worked last is
    tried. (Where the look-up then gives others only, it is given up: it may be another device's.)

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
    deadline = math.inf if timeout is None else monotonic() + timeout
    cancelled = cancelled or Cancel()
    with contextlib.closing(Waker()) as waker, cancelled.calling(waker.wake), \
            contextlib.closing(_Race(port, keepalive, deadline, waker.fileno())) as race:
        answers: deque[Answer] = deque()

        def told(answer: Answer) -> None:
            answers.append(answer)
            waker.wake()
        address = None if remembered is None else remembered.get(host, port)
        forget = names.ask(host, told)
        try:
            won, sock = _run(race, answers, address, lambda: _check(cancelled, waker))
        finally:
            forget()
        if remembered is not None:
            remembered.put(host, port, won)
        comm: socket.socket | TlsSocket = sock
        if tls is not None:
            comm = _secure(sock, tls, host)
            _shake_hands(comm, deadline, cancelled, waker)
    comm.settimeout(timeout)
    return comm


def _secure(sock: socket.socket, tls: ssl.SSLContext, host: str) -> TlsSocket:
    try:
        return TlsSocket(sock, tls, host)
    except BaseException:
        sock.close()
        raise


def _shake_hands(comm: TlsSocket, deadline: float, cancelled: Cancel, waker: Waker) -> None:
    poll = select.poll()
    poll.register(waker, select.POLLIN)
    try:
        while events := comm.shake():
            now = monotonic()
            if now >= deadline:
                raise TimeoutError("timed out")
            poll.register(comm, events)
            poll.poll(_milliseconds(deadline - now))
            _check(cancelled, waker)
    except BaseException:
        comm.close()
        raise


def _check(cancelled: Cancel, waker: Waker) -> None:
    waker.clear()
    if cancelled.is_set():
        raise ConnectionAbortedError(errno.ECONNABORTED, "given up by this program")


def _run(race: _Race, answers: deque[Answer], remembered: Address | None,
         check: Callable[[], None]) -> tuple[Address, socket.socket]:
    """Wait for the look-up, and then for the attempts."""
    patience = math.inf
    if remembered is not None:
        now = monotonic()
        patience = now + min(HEAD_START, (race.deadline - now) / 4)
    while not answers:
        check()
        if answers:
            break
        if remembered is not None and monotonic() >= patience:
            race.add([remembered])
            patience = math.inf
        won = race.wait(patience)
        if won is not None:
            return won
    race.resolved(answers[0], remembered)
    while True:
        check()
        won = race.wait()
        if won is not None:
            return won


class _Race:
    """Attempts to connect to the addresses of one host, the first of which wins."""

    def __init__(self, port: int, keepalive: float | None, deadline: float, waker: int) -> None:
        self._port = port
        self._keepalive = keepalive
        self.deadline = deadline
        self._untried: deque[Address] = deque()
        self._running: dict[int, tuple[Address, socket.socket]] = {}
        self._next = -math.inf              # when the next address is tried
        self._error: OSError | None = None
        self._known = False                 # the look-up is over
        self._waker = waker
        self._poll = select.poll()
        self._poll.register(waker, select.POLLIN)

    def add(self, addresses: list[Address]) -> None:
        self._untried.extend(addresses)

    def resolved(self, answer: Answer, remembered: Address | None) -> None:
        """The look-up is over: try the addresses it gave, and no others."""
        self._known = True
        if isinstance(answer, OSError):
            self._not_resolved(answer, remembered)
            return
        addresses = [with_port(address, self._port) for address in answer]
        tried = {address for address, _sock in self._running.values()}
        if self._error is not None and remembered is not None:
            tried.add(remembered)           # it was tried, and failed
        for fd, (address, sock) in tuple(self._running.items()):
            if address not in addresses:
                self._give_up(fd, sock)
        if remembered in addresses:
            addresses.remove(remembered)
            addresses.insert(0, remembered)
        self._untried = deque(address for address in addresses if address not in tried)
        if not self._running:
            self._next = -math.inf

    def _not_resolved(self, error: OSError, remembered: Address | None) -> None:
        if remembered is None or error.errno not in _NO_ANSWER:
            raise type(error)(*error.args)      # the same look-up may fail others, too
        if not self._running and self._error is None:
            self.add([remembered])
        self._error = error

    def wait(self, until: float = math.inf) -> tuple[Address, socket.socket] | None:
        """Wait for the winner, or for something else to be done.

        Parameters
        ----------
        until : float
            By `time.monotonic`; may be infinite.

        Raises
        ------
        OSError
            If nothing is left to try, or the time is over.
        """
        now = monotonic()
        if now >= self.deadline:
            raise TimeoutError("timed out") from self._error
        while self._untried and now >= self._next:
            address = self._untried.popleft()
            if self._begin(address):
                left = (self.deadline - now) / (len(self._untried) + 1)
                self._next = now + min(STAGGER, left)
        if self._known and not self._running and not self._untried:
            assert self._error is not None
            raise self._error
        until = min(until, self.deadline, self._next if self._untried else math.inf)
        for fd, _events in self._poll.poll(_milliseconds(until - now)):
            if fd in self._running and self._finish(fd):
                return self._running.pop(fd)
        return None

    def _begin(self, address: Address) -> bool:
        try:
            sock = socket.socket(address[0], socket.SOCK_STREAM)
        except OSError as exc:      # IPv6 switched off, or out of file descriptors
            self._note(exc)
            return False
        try:
            self._running[sock.fileno()] = address, sock
            sock.setblocking(False)
            configure(sock, self._keepalive)
            number = sock.connect_ex(address[1])
            if number not in (0, errno.EINPROGRESS):
                raise OSError(number, os.strerror(number))
            self._poll.register(sock, select.POLLOUT)
        except OSError as exc:
            self._note(exc)
            self._give_up(sock.fileno(), sock)
            return False
        return True

    def _finish(self, fd: int) -> bool:
        """Has this attempt won? Otherwise the next address is tried at once."""
        sock = self._running[fd][1]
        try:
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                raise OSError(number, os.strerror(number))
            if sock.getsockname() == sock.getpeername():
                raise _to_itself(sock)
        except OSError as exc:
            self._note(exc)
            self._give_up(fd, sock)
            self._next = -math.inf
            return False
        self._poll.unregister(fd)
        return True

    def _note(self, error: OSError) -> None:
        # Where nobody answered for the name, that is what has to be told.
        if not isinstance(self._error, socket.gaierror):
            self._error = error

    def _give_up(self, fd: int, sock: socket.socket) -> None:
        self._running.pop(fd, None)
        with contextlib.suppress(KeyError):
            self._poll.unregister(fd)
        sock.close()

    def close(self) -> None:
        """End the attempts that have not won."""
        for fd, (_address, sock) in tuple(self._running.items()):
            self._give_up(fd, sock)


def _to_itself(sock: socket.socket) -> OSError:
    """The error for a socket that the system has connected to itself.

    It does so where nobody listens on a port of this machine which it may give to a client. The
    port is set free at once, for the server that belongs there.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return ConnectionRefusedError(errno.ECONNREFUSED,
                                  "nobody listens there (the system connected it to itself)")


def _milliseconds(seconds: float) -> int | None:
    """As ``poll`` counts: in whole ones, and not beyond 24 days."""
    if seconds == math.inf:
        return None
    return 0 if seconds <= 0 else min(math.ceil(seconds * 1000), 0x7FFFFFFF)
