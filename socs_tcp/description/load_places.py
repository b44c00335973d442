"""From YAML to where in a reply a field stands."""

from __future__ import annotations

import re
import struct

from .context import Context
from .errors import did_you_mean
from .load_framing import load_format
from .nodes import Node
from .reply import Group, Item, Packed, Place, Whole

MAX_AT = 65535
#: What ``split`` says for any blanks between the items.
WHITESPACE = "whitespace"


def load_exponent(keys: dict[str, Node], query: dict[str, Node], context: Context) -> Place | None:
    if "exponent" not in keys:
        return None
    node = keys["exponent"]
    if "regex" in query and not node.is_number:
        pattern = context.pattern(query["regex"], load_longest(query))
        group = node.text("the name of a group")
        if group not in pattern.regex.groupindex:
            raise node.error(f"the regular expression has no group {group!r}")
        return Group(pattern, group)
    if "split" in query:
        return Item(load_separator(query["split"]), context.number(node, "an item", 0, MAX_AT))
    raise node.error("must be a group of 'regex' or an item of 'split', but there is neither")


def load_separator(node: Node) -> bytes:
    """What stands between two items; empty for white space."""
    text = node.wire_text("a separator")
    if not text:
        raise node.error("must have at least one character")
    return b"" if text == WHITESPACE else text.encode("latin-1")


def load_longest(query: dict[str, Node]) -> int | None:
    return query["max_length"].whole("a number of bytes", 1, 65536) \
        if "max_length" in query else None


def load_place(name: str, node: Node, keys: dict[str, Node], query: dict[str, Node],
               context: Context) -> Place:
    """Where the field stands in the reply."""
    if "struct" in keys or "at" in keys:
        return _packed(name, node, keys, query, context)
    if "word_swap" in keys:
        raise keys["word_swap"].error("is only for fields with 'struct'")
    return _in_text(name, node, keys, query, context)


def _in_text(name: str, node: Node, keys: dict[str, Node], query: dict[str, Node],
             context: Context) -> Whole | Item | Group:
    if "split" in query:
        if "index" not in keys:
            raise node.error("the key 'index' is missing: which item of the list (from 0)?")
        return Item(load_separator(query["split"]),
                    context.number(keys["index"], "the item, counted from 0,", 0, MAX_AT))
    if "index" in keys:
        raise keys["index"].error("is only for queries with 'split', such as split: \",\"")
    if "regex" in query:
        return _group(name, node, keys, query, context)
    if "group" in keys:
        raise keys["group"].error("is only for queries with 'regex'")
    return Whole()


def _packed(name: str, node: Node, keys: dict[str, Node], query: dict[str, Node],
            context: Context) -> Packed:
    if "struct" not in keys:
        raise node.error("needs both 'at' (the first byte, counted from 0) and 'struct'")
    text = keys["struct"].text("a struct format") if not keys["struct"].is_number else ""
    form = text if re.fullmatch(r"[1-9]\d{0,3}s", text) else load_format(keys["struct"])
    swap = "word_swap" in keys and keys["word_swap"].boolean()
    if swap and (struct.calcsize(form) < 4 or form.endswith("s")):
        raise keys["word_swap"].error(f"{form!r} does not have two words to swap")
    in_text, digits = "split" in query or "regex" in query, "base" in keys
    if digits and (keys["base"].whole("16", 2, 16) != 16 or form.endswith("s")):
        raise keys["base"].error("must be 16 together with 'struct', and of a number: its bytes "
                                 "are then written as hexadecimal digits")
    if "at" not in keys:
        if not in_text and not digits:
            raise node.error("needs both 'at' (the first byte, counted from 0) and 'struct'")
        return Packed(0, form, swap, _in_text(name, node, keys, query, context), digits)
    if in_text or digits:
        raise keys["at"].error("cannot be used together with 'split' or 'regex'" if in_text
                               else "is for bytes, not for hexadecimal digits")
    return Packed(context.number(keys["at"], "the first byte, counted from 0,", -MAX_AT, MAX_AT),
                  form, swap)


def _group(name: str, node: Node, keys: dict[str, Node], query: dict[str, Node],
           context: Context) -> Group:
    pattern = context.pattern(query["regex"], load_longest(query))
    group = context.name(keys["group"].text(), keys["group"]) if "group" in keys else name
    known = list(pattern.regex.groupindex)
    if group not in known:
        raise (keys["group"] if "group" in keys else node.at_key()).error(
            f"the regular expression has no group {group!r}{did_you_mean(group, known)}; "
            f"it has {', '.join(known) or 'no named group'}, and (?P<{group}>...) makes one")
    return Group(pattern, group)
