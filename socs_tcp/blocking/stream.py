"""All that a device says by itself, many frames at a time, and a loss told in its place."""

from __future__ import annotations

from typing import Any

from ..core.errors import DeviceConnectionError, Disconnected, again
from ..core.framing import Framer
from ..core.turn import MOST_FRAMES, Turn
from .connection import Connection
from .exchange import Exchange
from .gate import Call
from .session import Hooks


def batch(most: int, framer: Framer | None = None) -> Turn:
    """A wait for a frame, and for those that are there with it: `most` together."""
    turn = Turn("listen", framer=framer)
    turn.gather(most)
    return turn


class Stream:
    """What one loop over the frames of a device has seen. It stays on one connection."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._connection: Connection | None = None

    def next_frames(self, call: Call, face: Hooks, _what: None) -> Any:
        """The frames that are there, or else the next.

        Raises
        ------
        Disconnected
            Behind the last frame that came before the loss.
        """
        session = self._exchange.session
        connection = session.current()
        if self._connection is None:
            self._connection = connection = session.listening(call, face)
        elif connection is not self._connection or session.at_end(connection):
            raise self._lost(self._connection)
        call.receiving = True
        return self._exchange.listen(call, connection, batch(MOST_FRAMES))

    def _lost(self, connection: Connection) -> DeviceConnectionError:
        session = self._exchange.session
        if session.failures.closed:
            return session.failures.closed_error()
        if connection is session.connection:
            session.end(connection)
        if connection.error is not None:
            return again(connection.error, "no")
        return session.failures.error(Disconnected, "the connection was closed between two frames",
                                      "recv", "no")
