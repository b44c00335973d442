"""A conversation with a device, message by message, without any input or output of its own."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple

from ..core.errors import show
from ..core.framing import FixedFramer, Framer
from .errors import BadReply, ParseError
from .patterns import Pattern
from .template import Template, Values


class Ask(NamedTuple):
    """One message to send, and what follows it."""

    #: The bytes, with their terminator.
    data: bytes
    #: Does the device answer it?
    reads: bool
    #: Where the answer ends, if not where the device's answers usually do.
    framer: Framer | None


@dataclass(frozen=True)
class Step:
    """A message, and the answer that it must have.

    Parameters
    ----------
    send : Template
        The message.
    expect : Template or None
        The exact answer.
    match : Pattern or None
        What the answer must match, from its beginning.
    framer : FixedFramer or None
        Where the answer ends, if it has a length of its own.
    reads : bool
        Is there an answer?
    """

    send: Template
    expect: Template | None = None
    match: Pattern | None = None
    framer: FixedFramer | None = None
    reads: bool = False

    def check(self, reply: bytes, values: Values, query: str) -> None:
        """Compare the answer with what it must be.

        Raises
        ------
        ParseError
            If it is something else.
        """
        sent = self.send.fill(values)
        if self.expect is not None and reply != (wanted := self.expect.fill(values)):
            raise ParseError(f"the answer to {show(sent)} must be {show(wanted)}",
                             query=query, reply=reply)
        if self.match is None:
            return
        try:
            matches = self.match.match(reply) is not None
        except BadReply as exc:
            raise ParseError(str(exc), query=query, reply=reply) from None
        if not matches:
            raise ParseError(f"the answer to {show(sent)} does not match {self.match.text!r}",
                             query=query, reply=reply)


def script(steps: tuple[Step, ...], name: str, values: Values | None = None
           ) -> Generator[Ask, bytes, bytes]:
    """The conversation that `steps` are, without any input or output of its own.

    Yields what to send; wants to be sent the answer (``b""`` where there is none), without
    its terminator; returns the last answer. A blocking and a Twisted driver run the same
    script, see `socs_tcp.description.run`.

    Raises
    ------
    ParseError
        If an answer is not what it must be; the rest of the steps is not to be sent then.
    """
    values = values or {}
    reply = b""
    for step in steps:
        reply = yield Ask(step.send.fill(values), step.reads, step.framer)
        if step.reads:
            step.check(reply, values, name)
    return reply
