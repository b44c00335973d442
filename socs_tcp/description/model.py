"""A device as its description says it is. Built by `load`; nothing here can change."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from ..core.framing import Framer
from .checksums import Checksum
from .errors import BadReply, ParseError, did_you_mean, shown
from .fields import Field, parse_fields
from .modbus_wire import Line
from .parameters import ONLY, Action, Parameter
from .patterns import Pattern
from .places import Value
from .steps import Ask, Step, script
from .wrapping import Wrapping

__all__ = ["ONLY", "Action", "Description", "FeedSpec", "Message", "Parameter", "Query"]


@dataclass(frozen=True)
class Query:
    """A question that is asked again and again, and the fields that its reply holds.

    Parameters
    ----------
    name : str
        Also the name of the block in the feed.
    steps : tuple of Step
        What is sent; the answer to the last is the reply.
    fields : tuple of Field
        Read together, so they have one time stamp.
    period : float or None
        Seconds; None if it is only asked on demand.
    feed : str
        Where the values are published.
    """

    name: str
    steps: tuple[Step, ...]
    fields: tuple[Field, ...]
    period: float | None
    feed: str

    def script(self) -> Generator[Ask, bytes, bytes]:
        """The conversation that gets the reply; see `script`."""
        return script(self.steps, self.name)

    def parse(self, reply: bytes) -> tuple[dict[str, Value], dict[str, ParseError]]:
        """The values of those fields that the reply has, and why the others are missing.

        One field that cannot be read does not stop the others. Every field is in exactly
        one of the two; the values of one field always have the same type.
        """
        return parse_fields(self.fields, reply, self.name)

    def all_wrong(self, error: ParseError) -> dict[str, ParseError]:
        """What `parse` would say if `error` is why there is no reply to read at all."""
        return {f.name: ParseError(error.problem, query=self.name, reply=error.reply,
                                   field=f.name) for f in self.fields}


@dataclass(frozen=True)
class Message:
    """Something that a device says without being asked.

    Parameters
    ----------
    name : str
    pattern : Pattern
        How it begins.
    query : Query
        What it says, as if it were the reply to this.
    checksum : Checksum or None
        That it has.
    """

    name: str
    pattern: Pattern
    query: Query
    checksum: Checksum | None = None

    def take(self, frame: bytes) -> bytes | None:
        """What it says, without its checksum, if `frame` is this message."""
        try:
            data = frame if self.checksum is None else self.checksum.strip(frame)
            return data if self.pattern.match(data) is not None else None
        except BadReply:
            return None


@dataclass(frozen=True)
class FeedSpec:
    """A feed, and how it is stored; the names of the keys are OCS' own."""

    name: str
    agg_params: dict[str, float | bool] = field(default_factory=dict)
    buffer_time: float = 0


#: Bytes: names stand beside times; values, units and what is wrong with a field. (A text has 100
#: characters where there are many.)
_SAID_OF_A_QUERY, _SAID_OF_A_FIELD = 40, 180


@dataclass(frozen=True)
class Description:
    """A device.

    Parameters
    ----------
    file : str
        Where it was read.
    device : str
        What it is, for people.
    framer : Framer
        Where its replies end. It adds nothing to what is sent: the messages of a
        description are complete.
    send_terminator : bytes
        What ends a message in text; needed for raw commands and by the simulator.
    port : int or None
        The TCP port that it usually has.
    timeout, gap : float
        Seconds for one answer, and between an answer and the next message.
    identify : Query or None
        Asked after each connect; its last step says what must come.
    on_connect : tuple of Step
        Done after each connect.
    queries, parameters, feeds : dict
        By name, in the order of the file.
    raw_commands : bool
        May users send what they like?
    answers : dict
        What the simulator answers, by the name of a query (or ``identify``); several are
        given in turn.
    actions, messages : dict
        By name.
    encoding : str
        Of text, both ways.
    greeting : Pattern or None
        What the device says when somebody connects.
    closes_after_reply, telnet : bool
        As in `DeviceClient`.
    modbus : Line or None
        How it speaks Modbus/TCP, if it does.
    wrapping : Wrapping or None
        What stands around its messages and its replies.
    """

    file: str
    device: str
    framer: Framer
    send_terminator: bytes
    port: int | None
    timeout: float
    gap: float
    identify: Query | None
    on_connect: tuple[Step, ...]
    queries: dict[str, Query]
    parameters: dict[str, Parameter]
    feeds: dict[str, FeedSpec]
    raw_commands: bool
    answers: dict[str, tuple[bytes, ...]]
    actions: dict[str, Action] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    encoding: str = "latin-1"
    greeting: Pattern | None = None
    closes_after_reply: bool = False
    telnet: bool = False
    modbus: Line | None = None
    wrapping: Wrapping | None = None

    @property
    def most_said(self) -> int:
        """Bytes that an agent may have to send of all readings, whatever the device says."""
        queries = [*self.queries.values(), *(message.query for message in self.messages.values())]
        return sum(len(query.name) + _SAID_OF_A_QUERY + sum(
            3 * len(field.name) + len(field.unit.encode()) + _SAID_OF_A_FIELD
            for field in query.fields) for query in queries)

    def message_in(self, frame: bytes) -> tuple[Message, bytes] | None:
        """The message that `frame` is, and what it says; None if it is none."""
        try:
            data = frame if self.wrapping is None else self.wrapping.unwrap(frame)
        except BadReply:
            return None
        found = ((message, message.take(data)) for message in self.messages.values())
        return next(((message, said) for message, said in found if said is not None), None)

    def query_for(self, name: str) -> Query:
        """The query called `name`, or the one that reads the field of that name.

        Raises
        ------
        ValueError
            If there is neither.
        """
        if name in self.queries:
            return self.queries[name]
        if any(f.name == name for q in self.queries.values() for f in q.fields):
            return self.query_for_field(name)
        known = [*self.queries, *(f.name for q in self.queries.values() for f in q.fields)]
        raise ValueError(f"there is no query or field {shown(name)}{did_you_mean(name, known)}; "
                         f"queries are {', '.join(self.queries)}")

    def query_for_field(self, name: str) -> Query:
        """The query that reads the field `name`, which must be there."""
        return next(query for query in self.queries.values()
                    if any(f.name == name for f in query.fields))

    def action_for(self, name: str) -> Action:
        """The action called `name`.

        Raises
        ------
        ValueError
            If there is none.
        """
        if name not in self.actions:
            known = list(self.actions)
            raise ValueError(f"there is no action {shown(name)}{did_you_mean(name, known)}; "
                             f"actions are {', '.join(known) or 'none'}")
        return self.actions[name]

    def parameter_for(self, name: str) -> Parameter:
        """The parameter called `name`.

        Raises
        ------
        ValueError
            If there is none.
        """
        if name not in self.parameters:
            known = list(self.parameters)
            raise ValueError(f"there is no parameter {shown(name)}{did_you_mean(name, known)}; "
                             f"parameters are {', '.join(known) or 'none'}")
        return self.parameters[name]
