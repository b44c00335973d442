"""A device as its description says it is. Built by `load`; nothing here can change."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ..core.framing import Framer
from .checksums import Checksum
from .errors import BadReply, ParseError, did_you_mean, shown
from .fields import Field, parse_fields
from .modbus_wire import Line
from .patterns import Pattern
from .places import Value
from .settings import Setting, close
from .steps import Ask, Step, script

#: The name of the only thing that a parameter sets.
ONLY = "value"


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
class Parameter:
    """Something that can be set.

    Parameters
    ----------
    name : str
    steps : tuple of Step
        What is sent; the names of the settings are its places.
    settings : dict
        What can be set, by name; ``value`` where it is one thing only.
    restore : bool
        Is it set again when the device has forgotten it?
    """

    name: str
    steps: tuple[Step, ...]
    settings: dict[str, Setting]
    restore: bool = False

    @property
    def single(self) -> Setting | None:
        """The one thing that is set, if it is only one."""
        return self.settings.get(ONLY)

    @property
    def fields(self) -> dict[str, str]:
        """The fields that tell what is set now, by the name of the setting."""
        return {name: s.field for name, s in self.settings.items() if s.field}

    @property
    def field(self) -> str:
        """The (first) field that tells what is set now; empty where there is none."""
        return next(iter(self.fields.values()), "")

    def check(self, value: object) -> Value:
        """What is sent for `value`, of a parameter that is one thing only; see `wire`."""
        sent = self.wire(value)[ONLY]
        return float(sent) if isinstance(sent, Decimal) else sent

    def wire(self, value: object, now: Mapping[str, Value] | None = None
             ) -> dict[str, Value | Decimal]:
        """What is sent in the places of the messages.

        Parameters
        ----------
        value : float, int, str, or dict
            A dict where several things are set at once.
        now : dict, optional
            What is set now, for those that `value` leaves out.

        Raises
        ------
        ValueError
            If it may not be set; the message says what may.
        """
        if self.single is not None:
            return {ONLY: self.single.check(value)}
        every = {**(now or {}), **self.partly(value)}
        missing = [name for name in self.settings if name not in every]
        if missing:
            raise ValueError(f"{self.name}: {', '.join(missing)} must be given, too")
        return {name: setting.check(every[name]) for name, setting in self.settings.items()}

    def partly(self, value: object) -> Mapping[str, object]:
        """`value`, of a parameter that sets several at once; raises as `wire`, but not because
        of what is missing."""
        if not isinstance(value, Mapping):
            raise ValueError(f"{self.name}: must be a mapping of {', '.join(self.settings)} to "
                             f"values, not {shown(value)}")
        for name, one in value.items():
            if name not in self.settings:
                known = list(self.settings)
                raise ValueError(f"{self.name}: there is no {shown(name)}"
                                 f"{did_you_mean(str(name), known)}; there are {', '.join(known)}")
            self.settings[name].check(one)
        return value

    def script(self, value: object, now: Mapping[str, Value] | None = None
               ) -> Generator[Ask, bytes, bytes]:
        """The conversation that sets it; see `script` and `wire`.

        Raises
        ------
        ValueError
            At once, if the value may not be set, or does not fit into the messages.
        """
        values = self.wire(value, now)
        for step in self.steps:
            try:
                step.send.fill(values)
                if step.expect is not None:
                    step.expect.fill(values)
            except ValueError as exc:
                raise ValueError(f"{self.name}: {exc}") from None
        return script(self.steps, self.name, values)


    def disagrees(self, value: object, said: Mapping[str, Value]) -> str:
        """What a read-back says otherwise than what was set; empty if it agrees.

        Parameters
        ----------
        value
            As in `wire`.
        said : dict
            The values of the fields that were read back; those that were not do not count.
        """
        wanted = value if isinstance(value, Mapping) else {ONLY: value}
        for name, setting in self.settings.items():
            if not setting.field or not setting.verify or setting.field not in said \
                    or name not in wanted:
                continue
            given: Any = wanted[name]
            choices = [given] if setting.choices is None else [given, setting.choices[given]]
            step = self._resolution(name)
            if not any(close(setting, one, said[setting.field], step) for one in choices):
                return (f"{setting.field} is {shown(said[setting.field])} afterwards, and not "
                        f"{shown(given)}")
        return ""

    def _resolution(self, name: str) -> float:
        """The step between two values that can be sent."""
        setting = self.settings[name]
        steps = [place.resolution for step in self.steps for place in step.send.open
                 if place.name == name]
        return max(steps, default=0.0) * abs(float(setting.scale))


@dataclass(frozen=True)
class Action:
    """Something that can be done.

    Parameters
    ----------
    name : str
    steps : tuple of Step
        What is sent.
    """

    name: str
    steps: tuple[Step, ...]

    def script(self) -> Generator[Ask, bytes, bytes]:
        """The conversation that does it; see `script`."""
        return script(self.steps, self.name)


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
