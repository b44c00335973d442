"""From YAML to the fields of a reply."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from .context import MAX_ENTRIES, Context, repeated
from .errors import DescriptionError
from .fields import NOTHING, ONE, Field
from .keys import names
from .load_places import load_exponent, load_place
from .nodes import Node
from .reply import Packed, Place, Whole
from .times import check_format

FIELD_KEYS = names("field", "coil", "discrete", "holding", "input", "format")
TYPES = ["float", "int", "str"]

_NAME = re.compile(r"_*[A-Za-z][A-Za-z0-9_]*")


def check_name(name: str, node: Node, what: str) -> str:
    """`name` if OCS takes it as a name of `what` (see ``Feed.verify_data_field_string``)."""
    if not _NAME.fullmatch(name) or len(name) > 255:
        raise node.at_key().error(f"{name!r} cannot name {what}; a name consists of letters "
                                  "(a-z, A-Z), digits and underscores, begins with a letter, and "
                                  "has at most 255 characters")
    if name in ("time", "feed"):    # with a field `feed`, no query would find its points
        raise node.at_key().error(f"{name!r} cannot name a field: InfluxDB uses this name itself")
    return name


def each_field(section: Node, context: Context, known: list[str]
               ) -> Iterator[tuple[str, Node, dict[str, Node], Context]]:
    """The fields of a section, those that ``repeat`` makes one by one."""
    number = 0
    for template_name, node in section.named("fields").items():
        keys = {} if node.is_empty else node.mapping(known)
        for name, inside in repeated(node, keys, template_name, context):
            number += 1
            if number > MAX_ENTRIES:
                raise section.error(f"there are more than {MAX_ENTRIES} fields")
            check_name(name, node, "a field")
            yield name, node, keys, inside


def load_fields(query: dict[str, Node], context: Context) -> tuple[Field, ...]:
    """The fields of a query or of a message."""
    section = query["fields"]
    fields: dict[str, Field] = {}
    for name, node, keys, inside in each_field(section, context, FIELD_KEYS):
        if name in fields:
            raise node.at_key().error(f"there are two fields called {name!r}")
        fields[name] = load_field(name, node, keys, query, inside)
    whole = [f.name for f in fields.values() if isinstance(f.place, Whole) and f.bits is None]
    if not fields or len(whole) > 1:
        raise section.error(
            f"{' and '.join(whole)} would all be the whole reply; say where each stands with "
            "'split' and 'index', 'regex', or 'at' and 'struct'" if fields
            else "is empty; expected at least one field")
    return tuple(fields.values())


def load_field(name: str, node: Node, keys: dict[str, Node], query: dict[str, Node],
               context: Context) -> Field:
    """One field of a query; nothing need be said of a number that is the whole reply."""
    place = load_place(name, node, keys, query, context)
    return describe_field(name, place, keys, context, missing=_missing(keys, query, context),
                          exponent=load_exponent(keys, query, context))


def describe_field(name: str, place: Place, keys: dict[str, Node], context: Context, *,
                   missing: tuple[bytes | Decimal, ...] = (),
                   exponent: Place | None = None) -> Field:
    """What the bytes in `place` mean."""
    labels = load_labels(keys["enum"]) if "enum" in keys else None
    bits = _bits(keys, context)
    type = _type(keys, place, labels, bits)
    scale = keys["scale"].decimal("a factor") if "scale" in keys else ONE
    offset = keys["offset"].decimal("a number") if "offset" in keys else NOTHING
    for key in ("scale", "offset"):
        if key in keys and (scale == 0 or type == "str" or bits is not None or labels is not None):
            raise keys[key].error("must be a number other than 0" if not scale
                                  else "is only for numbers")
    if "type" not in keys and not _is_whole(scale, offset):
        type = "float"
    base = _base(keys, type, place)
    packed = isinstance(place, Packed) and not place.is_text
    if "bcd" in keys and not packed:
        raise keys["bcd"].error("is only for fields with 'at' and 'struct'")
    if exponent is not None and type != "float":
        raise keys["exponent"].error("is only for a field of type float")
    return Field(
        name, place, type, keys["unit"].label("a unit") if "unit" in keys else "",
        scale, offset, bits, labels, base, "bcd" in keys and keys["bcd"].boolean(), missing,
        "optional" in keys and keys["optional"].boolean(),
        _replacements(keys, context), exponent, context.encoding, _time(keys, type, place))


def _is_whole(scale: Decimal, offset: Decimal) -> bool:
    return scale == scale.to_integral_value() and offset == offset.to_integral_value()


def _type(keys: dict[str, Node], place: Place, labels: dict[int | str, str] | None,
          bits: tuple[int, int] | None) -> str:
    packed = isinstance(place, Packed) and not place.is_text
    type = "float"
    if labels is not None:
        type = "int" if all(isinstance(key, int) for key in labels) else "str"
    elif isinstance(place, Packed) and place.is_text:
        type = "str"
    elif bits is not None or "base" in keys or (isinstance(place, Packed) and not place.is_float):
        type = "int"
    if "type" in keys:
        if labels is not None:
            raise keys["type"].error("cannot be used together with 'enum'")
        type = keys["type"].choice(TYPES)
    if type == "str" and packed and labels is None:
        raise keys["type"].error("bytes that are unpacked by 'struct' are a number, not a text")
    if bits is not None and packed:
        assert isinstance(place, Packed)
        if place.is_float or bits[1] >= 8 * place.size:
            raise keys["bit" if "bit" in keys else "bits"].error(
                f"{place.format!r} is no whole number, and has no bits" if place.is_float else
                f"{place.format!r} has {8 * place.size} bits, counted from 0")
    if bits is not None and type != "int":
        raise keys["bit" if "bit" in keys else "bits"].error(
            f"only a field of type int has bits, not one of type {type}")
    return type


def _bits(keys: dict[str, Node], context: Context) -> tuple[int, int] | None:
    if "bit" in keys:
        bit = context.number(keys["bit"], "the number of a bit", 0, 63)
        return bit, bit
    if "bits" not in keys:
        return None
    ends = keys["bits"].items("the first and the last bit")
    if len(ends) != 2:
        raise keys["bits"].error("must be [first, last], counted from 0")
    first, last = (end.whole("the number of a bit", 0, 63) for end in ends)
    if first > last:
        raise keys["bits"].error("must be [first, last], the lower one first")
    return first, last


def _base(keys: dict[str, Node], type: str, place: Place) -> int:
    if "base" not in keys:
        return 10
    if not keys["base"].is_number or (base := keys["base"].number()) not in (2, 8, 10, 16):
        raise keys["base"].error(f"must be 2, 8, 10 or 16, not {keys['base'].kind}")
    if isinstance(place, Packed) and place.digits:
        return 10       # (the place has seen to it)
    if type == "str":
        raise keys["base"].error("is only for numbers that are written as text")
    return int(base)


def _time(keys: dict[str, Node], type: str, place: Place) -> str:
    if "time" not in keys:
        return ""
    if type != "float" or isinstance(place, Packed) or {"exponent", "base"} & {*keys}:
        raise keys["time"].error("is only for a field of type float, of a time written as text")
    try:
        return check_format(keys["time"].text("the format of a time"), reads=True)
    except DescriptionError:
        raise
    except ValueError as exc:
        raise keys["time"].error(str(exc)) from None


def _missing(keys: dict[str, Node], query: dict[str, Node], context: Context
             ) -> tuple[bytes | Decimal, ...]:
    """Texts, and numbers however they are written."""
    found: list[bytes | Decimal] = []
    for place in (keys, query):
        if "missing" in place:
            node = place["missing"]
            for item in node.items("texts") if node.is_list else [node]:
                text = str(item.node.value) if item.is_number \
                    else item.wire_text("what stands in place of a value", context.encoding)
                found.append(text.strip().encode(context.encoding, "replace"))
                if item.is_number:
                    found.append(item.decimal("a number"))
    return tuple(found)


def _replacements(keys: dict[str, Node], context: Context) -> dict[bytes, bytes]:
    if "replace" not in keys:
        return {}
    if not keys["replace"].is_mapping:
        raise keys["replace"].error('must be a mapping of texts to texts, such as {"N": "-"}')
    pairs = [(key.text("a text in quotes"), value.text("a text in quotes"))
             for key, value in keys["replace"].pairs()]
    for old, new in pairs:
        if len(old) > 20 or len(new) > 20 or not old:
            raise keys["replace"].error("must be short texts")
    return {old.encode(context.encoding, "replace"): new.encode(context.encoding, "replace")
            for old, new in pairs[:50]}


def load_labels(node: Node) -> dict[int | str, str]:
    """What each value is called: ``{0: "off", 1: "on"}``."""
    if not node.is_mapping:
        raise node.error(f'must be a mapping of values to names, such as {{0: "off", 1: "on"}}, '
                         f"not {node.kind}")
    labels: dict[int | str, str] = {}
    for key, value in node.pairs():
        raw: int | str = key.whole("a whole number", -2 ** 63, 2 ** 63) if key.is_number \
            else key.text("the value")
        labels[raw] = value.label("the name")
    if not labels:
        raise node.error("is empty; expected at least one value")
    if len({type(raw) for raw in labels}) > 1:
        raise node.error("has numbers and texts as values; quote all of them, or none")
    return labels
