"""From YAML to what can be set."""

from __future__ import annotations

from .errors import did_you_mean
from .load_queries import MAX_ENTRIES, check_name, fill_name, repeated
from .load_steps import Context, load_steps
from .model import ONLY, Parameter, Query
from .nodes import Node
from .places import Value
from .settings import Setting

PARAMETER_KEYS = ["repeat", "send", "expect", "match", "length", "type", "unit", "range",
                  "choices", "read_back"]


def load_parameters(section: Node, terminator: bytes, queries: dict[str, Query]
                    ) -> dict[str, Parameter]:
    """The section ``parameters``."""
    parameters: dict[str, Parameter] = {}
    for template_name, node in section.named("parameters").items():
        keys = node.mapping(PARAMETER_KEYS)
        for name, values in repeated(node, keys, template_name):
            if len(parameters) > MAX_ENTRIES:
                raise node.at_key().error(f"there are more than {MAX_ENTRIES} parameters")
            if name in parameters:
                raise node.at_key().error(f"there are two parameters called {name!r}")
            check_name(name, node, "a parameter")
            context = Context(terminator, values, later=("value",))
            parameters[name] = load_parameter(name, node, keys, context, queries)
    return parameters


def load_parameter(name: str, node: Node, keys: dict[str, Node], context: Context,
                   queries: dict[str, Query]) -> Parameter:
    steps = load_steps(node, keys, context, reads=False)
    if not any("value" in step.send.places for step in steps):
        raise keys["send"].error("has no place {value} for the value that is to be set")
    parameter = Parameter(name, steps, {ONLY: load_setting(name, keys, context, queries)})
    try_out(parameter, keys)
    return parameter


def load_setting(name: str, keys: dict[str, Node], context: Context,
                 queries: dict[str, Query]) -> Setting:
    choices = load_choices(keys["choices"]) if "choices" in keys else None
    if choices is not None:
        for key in ("range", "type"):
            if key in keys:
                raise keys[key].error("makes no sense beside 'choices'")
    type = keys["type"].choice(["float", "int"]) if "type" in keys else "float"
    least, most = float("-inf"), float("inf")
    if "range" in keys:
        ends = keys["range"].items("the least and the greatest value")
        if len(ends) != 2:
            raise keys["range"].error("must be [least, greatest]")
        least, most = (end.number() for end in ends)
        if least > most:
            raise keys["range"].error(f"begins at {least:g}, above its end {most:g}")
    unit = keys["unit"].text("a unit") if "unit" in keys else ""
    field = ""
    if "read_back" in keys:
        field = fill_name(keys["read_back"].text("the name of a field"), keys["read_back"],
                          context.values)
        known = [f.name for q in queries.values() for f in q.fields]
        if field not in known:
            raise keys["read_back"].error(f"there is no field {field!r}"
                                          f"{did_you_mean(field, known)}")
    return Setting(name, type, unit, least, most, choices, field=field)


def load_choices(node: Node) -> dict[Value, Value]:
    """``[A, B]``, or ``{"off": 0, "on": 1}`` with what is sent for each."""
    def one(item: Node) -> Value:
        if item.is_number:
            number = item.number()
            return int(number) if number == int(number) else number
        return item.text("a choice")
    pairs = [(one(key), one(value)) for key, value in node.pairs()] if node.is_mapping \
        else [(one(item), one(item)) for item in node.items("choices")]
    if not pairs:
        raise node.error("has no choice; expected at least one")
    return dict(pairs)


def try_out(parameter: Parameter, keys: dict[str, Node]) -> None:
    """Fill the messages with values that may be set: a bad format shows now, not at night."""
    for name, setting in parameter.settings.items():
        others = {other: s.check(s.trials()[0]) for other, s in parameter.settings.items()
                  if other != name}
        for trial in setting.trials():
            try:
                values = {**others, name: setting.check(trial)}
                for step in parameter.steps:
                    step.send.fill(values)
                    if step.expect is not None:
                        step.expect.fill(values)
            except ValueError as exc:
                raise keys["send"].error(f"cannot be filled with the value {trial!r}: {exc}"
                                         ) from None
