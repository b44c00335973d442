"""All that is said between a `TCPInterface` and its device: questions with one answer."""

from __future__ import annotations

from time import monotonic
from typing import Any

from ..core.errors import DeviceConnectionError, Disconnected, FramingError, ReplyTimedOut, Sent
from ..core.policy import MOST_UNASKED
from .apart import Apart
from .channel import Channel


class Conversation(Apart):
    """Adds whole frames to `Apart`, and questions whose answer is never another's."""

    def next_frame(self) -> Any:
        """A frame that was not asked for by a query."""
        channel = self.channel()
        # What came before a hang-up is still there, and is not lost.
        if channel is None or (not channel.decoder.waiting and channel.lost()
                               and channel.at_end()):
            channel = self.ready()
        try:
            frame = self.read_frame(channel)
        except ReplyTimedOut as exc:
            self._unanswered(channel, exc)
            raise
        except (OSError, DeviceConnectionError) as exc:
            error = self.translate(exc, "recv", "yes")
            self.lose(channel, error)
            self.drop()
            raise error from exc
        self._received(channel)
        self._face.link.good()
        return frame

    # question and answer

    def exchange(self, data: bytes, safe_to_repeat: bool) -> Any:
        """Send a question and read its whole reply."""
        link = self._face.link
        sent: Sent = "no"
        while True:
            try:
                channel = self._settled()
            except DeviceConnectionError as exc:
                if sent != "no":        # the first time, before it was repeated
                    exc.sent = sent
                raise
            started = monotonic()
            sent = "maybe"
            try:
                channel.put(data, self._deadline)
                link.bytes_sent += len(data)
                if link.trace is not None:
                    link.trace.add(">", data)
                sent = "yes"
                frame = self.read_frame(channel)
                frame = self._matching(channel, data, frame)
            except ReplyTimedOut as exc:
                self._give_up(channel, exc)
                raise
            except (OSError, DeviceConnectionError) as exc:
                error = self.translate(exc, "recv" if sent == "yes" else "send", sent)
                self.lose(channel, error)
                self.drop()
                if safe_to_repeat and isinstance(error, Disconnected) and not self._preparing \
                        and not self._closed.is_set():
                    safe_to_repeat = False
                    continue
                raise error from exc
            except BaseException:
                self.drop()     # interrupted in the middle: the reply is still to come
                raise
            if not self._preparing:
                link.good(monotonic() - started)
            return frame

    def _matching(self, channel: Channel, data: bytes, frame: Any) -> Any:
        """The first frame, from `frame` on, that answers the question."""
        while callable(self._late) and not self._late(data, frame):
            self._face.link.bytes_discarded += len(frame)
            if monotonic() > self._deadline:    # a device that never stops is always readable
                self._face.link.timeouts += 1
                raise self.timed_out(channel)
            frame = self.read_frame(channel)
        channel.owed = 0        # it answers again (and what else is owed was read before)
        return frame

    def read_frame(self, channel: Channel) -> Any:
        """The next whole frame of this connection."""
        decoder, link = channel.decoder, self._face.link
        frame = decoder.next_frame() if decoder.waiting else None
        while frame is None:
            try:
                data = channel.fill(self._deadline)
            except TimeoutError as exc:
                if exc.errno is not None:       # ETIMEDOUT: the system gave it up
                    raise
                link.timeouts += 1
                raise self.timed_out(channel) from exc
            if type(data) is not bytes:
                return data                     # a mock of a socket answers as it likes
            if not data:
                raise self.end_of_connection(channel)
            link.bytes_received += len(data)
            if link.trace is not None:
                link.trace.add("<", data)
            frame = decoder.feed_frame(data)
        return frame

    def _give_up(self, channel: Channel, error: DeviceConnectionError) -> None:
        """A reply did not come in time: see to it that it never answers another question."""
        # One that is matched may be lost; with two in a row, this connection is of no use.
        if self._late == "drop" or self._preparing or (callable(self._late) and channel.owed):
            self.drop()
        else:
            channel.owed += 1
        self._face.link.failed(error)

    def _settled(self) -> Channel:
        """A living connection on which no reply to another question can be under way."""
        known = self._channel
        if known is not None and known.comm is self._face.comm and known.quiet():
            return known
        channel = self.ready()
        if channel.owed and not callable(self._late):
            channel = self._settle_owed(channel)
        if callable(self._late):
            return channel      # what does not match is discarded as it is read
        try:
            discarded, alive = channel.discard(MOST_UNASKED)
        except OSError:
            discarded, alive = 0, False
        self._face.link.bytes_discarded += discarded
        if discarded > MOST_UNASKED:
            error = self.error(FramingError, "the device sends without pause, unasked", "send",
                               "no")
            self.lose(channel, error)
            self.drop()
            raise error
        if not alive:
            self.lose(channel, self.error(Disconnected, "the device closed the connection",
                                          "send", "no"))
            return self.ready()
        return channel

    def _settle_owed(self, channel: Channel) -> Channel:
        """Read the replies that nobody waits for any more, or start afresh."""
        if self._late == "drop":        # owed by a recv() that timed out
            self._face._reset()
            return self.ready()
        try:
            while channel.owed:
                self._face.link.bytes_discarded += len(self.read_frame(channel))
                channel.owed -= 1
        except (OSError, DeviceConnectionError) as exc:
            self.drop()
            error = self.translate(exc, "recv", "no")
            error.sent = "no"
            self._face.link.failed(error)
            raise error from exc
        return channel
