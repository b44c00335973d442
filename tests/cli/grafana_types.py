"""What does not fit the types that Grafana publishes for dashboards (grafana-foundation-sdk)."""

from __future__ import annotations

import enum
import json
import types
import typing

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()      # the kinds of panels, whose options are typed, too
MODELS = "grafana_foundation_sdk.models."
#: Every unit that Grafana knows.
KNOWN_UNITS = {value for value in vars(units).values() if isinstance(value, str)}


def misfits(board):
    """Where a dashboard has a key that Grafana does not know, or a value of another type."""
    read = Dashboard.from_json(board)
    kept = json.loads(JSONEncoder().encode(read))
    return [*_lost(board, kept, ""), *_wrong(read, Dashboard, "")]


def _lost(given, kept, where):
    """What Grafana's own classes leave out when they read it and write it again."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            yield from _lost(value, kept[key], f"{where}.{key}") if key in kept \
                else [f"{where}.{key}"]
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, pair in enumerate(zip(given, kept, strict=True)):
            yield from _lost(*pair, f"{where}[{number}]")
    elif given != kept:
        yield where


def _wrong(value, hint, where):
    """Where the type is not the one that Grafana's classes declare."""
    if hint in (typing.Any, object):
        hint = type(value)      # the options of a kind of panel have a class of their own
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is not None or type(None) not in choices:
            yield from min((list(_wrong(value, choice, where)) for choice in choices
                            if choice is not type(None)), key=len)
    elif origin is list and isinstance(value, list):
        for number, one in enumerate(value):
            yield from _wrong(one, choices[0], f"{where}[{number}]")
    elif origin is dict and isinstance(value, dict):
        for key, one in value.items():
            yield from _wrong(one, choices[1], f"{where}.{key}")
    elif not _is_a(value, hint, origin, choices):
        yield f"{where}: {value!r} is no {hint}"
    elif hint.__module__.startswith(MODELS) and not issubclass(hint, enum.Enum):
        for name, declared in typing.get_type_hints(hint).items():
            yield from _wrong(getattr(value, name), declared, f"{where}.{name}")


def _is_a(value, hint, origin, choices):
    if origin is typing.Literal:
        return value in choices
    if origin is not None:
        return False
    if issubclass(hint, enum.Enum):
        return value in {member.value for member in hint}
    if hint is float:
        return isinstance(value, (int, float))
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))
