"""One connection of a device: its socket, and the conversation on it. All I/O is here."""

from __future__ import annotations

import contextlib
import math
import os
import select
import socket
import ssl
import threading
from collections import deque
from time import monotonic
from typing import Any

from ..core.conversation import Conversation
from ..core.errors import DeviceConnectionError
from ..core.sockets import Patience, end
from ..core.telnet import TelnetFilter, escape
from ..core.turn import Turn
from .device_socket import DeviceSocket
from .tls import TlsSocket

READ_SIZE = 65536
# Linux tells of a hang-up behind unread bytes; elsewhere it shows once those are read.
_RDHUP: int = getattr(select, "POLLRDHUP", 0)
#: Milliseconds in which a server that refuses us hangs up.
ENDS_SOON = 10
_GONE: int = _RDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL

#: Seconds after which a reply is waited for with more care.
FIRST_LOOK = 0.25


class EndOfConnection(Exception):
    """A read found the end. Never leaves the blocking face."""


def watched(comm: Any) -> bool:
    """Can we see what happens on `comm`? Not on a mock of a socket, say."""
    return isinstance(comm, (socket.socket, TlsSocket))


class Connection:
    """One connection, from the connect to its end. Used by whoever has the device.

    A socket with a timeout polls before each of its operations. We wait by ourselves, and
    then read and write the descriptor: half the system calls, which pays for the look at
    the connection before each command. That is safe only with a `DeviceSocket`; any other socket,
    which a driver has made, is read and written by its own methods.

    Parameters
    ----------
    comm : socket.socket
        Connected. (Anything else with `sendall` and `recv`, such as a mock in a test, is
        used without being watched.)
    conversation : Conversation
    telnet : bool
        Take telnet negotiation out of what comes.
    keepalive : float or None
        What the socket was set up with.
    """

    __slots__ = ("__weakref__", "_fd", "_halfway", "_own", "_patience", "_pid", "_poll",
                 "_telnet", "_tls", "asides", "comm", "conversation", "dead", "error", "made",
                 "used", "writing")

    def __init__(self, comm: Any, conversation: Conversation, telnet: bool = False,
                 keepalive: float | None = None) -> None:
        self.comm = comm
        self.conversation = conversation
        self.dead = False           # its loss has been told
        self.used = False           # it has answered a question, after its preparation
        self.error: DeviceConnectionError | None = None     # why it failed
        self.made = monotonic()
        # One command at a time goes out, whoever sends it.
        self.writing = threading.RLock()
        self._halfway = False       # a command has been sent in part
        # When commands went out beside the call that has the device. Any thread appends.
        self.asides: deque[float] = deque()
        self._telnet = TelnetFilter() if telnet else None
        self._pid = os.getpid()
        self._own = type(comm) is DeviceSocket
        self._tls = comm if isinstance(comm, TlsSocket) else None
        self._patience = Patience(comm, keepalive if self._own or self._tls else None)
        if self._tls is not None:
            self._tls.patience = self._patience
        self._fd: int | None = None
        if watched(comm):
            # -2 is no descriptor, not even that of a closed socket.
            self._fd = comm.fileno() if comm.fileno() >= 0 else -2
            # One poll object a connection: it needs no file descriptor of its own.
            poll = select.poll()
            if self._fd >= 0:
                poll.register(self._fd, select.POLLIN | _RDHUP)
            self._poll = poll.poll

    def __del__(self) -> None:
        self.close()

    # what is known without reading

    def closed(self) -> bool:
        """Has somebody closed the socket?"""
        if self._own:
            return bool(self.comm.closing)
        return self._fd is not None and self.comm.fileno() != self._fd

    def lost(self) -> bool:
        """Has the other side hung up, or somebody closed the socket? Does not block."""
        if self.dead or self._fd is None:
            return self.dead
        if self.closed():
            return True
        if self._tls is not None:
            return self._look() and self._tls.ended and not self._tls.pending()
        events = self._poll(0)
        return bool(events) and (bool(events[0][1] & _GONE) or (not _RDHUP and self.at_end()))

    def quiet(self) -> bool:
        """Is the connection alive, with nothing to read? Does not block.

        The one question before each command in the good case: it costs one system call.
        """
        if self._own:
            return not self.dead and not self.comm.closing and not self._poll(0)
        if self.dead or self._fd is None:
            return not self.dead
        if self.closed():
            return False
        if self._tls is not None:
            return not self._look()
        return not self._pending() and not self._poll(0)

    def _look(self) -> bool:
        """Is there anything to read from TLS? That its socket is readable does not say so."""
        assert self._tls is not None
        try:
            return self._tls.look()
        except OSError:
            return True         # the read that follows says what is wrong

    def _pending(self) -> bool:
        """Does a TLS socket of a driver's hold bytes that its descriptor does not tell of?"""
        return isinstance(self.comm, ssl.SSLSocket) and bool(self.comm.pending())

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
            return (not self.conversation.decoder.waiting
                    and not self.comm.recv(1, socket.MSG_PEEK))
        except (OSError, ValueError):       # ValueError: TLS knows no flags
            return True

    # waiting, reading and writing

    def wait(self, deadline: float) -> bool:
        """Wait until there is something to read (or the connection is lost).

        Parameters
        ----------
        deadline : float
            By `time.monotonic`; may be infinite.
        """
        if self._own:
            if self.comm.closing:
                return True         # the read that follows says what is wrong
            # Nearly always that is soon.
            seconds = min(deadline - monotonic(), FIRST_LOOK)
            return (bool(self._poll(int(seconds * 1000) + 1 if seconds > 0 else 0))
                    or (seconds == FIRST_LOOK and self._patience.wait(self._poll, deadline)))
        if self._fd is None or self.closed() or self._pending():
            return True
        if self._tls is not None:
            while not self._look():
                if not self._patience.wait(self._poll, deadline):
                    return False
            return True
        return self._patience.wait(self._poll, deadline)

    def read(self, count: int = READ_SIZE) -> Any:
        """Read up to `count` bytes, which `wait` said are there.

        Returns
        -------
        bytes
            Empty where all of it was telnet negotiation. (What a mock gives, as it is.)

        Raises
        ------
        EndOfConnection
            At the end.
        OSError
            If the connection is lost.
        """
        data: Any
        if self._own:
            if self.comm.closing:
                raise EndOfConnection
            try:
                data = os.read(self._fd, count)     # type: ignore[arg-type]
            except BlockingIOError:
                data = self.comm.recv(count)    # the system took back what it announced
        elif isinstance(self.comm, ssl.SSLSocket):
            data = self._read_ssl(count)
            if data is None:
                return b""
        else:
            data = self.comm.recv(count)
        if not data:
            raise EndOfConnection
        if self._telnet is not None and type(data) is bytes:
            data, answer = self._telnet.strip(data)
            if answer and not self._ends_soon():
                self._write(answer, monotonic() + 1.0)
        return data

    def _ends_soon(self) -> bool:
        """Does the other side hang up on what it has just said?

        An answer would then be met by a reset, which takes with it what has not been read: the
        line in which a server says why it refuses us.
        """
        if self._fd is None or not _RDHUP:
            return False
        end = select.poll()
        end.register(self._fd, _RDHUP)
        return bool(end.poll(ENDS_SOON))

    def _read_ssl(self, count: int) -> bytes | None:
        """From a TLS socket of a driver's; None where what came was no data (session tickets)."""
        usual = self.comm.gettimeout()
        self.comm.settimeout(0.0)
        try:
            data: bytes = self.comm.recv(count)
            return data
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        finally:
            self.comm.settimeout(usual)

    def put(self, data: bytes, deadline: float) -> None:
        """Hand all of `data` to the system.

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
        if self._telnet is not None:
            data = escape(data)
        if self._patience.stretched:
            self._patience.relax()
        writing = self.writing
        if writing._is_owned():     # type: ignore[attr-defined]  # (as in Condition)
            # A signal handler, in the middle of another command of the same thread.
            if self._halfway:
                raise RuntimeError("this thread is in the middle of sending another command")
            self._hand_over(data, deadline)
            return
        try:
            if not writing.acquire(False) and not writing.acquire(
                    timeout=-1 if deadline == math.inf else max(deadline - monotonic(), 0)):
                raise TimeoutError("timed out")
            self._hand_over(data, deadline)
        finally:
            if writing._is_owned():     # type: ignore[attr-defined]
                writing.release()

    def _hand_over(self, data: bytes, deadline: float) -> None:
        if not self._own:
            self._write(data, deadline)
            return
        if self.comm.closing:
            raise ConnectionAbortedError("closed by this program")
        try:
            done = os.write(self._fd, data)     # type: ignore[arg-type]
        except BlockingIOError:
            done = 0
        if done == len(data):
            return
        # (After a failure the connection is of no more use.)
        self._halfway = done > 0
        self._write_slowly(data[done:], deadline)
        self._halfway = False

    def command(self, data: bytes, deadline: float) -> None:
        """As `put`, for what is not answered: nobody will wait until the device has taken it."""
        allowed = deadline - monotonic()
        self.put(data, deadline)
        self._patience.grant(allowed)

    def _write(self, data: bytes, deadline: float) -> None:
        """By the methods of a socket that is not ours."""
        if self._fd is None or deadline == math.inf:
            self.comm.sendall(data)
            return
        usual = self.comm.gettimeout()
        self.comm.settimeout(max(deadline - monotonic(), 0.001))
        try:
            self.comm.sendall(data)
        finally:
            self.comm.settimeout(usual)

    def _write_slowly(self, data: bytes, deadline: float) -> None:
        """To a device that does not take it at once."""
        poll, left = select.poll(), memoryview(data)
        poll.register(self.comm, select.POLLOUT)
        while left:
            if not self._patience.wait(poll.poll, deadline):
                raise TimeoutError("timed out")
            if self.comm.closing:
                raise ConnectionAbortedError("closed by this program")
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(self._fd, left):]      # type: ignore[arg-type]
                self._halfway = True

    # the conversation

    def reply(self, turn: Turn, deadline: float) -> Any:
        """Read until `turn` has its reply. `Turn.wrong` says if that does not match.

        Raises
        ------
        TimeoutError
            Without ``errno``, if it did not come until the deadline.
        EndOfConnection, OSError, FramingError
            If the connection is of no more use.
        """
        conversation = self.conversation
        late = False
        while True:
            # One last look after the deadline: what lies there has come in time.
            if late or not self.wait(deadline):
                raise TimeoutError("timed out")
            data = self.read()
            if type(data) is not bytes:
                return data                     # a mock of a socket answers as it likes
            now = monotonic()
            for answered, frame in conversation.heard(data, now):
                if answered is turn:
                    return frame
            # (A device that never stops is always readable.)
            late = now > deadline

    def hear(self, seconds: float) -> bool:
        """Listen to what nobody asked for; False if nothing came.

        Raises
        ------
        EndOfConnection, OSError, FramingError
            If the connection is of no more use.
        """
        if self._fd is None or not self.wait(monotonic() + seconds):
            return False
        data = self.read()
        if type(data) is bytes and data:
            self.conversation.heard(data, monotonic())
        return True

    def merge_asides(self) -> None:
        """Put the commands that went out beside us where they belong."""
        while self.asides:
            self.conversation.command(self.asides.popleft())

    # the end

    def shut(self) -> None:
        """End it at once, for a call that uses it to find out. Any thread."""
        if watched(self.comm):
            end(self.comm, self._pid)

    def close(self) -> None:
        """Close the socket, by whoever has the device."""
        comm = self.comm
        if self._own:
            comm.finish()
        else:
            if watched(comm):
                end(comm, self._pid)
            comm.close()

    def finish(self) -> None:
        """At the end of a call, in which somebody closed the socket."""
        if self._own:
            self.comm.finish()
