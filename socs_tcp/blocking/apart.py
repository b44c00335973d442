"""`send` and `recv` of a blocking device, each by itself, as the original has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..core.errors import DeviceConnectionError
from ..core.framing import Framer
from ..core.identity import Identity
from ..core.policy import MOST_UNASKED, LateReplies
from ..core.states import UP
from .channel import Channel
from .keeper import Keeper

if TYPE_CHECKING:
    from .interface import TCPInterface


class Apart(Keeper):
    """Commands and replies that belong together only by what the driver makes of them."""

    def __init__(self, face: TCPInterface, framer: Framer, *, late_replies: LateReplies,
                 on_connect: Callable[[Any], object] | None, identity: Identity | None,
                 min_interval: float) -> None:
        super().__init__(face, framer, on_connect=on_connect, identity=identity,
                         min_interval=min_interval)
        self._late = late_replies

    def send(self, data: bytes) -> None:
        """Send; after a failure reset and try once more."""
        face, channel = self._face, self._channel
        if (channel is None or channel.comm is not face.comm or channel.lost()
                or (channel.late and not self._discard_late(channel))):
            channel = self.ready()
        try:
            channel.put(data, self._deadline)
        except OSError as exc:
            error = self.translate(exc, "send", "maybe")
            self.lose(channel, error)
            channel = self._send_again(data, error)
        channel.asked = True
        face.link.bytes_sent += len(data)
        if face.link.trace is not None:
            face.link.trace.add(">", data)

    def _discard_late(self, channel: Channel) -> bool:
        """A reply that a `recv` gave up on must not answer what is sent now, if it is there.

        (The rest of it may still be on its way: `owed` makes a query start afresh.)

        False if the end of the connection was behind it.
        """
        try:
            count, alive = channel.discard(MOST_UNASKED)
        except OSError:
            return False
        self._face.link.bytes_discarded += count
        if count:
            channel.late -= 1
        return alive

    def _send_again(self, data: bytes, first: DeviceConnectionError) -> Channel:
        self._face._reset()
        if self._face.comm is None and self.remaining() <= 0:
            raise first
        try:
            channel = self.ready()
        except DeviceConnectionError as exc:
            exc.sent = first.sent       # the beginning of it may be with the device
            raise
        try:
            channel.put(data, self._deadline)
        except OSError as exc:
            error = self.translate(exc, "send", "maybe")
            self.lose(channel, error)
            raise error from exc
        return channel

    def check_ready(self) -> None:
        """Wait until there is something to read: as a part of `recv`, or as a call of its own."""
        if not self._lock._is_owned():      # type: ignore[attr-defined]  # as in Condition
            outer = self.begin(self._face.timeout)
            try:
                self.check_ready()
            finally:
                self.end(outer)
            if self._closed.is_set():       # (a `recv` finds that out as it reads)
                raise self._closed_error("maybe")
            return
        channel = self._channel
        if channel is None or channel.comm is not self._face.comm:
            channel = self.channel()
            if channel is None:
                raise self.why_not_connected()
        readable = channel.decoder.waiting or channel.wait(self._deadline)
        if not readable:
            self._face.link.timeouts += 1
            error = self.timed_out(channel)
            self._unanswered(channel, error)
            raise error

    def _unanswered(self, channel: Channel, error: DeviceConnectionError) -> None:
        """Nothing came for `recv`: if it was asked for, it must not answer a later query."""
        if channel.asked or channel.decoder.waiting:
            channel.owed += 1
            channel.late += 1
            channel.asked = False
        self._face.link.failed(error)

    def _received(self, channel: Channel) -> None:
        """What was asked for, or came late, is being received after all."""
        channel.asked = False
        if channel.late:
            channel.late -= 1
        # Where it is dropped with its connection, a rest of it may be still on its way.
        if channel.owed and self._late == "drain":
            channel.owed -= 1

    def receive(self, bufsize: int, revive: bool) -> Any:
        """What has come, at least one byte. Revive a connection that was known to be lost?"""
        channel, link = self._channel, self._face.link
        if channel is None or channel.comm is not self._face.comm:
            channel = self.channel()    # a hook of the driver's may have changed it
            if channel is None:
                raise self.why_not_connected()
        channel.asked = False
        if channel.owed:
            self._received(channel)
        if channel.decoder.waiting:      # left over from a query
            return channel.decoder.take(bufsize)
        try:
            data = channel.get(bufsize)
        except OSError as exc:
            error = self.translate(exc, "recv", "yes")
            self._lost_to_recv(channel, error, revive)
            raise error from exc
        if data:
            if link.state is not UP:
                link.good()
            if type(data) is bytes:     # a mock of a socket gives what it likes
                link.bytes_received += len(data)
                if link.trace is not None:
                    link.trace.add("<", data)
            return data
        error = self.end_of_connection(channel)
        self._lost_to_recv(channel, error, revive)
        raise error

    def _lost_to_recv(self, channel: Channel, error: DeviceConnectionError,
                      revive: bool) -> None:
        """Note a loss; if it was known, make a new connection in the place of the lost one.

        A driver that selects `comm` and reads leftovers away before it sends would otherwise
        never come to its `send`, which reconnects. Such a driver cannot stand None in
        `comm`, either: until there is a new connection, the lost one stays there.
        """
        if not (channel.dead and revive):
            self.lose(channel, error)
            return
        face = self._face
        self.open()
        if face.comm is None and not self._closed.is_set():
            face.comm, self._channel = channel.comm, channel
        elif face.comm is not channel.comm:
            channel.comm.close()
