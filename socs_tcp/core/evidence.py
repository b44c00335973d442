"""What a device has proven on one connection, and what it said unasked: what the link is told."""

from __future__ import annotations

from enum import Enum

from .errors import show
from .link import Link
from .states import UP


class State(Enum):
    """How much may be expected of a connection. It only goes down this list.

    NEW
        It is being prepared.
    PREPARED
        Others may use it. The device has not answered on it.
    PROVEN
        The device has answered on it. Only then the link is told of good replies.
    DEAD
        It is gone.
    """

    NEW = "new"
    PREPARED = "prepared"
    PROVEN = "proven"
    DEAD = "dead"


# (To look a member up in its class takes longer than all the rest of an exchange here.)
NEW, PREPARED, PROVEN, DEAD = State


class Evidence:
    """Tells the link what the device has proven. Belongs to its conversation.

    Parameters
    ----------
    link : Link
    settled_in : float
        Before that time, what was said without a question proves nothing: it may be what a
        server says as it refuses a client, and hangs up.
    """

    __slots__ = ("_link", "answered", "beyond_doubt", "exchanges", "said", "settled_in", "state")

    def __init__(self, link: Link, settled_in: float) -> None:
        self._link = link
        self.settled_in = settled_in
        self.state: State = NEW
        #: Has the device answered?
        self.answered = False
        #: So many questions have been answered;
        self.exchanges = 0
        #: so many before the last pause. The others are in doubt, if something comes in the next.
        self.beyond_doubt = 0
        #: The last that was said unasked.
        self.said = b""

    def exchange(self, rtt: float) -> None:
        """A question was answered after `rtt` seconds."""
        self.exchanges += 1
        self.answered = True
        if self.state is PREPARED:
            self.state = PROVEN
        if self.state is PROVEN:
            self._link.good(rtt)

    def spoke(self, now: float, expected: bool) -> None:
        """The device said something that somebody listens for: after a command, if `expected`.

        What a server says as it refuses a client, and hangs up, is no answer.
        """
        if self.state is PROVEN:        # nearly always
            if self._link.state is not UP and (expected or now >= self.settled_in):
                self._link.good()
        elif self.state is not DEAD and (expected or now >= self.settled_in):
            self.answered = True
            if self.state is PREPARED:
                self.state = PROVEN
                self._link.good()

    def prepared(self) -> bool:
        """Others may use the connection. Has the device answered by now?"""
        if self.state is NEW:
            self.state = PREPARED
            if self.answered:
                self.state = PROVEN
                self._link.good()
        return self.state is PROVEN

    def unasked(self, begin: bytes, count: int, *, commanded: bool, in_order: bool) -> None:
        """`count` bytes that begin with `begin` belong to no question, and are discarded.

        Parameters
        ----------
        begin : bytes
        count : int
        commanded : bool
            Is it an answer to a command that expects none?
        in_order : bool
            Are replies told apart by their order alone?
        """
        self.said = begin
        self._link.bytes_discarded += count
        said = f"the device said {show(begin)}"
        if commanded:
            self._link.remark("answered a command", f"{said} after a command that expects no "
                              "answer; discarded")
            return
        doubt = ""
        if in_order and (doubtful := self.exchanges - self.beyond_doubt):
            doubt = (f"; the last {doubtful} replies are doubtful: each may belong to the "
                     "question before it")
        self.beyond_doubt = self.exchanges
        self._link.remark("unasked", f"{said} unasked; discarded{doubt}")
