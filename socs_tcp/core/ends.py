"""Where a reply ends that ends with one text. Pure."""

from __future__ import annotations

from io import BytesIO
from itertools import islice, repeat


def find_text(buffer: bytearray, text: bytes, start: int, stop: int, scanned: int) -> int:
    """Where the first `text` in ``buffer[start:stop]`` ends; 0 if there is none before `stop`.

    One byte is found with all the processor has (memchr), two are not: so the last byte is
    looked for first, and nearly always the others stand before it.
    """
    after = buffer.find(text[-1:], scanned, stop) + 1
    if after and not buffer.endswith(text, start, after):
        found = buffer.find(text, max(after - len(text) + 1, start), stop)
        return found + len(text) if found >= 0 else 0
    return after


def split_text(data: bytes, text: bytes, most: int,
               longest: int) -> tuple[list[bytes], int] | None:
    """Up to `most` pieces that end with `text`, without it, and how far they reach.

    None where `find_text` has to tell: not each last byte of it belongs to one, or a piece has
    more than `longest` bytes.
    """
    pieces, used = (_lines if text[-1] == 10 else _pieces)(data, text[-1:], most)
    frames = list(map(bytes.removesuffix, pieces, repeat(text)))
    if sum(map(len, frames)) + len(text) * len(frames) != used:
        return None
    if used > longest and frames and max(map(len, frames)) > longest:
        return None
    return frames, used


def _lines(data: bytes, _end: bytes, most: int) -> tuple[list[bytes], int]:
    """What ends with a line feed: that much of Python's own code looks for."""
    stream = BytesIO(data)
    lines = list(islice(stream, most))
    used = stream.tell()
    if lines and lines[-1][-1] != 10:       # its end is still to come
        used -= len(lines.pop())
    return lines, used


def _pieces(data: bytes, end: bytes, most: int) -> tuple[list[bytes], int]:
    """What ends with one byte."""
    pieces: list[bytes] = []
    find, start = data.find, 0
    while len(pieces) < most and (after := find(end, start) + 1):
        pieces.append(data[start:after])
        start = after
    return pieces, start
