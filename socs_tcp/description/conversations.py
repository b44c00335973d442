"""All that may be said to a device of a description, for the simulator. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from . import IDENTIFY, Description, Parameter, Step
from .load_answers import ON_CONNECT


class Known(NamedTuple):
    """A message that the device knows."""

    step: Step
    pattern: re.Pattern[bytes]


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
