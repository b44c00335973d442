"""What a simulated device says of itself, where its description does not say it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..core.framing import FixedFramer, Framer, PromptFramer
from . import Description, DescriptionError, Query, Step, Value
from .conversations import Known
from .examples import example
from .fields import Field
from .framers import HeaderFramer
from .load_answers import ON_CONNECT
from .patterns import Pattern
from .putting import put
from .reply import Group, Item, Packed, Place
from .settings import Setting


def usual_answers(description: Description, talks: Mapping[str, list[Known]],
                  queries: Mapping[str, Query]) -> dict[tuple[str, int], bytes]:
    """An answer to each message that has one, by its conversation and its number in that.

    Raises
    ------
    DescriptionError
        With all those for which none can be made up.
    """
    answers: dict[tuple[str, int], bytes] = {}
    obstacles = []
    for name, talk in talks.items():
        for index, known in enumerate(talk):
            last = name in queries and index + 1 == len(talk)
            if not known.step.reads or (known.step.expect is not None and not last) \
                    or (last and name in description.answers):
                continue
            answer = _reply(description, queries[name]) if last else \
                _acknowledgement(description, name, known.step)
            if answer is None:
                obstacles.append(name)
            else:
                answers[name, index] = answer
    if obstacles:
        raise DescriptionError(description.file, 0, f"simulate.{obstacles[0]}",
                               "the answer is missing, and none can be invented for "
                               f"{', '.join(obstacles[:20])}")
    return answers


def _acknowledgement(description: Description, name: str, step: Step) -> bytes | None:
    """The answer to a message that is read but holds no field."""
    given = description.answers.get(name, ()) if name == ON_CONNECT else ()
    made_up = (example(step.match) or b"") if step.match is not None else b""
    framer = step.framer or description.framer
    end = _end(framer, step)
    return next((whole for answer in (*given[:1], made_up, end, made_up + end)
                 if (whole := _whole(answer, step, framer)) is not None), None)


def _reply(description: Description, query: Query) -> bytes | None:
    """An answer that the description can read."""
    step = query.steps[-1]
    if step.expect is not None:
        return step.expect.fill({}) if not step.expect.places else None
    framer = step.framer or description.framer
    for skeleton in _skeletons(query, framer):
        reply = skeleton
        for field in query.fields:
            reply = _with(reply, field, usual(description, field))
        if query.fields and not isinstance(_place(query.fields[0]), Packed):
            reply = _filled_up(reply, step, framer, b" ")
        whole = _whole(reply, step, framer)
        if whole is not None and not query.parse(step.check(whole, {}, query.name))[1]:
            return whole
    return None


def _with(reply: bytes, field: Field, value: Value) -> bytes:
    """`reply` with `value` in it; as it is if the field could not be read then."""
    try:
        changed = put(field, reply, value)
        field.parse(changed)
    except ValueError:
        return reply
    return changed


def _skeletons(query: Query, framer: Framer) -> Iterator[bytes]:
    """Replies with a place for each field."""
    step, places = query.steps[-1], [_place(field) for field in query.fields]
    start = example(step.match) or b"" if step.match is not None else b""
    end = _end(framer, step)
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
    elif packed and not isinstance(framer, FixedFramer):
        reply = start.ljust(max(place.end if place.at >= 0 else -place.at for place in packed),
                            b"\0")
    yield _filled_up(reply, step, framer) + end


def _place(field: Field) -> Place:
    """Where a field stands; of bytes in a list or a group, where that is."""
    place = field.place
    return place if not isinstance(place, Packed) or place.within is None else place.within


def _end(framer: Framer, step: Step) -> bytes:
    """The prompt that stays at the end of a reply, but for the checksum that may stand in it."""
    if not (isinstance(framer, PromptFramer) and framer.keep):
        return b""
    prompt = example(Pattern(framer.pattern, 1000)) or b""
    return prompt[:len(prompt) - (step.checksum.length if step.checksum else 0)]


def _filled_up(reply: bytes, step: Step, framer: Framer, byte: bytes = b"\0") -> bytes:
    """`reply` with as many bytes as there are in front of its checksum."""
    if not isinstance(framer, FixedFramer):
        return reply
    return reply.ljust(framer.length - (step.checksum.length if step.checksum else 0), byte)


def _whole(answer: bytes, step: Step, framer: Framer) -> bytes | None:
    """`answer` as it comes, with its checksum, if it is one that the step takes."""
    answer = sealed(_filled_up(answer, step, framer), step, framer)
    if isinstance(framer, PromptFramer) and framer.keep and not any(
            match.end() == len(answer) for match in framer.pattern.finditer(answer)):
        return None
    try:
        step.check(answer, {}, "")
    except (ValueError, KeyError):
        return None
    return answer


def sealed(answer: bytes, step: Step, framer: Framer) -> bytes:
    """`answer` with its length in its header, and its checksum."""
    if isinstance(framer, HeaderFramer):
        answer = framer.announced(answer, step.checksum.length if step.checksum else 0)
    return answer if step.checksum is None else step.checksum.add(answer)


def usual(description: Description, field: Field) -> Value:
    """What a field is until it is set."""
    for parameter in description.parameters.values():
        for setting in parameter.settings.values():
            if setting.field == field.name:
                value = usual_setting(setting)
                if field.labels is None or value in field.labels:
                    return value
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
    values: dict[str, Value] = {"float": 1.0, "int": 0, "str": "simulated"}
    return values[field.type] if field.bits is None else 0
