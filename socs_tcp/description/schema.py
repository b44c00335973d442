"""The reference page and the JSON Schema of the language, from the table of keys."""

from __future__ import annotations

from typing import Any

from .keys import SECTIONS, required

TITLES = {
    "description": "The file", "framing": "``framing``", "header": "``header``",
    "stuffing": "``stuffing``", "checksum": "``checksum``", "error": "``error``",
    "feed": "An entry of ``feeds``",
    "step": "A step, and ``identify``", "query": "An entry of ``queries``",
    "message": "An entry of ``messages``",
    "field": "An entry of ``fields``",
    "setting": "An entry of ``values``", "parameter": "An entry of ``parameters``",
    "action": "An entry of ``actions``", "modbus": "``modbus``",
}

_WORDS = {
    "text": "text", "texts": "text, or a list", "values": "a text, a number, or a list",
    "sum": "``false``, or see ``checksum``", "word": "a name", "whole": "a whole number",
    "number": "a number", "seconds": "seconds", "bool": "true or false",
    "pattern": "a regular expression", "message": "text, or ``{hex: \"...\"}``",
    "messages": "a message, or a list of steps", "list": "a list of two numbers",
    "place": "a whole number, or ``\"{n} + 1\"`` where ``n`` is repeated", "mapping": "a mapping",
    "choices": "a list, or a mapping", "period": "seconds, or ``never``",
    "item": "a name, or a whole number", "sum_type": "a name, or a mapping",
}


def _kind(kind: str) -> str:
    if kind.startswith("map:"):
        return f"names, each with {TITLES[kind[4:]].removeprefix('An entry of ')}"
    if "|" in kind:
        return ", ".join(f"``{word}``" for word in kind.split("|"))
    return _WORDS.get(kind) or f"see {TITLES[kind]}"


def reference() -> str:
    """The reference of all keys, for the documentation."""
    lines = []
    for section, keys in SECTIONS.items():
        lines += [TITLES[section], "~" * len(TITLES[section]), ""]
        for name, key in keys.items():
            must = "; must be given" if key.required else ""
            lines += [f"``{name}`` ({_kind(key.kind)}{must})", f"   {key.says}"]
        lines.append("")
    return "\n".join(lines)


_MESSAGE: dict[str, Any] = {"anyOf": [
    {"type": "string"},
    {"type": "object", "properties": {"hex": {"type": "string"}}, "required": ["hex"],
     "additionalProperties": False}]}
_KINDS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"}, "word": {"type": "string"}, "pattern": {"type": "string"},
    "texts": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    "values": {"anyOf": [{"type": ["string", "number"]},
                         {"type": "array", "items": {"type": ["string", "number"]}}]},
    "whole": {"type": "integer"}, "number": {"type": "number"},
    "seconds": {"type": "number", "exclusiveMinimum": 0}, "bool": {"type": "boolean"},
    "sum": {"anyOf": [{"type": "boolean"}, {"$ref": "#/$defs/checksum"}]},
    "message": _MESSAGE,
    "messages": {"anyOf": [*_MESSAGE["anyOf"], {"$ref": "#/$defs/step"}, {
        "type": "array", "items": {"anyOf": [*_MESSAGE["anyOf"], {"$ref": "#/$defs/step"}]}}]},
    "list": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    "place": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    "mapping": {"type": "object"}, "choices": {"type": ["array", "object"]},
    "period": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"enum": ["never"]}]},
    "item": {"type": ["string", "integer"]}, "sum_type": {"type": ["string", "object"]},
}


def _schema_of(kind: str) -> dict[str, Any]:
    if kind.startswith("map:"):
        kinds = [{"$ref": f"#/$defs/{kind[4:]}"}, {"type": "null"},
                 *(_MESSAGE["anyOf"] if kind == "map:action" else [])]
        return {"type": "object", "additionalProperties": {"anyOf": kinds}}
    if "|" in kind:
        return {"enum": kind.split("|")}
    return _KINDS.get(kind, {"$ref": f"#/$defs/{kind}"})


def schema() -> dict[str, Any]:
    """The JSON Schema of the language, for editors."""
    def section(name: str) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": False,
                "properties": {key: {**_schema_of(it.kind), "description": it.says}
                               for key, it in SECTIONS[name].items()},
                **({"required": list(required(name))} if required(name) else {})}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "A device, as socs_tcp describes it", **section("description"),
            "$defs": {name: section(name) for name in SECTIONS if name != "description"}}
