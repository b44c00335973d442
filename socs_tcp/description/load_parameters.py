"""From YAML to what can be set, and to what can be done."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import TypeAlias

from .context import MAX_ENTRIES, RESERVED, Context, repeated
from .effort import OF_A_TRIAL
from .errors import did_you_mean
from .fields import NOTHING, ONE
from .keys import names
from .load_fields import check_name
from .load_steps import load_steps
from .model import ONLY, Action, Parameter, Query
from .nodes import Node
from .places import Value
from .settings import LONGEST_TEXT, Setting
from .steps import Step

#: Values that one command sets.
MAX_VALUES = 100
MODBUS_KEYS = ("coil", "holding", "format", "word_swap")
PARAMETER_KEYS = names("parameter", *MODBUS_KEYS)
SETTING_KEYS = names("setting")
ACTION_KEYS = names("action")
LoadParameter: TypeAlias = \
    "Callable[[str, Node, dict[str, Node], Context, dict[str, Query]], Parameter]"


def load_parameters(section: Node, context: Context, queries: dict[str, Query],
                    load: LoadParameter, known: list[str]) -> dict[str, Parameter]:
    """The section ``parameters``; `load` makes one of them, whose keys are `known`."""
    parameters: dict[str, Parameter] = {}
    for template_name, node in section.named("parameters").items():
        keys = node.mapping(known)
        for name, inside in repeated(node, keys, template_name, context):
            check_parameter(name, node, parameters)
            parameters[name] = load(name, node, keys, inside, queries)
    return parameters


def check_parameter(name: str, node: Node, parameters: dict[str, Parameter]) -> None:
    """May there be a parameter of that name?"""
    if len(parameters) > MAX_ENTRIES:
        raise node.at_key().error(f"there are more than {MAX_ENTRIES} parameters")
    if name in parameters:
        raise node.at_key().error(f"there are two parameters called {name!r}")
    check_name(name, node, "a parameter")


def load_parameter(name: str, node: Node, keys: dict[str, Node], context: Context,
                   queries: dict[str, Query]) -> Parameter:
    if "values" in keys:
        settings = load_values(keys, context, queries)
    else:
        settings = {ONLY: load_setting(name, keys, context, queries)}
    steps = load_steps(node, keys, context.having({}, tuple(settings)), reads=False)
    filled = {place for step in steps for place in step.send.places}
    for place in settings:
        if place not in filled:
            raise keys["send"].error(f"must contain {{{place}}}, the placeholder for the value")
    restore = load_restore(keys, settings)
    parameter = Parameter(name, steps, settings, restore)
    try_out(parameter, keys["send"])
    return parameter


def load_values(keys: dict[str, Node], context: Context, queries: dict[str, Query]
                ) -> dict[str, Setting]:
    """Several settings in one command."""
    for key in SETTING_KEYS:
        if key in keys:
            raise keys[key].error("belongs to each of the 'values', not here")
    settings: dict[str, Setting] = {}
    for name, node in keys["values"].named("values").items():
        if len(settings) >= MAX_VALUES:
            raise node.error(f"there are more than {MAX_VALUES} values in one command")
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", name) or name in (*context.values, *RESERVED[1:]):
            raise node.at_key().error(f"{name!r} cannot name a value; use small letters, digits "
                                      "and underscores, and not the name of a variable")
        inner = {} if node.is_empty else node.mapping(SETTING_KEYS)
        settings[name] = load_setting(name, inner, context, queries)
    if not settings:
        raise keys["values"].error("is empty; expected at least one value")
    return settings


def load_setting(name: str, keys: dict[str, Node], context: Context,
                 queries: dict[str, Query]) -> Setting:
    choices = load_choices(keys["choices"]) if "choices" in keys else None
    if choices is not None:
        for key in ("range", "type", "scale", "offset"):
            if key in keys:
                raise keys[key].error("cannot be used together with 'choices'")
    type = keys["type"].choice(["float", "int", "str"]) if "type" in keys else "float"
    for key, wanted in (("max_length", True), ("alphabet", True), ("range", False),
                        ("scale", False), ("offset", False), ("tolerance", False)):
        if key in keys and (type == "str") != wanted:
            raise keys[key].error(f"is only for {'texts' if wanted else 'numbers'}")
    for key in ("tolerance", "verify"):
        if key in keys and "read_back" not in keys:
            raise keys[key].error("is only for a value with 'read_back'")
    least, most = _range(keys)
    scale = keys["scale"].decimal("a factor") if "scale" in keys else ONE
    if not scale:
        raise keys["scale"].error("must be a factor other than 0")
    return Setting(
        name, type, keys["unit"].label("a unit") if "unit" in keys else "", least, most, choices,
        scale, keys["offset"].decimal("a number") if "offset" in keys else NOTHING,
        keys["max_length"].whole("a number of characters", 1, 4096) if "max_length" in keys
        else LONGEST_TEXT,
        _alphabet(keys), read_back(keys, context, queries),
        "verify" not in keys or keys["verify"].boolean(),
        _tolerance(keys))


def _tolerance(keys: dict[str, Node]) -> float | None:
    if "tolerance" not in keys:
        return None
    tolerance = keys["tolerance"].number("a number")
    if tolerance < 0:
        raise keys["tolerance"].error(f"must be at least 0, not {tolerance:g}")
    return tolerance


def _range(keys: dict[str, Node]) -> tuple[float, float]:
    if "range" not in keys:
        return float("-inf"), float("inf")
    ends = keys["range"].items("the lowest and the highest value")
    if len(ends) != 2:
        raise keys["range"].error("must be [lowest, highest]")
    least, most = (end.number() for end in ends)
    if least > most:
        raise keys["range"].error(f"must begin with the lowest value: [{most:g}, {least:g}]")
    return least, most


def _alphabet(keys: dict[str, Node]) -> str | None:
    if "alphabet" not in keys:
        return None
    text = keys["alphabet"].text("characters, such as A-Z0-9")
    # (One set of characters, and no way out of its brackets.)
    if not re.fullmatch(r"[^\[\]\\^]+", text) or len(text) > 200 or not text.isprintable():
        raise keys["alphabet"].error("must be characters and ranges such as A-Z0-9_, without "
                                     "brackets, backslashes and ^")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")      # of signs that may mean something one day
            re.compile(f"[{text}]")
    except (re.error, FutureWarning) as exc:
        raise keys["alphabet"].error(f"is not a set of characters: {exc}") from None
    return text


def read_back(keys: dict[str, Node], context: Context, queries: dict[str, Query]) -> str:
    """The field that tells what is set; empty where there is none."""
    if "read_back" not in keys:
        return ""
    node = keys["read_back"]
    field = context.name(node.text("the name of a field"), node)
    known = [f.name for q in queries.values() for f in q.fields]
    if field not in known:
        raise node.error(f"there is no field {field!r}{did_you_mean(field, known)}")
    return field


def load_restore(keys: dict[str, Node], settings: dict[str, Setting]) -> bool:
    if "restore" not in keys or not keys["restore"].boolean():
        return False
    if not all(setting.field for setting in settings.values()):
        raise keys["restore"].error("needs 'read_back', to see whether the device has forgotten "
                                    "what was set")
    return True


def load_choices(node: Node) -> dict[Value, Value]:
    """``[A, B]``, or ``{"off": 0, "on": 1}`` with what is sent for each."""
    def one(item: Node) -> Value:
        if item.is_number:
            number = item.number()
            return int(number) if number == int(number) else number
        return item.label("a choice")
    pairs = [(one(key), one(value)) for key, value in node.pairs()] if node.is_mapping \
        else [(one(item), one(item)) for item in node.items("choices")]
    if not pairs:
        raise node.error("is empty; expected at least one choice")
    return dict(pairs)


def try_out(parameter: Parameter, node: Node) -> None:
    """Fill the messages with values that may be set: a bad format shows now, not at night."""
    trial_takes = sum(OF_A_TRIAL * len(parameter.settings) + step.send.length // 100
                      for step in parameter.steps)
    for name, setting in parameter.settings.items():
        others = {other: s.check(s.trials()[0]) for other, s in parameter.settings.items()
                  if other != name}
        for trial in setting.trials():
            node.spend(trial_takes)
            try:
                values = {**others, name: setting.check(trial)}
                for step in parameter.steps:
                    step.send.fill(values)
                    if step.expect is not None:
                        step.expect.fill(values)
            except ValueError as exc:
                raise node.error(f"cannot be filled with the value {trial!r}: {exc}") from None


# actions

def load_actions(section: Node, context: Context) -> dict[str, Action]:
    """The section ``actions``."""
    actions: dict[str, Action] = {}
    for template_name, node in section.named("actions").items():
        keys = node.mapping(ACTION_KEYS) if not _is_message(node) else {"send": node}
        for name, inside in repeated(node, keys, template_name, context):
            if name in actions or len(actions) > MAX_ENTRIES:
                raise node.at_key().error(f"there are two actions called {name!r}")
            check_name(name, node, "an action")
            steps: tuple[Step, ...] = load_steps(node, keys, inside, reads=False)
            actions[name] = Action(name, steps)
    return actions


def _is_message(node: Node) -> bool:
    return not node.is_mapping or "hex" in node.named("keys")
