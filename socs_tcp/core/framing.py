"""Where one reply ends and the next begins. Pure: no socket, no clock.

A *framer* is a description: it holds no data and may be shared by many devices.
A *decoder* (`Framer.decoder`) belongs to one connection: bytes go in as they come,
whole frames come out. However the bytes are cut into pieces on the way, the frames
are the same.
"""

from __future__ import annotations

from .blocks import BlockFramer
from .decoder import Decoder
from .framer import MAX_LENGTH, Framer, Text, to_bytes
from .lengths import FixedFramer, LengthFramer
from .lines import LineFramer
from .prompts import PromptFramer, plain_text

__all__ = [
    "MAX_LENGTH",
    "BlockFramer",
    "Decoder",
    "FixedFramer",
    "Framer",
    "LengthFramer",
    "LineFramer",
    "PromptFramer",
    "RawFramer",
    "Text",
    "checked",
    "plain_text",
    "to_bytes",
]


def checked(framer: Framer) -> Framer:
    """`framer` if it is one.

    Raises
    ------
    TypeError
        With what is expected.
    """
    if not isinstance(framer, Framer):
        raise TypeError(f"framer must be a Framer, such as LineFramer(), not {framer!r}")
    return framer


class RawFramer(Framer):
    """No framing: a reply is whatever has come, one byte or more."""

    def whole(self, data: bytes) -> bytes | None:
        return data or None

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        return stop, stop
