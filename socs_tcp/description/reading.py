"""What one query gave, and what both faces need to ask it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from . import Ask, Description, ParseError, Query, Value


class Reading(NamedTuple):
    """What one query gave."""

    query: Query
    #: Seconds since the epoch, when the reply was there.
    timestamp: float
    #: By the name of the field.
    values: dict[str, Value]
    #: Why the other fields could not be read.
    errors: dict[str, ParseError]
    #: Was the reply no answer to the query, so that a new connection had to be made?
    wrong: bool = False


def read_reply(query: Query, reply: bytes) -> Reading:
    """The reading that `reply` is."""
    return Reading(query, time.time(), *query.parse(reply))


def connection_options(description: Description) -> dict[str, Any]:
    """What both faces are told of the device."""
    return {"framer": description.framer, "gap": description.gap,
            "greeting": description.greeting and description.greeting.fits,
            "closes_after_reply": description.closes_after_reply, "telnet": description.telnet}


class Answered:
    """One answer, as it is judged: what was heard, though it was none.

    Parameters
    ----------
    ask : Ask
    """

    def __init__(self, ask: Ask) -> None:
        self._accepts = ask.accepts
        #: The last reply that is no answer.
        self.wrong: bytes | None = None

    @property
    def match(self) -> Callable[[bytes], bool] | None:
        """For ``query(..., match=)``."""
        return None if self._accepts is None else self._judge

    def _judge(self, reply: bytes) -> bool:
        assert self._accepts is not None
        accepted = self._accepts(reply)
        self.wrong = None if accepted else reply
        return accepted
