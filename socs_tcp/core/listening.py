"""What one connection has heard: bytes as they come, and the answers to commands."""

from __future__ import annotations

from .decoder import Decoder
from .evidence import PROVEN, Evidence
from .framer import Framer
from .link import Link
from .owed import Owed, Received
from .pending import Pending
from .policy import LateReplies
from .silence import NEVER, Silence
from .states import UP


def _is_looked_at(data: bytes) -> None:
    """No bytes are known to be a reply without a closer look."""


class Listening:
    """What has been heard on one connection, and who is still to hear something.

    Parameters
    ----------
    link : Link
        Hears what the device has proven, and what it said unasked.
    framer : Framer
        Where frames end, unless a turn says otherwise.
    late_replies
        As in `TCPInterface`.
    silence : Silence
        Of this connection.
    alarms : list of bytes, optional
        Where whole frames that answer nothing are put, for somebody who wants them.

    Attributes
    ----------
    owed : Owed
        What may come besides the replies. Others only read it.
    turns : list of Turn
        Sent and not answered yet, in their order; those given up stay until they are.
    restless : bool
        Has the device said something unasked since the last silence?
    more : bool
        Is `frames` to be called again, for what waits? It was enough for one call: a function of
        the user's may look at each, and take its time.
    useless : str
        Why nothing may be asked on this connection any more; empty while something may.
    """

    __slots__ = ("_alarms", "_evidence", "_framer", "_late", "_link", "_pending", "_received",
                 "_strayed", "_whole", "decoder", "more", "owed", "restless", "silence", "turns",
                 "useless")

    def __init__(self, link: Link, framer: Framer, late_replies: LateReplies, silence: Silence,
                 *, alarms: list[bytes] | None = None) -> None:
        self._link = link
        self._framer = framer
        self._late = late_replies
        self._alarms = alarms
        self._pending = Pending(link, late_replies, alarms is not None)
        #: The frame that bytes are, where any frame answers the first question; otherwise None.
        self._whole = framer.whole if self._pending.in_order else _is_looked_at
        self.owed = Owed(silence.debt)
        self._evidence = Evidence(link, silence.settled_in)
        self._received: Received | None = None      # while an answer is received in pieces
        self.silence = silence
        self.decoder: Decoder = framer.decoder()
        self.turns = self._pending.turns
        self._strayed = False   # what was discarded since the last silence may go on
        self.restless = False
        self.more = False
        self.useless = ""

    # answers to commands

    def _listened(self, now: float, frames: int) -> None:
        """So many frames ended for a listener: the answers to commands, if they were missing."""
        silence, owed = self.silence, self.owed
        expected = owed.heard(frames)
        if expected and owed.nothing() and not (
                self._strayed or self.decoder.waiting or self._received):
            silence.completed(now)
        else:
            silence.ended = now
            silence.broken(now)
        self._evidence.spoke(now, expected)

    def in_vain(self) -> None:
        """Somebody gave up waiting for what the device says by itself."""
        # (Half a frame is that of the question whose late reply comes first, if there is one.)
        self.owed.in_vain(not self.turns and (self.decoder.waiting > 0
                                              or self._received is not None))
        self.silence.free_until = NEVER

    def _give_up(self, reason: str) -> None:
        self.useless = self.useless or reason
        self.silence.free_until = NEVER
        self._whole = _is_looked_at

    # bytes as they come, for `recv` of the original

    def took(self, data: bytes, now: float) -> None:
        """Somebody received these bytes as they came."""
        link = self._link
        link.bytes_received += len(data)
        if link.trace is not None:
            link.trace.add("<", data)
        if not data:
            return
        if self._received is not None or self._framer.whole(data) is None:
            self._came_in_pieces(data, now)
            return
        owed = self.owed
        if owed.unanswered == 1 and not (owed.late or self._strayed or self.decoder.waiting):
            owed.unanswered = 0         # nearly always: as `_listened`, with less to look at
            self.silence.completed(now)
            if self._evidence.state is not PROVEN or link.state is not UP:
                self._evidence.spoke(now, True)
        else:
            self._listened(now, 1)

    def take(self, count: int, now: float) -> bytes:
        """Up to `count` bytes that wait, as they came."""
        data = self.decoder.take(count)
        self._pending.begun = False
        if data:
            self._came_in_pieces(data, now)
        return data

    def _came_in_pieces(self, data: bytes, now: float) -> None:
        """An answer ends where the framer says, however it is received."""
        received = self._received or Received(self._framer)
        ended = received.ends(data)
        self._received = received if received.begun else None
        self._listened(now, ended)

    def discard_late(self) -> int:
        """Throw away late answers that have come before a command is sent; their number.

        Of one that has come in part, the rest is still to come: it stays, and stays owed.
        """
        count = 0
        while self.owed.late and self.decoder.waiting:
            frame = self.decoder.next_frame()
            if frame is None:
                break
            self.owed.late -= 1
            count += 1
            self._link.bytes_discarded += len(frame)
        return count
