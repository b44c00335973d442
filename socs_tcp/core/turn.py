"""One thing that is said on a connection, and what is still to come for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, TypeAlias

from .errors import show
from .framing import Framer

#: What a reply looks like: a pattern that matches from its beginning, or a function of it.
Match: TypeAlias = re.Pattern[bytes] | Callable[[bytes], object]

#: A loop over all that a device says takes so many at once; then others have their turn.
MOST_FRAMES = 512

#: The last two have no place in a ledger: they wait for their turn to speak, or for the device.
Kind = Literal["query", "listen", "greeting", "send", "hold", "reserve"]


class Turn:
    """A question, or a wait for what the device says by itself, until its frames have come.

    Parameters
    ----------
    kind : {'query', 'listen', 'greeting', 'send', 'hold'}
        A query is owed its replies; a listener takes what comes.
    data : bytes
        The command, as it is sent.
    answers : int
        Frames that belong to it.
    match : pattern or callable, optional
        What each of them looks like.
    framer : Framer, optional
        Where they end, if not where the framer of the connection says.
    """

    # What nearly all turns have in common stands in the class: one is made for each question.
    answers = 1
    match: Match | None = None
    framer: Framer | None = None
    #: So many frames are still to come.
    missing = 1
    #: Those that have come, where there may be several.
    frames: list[bytes] | None = None
    #: With the last one it takes so many more, if they are there already.
    more = 0
    #: Nobody waits for it any more. Its replies may still come.
    given_up = False
    #: A frame that came in the place of a reply and does not match.
    wrong: bytes | None = None
    #: When it was sent, in seconds of the face's clock.
    asked_at = 0.0

    def __init__(self, kind: Kind, data: bytes = b"", answers: int = 1,
                 match: Match | None = None, framer: Framer | None = None) -> None:
        self.kind = kind
        self.data = data
        #: Somebody waits, and any one frame is its reply.
        self.plain = kind == "query"
        if not (match is None and framer is None and answers == 1):
            self.match = match
            self.framer = framer
            if answers != 1:
                self.collect(answers)
            self.plain = False

    def took(self, frame: bytes) -> bool:
        """`frame` is one of its replies. Was it the last?"""
        self.missing -= 1
        if self.frames is not None and not self.given_up:
            self.frames.append(frame)
        return self.missing == 0

    def collect(self, answers: int) -> None:
        """Its replies are a list of so many frames, even where that is one. Before it is asked."""
        self.answers = self.missing = answers
        self.frames = []
        self.plain = False

    def gather(self, most: int) -> None:
        """It takes the next frame and those that are there with it: a list of `most` at most."""
        self.collect(1)
        self.more = most - 1

    def mismatch(self) -> str:
        """What came in its place, in words, where `wrong` has it."""
        return (f"{show(self.wrong or b'')} came in place of the reply to {show(self.data)}, "
                "and does not match it")

    def start_over(self) -> None:
        """It will be asked again, on another connection."""
        self.missing = self.answers
        self.wrong = None
        if self.frames is not None:
            self.frames = []

    def give_up(self) -> None:
        """Nobody waits for it any more."""
        self.given_up = True
        self.plain = False

    def fits(self, frame: bytes) -> bool:
        """Does `frame` look like a reply to this?"""
        match = self.match
        if match is None:
            return True
        if isinstance(match, re.Pattern):
            return match.match(frame) is not None
        return bool(match(frame))


class _Question(Turn):
    """All but its data is the same for each, and so it needs no constructor of Python's."""

    kind: Kind = "query"
    __init__ = object.__init__


def question(data: bytes) -> Turn:
    """A query that any one frame answers: ``Turn("query", data)``, and sooner made."""
    turn: Turn = _Question()
    turn.data = data
    turn.plain = True       # (what the class has takes longer to look up)
    return turn


def checked_match(match: Match | None) -> Match | None:
    """`match` if it can be compared with a reply.

    Raises
    ------
    TypeError
        With what is expected.
    """
    if isinstance(match, re.Pattern) and isinstance(match.pattern, bytes):
        return match
    if match is None or (callable(match) and not isinstance(match, re.Pattern)):
        return match
    raise TypeError("match must be a compiled pattern of bytes, such as re.compile(b'...'), or "
                    f"a function of the reply, not {match!r}")


def checked_greeting(greeting: Match | bool | None) -> Match | bool | None:
    """`greeting` if it is a way to say how a device greets.

    Raises
    ------
    TypeError
        With what is expected.
    """
    if isinstance(greeting, bool):
        return greeting or None
    try:
        return checked_match(greeting)
    except TypeError:
        raise TypeError("greeting must be True (one frame), a compiled pattern of bytes, or a "
                        f"function of the frame, not {greeting!r}") from None
