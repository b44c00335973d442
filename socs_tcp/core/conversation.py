"""All that has been said on one connection, and what is still owed. Pure.

Theory of operation
-------------------
A face (``blocking`` or ``deferred``) has one `Conversation` for each connection. It tells the
conversation what goes out (`ask`, `command`), what comes in (`heard`), and what nobody waits for
any more (`gave_up`). The conversation decides, and is the only place that decides,

- whom a frame answers (`heard`),
- whether a question may be sent now (`next_step`): at once, after some silence, after the replies
  that are owed, or not on this connection,
- what becomes of a connection on which a reply is owed to nobody (`gave_up`), and
- whether the link may call itself good.

It has no socket, no reactor and no clock; the time comes with each call, in seconds of whatever
clock the face uses. Whoever holds the device (the holder of its gate, or the reactor thread) may
call it, and nobody else.

The state goes from NEW (it is being prepared) to PREPARED (others may use it) to PROVEN (the
device has answered on it) to DEAD, and never backwards.

The invariants are listed in ``docs/design.rst``. ``tests/core/test_every_sequence.py`` proves them
for every sequence of events up to a length.
"""

from __future__ import annotations

import contextlib
import math
from collections import deque
from enum import Enum
from typing import TypeAlias

from .decoder import Framer
from .errors import FramingError, show
from .link import Link
from .policy import MOST_UNASKED, LateReplies
from .silence import Silence
from .states import UP
from .turn import Turn

#: What `next_step` says besides a number of seconds to listen first.
SPEAK = 0.0
#: Listen until something has come: replies are owed.
WAIT = math.inf
#: Nothing may be asked on this connection any more.
DROP = -1.0
#: So many questions that were given up are kept in mind where replies are matched.
MOST_GIVEN_UP = 16

#: A turn whose reply has come; with its reply, or None for one that does not match.
Answered: TypeAlias = "tuple[Turn, bytes | list[bytes] | None]"


class State(Enum):
    """How much may be expected of a connection."""

    NEW = "new"
    PREPARED = "prepared"
    PROVEN = "proven"
    DEAD = "dead"


class Conversation:
    """The ledger of one connection.

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
    owed_before : int
        Replies that the connection before was given up with.
    alarms : bool
        Keep whole frames that answer nothing, in `unasked`, for somebody who wants them.
    """

    __slots__ = ("_alarms", "_answers", "_begun", "_draining", "_exchanges",
                 "_framer", "_late", "_link", "_owed", "_owed_before", "_strays", "_unanswered",
                 "_unmatched", "decoder", "said", "silence", "state", "turns", "unasked",
                 "useless")

    def __init__(self, link: Link, framer: Framer, late_replies: LateReplies, silence: Silence,
                 *, owed_before: int = 0, alarms: bool = False) -> None:
        self._link = link
        self._framer = framer
        self._late = late_replies
        self.silence = silence
        self._owed_before = owed_before
        self._alarms = alarms
        self.decoder = framer.decoder()
        self.state = State.NEW
        #: Sent and not answered yet, in their order; those given up stay until they are.
        self.turns: deque[Turn] = deque()
        self.unasked: deque[bytes] = deque()
        self._unanswered = 0    # commands since the last answer, if they have any
        self._owed = 0          # answers to commands that a listener waited for in vain
        self._draining = False  # what comes pays what is owed
        self._begun = False     # a frame has begun that can answer nothing asked from now on
        self._unmatched = 0     # questions in a row without a match
        self._strays = 0        # bytes since the last silence that nobody asked for
        self._answers = 0       # exchanges while it was prepared
        self._exchanges = 0     # since the last pause
        #: Why this connection is of no more use; empty while it is of use.
        self.useless = ""
        #: The last that was said unasked, for the message when the connection ends.
        self.said = b""

    # what may be said

    def next_step(self, now: float, allowed: float = math.inf) -> float:
        """May a question be sent?

        Parameters
        ----------
        now : float
            Seconds.
        allowed : float
            Seconds that the call may still take.

        Returns
        -------
        float
            `SPEAK`; or the seconds for which to listen first (and to ask again then); or
            `WAIT`, to listen until something comes; or `DROP`.
        """
        if self.state is State.DEAD or self.useless:
            return DROP
        if self.turns and not self._only_unmatched():
            return WAIT
        if self._owed and not callable(self._late):
            step = self._settle_owed(now)
            if step != SPEAK:
                return step
        if self.decoder.waiting:
            self._discard(now)
            if self.useless:
                return DROP
        left = self.silence.left(now, allowed)
        if left > 0:
            return left
        self._strays = 0
        if self.silence.paused == now:
            self._exchanges = 0
        return SPEAK

    def _settle_owed(self, now: float) -> float:
        """A listener gave up on answers to commands: they come first, or never."""
        if self._late == "drop" or self.state is State.NEW:
            return DROP
        self._draining = True
        if self.decoder.waiting:
            self.frames(now)
        return WAIT if self._owed else SPEAK

    def may_join(self, most: int, now: float) -> bool:
        """May one more question go out before the first is answered?"""
        live = 0
        for turn in self.turns:
            if turn.kind != "query" or (turn.given_up and not callable(self._late)):
                return False
            live += not turn.given_up
        return live < most and self.silence.left(now) <= 0

    def _only_unmatched(self) -> bool:
        """Where replies are matched, those that were given up keep nobody waiting."""
        return callable(self._late) and all(turn.given_up for turn in self.turns)

    # what is said

    def ask(self, turn: Turn, now: float) -> None:
        """A question goes out now, which `next_step` has allowed."""
        turn.asked_at = now
        self._draining = False
        self._unanswered = 0    # it was silent since: those commands have no answers
        if self.decoder.waiting and not self.turns:
            self._begun = True
        self.turns.append(turn)
        if len(self.turns) > MOST_GIVEN_UP and self.turns[0].given_up:
            self.turns.popleft()

    def command(self, now: float) -> None:
        """A command went out to which the device may or may not answer."""
        self._unanswered += 1
        self.silence.spoke(now)

    def listen(self, turn: Turn, now: float) -> list[Answered]:
        """Somebody waits for the next frame, which may be there already."""
        turn.asked_at = now
        self.turns.append(turn)
        return self.frames(now) if self.decoder.waiting else []

    # what is heard

    def heard(self, data: bytes, now: float) -> list[Answered]:
        """These bytes came.

        Returns
        -------
        list of (Turn, reply)
            Those that are answered by it; with None for a reply that does not match, of which
            `Turn.wrong` is the frame (and `next_step` says whether to go on).

        Raises
        ------
        FramingError
            If what came cannot be a frame. The connection is then of no more use.
        """
        link = self._link
        link.bytes_received += len(data)
        if link.trace is not None:
            link.trace.add("<", data)
        if self.turns and not self.decoder.waiting:
            frame = (self.turns[0].framer or self._framer).whole(data)
            if frame is not None:
                answered = self._came(frame, now)
                return [] if answered is None else [answered]
        self.decoder.feed(data)
        return self.frames(now)

    def frames(self, now: float) -> list[Answered]:
        """Hand out the whole frames that wait."""
        found: list[Answered] = []
        decoder = self.decoder
        while decoder.waiting and not self.useless:
            if not (self.turns or self._draining or self._alarms):
                break
            try:
                frame = decoder.next_frame(self.turns[0].framer if self.turns else None)
            except FramingError:
                if found:       # those are good; the rest is still there, and makes no sense
                    break
                raise
            if frame is None:
                break
            answered = self._came(frame, now)
            if answered is not None:
                found.append(answered)
        if decoder.waiting and not self.turns:
            self.silence.broken(now)
        return found

    def _came(self, frame: bytes, now: float) -> Answered | None:
        """One whole frame: whom does it answer?"""
        turn = None if self._begun else self._answered_by(frame)
        self._begun = False
        if turn is None:
            self._nobodys(frame, now)
            return None
        if turn.answers != 1:
            turn.frames = [*(turn.frames or ()), frame]
        if turn.given_up:
            self._link.bytes_discarded += len(frame)
            if turn.answers == 1 or not turn.missing:
                self.turns.remove(turn)
            return None
        if turn.wrong is not None:
            if self.gave_up(turn):
                self.useless = "a reply did not match"
            return turn, None
        if turn.answers != 1 and turn.missing:
            return None
        self.turns.remove(turn)
        self._good(turn, now)
        return turn, (frame if turn.frames is None else turn.frames)

    def _answered_by(self, frame: bytes) -> Turn | None:
        if not self.turns:
            return None
        first = self.turns[0]
        if first.kind != "query":
            if not first.fits(frame):
                first.wrong = frame
            return first
        if callable(self._late):
            late = self._late
            found = next((t for t in self.turns if t.kind == "query" and late(t.data, frame)), None)
            found = found or next((t for t in self.turns if t.kind == "listen"), None)
            if found is None:
                return None
            first = found
        if not first.given_up and not first.fits(frame):
            if self._alarms:
                return None
            first.wrong = frame
        return first

    def _good(self, turn: Turn, now: float) -> None:
        """A turn has what it waited for."""
        self._unmatched = 0
        if turn.kind == "query":
            rtt = now - turn.asked_at
            self.silence.answered(now, rtt)
            self._exchanges += 1
            self._proves(now, rtt)
        elif turn.kind == "listen":
            self._paid(now)
        else:
            self.silence.kept()

    def _paid(self, now: float) -> None:
        """Something came for a listener: an answer to a command, if one is missing."""
        self.silence.answered(now, 0.0)
        if self._owed:
            self._owed -= 1
        elif self._unanswered:
            self._unanswered -= 1
        if not (self._owed or self._unanswered or self.decoder.waiting):
            self.silence.kept()
        self._proves(now, None)

    def _proves(self, now: float, rtt: float | None) -> None:
        # What a server says as it refuses a client, and hangs up, is no answer.
        if rtt is None and now < self.silence.settled_in:
            return
        self._answers += 1
        if self.state is State.PREPARED:
            self.state = State.PROVEN
        if self.state is State.PROVEN and (rtt is not None or self._link.state is not UP):
            self._link.good(rtt)

    def _nobodys(self, frame: bytes, now: float) -> None:
        """A whole frame that answers nothing."""
        if self._draining and self._owed:
            self._owed -= 1
            self._link.bytes_discarded += len(frame)
        elif self._alarms:
            self.unasked.append(frame)
            self._proves(now, None)
        else:
            self._tell_unasked(frame, len(frame))
            if not callable(self._late):
                self.silence.broken(now)

    def _discard(self, now: float) -> None:
        """Throw away what came before a question, and cannot answer it."""
        decoder = self.decoder
        begin, count = decoder.peek(), decoder.waiting
        if self._owed_before:
            with contextlib.suppress(FramingError):     # it goes, whatever it is
                while self._owed_before and decoder.next_frame() is not None:
                    self._owed_before -= 1
            if not self._owed_before:
                self.silence.debt_paid()
        decoder.clear()
        self._begun = False
        self._strays += count
        if self._strays > MOST_UNASKED:
            self.useless = "the device sends without pause, unasked"
        self.silence.broken(now)
        self._tell_unasked(begin, count)

    def _tell_unasked(self, begin: bytes, count: int) -> None:
        self.said = begin
        self._link.bytes_discarded += count
        said = f"the device said {show(begin)}"
        if self._unanswered:
            self._link.remark("answered a command", f"{said} after a command that expects no "
                              "answer; discarded")
            return
        doubt = ""
        if self._exchanges and not callable(self._late):
            doubt = (f"; the last {self._exchanges} replies are doubtful: each may belong to the "
                     "question before it")
        self._exchanges = 0
        self._link.remark("unasked", f"{said} unasked; discarded{doubt}")

    # bytes as they come, for `recv` of the original

    def took(self, data: bytes, now: float) -> None:
        """Somebody received these bytes as they came."""
        link = self._link
        link.bytes_received += len(data)
        if link.trace is not None:
            link.trace.add("<", data)
        self._paid(now)

    def take(self, count: int, now: float) -> bytes:
        """Up to `count` bytes that wait, as they came."""
        data = self.decoder.take(count)
        self._paid(now)
        return data

    def discard_late(self) -> int:
        """Throw away late answers that have come before a command is sent; their number.

        Of one that has come in part, the rest is still to come: it stays, and stays owed.
        """
        count = 0
        while self._owed and self.decoder.waiting:
            frame = self.decoder.next_frame()
            if frame is None:
                break
            self._owed -= 1
            count += 1
            self._link.bytes_discarded += len(frame)
        return count

    @property
    def owes_late(self) -> bool:
        """Did a listener wait in vain for an answer?"""
        return self._owed > 0

    # the end of a turn, and of all of them

    def gave_up(self, turn: Turn) -> bool:
        """Nobody waits for `turn` any more: timed out, cancelled, or interrupted.

        Returns
        -------
        bool
            Is the connection to be given up? Otherwise a reply that comes late meets the turn,
            and nobody else.
        """
        if turn not in self.turns or turn.given_up:
            return False
        if turn.kind == "listen":
            self.turns.remove(turn)
            self._owed += self._unanswered or (1 if self.decoder.waiting else 0)
            self._unanswered = 0
            return False
        if self.state is State.NEW or turn.kind == "greeting":
            return True
        if callable(self._late):
            self._unmatched += 1
            turn.given_up = True
            return self._unmatched > 1
        turn.given_up = True
        return self._late == "drop"

    def interrupted(self, turn: Turn) -> bool:
        """As `gave_up`, where an exception from outside ended the wait.

        It may have come while a frame was compared, which is then lost: so where replies are
        matched, the connection is of no more use.
        """
        return self.gave_up(turn) or (turn.kind == "query" and callable(self._late))

    def withdraw(self, turn: Turn) -> None:
        """A listener or a question leaves before anything of it was sent."""
        self.turns.remove(turn)

    def prepared(self) -> bool:
        """Others may use the connection now. True if the device has answered by now."""
        if self.state is State.NEW:
            self.state = State.PREPARED
            if self._answers:
                self.state = State.PROVEN
                self._link.good()
        return self.state is State.PROVEN

    @property
    def owing(self) -> int:
        """So many replies that the device owes would come too late if it is dropped now."""
        return self._owed + sum(turn.missing for turn in self.turns if turn.kind == "query")

    @property
    def asking(self) -> bool:
        """Does somebody wait for a reply, or for the greeting?"""
        return bool(self.turns) and any(turn.kind != "listen" and not turn.given_up
                                        for turn in self.turns)

    @property
    def listening(self) -> bool:
        """Does somebody wait for what the device says by itself?"""
        return bool(self.turns) and any(turn.kind == "listen" for turn in self.turns)

    @property
    def restless(self) -> bool:
        """Has the device said something unasked since the last silence?"""
        return self._strays > 0

    @property
    def answered(self) -> bool:
        """Has the device ever answered on this connection?"""
        return self._answers > 0

    @property
    def awaited(self) -> bool:
        """Is something still to come: an answer to a command, or the rest of one?"""
        return bool(self._owed or self._unanswered or self.decoder.waiting)

    def finished(self) -> bool:
        """Has all that was asked been answered, and something was?"""
        return self._answers > 0 and not self.turns and not self.decoder.waiting

    def ended(self) -> list[Turn]:
        """The connection is gone. Those who wait in vain, in their order."""
        self.state = State.DEAD
        turns, self.turns = self.turns, deque()
        return [turn for turn in turns if not turn.given_up]
