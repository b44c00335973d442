"""Where a reply ends and how a command ends: the options, and advice where they may be wrong."""

from __future__ import annotations

import argparse
import re
import struct
from typing import TYPE_CHECKING, Any

from ..core.framing import (
    BlockFramer,
    FixedFramer,
    Framer,
    LengthFramer,
    LineFramer,
    PromptFramer,
    RawFramer,
)
from .arguments import count, terminator, terminator_name
from .exits import UsageError

if TYPE_CHECKING:
    from ..description import Description

CR_LF = b"\r\n"
#: Bytes of the widest number that a struct format can have.
WIDEST = 8


def add_framing(parser: Any) -> None:
    """Add the arguments that say where a reply ends, and what ends a command."""
    group = parser.add_argument_group("where a reply ends (default: CR LF)")
    kinds = group.add_mutually_exclusive_group()
    kinds.add_argument("--terminator", metavar="TEXT", type=terminator, action="append",
                       help=r"with this: CRLF, LF, CR, NUL, ETX, or bytes such as '\n'; "
                            "repeat it to accept any of several")
    kinds.add_argument("--length", metavar="N", type=count, help="after N bytes")
    kinds.add_argument("--header", metavar="SIZE,AT,STRUCT", type=header,
                       help="after a header of SIZE bytes and the "
                            "data after it. The number at byte AT, in this struct format, is "
                            "the number of bytes that follow "
                            "(Modbus/TCP: '6,4,>H')")
    kinds.add_argument("--block", action="store_true",
                       help="after an IEEE 488.2 block, #<n><digits><bytes>, with any content")
    kinds.add_argument("--prompt", metavar="REGEX", help="with a prompt")
    kinds.add_argument("--raw", action="store_true",
                       help="a reply is whatever arrives together. Nothing is "
                             "added to a command")
    kinds.add_argument("--description", metavar="FILE",
                       help="as in a description: a YAML file, or the name of one in the package")
    group.add_argument("--send-terminator", metavar="TEXT", type=terminator,
                       help="what ends a command (the --terminator; with --prompt, CRLF; with "
                            "--block, LF; with --length, --header and --raw, nothing)")


def header(text: str) -> LengthFramer:
    """``SIZE,AT,STRUCT``, for argparse."""
    try:
        size, at, form = text.split(",")
        framer = length_framer(int(size), int(at), form)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is not SIZE,AT,STRUCT such as '6,4,>H': "
                                         f"{exc}") from None
    return framer


def length_framer(size: int, at: int, form: str) -> LengthFramer:
    """A framer for replies that begin with a header.

    Raises
    ------
    ValueError
        With what makes no sense.
    """
    try:
        wide = struct.calcsize(form)
        numbers = struct.unpack(form, bytes(wide)) if wide <= WIDEST else ()
    except struct.error as exc:
        raise ValueError(f"{form!r} is not a struct format: {exc}") from None
    if len(numbers) != 1 or not isinstance(numbers[0], int):
        raise ValueError(f"{form!r} is not one whole number; good ones are B, >H, <I")
    if at < 0 or at + wide > size:
        raise ValueError(f"{wide} bytes at {at} are not inside a header of {size} bytes")
    return LengthFramer(size, lambda data: int(struct.unpack_from(form, data, at)[0]))


def make_framer(options: argparse.Namespace) -> Framer:
    """The framer that the arguments of `add_framing` describe.

    Raises
    ------
    UsageError
        If they make no sense.
    """
    try:
        framer = _framer(options)
    except re.error as exc:
        raise UsageError(
            f"--prompt {options.prompt!r} is not a regular expression: {exc}") from None
    except (TypeError, ValueError) as exc:
        raise UsageError(str(exc)) from exc
    if options.send_terminator is not None:
        framer.send_terminator = options.send_terminator
    return framer


def _framer(options: argparse.Namespace) -> Framer:
    framer: Framer
    if options.length is not None:
        framer = FixedFramer(options.length)
    elif options.header is not None:
        framer = options.header
    elif options.block:
        framer = BlockFramer()
    elif options.raw:
        framer = RawFramer()
    elif options.prompt is not None:
        framer = PromptFramer(options.prompt)
    elif options.description is not None:
        description = described(options.description)
        framer = description.framer
        framer.send_terminator = description.send_terminator
    else:
        framer = LineFramer(CR_LF if options.terminator is None else tuple(options.terminator))
    return framer


def described(name: str) -> Description:
    """The description of this name.

    Raises
    ------
    UsageError
        With what is wrong with it.
    """
    from ..description import load

    try:
        return load(name)
    except ValueError as exc:
        raise UsageError(str(exc)) from None


# what may be the matter

def hint(framer: Framer, came: bytes) -> str:
    """What may be the matter where no whole reply came.

    Parameters
    ----------
    framer : Framer
        Where a reply was expected to end.
    came : bytes
        The beginning of a reply, whose end did not come; empty where nothing came.
    """
    if came:
        return _unfinished(framer, came)
    sent = framer.send_terminator
    if not sent:
        return ("nothing was added to the command; many devices want a terminator "
                "(--send-terminator CRLF, or LF, or CR)")
    other = {b"\r\n": "LF", b"\n": "CRLF"}.get(sent, "CRLF or LF")
    return (f"the command ended with {terminator_name(sent)}; the device may want another end "
            f"(--send-terminator {other})")


def left_over(framer: Framer, text: bytes) -> str:
    """What to say of a reply that was to end with LF and has a CR before it; else empty."""
    if not text.endswith(b"\r") or not isinstance(framer, LineFramer) or \
            framer.terminators != (b"\n",):
        return ""
    return ("the reply ends with CRLF, so that \\r is shown (--terminator CRLF "
            f"--send-terminator {terminator_name(framer.send_terminator)} leaves it out)")


def _unfinished(framer: Framer, came: bytes) -> str:
    if isinstance(framer, FixedFramer):
        return f"{len(came)} of {framer.length} bytes came; the replies may be shorter (--length)"
    if isinstance(framer, (BlockFramer, LengthFramer)):
        return "the header announces more bytes than came; --raw shows what comes"
    for name, end in (("CRLF", b"\r\n"), ("LF", b"\n"), ("CR", b"\r"), ("NUL", b"\0"),
                      ("ETX", b"\x03")):
        if came.endswith(end):
            return f"the data ends with {name}: is that the end of a reply? (--terminator {name})"
    return ("the data has no known end; say where a reply ends with --terminator, --prompt or "
            "--length, or see all that comes with --raw")
