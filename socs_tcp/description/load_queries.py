"""From YAML to queries and their fields."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from .errors import did_you_mean
from .fields import ONE, Field
from .load_steps import MAX_REPLY, Context, load_format, load_steps
from .model import Query
from .nodes import Node
from .places import Place as TemplatePlace
from .reply import Group, Item, Packed, Place, Whole
from .template import Value, fill_text, split

QUERY_KEYS = ["repeat", "send", "expect", "match", "length", "max_length", "period", "feed",
              "split", "regex", "fields"]
FIELD_KEYS = ["type", "unit", "index", "group", "at", "struct", "word_swap", "bit", "scale",
              "enum"]
TYPES = ["float", "int", "str"]
DEFAULT_PERIOD = 1.0
#: So many queries, fields and parameters, those that `repeat` makes counted.
MAX_ENTRIES = 10_000

_NAME = re.compile(r"_*[A-Za-z][A-Za-z0-9_]*")


def check_name(name: str, node: Node, what: str) -> str:
    """`name` if OCS takes it as a name of `what` (see ``Feed.verify_data_field_string``)."""
    if not _NAME.fullmatch(name) or len(name) > 255:
        raise node.at_key().error(f"{name!r} cannot name {what}; a name has letters (a-z, A-Z), "
                                  "digits and underscores, begins with a letter, and has at "
                                  "most 255 of them")
    if name in ("time", "feed"):    # with a field `feed`, no query would find its points
        raise node.at_key().error(f"{name!r} cannot name a field: InfluxDB has a meaning for it")
    return name


def repeated(node: Node, keys: dict[str, Node], name: str
             ) -> Iterator[tuple[str, dict[str, Value]]]:
    """The names and values that ``repeat: {ch: [1, 2]}`` makes of one entry."""
    if "repeat" not in keys:
        yield name, {}
        return
    variables = keys["repeat"].named("variables")
    if len(variables) != 1:
        raise keys["repeat"].error("must have one variable with a list of its values, such as "
                                   "{ch: [1, 2, 3]}")
    (variable, listed), = variables.items()
    if not re.fullmatch(r"[a-z_]+", variable) or variable == "value":
        raise listed.at_key().error("a variable is named with small letters, and not 'value'")
    items = listed.items("values")
    if not items:
        raise listed.error("is an empty list")
    if len(items) > 1000:
        raise listed.error("has more than 1000 values")
    for item in items:
        value: Value = item.whole("a whole number or a text", 0, 10 ** 9) if item.is_number \
            else item.text("a whole number or a text")
        yield fill_name(name, node, {variable: value}), {variable: value}
    if "{" not in name:
        raise node.at_key().error(f"is repeated, so its name needs {{{variable}}}, "
                                  f"such as {name}_{{{variable}}}")


def fill_name(name: str, node: Node, values: dict[str, Value]) -> str:
    """``temperature_{ch:02d}`` with its value."""
    try:
        unknown = [piece.name for piece in split(name)
                   if isinstance(piece, TemplatePlace) and piece.name not in values]
        if unknown:
            raise ValueError(f"the place {{{unknown[0]}}} has no value"
                             f"{did_you_mean(unknown[0], list(values))}")
        return fill_text(name, values)
    except ValueError as exc:
        raise node.at_key().error(str(exc)) from None


# queries

def load_queries(section: Node, terminator: bytes, feeds: list[str]) -> dict[str, Query]:
    """The section ``queries``."""
    queries: dict[str, Query] = {}
    seen: dict[str, str] = {}
    for template_name, node in section.named("queries").items():
        keys = node.mapping(QUERY_KEYS)
        for name, values in repeated(node, keys, template_name):
            if len(queries) + len(seen) > MAX_ENTRIES:
                raise node.at_key().error(f"there are more than {MAX_ENTRIES} queries and fields")
            if name in queries:
                raise node.at_key().error(f"there are two queries called {name!r}")
            if name in ("identify", "on_connect"):
                raise node.at_key().error(f"{name!r} cannot name a query; it is a section of "
                                          "its own")
            query = load_query(check_name(name, node, "a query"), node, keys,
                               Context(terminator, values), feeds)
            for field in query.fields:
                if field.name in seen:
                    raise keys["fields"].error(f"the field {field.name!r} is already in the query "
                                               f"{seen[field.name]!r}; each needs its own name")
                seen[field.name] = name
            queries[name] = query
    if not queries:
        raise section.error("has no query; expected at least one")
    return queries


def load_query(name: str, node: Node, keys: dict[str, Node], context: Context,
               feeds: list[str]) -> Query:
    steps = load_steps(node, keys, context, reads=True)
    period: float | None = DEFAULT_PERIOD
    if "period" in keys:
        at = keys["period"]
        period = at.seconds("seconds, or 'never'") if at.is_number or \
            at.text("seconds, or 'never'") != "never" else None
    feed = feeds[0]
    if "feed" in keys:
        feed = keys["feed"].choice(feeds)
    elif len(feeds) > 1:
        raise node.error(f"the key 'feed' is missing; it must be one of {', '.join(feeds)}")
    if "split" in keys and "regex" in keys:
        raise keys["regex"].error("a reply is read by 'split' or by 'regex', not by both")
    if "fields" not in keys:
        raise node.error("the key 'fields' is missing: what does the reply say?")
    fields = tuple(load_field(fill_name(n, f, context.values), f, keys)
                   for n, f in keys["fields"].named("fields").items())
    whole = [f.name for f in fields if isinstance(f.place, Whole)]
    if not fields or (whole and len(fields) > 1):
        raise keys["fields"].error(
            f"{' and '.join(whole)} would all be the whole reply; say where each stands with "
            "'split' and 'index', 'regex', or 'at' and 'struct'" if fields
            else "has no field; expected at least one")
    return Query(name, steps, fields, period, feed)


def load_field(name: str, node: Node, query: dict[str, Node]) -> Field:
    """One field of a query; nothing need be said of a number that is the whole reply."""
    check_name(name, node, "a field")
    keys = {} if node.is_empty else node.mapping(FIELD_KEYS)
    labels = load_labels(keys["enum"]) if "enum" in keys else None
    place = load_place(name, node, keys, query)
    type = "float"
    if labels is not None:
        type = "int" if all(isinstance(key, int) for key in labels) else "str"
    elif "bit" in keys or (isinstance(place, Packed) and place.format[1] not in "fd"):
        type = "int"
    if "type" in keys:
        if labels is not None:
            raise keys["type"].error("makes no sense beside 'enum'")
        type = keys["type"].choice(TYPES)
    if type == "str" and isinstance(place, Packed):
        raise keys["type"].error("bytes that are unpacked by 'struct' are a number, not a text")
    bit = keys["bit"].whole("the number of a bit", 0, 63) if "bit" in keys else None
    if bit is not None and type != "int":
        raise keys["bit"].error(f"only a field of type int has bits, not one of type {type}")
    scale = ONE
    if "scale" in keys:
        scale = keys["scale"].decimal("a factor")
        if scale == 0 or type == "str" or bit is not None or labels is not None:
            raise keys["scale"].error("must be a factor other than 0, of a number")
    unit = keys["unit"].text("a unit") if "unit" in keys else ""
    if "type" not in keys and scale != scale.to_integral_value():
        type = "float"
    return Field(name, place, type, unit, scale, bits=None if bit is None else (bit, bit),
                 labels=labels)


def load_place(name: str, node: Node, keys: dict[str, Node], query: dict[str, Node]) -> Place:
    """Where the field stands in the reply."""
    if "struct" in keys or "at" in keys:
        if "struct" not in keys or "at" not in keys:
            raise node.error("needs both 'at' (the first byte, counted from 0) and 'struct'")
        if "split" in query or "regex" in query:
            raise keys["at"].error("a reply that is read by 'split' or 'regex' has no 'at'")
        form = load_format(keys["struct"])
        swap = "word_swap" in keys and keys["word_swap"].boolean()
        if swap and struct.calcsize(form) < 4:
            raise keys["word_swap"].error(f"{form!r} has no two words that could be swapped")
        return Packed(keys["at"].whole("the first byte, counted from 0,", 0, 65535), form, swap)
    if "word_swap" in keys:
        raise keys["word_swap"].error("is for fields with 'at' and 'struct' only")
    if "split" in query:
        if "index" not in keys:
            raise node.error("the key 'index' is missing: which item of the list (from 0)?")
        separator = query["split"].wire_text("a separator").encode("latin-1")
        if not separator:
            raise query["split"].error("must have at least one character")
        return Item(separator, keys["index"].whole("the item, counted from 0,", 0, 65535))
    if "index" in keys:
        raise keys["index"].error("is for queries with 'split: \",\"' only, and this has none")
    if "regex" in query:
        longest = query["max_length"].whole("a number of bytes", 1, MAX_REPLY) \
            if "max_length" in query else None
        pattern = query["regex"].pattern(longest)
        group = keys["group"].text() if "group" in keys else name
        if group not in pattern.regex.groupindex:
            known = list(pattern.regex.groupindex)
            raise (keys["group"] if "group" in keys else node.at_key()).error(
                f"the regular expression has no group {group!r}{did_you_mean(group, known)}; "
                f"it has {', '.join(known) or 'no named group'}, and (?P<{group}>...) makes one")
        return Group(pattern, group)
    if "group" in keys:
        raise keys["group"].error("is for queries with 'regex' only, and this has none")
    return Whole()


def load_labels(node: Node) -> dict[int | str, str]:
    """What each value is called: ``{0: "off", 1: "on"}``."""
    if not node.is_mapping:
        raise node.error(f'must be a mapping of values to names, such as {{0: "off", 1: "on"}}, '
                         f"not {node.kind}")
    labels: dict[int | str, str] = {}
    for key, value in node.pairs():
        raw: int | str = key.whole("a value", -2 ** 63, 2 ** 63) if key.is_number \
            else key.text("the value")
        labels[raw] = value.text("the name")
    if not labels:
        raise node.error("has no value; expected at least one")
    if len({type(raw) for raw in labels}) > 1:
        raise node.error("has numbers and texts as values; quote all of them, or none")
    return labels
