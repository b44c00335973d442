"""What a device may still have to say: answers to commands, and of the connection before."""

from __future__ import annotations


class Owed:
    """Counts what may come besides the replies to questions. Belongs to its conversation.

    Parameters
    ----------
    before : int
        Replies that the connection before was given up with.
    """

    __slots__ = ("before", "draining", "late", "overtaken", "unanswered")

    def __init__(self, before: int = 0) -> None:
        #: Replies of the connection before, which a serial server may deliver on this one.
        self.before = before
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

    def in_vain(self, begun: bool) -> None:
        """A listener gave up; with `begun`, in the middle of a frame."""
        self.late += self.unanswered or int(begun)
        self.unanswered = 0

    def heard(self) -> bool:
        """A listener heard something. Was it what a command was missing?"""
        if self.late:
            self.late -= 1
        elif self.unanswered:
            self.unanswered -= 1
        else:
            return False
        return True

    def drained(self) -> bool:
        """A frame came that nobody asked for. Was it late?"""
        if not (self.draining and self.late):
            return False
        self.late -= 1
        return True

    @property
    def nothing(self) -> bool:
        """Has all come that a command may be answered with?"""
        return not (self.late or self.unanswered)
