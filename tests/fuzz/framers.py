"""However the bytes are cut into pieces, the frames are the same, and memory is bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from socs_tcp import (
    FixedFramer,
    FramingError,
    LengthFramer,
    LineFramer,
    PromptFramer,
    RawFramer,
)
from socs_tcp.core.framing import Framer

from .bytes_in import Bytes

LIMIT = 24


def framers() -> list[Framer]:
    """One of each kind, and their corner cases."""
    return [
        LineFramer(max_length=LIMIT),
        LineFramer("\n", max_length=LIMIT),
        LineFramer(("\r\n", "\n"), max_length=LIMIT),
        LineFramer(("\n", "ERR\n", ";"), max_length=LIMIT),
        LineFramer("aab", max_length=LIMIT),
        FixedFramer(1),
        FixedFramer(5),
        LengthFramer(1, lambda header: header[0], max_length=LIMIT),
        LengthFramer(2, lambda header: int.from_bytes(header, "big"), max_length=LIMIT),
        LengthFramer(2, int, max_length=LIMIT),
        LengthFramer(1, lambda header: header[0] - 8, max_length=LIMIT),
        PromptFramer("> ", max_length=LIMIT),
        PromptFramer(r"[>#] ?", max_length=LIMIT),
        PromptFramer(r"(ok|error \d+)>", max_length=LIMIT),
        PromptFramer(r"\r\n(A|AB)+>", max_length=LIMIT),
        PromptFramer(r"a+b|c", max_length=LIMIT),
    ]


def decode(framer: Framer, pieces: Iterable[bytes], short_cut: bool) -> tuple[list[bytes], str]:
    """The frames, and how it ended."""
    decoder = framer.decoder()
    frames: list[bytes] = []
    for piece in pieces:
        try:
            if short_cut:
                frame = decoder.feed_frame(piece)
            else:
                decoder.feed(piece)
                frame = decoder.next_frame()
            while frame is not None:
                assert isinstance(frame, bytes)
                assert len(frame) <= framer.max_length, f"{len(frame)} bytes in a frame"
                frames.append(frame)
                frame = decoder.next_frame()
        except FramingError:
            return frames, "error"
        waiting = decoder.waiting
        assert waiting <= framer.max_length + len(piece) + 8, f"{waiting} bytes wait"
    return frames, decoder.peek(10 * LIMIT).hex()


def decode_many(framer: Framer, pieces: Iterable[bytes], most: int) -> tuple[list[bytes], str]:
    """As `decode`, `most` frames at a time."""
    decoder = framer.decoder()
    frames: list[bytes] = []
    for piece in pieces:
        try:
            found = decoder.feed_frames(piece, most)
            while found:
                assert len(found) <= most
                frames += found
                found = decoder.next_frames(most)
        except FramingError:
            return frames, "error"
    return frames, decoder.peek(10 * LIMIT).hex()


def pieces_of(data: bytes, cuts: Callable[[], int]) -> Iterable[bytes]:
    """`data` in pieces of one byte or more."""
    at = 0
    while at < len(data):
        size = 1 + cuts()
        yield data[at:at + size]
        at += size


def one_input(data: bytes) -> None:
    """Check one input.

    Raises
    ------
    AssertionError
        If something is not as it must be.
    """
    source = Bytes(data)
    every = framers()
    framer = every[source.number(len(every))]
    cuts = Bytes(source.take(4))
    text = source.rest()
    whole = decode(framer, [text] if text else [], True)
    single = decode(framer, pieces_of(text, lambda: 0), False)
    pieces = decode(framer, pieces_of(text, lambda: cuts.number(9)), True)
    assert whole == single == pieces, f"{framer!r}\n{text!r}\n{whole}\n{single}\n{pieces}"
    many = decode_many(framer, pieces_of(text, lambda: cuts.number(9)), 1 + cuts.number(4))
    at_once = decode_many(framer, [text] if text else [], 100)
    assert many == at_once == whole, f"{framer!r}\n{text!r}\n{whole}\n{many}\n{at_once}"
    raw = decode(RawFramer(), pieces_of(text, lambda: cuts.number(9)), True)
    assert b"".join(raw[0]) == text and all(raw[0])
