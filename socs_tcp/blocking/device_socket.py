"""The socket of a device: a real one, which is never closed under a call that uses it."""

from __future__ import annotations

import os
import socket
import struct
from collections import deque
from time import monotonic
from typing import Any

from ..core.silence import NEVER, Silence
from ..core.sockets import end
from .gate import Gate

#: Seconds that the system waits in a read or a write before it says that it would block.
SOON = 0.01
_NEVER = struct.pack("@ll", 0, 0)
_SOON = struct.pack("@ll", 0, int(SOON * 1e6))


class DeviceSocket(socket.socket):
    """A socket whose descriptor stays its own for as long as a call uses it.

    Whoever closes it in the middle of a call (another thread, a signal handler) ends the connection
    at once. The descriptor goes with the end of the call: its number would otherwise be given to
    the next file that is opened, and the call would read from that, or write into it.

    Where it has a timeout, Python polls before each operation. So only who reads the descriptor
    itself notices that it may block for a moment (`wait_in_reads`).
    """

    __slots__ = ("_gate", "_pid", "asides", "closing", "silence", "waits")

    def __init__(self, sock: socket.socket, gate: Gate) -> None:
        timeout = sock.gettimeout()
        super().__init__(sock.family, sock.type, sock.proto, fileno=sock.detach())
        #: Does a read of the descriptor wait for `SOON`? None if nobody has said so yet.
        self.waits: bool | None = None
        self.settimeout(timeout)
        self._gate = gate
        self._pid = os.getpid()
        #: It is closed as soon as nobody uses it.
        self.closing = False
        #: What its connection has to know of commands that a driver sends by itself.
        self.asides: deque[float] | None = None
        self.silence: Silence | None = None

    def send(self, data: Any, flags: int = 0, /) -> int:
        self._note_command()
        return super().send(data, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        self._note_command()
        super().sendall(data, flags)

    def _note_command(self) -> None:
        """A driver sends by itself: what is answered to that answers no query."""
        gate = self._gate
        call = gate.call if gate.mine() else None
        if self.asides is not None and self.silence is not None and (call is None or call.lent):
            self.asides.append(monotonic())
            self.silence.free_until, gate.attention = NEVER, True

    def wait_in_reads(self) -> None:
        """Have the system wait in reads of the descriptor, until somebody sets a timeout."""
        self.waits = bool(self.gettimeout())
        if self.waits:
            self._limit(_SOON)
            os.set_blocking(self.fileno(), True)

    def settimeout(self, value: float | None) -> None:
        super().settimeout(value)
        self._as_ever()

    def setblocking(self, flag: bool) -> None:
        self.settimeout(None if flag else 0.0)

    def detach(self) -> int:
        super().settimeout(self.gettimeout())
        self._as_ever()
        return super().detach()

    def dup(self) -> socket.socket:     # type: ignore[override]
        copy = socket.socket(fileno=os.dup(self.fileno()))
        self._as_ever()
        copy.settimeout(self.gettimeout())      # of both, as far as the system knows
        return copy

    def _as_ever(self) -> None:
        if self.waits:
            self.waits = False
            self._limit(_NEVER)

    def _limit(self, seconds: bytes) -> None:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self.setsockopt(socket.SOL_SOCKET, option, seconds)

    def close(self) -> None:
        """End the connection. Any thread."""
        if self._gate.busy():
            if not self.closing:
                self.closing = self._gate.attention = True
                end(self, self._pid)
            if self._gate.busy():
                return
        self.finish()

    def finish(self) -> None:
        """Close it in any case: for the call that uses it, and has ended."""
        self.closing = True
        if self.fileno() >= 0:
            end(self, self._pid)
        super().close()
