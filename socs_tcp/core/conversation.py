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

It has four helpers: `Pending` knows the questions under way, `Owed` counts the other answers that
may come, `Silence` counts the time, and `Evidence` tells the link. The state goes from NEW to DEAD,
and never backwards.

The invariants are listed in ``docs/design.rst``. ``tests/core/test_every_sequence.py`` proves them
for every sequence of events up to a length.
"""

from __future__ import annotations

import math
from contextlib import suppress

from .errors import FramingError, show
from .evidence import State
from .hearing import Answered, Hearing
from .owed import NO_DEBT, Debt
from .pending import MOST_GIVEN_UP
from .silence import LONGEST_PAUSE, NEVER
from .turn import Turn

__all__ = ["DROP", "MOST_GIVEN_UP", "SPEAK", "WAIT", "Answered", "Conversation", "State"]

#: What `next_step` says besides a number of seconds to listen first.
SPEAK = 0.0
#: Listen until something has come: replies are owed.
WAIT = math.inf
#: Nothing may be asked on this connection any more.
DROP = -1.0


class Conversation(Hearing):
    """The ledger of one connection. For its parameters see `Listening`."""

    __slots__ = ()

    # what may be said

    def free(self, now: float) -> bool:
        """May a question be sent, with nothing to consider? Nearly always, and soon said."""
        return not self.turns and not self.decoder.waiting and now < self.silence.free_until

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
            `WAIT`, to listen until something comes (or, where there is `more`, to look at
            that); or `DROP`.
        """
        if self.free(now):
            return SPEAK
        if self.useless or self.owed.overtaken or self.state is State.DEAD:
            return DROP
        if self._pending.blocks():
            return WAIT
        step = self._what_is_owed(now, allowed)
        if step != SPEAK:
            return step
        left = self.silence.left(now, allowed)
        if left > 0:
            return left
        if self.decoder.waiting and not self.turns:
            self._discard()
        if self.silence.paused == now:
            self._evidence.beyond_doubt = self._evidence.exchanges
        self.owed.silent()
        self.restless = self._strayed = False
        self._received = None
        return SPEAK

    def _what_is_owed(self, now: float, allowed: float) -> float:
        """Answers that nobody asked for, and that listeners gave up on, come first, or never."""
        owed = self.owed
        matters = owed.late > 0 and self._pending.in_order
        if matters and (self._late == "drop" or self.state is State.NEW):
            return DROP
        owed.draining = matters
        if self.decoder.waiting:
            self._look(now, allowed)
        if self.useless:
            return DROP
        return WAIT if self.more or (matters and owed.late) else SPEAK

    def _look(self, now: float, allowed: float) -> None:
        """Does what waits pay what is owed?"""
        owed = self.owed
        with suppress(FramingError):    # it is then discarded; or of no more use
            if owed.draining or self._alarms is not None:
                self.frames(now)
            while owed.before and (frame := self.decoder.next_frame()) is not None:
                self._nobodys(frame, now)
                if owed.repay():
                    self.silence.debt_paid(now, allowed)

    def may_join(self, most: int, now: float) -> bool:
        """May one more question go out before the first is answered?"""
        return (self._pending.may_join(most) and not (self.useless or self.silence.gap)
                and self.state is not State.DEAD and self.silence.left(now) <= 0)

    # what is said

    def ask_if_free(self, turn: Turn, now: float) -> bool:
        """`ask`, if it is `free`, or there was a pause, as there is wherever it is asked seldom."""
        free_until = self.silence.free_until
        if self.turns or self.decoder.waiting or (
                now >= free_until and (free_until == NEVER or self.next_step(now) != SPEAK)):
            return False
        turn.asked_at = now
        self.turns.append(turn)
        return True

    def ask(self, turn: Turn, now: float) -> None:
        """A question goes out now, which `next_step` or `may_join` has allowed."""
        turn.asked_at = now
        if self.turns or self.decoder.waiting:
            self._pending.add(turn, self.decoder.waiting)
        else:
            self.turns.append(turn)

    def command(self, now: float) -> None:
        """A command went out to which the device may or may not answer."""
        self.owed.unanswered += 1
        if self.turns and self._pending.in_order and any(turn.given_up for turn in self.turns):
            self.owed.overtaken = True
        self.silence.spoke(now)

    def listen(self, turn: Turn, now: float) -> list[Answered]:
        """Somebody waits for the next frame, which may be there already."""
        turn.asked_at = now
        self.turns.append(turn)
        return self.frames(now) if self.decoder.waiting else []

    # the end of a turn, and of all of them

    def interrupted(self, turn: Turn) -> bool:
        """As `gave_up`, where an exception from outside ended the wait.

        It may have come while a frame was compared, which is then lost: so where replies are
        matched, the connection is of no more use.
        """
        return self.gave_up(turn) or (turn.kind == "query" and not self._pending.in_order)

    def over(self, now: float) -> float:
        """When the last exchange was over, if the connection is given up or lost now."""
        asked = any(turn.kind == "query" for turn in self.turns)
        return now if asked else self.silence.ended

    def ended(self) -> list[Turn]:
        """The connection is gone. Those who wait in vain, in their order."""
        self._evidence.state = State.DEAD
        self.silence.free_until = NEVER
        turns = [turn for turn in self.turns if not turn.given_up]
        self.turns.clear()
        return turns

    @property
    def owes_late(self) -> bool:
        """Did a listener wait in vain for an answer?"""
        return self.owed.late > 0

    def debt(self, allowed: float | None) -> Debt:
        """What may still come on the next connection, if this one is given up now.

        Parameters
        ----------
        allowed : float or None
            Seconds that the call was allowed which gives it up.
        """
        owed = self.owed
        replies = owed.late + sum(turn.missing for turn in self.turns if turn.kind == "query")
        seconds = self.silence.debt.seconds
        if replies:
            seconds = LONGEST_PAUSE if allowed is None else min(allowed, LONGEST_PAUSE)
        if not seconds:
            return NO_DEBT
        before = 0 if self.answered else owed.before
        return Debt(replies + before, seconds, slow=owed.repaid and not self.answered)

    # a question that could not be asked in its time

    @property
    def obstructs(self) -> bool:
        """Is the device to blame: does it owe a reply first, or never fall silent?

        Questions of others that are under way are not its fault.
        """
        in_order, turns = self._pending.in_order, self.turns
        if any(not turn.given_up for turn in turns):
            return in_order and turns[0].given_up
        return self.restless or (in_order and (bool(turns) or self.owed.late > 0))

    @property
    def hopeless(self) -> bool:
        """Is it to be given up then, since the device does not even answer late?"""
        return self.obstructs and self._pending.in_order and (
            self.owed.late > 0 or any(turn.given_up for turn in self.turns))

    def obstacle(self) -> str:
        """What kept the question from being asked, for the message."""
        said = self.decoder.peek() or self.said
        if self.owed.repaid and not self.answered:
            return (f"the device answers too late; {show(said)}, the answer to an earlier "
                    "question, came on this connection")
        if said:
            return f"the device says {show(said)} and more, unasked"
        if not (self.turns or self.owed.late or self.silence.debt.seconds):
            return f"the device has to be silent for {self.silence.settle:g} s first (settle)"
        return "an answer to an earlier question may still come"

    def finished(self) -> bool:
        """Has all that was asked been answered, and something was asked?"""
        return self._evidence.exchanges > 0 and not self.turns and not self.decoder.waiting

    # what became of it

    def prepared(self) -> bool:
        """Others may use the connection now. True if the device has answered by now."""
        return self._evidence.prepared()

    @property
    def state(self) -> State:
        """How much may be expected of it."""
        return self._evidence.state

    @property
    def said(self) -> bytes:
        """The last that was said unasked, for the message when the connection ends."""
        return self._evidence.said

    @property
    def answered(self) -> bool:
        """Has the device answered on it?"""
        return self._evidence.answered

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
    def awaited(self) -> bool:
        """Is something still to come: an answer to a command, or the rest of one?"""
        return not self.owed.nothing() or self.decoder.waiting > 0 or self._received is not None
