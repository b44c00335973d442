"""From YAML to messages: templates, steps, framing."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ..core.framing import FixedFramer, Framer, LengthFramer, LineFramer, PromptFramer
from .errors import did_you_mean
from .nodes import Node
from .steps import Step
from .template import Template, Value

STEP_KEYS = ["send", "expect", "match", "length"]
MAX_REPLY = 65536


@dataclass(frozen=True)
class Context:
    """What a message may use: the terminator, and the values of ``repeat``."""

    terminator: bytes
    values: dict[str, Value]
    #: Names of places that get their value later.
    later: tuple[str, ...] = ()


def load_template(node: Node, context: Context, *, reply: bool = False) -> Template:
    """``"text"``, to which the terminator is added, or ``{hex: "05 0d"}``, which is all."""
    is_hex = node.is_mapping
    if is_hex:
        node = node.mapping(["hex"], required=("hex",))["hex"]
        text = node.text('hexadecimal digits in quotes, such as "05 0d"')
    else:
        text = node.wire_text("an answer" if reply else "a message")
    try:
        template = Template.parse(text, is_hex=is_hex,
                                  terminator=b"" if reply or is_hex else context.terminator)
    except ValueError as exc:
        raise node.error(str(exc)) from None
    known = [*context.values, *context.later]
    for place in template.places:
        if place not in known:
            raise node.error(f"the place {{{place}}} has no value here"
                             f"{did_you_mean(place, known)}; there are "
                             f"{', '.join('{' + k + '}' for k in known) or 'none'} "
                             "(a brace that is meant as such is written twice)")
    try:
        template = template.partly(context.values)
        if not template.places:
            template.fill({})
    except ValueError as exc:
        raise node.error(str(exc)) from None
    return template


def load_step(node: Node, context: Context, *, reads: bool = False) -> Step:
    """One message: as text, as ``{hex: ...}``, or ``{send: ..., expect: ..., match: ...}``."""
    if node.is_mapping and "hex" not in node.named("keys"):
        keys = node.mapping(STEP_KEYS, required=("send",))
        return build_step(load_template(keys["send"], context), keys, context, reads=reads)
    return Step(load_template(node, context), reads=reads)


def load_steps(owner: Node, keys: dict[str, Node], context: Context, *,
               reads: bool) -> tuple[Step, ...]:
    """``send`` with its ``expect``, ``match`` and ``length``; a list of messages is allowed.

    With `reads`, the last message has an answer even if nothing is said about it.
    """
    if "send" not in keys:
        raise owner.error("the key 'send' is missing: what is to be sent?")
    send = keys["send"]
    if not send.is_list:
        return (build_step(load_template(send, context), keys, context, reads=reads),)
    nodes = send.items("messages")
    if not nodes:
        raise send.error("is an empty list; what is to be sent?")
    steps = [load_step(node, context) for node in nodes[:-1]]
    last = load_step(nodes[-1], context, reads=reads)
    here = {key: node for key, node in keys.items() if key in ("expect", "match", "length")}
    if here:
        last = build_step(last.send, here, context, reads=reads)
    return (*steps, last)


def build_step(send: Template, keys: dict[str, Node], context: Context, *,
               reads: bool) -> Step:
    """A step, with what the mapping `keys` says of its answer."""
    expect = load_template(keys["expect"], context, reply=True) if "expect" in keys else None
    match = keys["match"].pattern() if "match" in keys else None
    framer = None
    if "length" in keys:
        framer = FixedFramer(keys["length"].whole("a number of bytes", 1, MAX_REPLY))
    reads = reads or expect is not None or match is not None
    if framer is not None and not reads:
        raise keys["length"].error("is the length of an answer, but no answer is read here; "
                                   "say what must come with 'expect' or 'match'")
    return Step(send, expect, match, framer, reads)


# framing

FRAMINGS = ["terminator", "length", "header", "prompt"]


def load_framing(node: Node) -> tuple[Framer, bytes]:
    """Where a reply ends, and what ends a message."""
    keys = node.mapping([*FRAMINGS, "send_terminator"])
    kinds = [key for key in FRAMINGS if key in keys]
    if len(kinds) != 1:
        raise node.error(f"must have exactly one of {', '.join(FRAMINGS)}, to say where a reply "
                         f"ends; it has {' and '.join(kinds) or 'none'}")
    kind = keys[kinds[0]]
    send = b""
    if "send_terminator" in keys:
        send = keys["send_terminator"].wire_text("a terminator").encode("latin-1")
    elif kinds[0] == "terminator":
        first = kind.items("terminators")[0] if kind.is_list and kind.items("") else kind
        send = first.wire_text("a terminator").encode("latin-1")
    try:
        return {"terminator": _line, "length": _fixed, "header": _header,
                "prompt": _prompt}[kinds[0]](kind), send
    except (ValueError, TypeError) as exc:
        if type(exc) in (ValueError, TypeError):    # of the framer; ours say where already
            raise kind.error(str(exc)) from None
        raise


def _line(node: Node) -> Framer:
    nodes = node.items("terminators") if node.is_list else [node]
    ends = tuple(n.wire_text("a terminator").encode("latin-1") for n in nodes)
    return LineFramer(ends, send_terminator=b"")


def _fixed(node: Node) -> Framer:
    return FixedFramer(node.whole("a number of bytes", 1, MAX_REPLY))


def _header(node: Node) -> Framer:
    keys = node.mapping(["size", "at", "struct"], required=("size", "at", "struct"))
    size = keys["size"].whole("the number of bytes of the header", 1, MAX_REPLY)
    form = load_format(keys["struct"], "BHI")
    at = keys["at"].whole("the byte where the length stands", 0, size - struct.calcsize(form))
    return LengthFramer(size, lambda header: int(struct.unpack_from(form, header, at)[0]))


def _prompt(node: Node) -> Framer:
    return PromptFramer(node.pattern().regex, send_terminator=b"")


def load_format(node: Node, letters: str = "bBhHiIqQfd") -> str:
    """A struct format of one value with its byte order, such as ``">f"``."""
    form = node.text("a struct format")
    if len(form) != 2 or form[0] not in "<>" or form[1] not in letters:
        raise node.error(f"must be the byte order (> or <) and one letter of {letters}, "
                         f'such as ">{letters[-1]}", not {form!r}')
    return form
