"""The questions that are under way on one connection, and whose a frame is."""

from __future__ import annotations

from .errors import show
from .framing import Framer
from .link import Link
from .policy import LateReplies
from .text import printable
from .turn import Turn

#: So many questions that were given up are kept in mind where replies are matched.
MOST_GIVEN_UP = 16
#: Characters of an error of a user's function in a message.
SHOWN_ERROR = 200


class Pending:
    """What was sent and is not answered yet. Belongs to its conversation.

    Parameters
    ----------
    link : Link
        Hears of functions that fail.
    late_replies
        As in `TCPInterface`.
    alarms : bool
        What does not look like a reply may be an alarm.
    """

    __slots__ = ("_alarms", "_late", "_link", "begun", "in_order", "turns", "unmatched")

    def __init__(self, link: Link, late_replies: LateReplies, alarms: bool) -> None:
        self._link = link
        self._late = late_replies
        self._alarms = alarms
        #: Are replies told apart by nothing but their order?
        self.in_order = not callable(late_replies)
        # (An empty deque has 700 bytes, and there are few turns, alarms, ... at a time.)
        #: In their order; those given up stay until their replies have come.
        self.turns: list[Turn] = []
        #: A frame has begun that can answer nothing that is asked from now on.
        self.begun = False
        #: Questions in a row without a match.
        self.unmatched = 0

    def add(self, turn: Turn, waiting: int) -> None:
        """A question goes out; `waiting` bytes of something have come before it."""
        if waiting and not self.blocks():
            self.begun = True
        turns = self.turns
        turns.append(turn)
        if len(turns) > MOST_GIVEN_UP and turns[0].given_up:
            turns.pop(0)

    def blocks(self) -> bool:
        """Could what is still to come be taken for the reply to another question?"""
        if self.in_order:
            return bool(self.turns)
        return any(not turn.given_up for turn in self.turns)

    def may_join(self, most: int) -> bool:
        """Are there fewer than `most`, of which each can only be answered by its own reply?"""
        live = 0
        for turn in self.turns:
            if turn.kind != "query" or (turn.given_up and self.in_order):
                return False
            live += not turn.given_up
        return live < most

    def reader(self) -> Framer | None:
        """Where the next frame ends, if not where the framer of the connection says."""
        turns = self.turns
        if not turns:
            return None
        if self.in_order:
            return turns[0].framer
        return next((turn.framer for turn in turns if not turn.given_up), None)

    def owner(self, frame: bytes) -> Turn | None:
        """Whose is this frame? `Turn.wrong` is the frame where it does not match."""
        if self.in_order:
            turn = self.turns[0] if self.turns and not self.begun else None
        else:
            turn = self._matched(frame)
        self.begun = False
        if turn is None or self._fits(turn, frame):
            return turn
        # It does not look like a reply. So it is none, if something else may come.
        if turn.given_up or (self._alarms and turn.kind != "greeting"):
            return None
        turn.wrong = frame
        return turn

    def _matched(self, frame: bytes) -> Turn | None:
        """The first question whose reply it is; or somebody who listens."""
        for turn in self.turns:
            if turn.kind == "query" and (turn.given_up or not self.begun) \
                    and self._is_reply(turn, frame):
                return turn
        return next((turn for turn in self.turns if turn.kind != "query"), None)

    def _is_reply(self, turn: Turn, frame: bytes) -> bool:
        assert callable(self._late)
        try:
            return bool(self._late(turn.data, frame))
        except Exception as exc:
            self._failed("late_replies", frame, exc)
            return False

    def _fits(self, turn: Turn, frame: bytes) -> bool:
        if turn.given_up and not self.in_order:
            return True
        try:
            return turn.fits(frame)
        except Exception as exc:
            self._failed("match", frame, exc)
            return False

    def _failed(self, name: str, frame: bytes, exc: Exception) -> None:
        self._link.remark(f"{name} failed", f"{name} failed on {show(frame)}, which counts as no "
                          f"match: {printable(repr(exc), SHOWN_ERROR)}")

    def replied(self, turn: Turn) -> None:
        """It has all its replies."""
        self.unmatched = 0
        if self.turns[0] is turn:
            self.turns.pop(0)
        else:
            self.turns.remove(turn)

    def give_up(self, turn: Turn, by_caller: bool = False) -> bool:
        """Nobody waits for a question any more. Is the connection to be given up?

        Where replies are matched, it is after two in a row that did not come in time. One that
        the caller did not want any more (`by_caller`) says nothing of the device.
        """
        turn.give_up()
        if self.in_order:
            return self._late == "drop"
        if turn.wrong is not None:      # that was its reply
            self.turns.remove(turn)
        self.unmatched += not by_caller
        return self.unmatched > 1
