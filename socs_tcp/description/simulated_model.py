"""What a simulated device says and keeps. Pure: no socket, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from ..core.framing import Framer
from . import IDENTIFY, Description, Parameter, Query, Step, Value
from .conversations import conversations
from .putting import put
from .settings import Setting
from .usual import sealed, usual_answers


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
        self._usual_answers = usual_answers(description, self._talks, self._queries)
        self.reset_state()

    def reset_state(self) -> None:
        """Forget all that was set."""
        self._asked: dict[str, int] = {}
        #: What was set, as it was sent, by the name of the field that tells of it.
        self.values: dict[str, Value] = {}
        self._under_way: list[tuple[str, int]] = []

    def handle(self, command: bytes) -> bytes | list[bytes] | None:
        """The answer to one command, a list if there are several, None if there is none."""
        # A message may belong to several conversations (ENQ does): what goes on with one
        # that is under way counts before what begins another. But it may begin one, too.
        going_on = [(name, index + 1) for name, index in self._under_way
                    if index + 1 < len(self._talks[name])]
        beginning = [(name, 0) for name in self._talks]
        found = [(name, index, values) for name, index in going_on + beginning
                 if (values := self._read(name, index, command)) is not None]
        if found:
            self._under_way = [(name, self._last(name, index)) for name, index, _ in found]
            name, index, values = found[0]
            self.answered = self._talks[name][index].step.framer
            last = self._last(name, index)
            if last == index:
                return self._answer(name, index, values)
            answers = [self._answer(name, i, values) for i in range(index, last + 1)]
            return [answer for answer in answers if answer is not None]
        if self.on_unknown is not None:
            self.on_unknown(command)
        return None

    def _last(self, name: str, index: int) -> int:
        """The last answer to a message, by its number."""
        talk = self._talks[name]
        while index + 1 < len(talk) and talk[index + 1].step.more:
            index += 1
        return index

    def _read(self, name: str, index: int, command: bytes) -> dict[str, bytes] | None:
        known = self._talks[name][index]
        return None if known.step.more else known.step.send.read_back(command, known.pattern)

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
                    self.values[setting.field] = self._said(setting, value)
        if step.expect is not None:
            return step.expect.fill(values)
        if not step.reads:
            return None
        if name in self._queries and index + 1 == len(self._talks[name]):
            return self._reply(self._queries[name])
        return self._usual_answers[name, index]

    def _said(self, setting: Setting, sent: Value) -> Value:
        """What the field says once `sent` was set: a device that takes ON may answer 1."""
        query = self._description.query_for_field(setting.field)
        labels = next(f.labels for f in query.fields if f.name == setting.field)
        choices = setting.choices or {}
        names = [sent, *(name for name, what in choices.items() if what == sent)]
        if labels is None:
            return names[-1] if self._says_names(query, setting.field, choices) else sent
        if sent in labels:
            return sent
        return next((raw for raw, label in labels.items() if label in names), sent)

    def _says_names(self, query: Query, field: str, choices: Mapping[Value, Value]) -> bool:
        """Does an answer under ``simulate`` say what is set by its name, and not as it is sent?"""
        for answer in self._description.answers.get(query.name, ()):
            said = query.parse(query.steps[-1].check(answer, {}, query.name))[0].get(field)
            if said is not None and said in choices and choices[said] != said:
                return True
        return False

    def _reply(self, query: Query) -> bytes:
        answers = self._description.answers.get(query.name) \
            or (self._usual_answers[query.name, len(query.steps) - 1],)
        count = self._asked.get(query.name, 0)
        self._asked[query.name] = count + 1
        reply, step = answers[count % len(answers)], query.steps[-1]
        changed = [field for field in query.fields if field.name in self.values]
        if not changed:
            return reply
        if step.checksum is not None:
            reply = step.checksum.strip(reply)
        for field in changed:
            reply = put(field, reply, self.values[field.name])
        return sealed(reply, step, step.framer or self._description.framer)


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
