"""From YAML to framers: where a reply ends, and what ends a message."""

from __future__ import annotations

import struct

from ..core.framing import FixedFramer, Framer, LineFramer, PromptFramer
from .checksums import FORMS, NAMES, Checksum, Crc
from .context import Context
from .errors import did_you_mean, shown
from .framers import HeaderFramer, LinesFramer, WrappedFramer
from .keys import FRAMING_KINDS, names, required
from .nodes import Node
from .replies import ErrorReply
from .wrapping import Wrapping

MAX_REPLY = 65536
MAX_LINES = 1000
#: So many terminators, and characters of each: each is compared with the others, and with values.
MAX_ENDS, LONGEST_END = 20, 100
#: Names of terminators, and how YAML has them.
_NAMED = {"CRLF": r"\r\n", "LFCR": r"\n\r", "CR": r"\r", "LF": r"\n", "NUL": r"\x00",
          "ETX": r"\x03", "EOT": r"\x04"}


def load_framing(node: Node, context: Context) -> tuple[Framer, bytes, Wrapping | None]:
    """Where a reply ends, what ends a message, and what else stands around both."""
    keys = node.mapping(names("framing"))
    kinds = [key for key in FRAMING_KINDS if key in keys and key != "lines"]
    if len(kinds) != 1:
        raise node.error("must have exactly one of terminator, length, header, prompt, to say "
                         f"where a reply ends; it has {' and '.join(kinds) or 'none'}")
    kind = kinds[0]
    for key, wanted in (("keep_prompt", "prompt"), ("lines", "terminator")):
        if key in keys and kind != wanted:
            raise keys[key].error(f"is only for a framing with {wanted!r}")
    send = b""
    if "send_terminator" in keys:
        send = _end(keys["send_terminator"])
    elif kind == "terminator":
        send = _ends(keys[kind])[0]
    parts = {key: keys[key] for key in (*FRAMING_KINDS, "keep_prompt") if key in keys}
    frames = load_reply_end(parts, context)
    wrapping = load_wrapping(keys, frames, send)
    if wrapping is not None and isinstance(frames, LineFramer) and (
            wrapping.repeats or frames.terminators[0][0] == wrapping.escape):
        frames = WrappedFramer(frames, wrapping.escape, wrapping.repeats)
    return frames, send, wrapping


def load_wrapping(keys: dict[str, Node], framer: Framer, send: bytes) -> Wrapping | None:
    """The keys ``start`` and ``stuffing`` of ``framing``."""
    given = [key for key in ("start", "stuffing") if key in keys]
    if not given:
        return None
    if not isinstance(framer, LineFramer) or len(framer.terminators) > 1:
        raise keys[given[0]].error("is only for a framing with one 'terminator', without 'lines'")
    end, = framer.terminators
    start = keys["start"].wire_text("a text").encode("latin-1") if "start" in keys else b""
    if "stuffing" not in keys:
        return Wrapping(start, repeats=start == end)
    node = keys["stuffing"]
    inner = node.mapping(names("stuffing"), required("stuffing"))
    escape = _byte(inner["escape"])
    if not inner["codes"].is_mapping:
        raise inner["codes"].error('must be a mapping of bytes to what follows the escape, such '
                                   'as {"\\x7e": "\\x5e"}')
    codes = {_byte(key): _byte(value) for key, value in inner["codes"].pairs()}
    if escape not in codes:
        raise inner["codes"].error("must contain the escape itself")
    if len(set(codes.values())) < len(codes):
        raise inner["codes"].error("has one code for two bytes")
    for edge in filter(None, (start, end, send)):
        if edge[0] not in codes:
            raise inner["codes"].error(f"must contain {shown(edge[:1])}, with which "
                                       f"{'a message begins' if edge is start else 'it ends'}")
        if (edge[:1] if edge[0] != escape else edge[1:2]) in {bytes((c,)) for c in codes.values()}:
            raise inner["codes"].error(f"has a code that makes {shown(edge)} of a byte")
    return Wrapping(start, escape, codes, start == end)


def _byte(node: Node) -> int:
    text = node.wire_text("one byte in quotes")
    if len(text) != 1:
        raise node.error(f"must be one byte in double quotes, such as \"\\x1b\", not {node.kind}")
    return ord(text)


def load_reply_end(keys: dict[str, Node], context: Context) -> Framer:
    """The framer that ``terminator``, ``length``, ``header``, ``prompt``, ``lines`` make."""
    kind = next(key for key in FRAMING_KINDS if key in keys)
    node = keys[kind]
    try:
        if kind == "length":
            return FixedFramer(node.whole("a number of bytes", 1, MAX_REPLY))
        if kind == "header":
            return _header(node)
        if kind == "prompt":
            return _prompt(keys, context)
        return _lines(keys, context)
    except (ValueError, TypeError) as exc:
        if type(exc) in (ValueError, TypeError):    # of the framer; ours say where already
            raise node.error(str(exc)) from None
        raise


def _ends(node: Node) -> tuple[bytes, ...]:
    """What ends a reply: one text, or a list of them."""
    nodes = node.items("terminators") if node.is_list else [node]
    if len(nodes) > MAX_ENDS:
        raise node.error(f"there are more than {MAX_ENDS} terminators")
    ends = tuple(_end(one) for one in nodes)
    if not all(ends) or not ends:
        raise node.error("must not be empty; for replies without a terminator, use 'length', "
                         "'header' or 'prompt'")
    return ends


def _end(node: Node) -> bytes:
    text = node.wire_text("a terminator")
    if len(text) > LONGEST_END:
        raise node.error(f"has {len(text)} characters; a terminator has at most {LONGEST_END}")
    name = text.upper().replace(" ", "").replace("+", "")
    if name in _NAMED:
        raise node.error(f"{text!r} would be these letters; write \"{_NAMED[name]}\", in double "
                         "quotes")
    return text.encode("latin-1")


def _lines(keys: dict[str, Node], context: Context) -> Framer:
    line = context.lines
    if "terminator" in keys:
        line = LineFramer(_ends(keys["terminator"]), send_terminator=b"")
    if "lines" not in keys:
        return line
    return LinesFramer(line, keys["lines"].whole("a number of lines", 1, MAX_LINES))


def _prompt(keys: dict[str, Node], context: Context) -> Framer:
    keep = "keep_prompt" in keys and keys["keep_prompt"].boolean()
    pattern = context.pattern(keys["prompt"])
    keys["prompt"].spend(pattern.work, "patterns")      # (it is looked at each time)
    return PromptFramer(pattern.regex, send_terminator=b"", keep=keep)


def _header(node: Node) -> Framer:
    keys = node.mapping(names("header"), required("header"))
    size = keys["size"].whole("the number of bytes of the header", 1, MAX_REPLY)
    form = load_format(keys["struct"], "BHI")
    at = keys["at"].whole("the byte where the length stands", 0, size - struct.calcsize(form))
    extra = keys["extra"].whole("a number of bytes", -MAX_REPLY, MAX_REPLY) \
        if "extra" in keys else 0
    return HeaderFramer(size, at, form, extra)


def load_format(node: Node, letters: str = "bBhHiIqQfd") -> str:
    """A struct format of one value with its byte order, such as ``">f"``."""
    form = node.text("a struct format")
    if form in ("b", "B"):      # a byte has no order
        form = f">{form}"
    if len(form) != 2 or form[0] not in "<>" or form[1] not in letters:
        raise node.error(f"must be the byte order (> or <) and one letter of {letters}, "
                         f'such as ">{letters[-1]}", not {form!r}')
    return form


# what replies have in common

def load_checksum(node: Node) -> tuple[Checksum, bool, bool]:
    """The section ``checksum``; the others say whether messages and replies have one."""
    keys = node.mapping(names("checksum"), required("checksum"))
    kind = keys["type"]
    known: str | Crc
    if kind.is_mapping:
        known = _crc(kind)
    else:
        known = kind.text("the name of a checksum")
        if known not in NAMES:
            raise kind.error(f"there is no checksum {known!r}{did_you_mean(known, NAMES)}; there "
                             f"are {', '.join(NAMES)}, and CRCs by their parameters")
    checksum = Checksum(
        known,
        form=keys["form"].choice(FORMS) if "form" in keys else "bytes",
        little="order" in keys and keys["order"].choice(["big", "little"]) == "little",
        skip=keys["skip"].whole("a number of bytes", 0, 1000) if "skip" in keys else 0,
        after=keys["after"].whole("a number of bytes", 0, 100) if "after" in keys else 0,
        separator=keys["separator"].wire_text("a separator").encode("latin-1")
        if "separator" in keys else b"")
    if checksum.form == "sdi12" and checksum.size != 2:
        raise keys["form"].error("sdi12 is only for checksums of 16 bits")
    commands, replies = (key not in keys or keys[key].boolean()
                         for key in ("commands", "replies"))
    return checksum, commands, replies


def _crc(node: Node) -> Crc:
    keys = node.mapping(["width", "poly", "init", "reflected", "xor_out"], ("width", "poly"))
    width = keys["width"].whole("a number of bits", 8, 32)
    if width % 8:
        raise keys["width"].error("must be 8, 16, 24 or 32")
    most = (1 << width) - 1

    def number(key: str) -> int:
        return keys[key].whole("a number", 0, most) if key in keys else 0
    return Crc(width, number("poly"), number("init"),
               "reflected" in keys and keys["reflected"].boolean(), number("xor_out"))


def load_error(node: Node, context: Context) -> ErrorReply:
    """The section ``error``."""
    keys = node.mapping(names("error"), required("error"))
    says = {}
    if "says" in keys:
        if not keys["says"].is_mapping:
            raise keys["says"].error('must be a mapping of codes to texts, such as {3: "sensor '
                                     'open"}')
        for code, text in keys["says"].pairs():
            name = str(code.whole("a code", -10 ** 9, 10 ** 9)) if code.is_number \
                else code.text("a code")
            says[name] = text.label("what it means")
    return ErrorReply(context.pattern(keys["match"]), says)
