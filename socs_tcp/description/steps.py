"""A conversation with a device, message by message, without any input or output of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import NamedTuple

from ..core.errors import show
from ..core.framing import Framer
from .checksums import Checksum
from .errors import BadReply, ParseError
from .patterns import Pattern
from .replies import ErrorReply
from .template import Template, Values
from .wrapping import Wrapping


class Ask(NamedTuple):
    """One message to send, and what follows it."""

    #: The bytes, with their terminator.
    data: bytes
    #: Does the device answer it?
    reads: bool
    #: Where the answer ends, if not where the device's answers usually do.
    framer: Framer | None
    #: Seconds to wait before it is sent.
    wait: float = 0.0
    #: Seconds for the answer, if not what is usual.
    timeout: float | None = None
    #: Can this be the answer? (Otherwise nobody knows what the next one answers.) None for any.
    accepts: Callable[[bytes], bool] | None = None
    #: So many answers come, one after the other; the last one counts.
    answers: int = 1


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
    framer : Framer or None
        Where the answer ends, if not where the device's answers usually do.
    reads : bool
        Is there an answer?
    wait : float
        Seconds to wait before it is sent.
    timeout : float or None
        Seconds for the answer.
    checksum : Checksum or None
        That the answer has.
    errors : ErrorReply or None
        How the device says that something is wrong.
    wrapping : Wrapping or None
        What stands around the answer.
    more : bool
        Is this a further answer to the message before, which is not sent again?
    """

    send: Template
    expect: Template | None = None
    match: Pattern | None = None
    framer: Framer | None = None
    reads: bool = False
    wait: float = 0.0
    timeout: float | None = None
    checksum: Checksum | None = None
    errors: ErrorReply | None = None
    wrapping: Wrapping | None = None
    more: bool = False

    def ask(self, values: Values, more: list[Step]) -> Ask:
        """What is to be done; `more` are the further answers."""
        steps = [self, *more]
        timeouts = [step.timeout for step in steps if step.timeout is not None]
        anything = any(step.takes_anything for step in steps)
        return Ask(self.send.fill(values), self.reads, self.framer, self.wait,
                   max(timeouts, default=None), None if anything or not self.reads else
                   lambda reply: any(s.accepts(reply, values, not more) for s in steps),
                   len(steps))

    @property
    def takes_anything(self) -> bool:
        """Can any reply be the answer?"""
        return self.expect is None and self.match is None and self.checksum is None \
            and self.wrapping is None

    def accepts(self, reply: bytes, values: Values, errors: bool = True) -> bool:
        """Can `reply`, as it comes, be the answer? With `errors`, an error message can."""
        try:
            self._checked(self._unwrapped(reply), values)
        except BadReply as exc:
            return errors and isinstance(exc, DeviceSaysError)
        return True

    def unwrapped(self, reply: bytes, query: str) -> bytes:
        """What `reply`, as it comes, says; raises as `check` does."""
        try:
            return self._unwrapped(reply)
        except BadReply as exc:
            raise ParseError(str(exc), query=query, reply=reply) from None

    def _unwrapped(self, reply: bytes) -> bytes:
        return reply if self.wrapping is None else self.wrapping.unwrap(reply)

    def check(self, reply: bytes, values: Values, query: str) -> bytes:
        """Compare the answer with what it must be; the answer without its checksum.

        Raises
        ------
        ParseError
            If it is something else.
        """
        try:
            return self._checked(reply, values)
        except BadReply as exc:
            raise ParseError(str(exc), query=query, reply=reply,
                             in_step=isinstance(exc, DeviceSaysError)) from None

    def _checked(self, reply: bytes, values: Values) -> bytes:
        answer, wrong_sum = reply, None
        if self.checksum is not None and self.expect is None:
            try:
                answer = self.checksum.strip(reply)
            except BadReply as exc:
                wrong_sum = exc
        if self.errors is not None and (told := self.errors.told(
                reply if wrong_sum else answer)):
            raise DeviceSaysError(told)
        if wrong_sum is not None:
            raise wrong_sum
        if self.expect is not None and answer != (wanted := self.expect.fill(values)):
            raise BadReply(f"the answer to {show(self.send.fill(values))} must be {show(wanted)}")
        if self.match is not None and self.match.match(answer) is None:
            raise BadReply(f"the answer to {show(self.send.fill(values))} does not match "
                           f"{self.match.text!r}")
        return answer


class DeviceSaysError(BadReply):
    """The device has answered, with an error message: it is in step."""


def script(steps: tuple[Step, ...], name: str, values: Values | None = None
           ) -> Generator[Ask, bytes, bytes]:
    """The conversation that `steps` are, without any input or output of its own.

    Yields what to send; wants to be sent the answer (``b""`` where there is none), without
    its terminator; returns the last answer. A blocking and a Twisted driver run the same
    script, see `socs_tcp.description.client`.

    Raises
    ------
    ParseError
        If an answer is not what it must be; the rest of the steps is not to be sent then.
    """
    values = values or {}
    reply = b""
    for first, *more in exchanges(steps):
        reply = yield first.ask(values, more)
        if first.reads:
            last = [first, *more][-1]
            reply = last.check(last.unwrapped(reply, name), values, name)
    return reply


def exchanges(steps: tuple[Step, ...]) -> list[list[Step]]:
    """The steps, each with the further answers to its message."""
    found: list[list[Step]] = []
    for step in steps:
        if step.more:
            found[-1].append(step)
        else:
            found.append([step])
    return found
