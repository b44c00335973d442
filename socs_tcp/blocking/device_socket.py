"""The socket of a device: a real one, which is never closed under a call that uses it."""

from __future__ import annotations

import os
import socket

from ..core.sockets import end
from .gate import Gate


class DeviceSocket(socket.socket):
    """A socket whose descriptor stays its own for as long as a call uses it.

    Whoever closes it in the middle of a call (another thread, a signal handler) ends the connection
    at once. The descriptor goes with the end of the call: its number would otherwise be given to
    the next file that is opened, and the call would read from that, or write into it.
    """

    __slots__ = ("_gate", "_pid", "closing")

    def __init__(self, sock: socket.socket, gate: Gate) -> None:
        timeout = sock.gettimeout()
        super().__init__(sock.family, sock.type, sock.proto, fileno=sock.detach())
        self.settimeout(timeout)
        self._gate = gate
        self._pid = os.getpid()
        #: It is closed as soon as nobody uses it.
        self.closing = False

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
