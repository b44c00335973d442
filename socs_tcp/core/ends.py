"""Where a reply ends that ends with one text, or one of several. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def split_texts(data: bytes, texts: Sequence[bytes], most: int, start: int,
                longest: int) -> tuple[list[bytes], int] | None:
    """Up to `most` pieces of ``data[start:]`` that end with one of `texts`, and where they end.

    They come without it. None where a search has to tell: not each last byte of a text belongs
    to one, the texts have several, or a piece has more than `longest` bytes.

    Parameters
    ----------
    texts : sequence of bytes
        The longest first; as those of a `LineFramer`.
    """
    end, shortest = texts[0][-1:], texts[-1]
    if len(texts) > 1 and (len(shortest) > 1 or any(text[-1:] != end for text in texts)):
        return None
    pieces: Iterable[bytes]
    if end == b"\n":        # that much of Python's own code looks for
        stream = BytesIO(data)
        stream.seek(start)
        # (One after the other, so that the memory of a piece serves the next one, too.)
        pieces = islice(stream, most)
        endings = texts
    else:
        pieces, stop = _pieces(data, end, most, start)
        endings = [text[:-1] for text in texts if len(text) > 1]
    for ending in endings:
        pieces = map(bytes.removesuffix, pieces, repeat(ending))
    frames = list(pieces)
    if end == b"\n":
        stop = stream.tell()
        if frames and data[stop - 1] != 10:     # its end is still to come
            stop -= len(frames.pop())
    size = stop - start
    if len(texts) == 1 and sum(map(len, frames)) + len(shortest) * len(frames) != size:
        return None
    if size > longest and frames and max(map(len, frames)) > longest:
        return None
    return frames, stop


def _pieces(data: bytes, end: bytes, most: int, start: int) -> tuple[list[bytes], int]:
    """What ends with one byte, without that."""
    pieces: list[bytes] = []
    find = data.find
    while len(pieces) < most and (at := find(end, start)) >= 0:
        pieces.append(data[start:at])
        start = at + 1
    return pieces, start
