"""One client's socket, and what is sent and read there."""

from __future__ import annotations

import selectors
import socket
import struct
from collections.abc import Callable

from ..faults.plan import FILLER, Act
from ..simulation.line import Line
from ..sockets import end_cleanly
from .loop import Loop

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


def tell_nobody(kind: str, what: bytes | str) -> None:
    """Nobody wants to see what goes over the wire."""


class Peer:
    """One client's socket and its line. The thread of the loop only."""

    #: Told all that the client says (``>``) and hears (``<``), and what happens to it (``!``).
    tell: Callable[[str, bytes | str], None] = staticmethod(tell_nobody)

    def __init__(self, loop: Loop, sock: socket.socket, line: Line,
                 gone: Callable[[Peer], None]) -> None:
        self._loop = loop
        self._gone = gone
        self.sock = sock
        self.line = line
        self.closed = False
        self._unsent = b""
        self._events = 0
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ready(self, events: int) -> None:
        """The socket can be read or written."""
        if self.closed:
            return
        if events & READ and not self._read():
            return
        self.move()

    def _read(self) -> bool:
        size = self.line.read_size()
        if not size:
            return True
        try:
            data = self.sock.recv(size)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            data = b""
        if not data:
            self.tell("!", "the client left")
            self.close()
            return False
        self.tell(">", data)
        self.line.received(data)
        return True

    def move(self) -> None:
        """Send what is to be sent now, and wait for what is to be waited for."""
        while not self.closed:
            if self.line.ended:
                self._unsent = b""
            if self._unsent and not self._send():
                break
            op = self.line.take()
            if op is None:
                break
            if isinstance(op, bytes):
                self._unsent = op
            elif op is Act.ENDLESS:
                self._unsent = FILLER
                break       # the others want their turn
            else:
                self.tell("!", "hung up on the client" if op is Act.CLOSE else
                          "the connection of the client is reset")
                self.close(op)
        if not self.closed:
            self._watch()

    def _send(self) -> bool:
        """Send; is all of it gone?"""
        try:
            count = self.sock.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self.close()
            return False
        self.tell("<", self._unsent[:count])
        self._unsent = self._unsent[count:]
        return not self._unsent

    def _watch(self) -> None:
        events = (READ if self.line.read_size() else 0) | (WRITE if self._unsent else 0)
        if events != self._events:
            self._events = events
            self._loop.watch(self.sock.fileno(), events, self.ready)

    def close(self, how: Act = Act.CLOSE) -> None:
        """Close the socket, with a FIN or with a RST."""
        if self.closed:
            return
        self.closed = True
        self._loop.watch(self.sock.fileno(), 0, self.ready)
        if how is Act.RESET:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            end_cleanly(self.sock)
        self.sock.close()
        self._gone(self)
