"""From YAML to messages: templates and steps."""

from __future__ import annotations

import re
from dataclasses import replace

from ..core.framing import Framer
from .context import Context
from .effort import OF_AN_ENTRY
from .errors import DescriptionError, did_you_mean
from .keys import names
from .load_framing import MAX_REPLY, load_checksum, load_reply_end
from .nodes import Node
from .places import Place
from .steps import Step
from .template import CHECKSUM, Template

#: What says where an answer ends, if not where the device's answers usually do.
ENDS = ("length", "terminator", "prompt", "lines")
STEP_KEYS = names("step")


def load_template(node: Node, context: Context, *, reply: bool = False,
                  summed: bool = True) -> Template:
    """``"text"``, to which the terminator is added, or ``{hex: "05 0d"}``, which is all."""
    is_hex = node.is_mapping
    if is_hex:
        node = node.mapping(["hex"], required=("hex",))["hex"]
        text = node.text('hexadecimal digits in quotes, such as "05 0d"')
    else:
        text = node.wire_text("an answer" if reply else "a message", context.encoding)
    has_sum = f"{{{CHECKSUM}" in text
    if has_sum and context.checksum is None:
        raise node.error("contains {checksum}, but the description has no 'checksum'")
    checksum = context.checksum if has_sum or (
        summed and not reply and context.sums_commands) else None
    try:
        template = Template.parse(
            text, is_hex=is_hex, terminator=b"" if reply or is_hex else context.terminator,
            encoding=context.encoding, checksum=checksum,
            wrapping=None if reply or is_hex else context.wrapping)
    except ValueError as exc:
        raise node.error(str(exc)) from None
    if reply and any(isinstance(piece, Place) and piece.is_time for piece in template.pieces):
        raise node.error("cannot contain the time: it goes on until the answer comes")
    known = [*context.values, *context.later]
    for place in template.places:
        if place not in known:
            raise node.error(f"the placeholder {{{place}}} has no value here"
                             f"{did_you_mean(place, known)}; there are "
                             f"{', '.join('{' + k + '}' for k in known) or 'none'} "
                             "(to send a brace, write it twice)")
    node.spend(OF_AN_ENTRY + len(text) // 10)
    try:
        template = template.partly(context.values)
        node.spend(template.length // 10)
        if not template.places:
            template.fill({})
    except DescriptionError:
        raise
    except ValueError as exc:
        raise node.error(str(exc)) from None
    return template


def is_step(node: Node) -> bool:
    """Does a mapping with ``send`` stand here, and not a message alone?"""
    return node.is_mapping and any(key in STEP_KEYS for key in node.named("keys"))


def load_steps(owner: Node, keys: dict[str, Node], context: Context, *,
               reads: bool) -> tuple[Step, ...]:
    """``send`` with its ``expect``, ``match`` and so on; a list of messages is allowed.

    With `reads`, the last message has an answer even if nothing is said about it.
    """
    if "send" not in keys:
        raise owner.error("the key 'send' is missing: what should be sent?")
    send = keys["send"]
    if not send.is_list:
        if is_step(send):
            raise send.error('must be a message, such as "*RST" or {hex: "05"}, or a list of '
                             "steps")
        return (build_step(send, keys, context, reads=reads),)
    nodes = send.items("messages")
    if not nodes:
        raise send.error("is an empty list; what should be sent?")
    if len(nodes) > 100:
        raise send.error("has more than 100 messages")
    # (What stands at the query is about its last message, too.)
    here = {key: node for key, node in keys.items() if key in STEP_KEYS and key != "send"}
    return load_list(nodes, context, reads=reads, last=here)


def load_list(nodes: list[Node], context: Context, *, reads: bool = False,
              last: dict[str, Node] | None = None) -> tuple[Step, ...]:
    """Messages: as text, as ``{hex: ...}``, or ``{send: ..., expect: ..., match: ...}``.

    A mapping without ``send`` is a further answer to the message before.
    """
    steps: list[Step] = []
    send: Node | None = None
    for node in nodes:
        final = node is nodes[-1]
        keys = {**(node.mapping(STEP_KEYS) if is_step(node) else {"send": node}),
                **((last or {}) if final else {})}
        if "send" in keys:
            send = keys["send"]
            if send.is_list:
                raise send.error("is a list inside a list of steps")
            steps.append(build_step(send, keys, context, reads=reads and final))
        else:
            if send is None:
                raise node.error("the key 'send' is missing: the first step must send something")
            add_answer(steps, node, build_step(send, keys, context, reads=True), keys)
    return tuple(steps)


def add_answer(steps: list[Step], node: Node, answer: Step, keys: dict[str, Node]) -> None:
    """An answer to the last message: its first, unless it has one already."""
    if "expect" not in keys and "match" not in keys:
        raise node.error("must have 'send', or 'expect' or 'match' for a further answer")
    for key in (*ENDS, "keep_prompt", "wait"):
        if key in keys:
            raise keys[key].error("belongs to the step with 'send'; all answers to a message "
                                  "end in the same way")
    if steps[-1].reads:
        steps.append(replace(answer, more=True))
    else:
        steps[-1] = replace(answer, framer=steps[-1].framer, wait=steps[-1].wait)


def build_step(send: Node, keys: dict[str, Node], context: Context, *, reads: bool) -> Step:
    """A step, with what the mapping `keys` says of its answer."""
    summed = True
    if "checksum" in keys and keys["checksum"].is_mapping:
        checksum, commands, replies = load_checksum(keys["checksum"])
        context = replace(context, checksum=checksum, sums_commands=commands,
                          sums_replies=replies)
    elif "checksum" in keys:
        summed = keys["checksum"].boolean()
    message = load_template(send, context, summed=summed)
    expect = load_template(keys["expect"], context, reply=True) if "expect" in keys else None
    match = context.pattern(keys["match"]) if "match" in keys else None
    if match is not None and (places := [name for name in context.later if re.search(
            rf"\{{{name}[:}}]", match.text)]):
        raise keys["match"].error(f"cannot contain the value that is set, {{{places[0]}}}; "
                                  "'expect' can")
    reads = reads or expect is not None or match is not None
    framer = load_end(keys, context)
    if framer is not None and not reads:
        key = next(key for key in ENDS if key in keys)
        raise keys[key].error("says where an answer ends, but no answer is read here; "
                              "say what must come with 'expect' or 'match'")
    if "timeout" in keys and not reads:
        raise keys["timeout"].error("is for an answer, but no answer is read here")
    sums = summed and context.sums_replies and reads and expect is None
    return Step(message, expect, match, framer, reads,
                wait=keys["wait"].seconds(most=3600) if "wait" in keys else 0.0,
                timeout=keys["timeout"].seconds(most=86400) if "timeout" in keys else None,
                checksum=context.checksum if sums else None, errors=context.errors,
                wrapping=context.wrapping if reads else None)


def load_end(keys: dict[str, Node], context: Context) -> Framer | None:
    """Where an answer ends, if not where the device's answers usually do."""
    ends = [key for key in ENDS if key in keys]
    if "keep_prompt" in keys and "prompt" not in keys:
        raise keys["keep_prompt"].error("is only for an answer with 'prompt'")
    if not ends:
        return None
    if len(ends) > 1 and set(ends) != {"terminator", "lines"}:
        raise keys[ends[1]].error(f"cannot be used together with {ends[0]!r}")
    return load_reply_end({key: keys[key] for key in (*ENDS, "keep_prompt") if key in keys},
                          context)


__all__ = ["ENDS", "MAX_REPLY", "STEP_KEYS", "build_step", "is_step", "load_end", "load_list",
           "load_steps", "load_template"]
