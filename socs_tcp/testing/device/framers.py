"""How commands and replies end, where only the client's framer is known."""

from __future__ import annotations

from ...core.framing import BlockFramer, Framer, LengthFramer, LineFramer, RawFramer


def command_framer_of(framer: Framer) -> Framer:
    """What cuts the commands of a client that uses `framer`."""
    if isinstance(framer, LengthFramer):
        return framer
    if framer.send_terminator:
        return LineFramer(framer.send_terminator, max_length=framer.max_length)
    return RawFramer()


def reply_terminator_of(framer: Framer) -> bytes:
    """What follows each reply to a client that uses `framer`."""
    if isinstance(framer, LineFramer):
        return framer.terminators[0]
    if isinstance(framer, BlockFramer):
        return framer.terminator
    return b""
