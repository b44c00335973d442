"""One connection of a device: its socket, and the conversation on it."""

from __future__ import annotations

import os
import select
import socket
import ssl
from collections import deque
from time import monotonic
from typing import Any

from ..core.conversation import Conversation
from ..core.errors import DeviceConnectionError
from ..core.sockets import end
from ..core.turn import Turn
from .speaking import Speaking

READ_SIZE = 65536
#: Bytes of one read for somebody who takes many frames at a time.
LONG_READ = 262144
# Linux tells of a hang-up behind unread bytes; elsewhere it shows once those are read.
RDHUP: int = getattr(select, "POLLRDHUP", 0)
GONE: int = RDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL
#: Milliseconds in which a server that refuses us hangs up.
ENDS_SOON = 10


class EndOfConnection(Exception):
    """A read found the end. Never leaves the blocking face."""


class Connection(Speaking):
    """One connection, from the connect to its end. Used by whoever has the device.

    This one reads and writes by the methods of its socket, which may be any that a driver has
    made. Those of our own sockets are `DeviceConnection` and `TlsConnection`.

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

    __slots__ = ("__weakref__", "_pid", "_poll", "asides", "conversation", "dead", "error", "made",
                 "new")

    #: What a socket is, of which we can see what happens on it.
    SOCKET: Any = socket.socket

    def __init__(self, comm: Any, conversation: Conversation, telnet: bool = False,
                 keepalive: float | None = None) -> None:
        super().__init__(comm, telnet, keepalive)
        self.conversation = conversation
        self.dead = False           # its loss has been told
        self.error: DeviceConnectionError | None = None     # why it failed
        self.made = monotonic()
        self.new = False            # made in the call that has the device
        # When commands went out beside the call that has the device. Any thread appends.
        self.asides: deque[float] = deque()
        self._pid = os.getpid()
        if isinstance(comm, self.SOCKET):
            # -2 is no descriptor, not even that of a closed socket.
            self._fd = comm.fileno() if comm.fileno() >= 0 else -2
            # One poll object a connection: it needs no file descriptor of its own.
            poll = select.poll()
            if self._fd >= 0:
                poll.register(self._fd, select.POLLIN | RDHUP)
            self._poll = poll.poll

    def __del__(self) -> None:
        self.close()

    # what is known without reading

    def closed(self) -> bool:
        """Has somebody closed the socket?"""
        return self._fd is not None and self.comm.fileno() != self._fd

    def lost(self) -> bool:
        """Has the other side hung up, or somebody closed the socket? Does not block."""
        if self.dead or self._fd is None:
            return self.dead
        if self.closed():
            return True
        events = self._poll(0)
        return bool(events) and (bool(events[0][1] & GONE) or (not RDHUP and self.at_end()))

    def quiet(self) -> bool:
        """Is the connection alive, with nothing to read? Does not block.

        The one question before each command in the good case: it costs one system call.
        """
        if self.dead or self._fd is None:
            return not self.dead
        return not (self.closed() or self._pending() or self._poll(0))

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

    # waiting and reading

    def wait(self, deadline: float) -> bool:
        """Wait until there is something to read (or the connection is lost).

        Parameters
        ----------
        deadline : float
            By `time.monotonic`; may be infinite.
        """
        return (self._fd is None or self.closed() or self._pending()
                or self._patience.wait(self._poll, deadline))

    def get(self, now: float, deadline: float, count: int = READ_SIZE) -> Any:
        """What comes until the deadline, as `read` gives it.

        Parameters
        ----------
        now, deadline : float
            By `time.monotonic`. (`now` may be a moment ago.)
        count : int
            Bytes at most.

        Raises
        ------
        TimeoutError
            Without ``errno``, if nothing came.
        EndOfConnection, OSError
            As `read`.
        """
        if not self.wait(deadline):
            raise TimeoutError("timed out")
        return self.read(count)

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
        if isinstance(self.comm, ssl.SSLSocket):
            data: Any = self._read_ssl(count)
            if data is None:
                return b""
        else:
            data = self.comm.recv(count)
        if not data:
            raise EndOfConnection
        return data if self._telnet is None else self._without_telnet(data)

    def _without_telnet(self, data: Any) -> Any:
        assert self._telnet is not None
        if type(data) is bytes:
            data, answer = self._telnet.strip(data)
            if answer and not self._ends_soon():
                Connection._write(self, answer, monotonic() + 1.0)
        return data

    def _ends_soon(self) -> bool:
        """Does the other side hang up on what it has just said?

        An answer would then be met by a reset, which takes with it what has not been read: the
        line in which a server says why it refuses us.
        """
        if self._fd is None or not RDHUP:
            return False
        end = select.poll()
        end.register(self._fd, RDHUP)
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

    # the conversation

    def reply(self, turn: Turn, deadline: float) -> Any:
        """Read until `turn` has its reply. None if that does not match; `Turn.wrong` has it.

        Raises
        ------
        TimeoutError
            Without ``errno``, if it did not come until the deadline.
        EndOfConnection, OSError, FramingError
            If the connection is of no more use.
        """
        conversation, plain = self.conversation, turn.plain
        data, now = self.get(turn.asked_at, deadline,
                             READ_SIZE if plain or not turn.more else LONG_READ), monotonic()
        if plain and type(data) is bytes:       # nearly always, that is just the reply
            reply = conversation.reply(data, now)
            if reply is not None:
                return reply
        while True:
            if type(data) is not bytes:
                return data                 # a mock of a socket answers as it likes
            found = conversation.heard(data, now)
            while conversation.more and not found and (now := monotonic()) <= deadline:
                found = conversation.frames(now)
            for answered, frame in found:
                if answered is turn:
                    return frame
            # What lies there after the deadline has come in time. But a device that never stops
            # is always readable.
            if now > deadline:
                raise TimeoutError("timed out")
            data, now = self.get(now, deadline, LONG_READ if turn.more else READ_SIZE), monotonic()

    def hear(self, seconds: float) -> bool:
        """Listen to what nobody asked for; False if nothing came.

        Raises
        ------
        EndOfConnection, OSError, FramingError
            If the connection is of no more use.
        """
        if self.conversation.more:      # it has come, and was too much for one look
            self.conversation.frames(monotonic())
            return True
        if self._fd is None or not self.wait(monotonic() + seconds):
            return False
        data = self.read()
        if data:        # (not where it was telnet negotiation only)
            self.conversation.heard(data, monotonic())
        return True

    def merge_asides(self) -> None:
        """Put the commands that went out beside us where they belong."""
        while self.asides:
            self.conversation.command(self.asides.popleft())

    # the end

    def shut(self) -> None:
        """End it at once, for a call that uses it to find out. Any thread."""
        if self._fd is not None:
            end(self.comm, self._pid)

    def close(self) -> None:
        """Close the socket, by whoever has the device."""
        self.shut()
        self.comm.close()

    def finish(self) -> None:
        """At the end of a call, in which somebody closed the socket."""
