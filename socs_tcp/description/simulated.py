"""A simulated device made from a description, for tests, demos and writing agents at a desk.

::

    from socs_tcp.description import load
    from socs_tcp.description.simulated import scripted_device
    from socs_tcp.testing import DeviceServer

    with DeviceServer(scripted_device(load("pfeiffer_tpg366"))) as server:
        ...     # server.port

It answers what the section ``simulate`` says (or what the fields need, where it says
nothing), keeps what is set, and stays silent to anything else, as most instruments do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from ..core.framing import FixedFramer, Framer, LengthFramer, PromptFramer
from ..testing.device.scripted import ScriptedDevice
from . import IDENTIFY, Description, DescriptionError, Parameter, Query, Step, Value
from .fields import Field
from .loader import ON_CONNECT
from .reply import Group, Item, Packed


class CommandFramer(Framer):
    """Where a command ends that a device of this description receives.

    A message in text ends with the terminator; one in hexadecimal digits ends by itself,
    and is known by its bytes.

    Parameters
    ----------
    description : Description
    """

    def __init__(self, description: Description) -> None:
        super().__init__()
        self._terminator = description.send_terminator
        patterns = {step.send.pattern(shapes) for name, steps in _conversations(description).items()
                    for shapes in [_shapes(description, name)] for step in steps
                    if not step.send.terminator}
        # Longer ones first: one command may begin like another.
        self._exact = [re.compile(p, re.DOTALL) for p in sorted(patterns, key=len, reverse=True)]

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        for pattern in self._exact:
            match = pattern.match(buffer, start, stop)
            if match is not None:
                return match.end(), match.end()
        if not self._terminator:
            return stop, stop       # nothing we know: one packet, one command
        end = buffer.find(self._terminator, start, stop)
        if end < 0:
            if stop - start > self.max_length:
                raise self.too_long(buffer[start:stop])
            return None
        return end, end + len(self._terminator)


class DescribedDevice:
    """The device of a description, as a model for `ScriptedDevice`.

    Parameters
    ----------
    description : Description
    on_unknown : callable, optional
        Gets each command that is not described, in the thread that runs the device.

    Raises
    ------
    DescriptionError
        If it does not say what one of its queries is answered with.
    """

    def __init__(self, description: Description,
                 on_unknown: Callable[[bytes], None] | None = None) -> None:
        self.on_unknown = on_unknown
        self._description = description
        self._conversations = _conversations(description)
        for name, steps in self._conversations.items():     # what is missing shows now
            if self._is_query(name):
                self._answers(self._query(name))
            for step in steps[:-1] if self._is_query(name) else steps:
                self._other_answer(name, step)
        self.reset_state()

    def reset_state(self) -> None:
        """Forget all that was set."""
        self._asked: dict[str, int] = {}
        #: What was set, as it was sent, by the name of the field that tells of it.
        self.values: dict[str, Value] = {}
        self._under_way: list[tuple[str, int]] = []

    def handle(self, command: bytes) -> bytes | None:
        """The answer to one command, None if there is none."""
        # A message may belong to several conversations (ENQ does): what goes on with one
        # that is under way counts before what begins another.
        going_on = [(name, index + 1) for name, index in self._under_way
                    if index + 1 < len(self._conversations[name])]
        beginning = [(name, 0) for name in self._conversations]
        for candidates in (going_on, beginning):
            found = [(name, index, values) for name, index in candidates
                     if (values := self._conversations[name][index].send.read_back(
                         command, _shapes(self._description, name, index))) is not None]
            if found:
                self._under_way = [(name, index) for name, index, _ in found]
                return self._answer(*found[0])
        if self.on_unknown is not None:
            self.on_unknown(command)
        return None

    def _answer(self, name: str, index: int, texts: dict[str, bytes]) -> bytes | None:
        step = self._conversations[name][index]
        values: dict[str, Value | Decimal] = {}
        if texts:
            parameter = self._description.parameters[name.removeprefix("set ")]
            said = _values_sent(parameter, step, texts)
            if said is None:
                return None
            for place, value in said.items():
                setting = parameter.settings[place]
                values[place] = value if setting.choices is not None or isinstance(value, str) \
                    else setting.check(value)
                if setting.field:
                    self.values[setting.field] = value
        if step.expect is not None:
            return step.expect.fill(values)
        if not step.reads:
            return None
        if self._is_query(name) and index + 1 == len(self._conversations[name]):
            return self._reply(self._query(name))
        return self._other_answer(name, step)

    def _other_answer(self, name: str, step: Step) -> bytes:
        """The answer to a message that is read but holds no field."""
        answer = self._description.answers.get(name, (b"",))[0] if name == ON_CONNECT else b""
        if step.match is not None and step.expect is None and not step.match.match(answer):
            raise DescriptionError(self._description.file, 0, f"simulate.{name}",
                                   "no answer can be made up that matches "
                                   f"{step.match.text!r}; 'expect' in place "
                                   "of 'match' would say which it is")
        return answer

    def _is_query(self, name: str) -> bool:
        return name == IDENTIFY or name in self._description.queries

    def _query(self, name: str) -> Query:
        if name == IDENTIFY and self._description.identify is not None:
            return self._description.identify
        return self._description.queries[name]

    def _reply(self, query: Query) -> bytes:
        answers = self._answers(query)
        count = self._asked.get(query.name, 0)
        self._asked[query.name] = count + 1
        reply = answers[count % len(answers)]
        for field in query.fields:
            if field.name in self.values:
                reply = field.put(reply, self.values[field.name])
        return reply

    def _answers(self, query: Query) -> tuple[bytes, ...]:
        given = self._description.answers.get(query.name)
        return given or (self._made_up(query),)

    def _made_up(self, query: Query) -> bytes:
        """An answer that the description can read."""
        step, reply = query.steps[-1], b""
        if step.expect is not None:
            return step.expect.fill({})
        places = [field.place for field in query.fields]
        items = [place for place in places if isinstance(place, Item)]
        packed = [place for place in places if isinstance(place, Packed)]
        framer = step.framer or self._description.framer
        cannot = step.match is not None or isinstance(framer, LengthFramer) \
            or not places or isinstance(places[0], Group)
        if cannot:
            raise DescriptionError(self._description.file, 0, f"simulate.{query.name}",
                                   "the answer is missing, and none can be made up for a reply "
                                   "that has to match something")
        if items:
            reply = items[0].separator.join([b"0"] * (1 + max(item.index for item in items)))
        elif packed:
            reply = bytes(framer.length if isinstance(framer, FixedFramer) else
                          max(place.end for place in packed))
        for field in query.fields:
            reply = field.put(reply, self._usual(field))
        return reply

    def _usual(self, field: Field) -> Value:
        """What a field is until it is set."""
        for parameter in self._description.parameters.values():
            for setting in parameter.settings.values():
                if setting.field == field.name and setting.choices:
                    return next(iter(setting.choices.values()))
                if setting.field == field.name and setting.type != "str":
                    return min(max(1.0, setting.least), setting.most)
        if field.labels is not None:
            return next(iter(field.labels))
        usual: dict[str, Value] = {"float": 1.0, "int": 0, "str": "simulated"}
        return usual[field.type]


def scripted_device(description: Description,
                    on_unknown: Callable[[bytes], None] | None = None) -> ScriptedDevice:
    """A device that can be served, unplugged and tormented; see `socs_tcp.testing`.

    Parameters
    ----------
    description : Description
    on_unknown : callable, optional
        As for `DescribedDevice`; the last such commands are in ``unknown`` of the device, too.

    Raises
    ------
    DescriptionError
        As `DescribedDevice`.
    """
    framer = description.framer
    commands = framer if isinstance(framer, LengthFramer) else CommandFramer(description)
    identity = b"*IDN?"
    if description.identify is not None:
        identity = description.identify.steps[0].send.without_terminator()
    model = DescribedDevice(description)
    device = ScriptedDevice(model, framer=framer, command_framer=commands,
                            reply_terminator=_prompt(description), identity_command=identity)

    def unknown(command: bytes) -> None:
        device.unknown.append(command)
        if on_unknown is not None:
            on_unknown(command)
    model.on_unknown = unknown
    return device


def _conversations(description: Description) -> dict[str, tuple[Step, ...]]:
    """All that may be said to the device, by name."""
    talks = {f"set {p.name}": p.steps for p in description.parameters.values()}
    talks.update({query.name: query.steps for query in description.queries.values()})
    if description.identify is not None:
        talks[IDENTIFY] = description.identify.steps
    if description.on_connect:
        talks[ON_CONNECT] = description.on_connect
    return talks


def _prompt(description: Description) -> bytes | None:
    """What ends a reply, where that is a prompt."""
    framer = description.framer
    if not isinstance(framer, PromptFramer):
        return None
    plain: bytes = re.sub(rb"\\(.)", rb"\1", framer.pattern.pattern)
    if framer.pattern.fullmatch(plain) is None:
        raise DescriptionError(description.file, 0, "framing.prompt", "only a prompt that is a "
                               "plain text can be simulated, not a pattern with variants")
    return plain


def _shapes(description: Description, name: str, index: int | None = None) -> dict[str, bytes]:
    """What can stand in the places of a conversation's messages."""
    parameter = description.parameters.get(name.removeprefix("set "))
    if parameter is None or not name.startswith("set "):
        return {}
    steps = parameter.steps if index is None else parameter.steps[index:index + 1]
    shapes = {}
    for step in steps:
        for place in step.send.open:
            shape = parameter.settings[place.name].shape_of(place, step.send.encoding)
            if shape is not None:
                shapes[place.name] = shape
    return shapes


def _values_sent(parameter: Parameter, step: Step, texts: dict[str, bytes]
                 ) -> dict[str, Value] | None:
    """What was put into the places to make `texts` of it; None if it may not be."""
    values = {}
    for place in step.send.open:
        value = parameter.settings[place.name].received(place, texts[place.name],
                                                        step.send.encoding)
        if value is None:
            return None
        values[place.name] = value
    return values
