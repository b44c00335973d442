"""What a simulated device says and keeps. Pure: no socket, no clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

from ..core.framing import FixedFramer, Framer, LengthFramer
from . import IDENTIFY, Description, DescriptionError, Parameter, Query, Step, Value
from .examples import example
from .fields import Field
from .framers import KeptPromptFramer
from .load_answers import ON_CONNECT
from .patterns import Pattern
from .reply import Group, Item, Packed
from .settings import Setting


class Known(NamedTuple):
    """A message that the device knows."""

    step: Step
    pattern: re.Pattern[bytes]


class DescribedDevice:
    """The device of a description, as a model for `ScriptedDevice`.

    Parameters
    ----------
    description : Description
    on_unknown : callable, optional
        Gets each command that is not described, in the thread that runs the device.

    Attributes
    ----------
    answered : Framer or None
        Where the last reply ends, if not where replies usually do.

    Raises
    ------
    DescriptionError
        If it does not say what it is answered with; all that is missing is told at once.
    """

    def __init__(self, description: Description,
                 on_unknown: Callable[[bytes], None] | None = None) -> None:
        self.on_unknown = on_unknown
        self.answered: Framer | None = None
        self._description = description
        self._talks = conversations(description)
        self._queries = {**description.queries}
        if description.identify is not None:
            self._queries[IDENTIFY] = description.identify
        self._usual_answers: dict[tuple[str, int], bytes] = {}
        self._make_up_answers()
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
                    if index + 1 < len(self._talks[name])]
        beginning = [(name, 0) for name in self._talks]
        for candidates in (going_on, beginning):
            found = [(name, index, values) for name, index in candidates
                     if (values := self._read(name, index, command)) is not None]
            if found:
                self._under_way = [(name, index) for name, index, _ in found]
                name, index, values = found[0]
                self.answered = self._talks[name][index].step.framer
                return self._answer(name, index, values)
        if self.on_unknown is not None:
            self.on_unknown(command)
        return None

    def _read(self, name: str, index: int, command: bytes) -> dict[str, bytes] | None:
        known = self._talks[name][index]
        return known.step.send.read_back(command, known.pattern)

    def _answer(self, name: str, index: int, texts: dict[str, bytes]) -> bytes | None:
        step = self._talks[name][index].step
        values: dict[str, Value | Decimal] = {}
        if texts:
            parameter = self._description.parameters[name.removeprefix("set ")]
            said = _values_sent(parameter, step, texts)
            if said is None:
                return None
            for place, value in said.items():
                setting = parameter.settings[place]
                values[place] = _again(setting, value)
                if setting.field:
                    self.values[setting.field] = value
        if step.expect is not None:
            return step.expect.fill(values)
        if not step.reads:
            return None
        if name in self._queries and index + 1 == len(self._talks[name]):
            return self._reply(self._queries[name])
        return self._usual_answers[name, index]

    def _reply(self, query: Query) -> bytes:
        answers = self._description.answers.get(query.name) \
            or (self._usual_answers[query.name, len(query.steps) - 1],)
        count = self._asked.get(query.name, 0)
        self._asked[query.name] = count + 1
        reply, checksum = answers[count % len(answers)], query.steps[-1].checksum
        changed = [field for field in query.fields if field.name in self.values]
        if changed and checksum is not None:
            reply = checksum.strip(reply)
        for field in changed:
            reply = field.put(reply, self.values[field.name])
        return checksum.add(reply) if changed and checksum is not None else reply

    # what is made up

    def _make_up_answers(self) -> None:
        obstacles = []
        for name, talk in self._talks.items():
            for index, known in enumerate(talk):
                last = name in self._queries and index + 1 == len(talk)
                if not known.step.reads or (known.step.expect is not None and not last):
                    continue
                if last and name in self._description.answers:
                    continue
                answer = self._made_up(self._queries[name]) if last \
                    else self._acknowledgement(name, known.step)
                if answer is None:
                    obstacles.append(name)
                else:
                    self._usual_answers[name, index] = answer
        if obstacles:
            names = ", ".join(obstacles[:20])
            raise DescriptionError(self._description.file, 0, f"simulate.{obstacles[0]}",
                                   "the answer is missing, and none can be made up for a reply "
                                   f"that has to match something ({names})")

    def _acknowledgement(self, name: str, step: Step) -> bytes | None:
        """The answer to a message that is read but holds no field."""
        given = self._description.answers.get(name, (b"",))[0] if name == ON_CONNECT else b""
        candidates = [given, example(step.match) if step.match is not None else b""]
        return next((summed for answer in candidates if answer is not None
                     and (summed := _summed(answer, step)) is not None), None)

    def _made_up(self, query: Query) -> bytes | None:
        """An answer that the description can read."""
        step = query.steps[-1]
        if step.expect is not None:
            return step.expect.fill({}) if not step.expect.places else None
        framer = step.framer or self._description.framer
        if isinstance(framer, LengthFramer):
            return None
        for skeleton in self._skeletons(query, framer):
            reply = self._filled(skeleton, query)
            if reply is not None:
                return reply
        return None

    def _filled(self, reply: bytes, query: Query) -> bytes | None:
        """`reply` with the usual values in it, if it can be read then."""
        try:
            for field in query.fields:
                reply = field.put(reply, self._usual(field))
        except ValueError:
            return None
        summed = _summed(reply, query.steps[-1])
        return summed if summed is not None and not query.parse(reply)[1] else None

    def _skeletons(self, query: Query, framer: Framer) -> Iterator[bytes]:
        """Replies with a place for each field."""
        places = [field.place for field in query.fields]
        match = query.steps[-1].match
        start = example(match) or b"" if match is not None else b""
        end = b""
        if isinstance(framer, KeptPromptFramer):
            end = example(Pattern(framer.pattern, 1000)) or b""
        if places and isinstance(places[0], Group):
            inner = example(places[0].pattern) or b""
            yield from (inner, start + inner, inner + end, start + inner + end)
            return
        items = [place for place in places if isinstance(place, Item)]
        packed = [place for place in places if isinstance(place, Packed)]
        reply = start
        if items:
            reply = (items[0].separator or b" ").join(
                [b"0"] * (1 + max(item.index for item in items)))
        elif packed:
            length = framer.length if isinstance(framer, FixedFramer) else max(
                place.end if place.at >= 0 else -place.at for place in packed)
            reply = start.ljust(length, b"\0")
        yield reply + end

    def _usual(self, field: Field) -> Value:
        """What a field is until it is set."""
        for parameter in self._description.parameters.values():
            for setting in parameter.settings.values():
                if setting.field == field.name:
                    return usual_setting(setting)
        return usual_value(field)


def usual_setting(setting: Setting) -> Value:
    """What something is set to after power is switched on."""
    if setting.choices:
        return next(iter(setting.choices.values()))
    if setting.type == "str":
        return "simulated"[:setting.max_length]
    value = min(max(1.0, setting.least), setting.most)
    return int(value) if setting.type == "int" else value


def usual_value(field: Field) -> Value:
    """A value that can be read."""
    if field.labels is not None:
        return next(iter(field.labels))
    usual: dict[str, Value] = {"float": 1.0, "int": 0, "str": "simulated"}
    return usual[field.type] if field.bits is None else 0


def _summed(answer: bytes, step: Step) -> bytes | None:
    """`answer` with its checksum, if it is one that the step takes."""
    if step.checksum is not None:
        answer = step.checksum.add(answer)
    try:
        step.check(answer, {}, "")
    except (ValueError, KeyError):
        return None
    return answer


def conversations(description: Description) -> dict[str, list[Known]]:
    """All that may be said to the device, by name; what has places comes last."""
    talks = {query.name: query.steps for query in description.queries.values()}
    if description.identify is not None:
        talks[IDENTIFY] = description.identify.steps
    if description.on_connect:
        talks[ON_CONNECT] = description.on_connect
    talks.update({f"run {a.name}": a.steps for a in description.actions.values()})
    # (Otherwise one whose command is {value} alone would take all others.)
    settings = sorted(description.parameters.values(), key=_vagueness)
    talks.update({f"set {p.name}": p.steps for p in settings})
    return {name: [Known(step, _pattern(description, name, step)) for step in steps]
            for name, steps in talks.items()}


def _vagueness(parameter: Parameter) -> tuple[int, int]:
    """The fewer plain bytes its message has, the later it is looked at; texts come last."""
    plain = sum(len(piece) for step in parameter.steps for piece in step.send.pieces
                if isinstance(piece, bytes))
    kinds = [0 if s.choices is not None else 2 if s.type == "str" else 1
             for s in parameter.settings.values()]
    return -plain, max(kinds)


def _pattern(description: Description, name: str, step: Step) -> re.Pattern[bytes]:
    shapes = {}
    if name.startswith("set "):
        settings = description.parameters[name.removeprefix("set ")].settings
        for place in step.send.open:
            shape = settings[place.name].shape_of(place, step.send.encoding)
            if shape is not None:
                shapes[place.name] = shape
    return re.compile(step.send.pattern(shapes))


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


def _again(setting: Setting, value: Value) -> Value | Decimal:
    """What an answer says that repeats what was set."""
    if setting.choices is not None:
        return value
    if setting.type == "str":
        return value
    return setting.check(float(value) if isinstance(value, str) else value)


