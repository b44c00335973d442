"""Whom a frame answers, and what its coming means. The hearing half of a `Conversation`."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TypeAlias

from .errors import FramingError
from .evidence import PROVEN, State
from .listening import Listening
from .policy import MOST_UNASKED, STRAYS_AT_ONCE
from .turn import Turn

#: So many alarms wait for somebody to take them, with `MOST_UNASKED` bytes; more are discarded.
MOST_ALARMS = 1000

#: A turn whose reply has come; with its reply, or None for one that does not match.
Answered: TypeAlias = "tuple[Turn, bytes | list[bytes] | None]"


class Hearing(Listening):
    """Whole frames: whose they are, and what becomes of the others.

    For its parameters see `Listening`.
    """

    __slots__ = ()

    # what is heard

    def heard(self, data: bytes, now: float) -> list[Answered]:
        """These bytes came.

        Returns
        -------
        list of (Turn, reply)
            Those that are answered by it; with None for a reply that does not match, of which
            `Turn.wrong` is the frame. Look at `useless` then.

        Raises
        ------
        FramingError
            If what came cannot be a frame, and nobody was answered before it. The connection
            is of no more use, as `useless` says.
        """
        turns = self.turns
        if turns and turns[0].plain:
            first, frame = turns[0], self.reply(data, now)
            if frame is not None:
                return [(first, frame)]
        link = self._link
        link.bytes_received += len(data)
        if link.trace is not None:
            link.trace.add("<", data)
        if turns and turns[0].more and self._is_stream(turns):
            found = self._stream(turns[0], data, now)
        else:
            self.decoder.feed(data)
            found = self.frames(now)
        if self.decoder.waiting and not self.turns:
            self.silence.broken(now)
            self.restless = True
            if self.decoder.waiting > MOST_UNASKED:
                self._give_up("the device sends without pause, unasked")
        return found

    def reply(self, data: bytes, now: float) -> bytes | None:
        """The reply of the first turn, if these bytes are just that; nearly always.

        None if they need a closer look (`heard`): nothing has been done with them then.
        """
        turns = self.turns
        if not (turns and turns[0].plain) or self.decoder.waiting:
            return None
        whole = self._whole     # (what is called as an attribute takes longer)
        frame = whole(data)
        if frame is None:
            return None
        link = self._link
        link.bytes_received += len(data)
        if link.trace is not None:
            link.trace.add("<", data)
        link.last_reply = frame
        rtt = now - turns.pop(0).asked_at
        self.silence.answered(now, rtt)
        evidence = self._evidence
        if evidence.state is PROVEN:        # nearly always
            evidence.exchanges += 1
            link.good(rtt)
        else:
            evidence.exchange(rtt)
        return frame

    def _is_stream(self, turns: list[Turn]) -> bool:
        """Can nothing come but what one listener takes, many frames at a time?"""
        return len(turns) == 1 and self.owed.nothing() and not (
            self._pending.begun or self.useless or self._alarms is not None)

    def _stream(self, turn: Turn, data: bytes, now: float) -> list[Answered]:
        """As `frames`, with one call for all that came."""
        try:
            frames = self.decoder.feed_frames(data, turn.more + 1, turn.framer)
        except FramingError as exc:
            self._give_up(str(exc))
            raise
        if not frames:
            return []
        self._pending.replied(turn)
        turn.frames = frames
        self._link.last_reply = frames[-1]
        self._listened(now, 1)
        return [(turn, frames)]

    def frames(self, now: float) -> list[Answered]:
        """Hand out the whole frames that wait. As `heard`."""
        found: list[Answered] = []
        strays = 0
        self.more = False
        while (frame := self._next_frame(found)) is not None:
            turn = self._pending.owner(frame)
            if turn is None or self._pays_debt(turn, frame):
                self._nobodys(frame, now)
                strays += 1
                if strays >= STRAYS_AT_ONCE:
                    self.more = self.decoder.waiting > 0
                    break
            elif self._came(turn, frame, now):
                found.append((turn, None if turn.wrong is not None
                              else frame if turn.frames is None else turn.frames))
        return found

    def _next_frame(self, found: list[Answered]) -> bytes | None:
        """The next whole frame, if somebody may want it."""
        wanted = self.turns or self._alarms is not None or (self.owed.draining and self.owed.late)
        if not wanted or self.useless:
            return None
        try:
            return self.decoder.next_frame(self._pending.reader())
        except FramingError as exc:
            if found:       # those are good; what is left makes no sense, as will be told
                return None
            self._give_up(str(exc))
            raise

    def _came(self, turn: Turn, frame: bytes, now: float) -> bool:
        """A frame of `turn`. Is that over, for somebody who waits?"""
        if turn.wrong is frame:
            self.gave_up(turn, now=now)
            self.silence.broken(now)
            return True
        if turn.given_up:
            self._link.bytes_discarded += len(frame)
        else:
            self._link.last_reply = frame
        if not turn.took(frame):
            return False
        self._pending.replied(turn)
        if turn.more:
            self._more(turn)
        if turn.given_up:       # so long it can take
            self.silence.answered(now, now - turn.asked_at)
        elif turn.kind == "query":
            self._replied(turn, now)
        elif turn.kind == "listen":
            self._listened(now, 1)
        elif self.owed.nothing():        # a greeting
            self.silence.kept()
        return not turn.given_up

    def _more(self, turn: Turn) -> None:
        """Those that are there already, for a listener who takes many and is alone."""
        assert turn.frames is not None
        if self.turns:
            return
        with suppress(FramingError):        # whoever comes next is told
            turn.frames += self.decoder.next_frames(turn.more, turn.framer)
        self.owed.heard(len(turn.frames) - 1)
        self._link.last_reply = turn.frames[-1]

    def _pays_debt(self, turn: Turn, frame: bytes) -> bool:
        """Was that no greeting, but what the connection before was still owed?"""
        if turn.wrong is not frame or turn.kind != "greeting" or not self.owed.before:
            return False
        turn.wrong = None
        self.owed.repay()
        return True

    def _replied(self, turn: Turn, now: float) -> None:
        rtt = now - turn.asked_at
        self.silence.answered(now, rtt)
        self._evidence.exchange(rtt)

    def _nobodys(self, frame: bytes, now: float) -> None:
        """A whole frame that answers nothing."""
        if self.owed.drained():
            self.silence.ended = now
            self._link.bytes_discarded += len(frame)
        elif self._alarms is not None and len(self._alarms) < MOST_ALARMS \
                and sum(map(len, self._alarms)) < MOST_UNASKED:
            self._alarms.append(frame)
            self.silence.alarm(now)
            self._evidence.spoke(now, False)
        else:
            self._tell_unasked(frame, len(frame))
            self.restless = True
            if self._pending.in_order:
                self._strayed = True
                self.silence.broken(now)

    def _discard(self) -> None:
        """Throw away what came before a question, and cannot answer it."""
        begin = self.decoder.peek()
        self._tell_unasked(begin, self.decoder.clear())

    def _tell_unasked(self, begin: bytes, count: int) -> None:
        self._evidence.unasked(begin, count, commanded=self.owed.unanswered > 0,
                               in_order=self._pending.in_order)

    # the end of a turn, and of the connection

    def gave_up(self, turn: Turn, by_caller: bool = False, *, now: float = -math.inf) -> bool:
        """Nobody waits for `turn` any more: timed out, interrupted, or not wanted `by_caller`.

        The gap to the next command counts from `now`.

        Returns
        -------
        bool
            Is the connection to be given up? Otherwise a reply that comes late meets the turn,
            and nobody else.
        """
        if turn.given_up or turn not in self.turns:
            return False
        if turn.kind == "listen":
            turn.give_up()
            self.turns.remove(turn)
            self.in_vain()
            return False
        self.silence.given_up(now)
        new = self._evidence.state is State.NEW or turn.kind == "greeting"
        if self._pending.give_up(turn, by_caller) or new:
            self._give_up("a reply is owed that nobody waits for" if turn.wrong is None
                          else "a reply did not match")
            return True
        return False
