"""What a device may still have to say: answers to commands, and of the connection before."""

from __future__ import annotations

from typing import NamedTuple

from .errors import FramingError
from .framer import Framer


class Debt(NamedTuple):
    """What a connection was given up with. A serial server may deliver it on the next one.

    Parameters
    ----------
    replies : int
        So many may come.
    seconds : float
        For so long the next connection listens, before a question is asked on it.
    slow : bool
        The connection had heard nothing but what the one before it owed: the device may take
        longer for each answer than its callers wait.
    """

    replies: int = 0
    seconds: float = 0.0
    slow: bool = False


NO_DEBT = Debt()


class Owed:
    """Counts what may come besides the replies to questions. Belongs to its conversation.

    Parameters
    ----------
    debt : Debt
        Of the connection before.
    """

    __slots__ = ("before", "draining", "late", "overtaken", "repaid", "unanswered")

    def __init__(self, debt: Debt) -> None:
        #: Replies of the connection before that may still come on this one.
        self.before = debt.replies
        #: One of them has come.
        self.repaid = False
        #: Commands since it was last silent. The device may answer them, or not.
        self.unanswered = 0
        #: Answers to commands that a listener waited for in vain.
        self.late = 0
        #: A command went out while a late reply was owed: its answer, which nobody knows of, may
        #: come first, and be taken for that reply.
        self.overtaken = False
        #: What comes pays what is late: a question waits for that.
        self.draining = False

    def silent(self) -> None:
        """It was silent: the commands before have no answers."""
        self.unanswered = 0

    def repay(self) -> bool:
        """A reply of the connection before has come. Was it the last?"""
        self.before -= 1
        self.repaid = True
        return not self.before

    def in_vain(self, begun: bool) -> None:
        """A listener gave up; with `begun`, in the middle of a frame, which may be a late one."""
        self.late = max(self.late + self.unanswered, int(begun))
        self.unanswered = 0

    def heard(self, frames: int) -> bool:
        """A listener heard so many frames. Was all of it what commands were missing?

        Of part of a frame (0 of them): may it be?
        """
        owed = self.late + self.unanswered
        of_late = min(frames, self.late)
        self.late -= of_late
        self.unanswered = max(self.unanswered - (frames - of_late), 0)
        return max(frames, 1) <= owed

    def drained(self) -> bool:
        """A frame came that nobody asked for. Was it late?"""
        if not (self.draining and self.late):
            return False
        self.late -= 1
        return True

    def nothing(self) -> bool:
        """Has all come that a command may be answered with?"""
        return not (self.late or self.unanswered)


class Received:
    """Tells where answers end in bytes that somebody receives as they come.

    Parameters
    ----------
    framer : Framer
        Of the connection.
    """

    __slots__ = ("_decoder",)

    def __init__(self, framer: Framer) -> None:
        self._decoder = framer.decoder()

    @property
    def begun(self) -> bool:
        """Is the rest of an answer still to come?"""
        return self._decoder.waiting > 0

    def ends(self, data: bytes) -> int:
        """So many answers end in `data`."""
        count = 0
        try:
            self._decoder.feed(data)
            while self._decoder.next_frame() is not None:
                count += 1
        except FramingError:        # who knows
            self._decoder.clear()
        return count
