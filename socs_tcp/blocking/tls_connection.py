"""A connection that speaks TLS, on a socket of our own."""

from __future__ import annotations

from ..core.conversation import Conversation
from .connection import Connection
from .tls import TlsSocket


class TlsConnection(Connection):
    """A connection on a `TlsSocket`. That its descriptor is readable does not mean data."""

    __slots__ = ()

    SOCKET = TlsSocket

    comm: TlsSocket

    def __init__(self, comm: TlsSocket, conversation: Conversation, telnet: bool = False,
                 keepalive: float | None = None) -> None:
        super().__init__(comm, conversation, telnet, keepalive)
        comm.patience = self._patience

    def lost(self) -> bool:
        if self.dead or self.closed():
            return True
        if not self.comm.known and self._poll(0):
            self._look()
        return self.comm.ended and not self.comm.pending()

    def quiet(self) -> bool:
        return not (self.dead or self.closed() or self.comm.known
                    or (self._poll(0) and self._look()))

    def _write(self, data: bytes, deadline: float) -> None:
        self.comm.send_until(data, deadline)

    def _look(self) -> bool:
        try:
            return self.comm.look()
        except OSError:
            return True         # the read that follows says what is wrong

    def wait(self, deadline: float) -> bool:
        while not (self.closed() or self.comm.known):
            if not self._patience.wait(self._poll, deadline):
                return False
            if self._look():
                break
        return True
