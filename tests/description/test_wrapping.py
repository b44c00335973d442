"""Bytes that are escaped within a message, and where such a message ends."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socs_tcp.core.decoder import Decoder
from socs_tcp.core.errors import FramingError
from socs_tcp.core.framing import LineFramer
from socs_tcp.description import DescriptionError, loads
from socs_tcp.description.errors import BadReply
from socs_tcp.description.framers import WrappedFramer
from socs_tcp.description.wrapping import Wrapping

SMDP = Wrapping(b"\x02", 0x07, {0x02: 0x30, 0x0d: 0x31, 0x07: 0x32}), b"\r"
HDLC = Wrapping(b"\x7e", 0x7d, {0x7e: 0x5e, 0x7d: 0x5d}, repeats=True), b"\x7e"
SLIP = Wrapping(b"", 0xdb, {0xc0: 0xdc, 0xdb: 0xdd}), b"\xc0"
DLE = Wrapping(b"\x10\x02", 0x10, {0x10: 0x10}), b"\x10\x03"
ALL = [SMDP, HDLC, SLIP, DLE]
SPECIAL = b"\x02\x03\x07\x0d\x10\x30\x31\x32\x5d\x5e\x7d\x7e\xc0\xdb\xdc\xdd"
MESSAGES = st.lists(st.lists(st.sampled_from(SPECIAL), min_size=1).map(bytes), max_size=4)


def framer(wrapping, end):
    return WrappedFramer(LineFramer(end), wrapping.escape, wrapping.repeats)


@pytest.mark.parametrize(("wrapping", "end"), ALL)
@given(messages=MESSAGES, size=st.integers(1, 7))
def test_what_is_wrapped_comes_out_however_it_is_cut(wrapping, end, messages, size):
    data = b"".join(wrapping.wrap(message) + end for message in messages)
    decoder, frames = Decoder(framer(wrapping, end)), []
    for at in range(0, len(data), size):
        frames += decoder.feed_frames(data[at:at + size], 99)
    assert [wrapping.unwrap(frame) for frame in frames] == messages


def test_a_flag_that_two_messages_share_or_that_is_repeated():
    wrapping, end = HDLC
    frames = Decoder(framer(wrapping, end)).feed_frames(b"~~~a~b~~c~", 99)
    assert [wrapping.unwrap(frame) for frame in frames] == [b"a", b"b", b"c"]


@pytest.mark.parametrize("end", [b"~", b"##", b"ab"])
@given(data=st.lists(st.sampled_from(list(b"~#abx")), max_size=30).map(bytes),
       size=st.integers(1, 4))
def test_flags_are_the_same_however_they_are_cut(end, data, size):
    line = WrappedFramer(LineFramer(end), None, repeats=True)
    whole, cut, frames = Decoder(line).feed_frames(data, 99), Decoder(line), []
    for at in range(0, len(data), size):
        frames += cut.feed_frames(data[at:at + size], 99)
    assert frames == whole


@pytest.mark.parametrize(("end", "size"), [(b"~", 1), (b"##", 3), (b"~", 65536)])
def test_flags_without_an_end_are_no_reply(end, size):
    decoder, begun = Decoder(WrappedFramer(LineFramer(end), None, repeats=True)), time.thread_time()
    with pytest.raises(FramingError, match="no end of the reply within"):
        for at in range(200_000 // size):
            assert decoder.feed_frames((end * size)[at % len(end):][:size], 99) == []
    assert decoder.waiting < 140_000
    assert time.thread_time() - begun < 10      # (0.5 s; once 30)


@pytest.mark.parametrize(("frame", "expected"), [
    (b"\x03a", r"does not begin with b'\\x02'"), (b"\x02a\x07", r"escape b'\\x07' has no meaning"),
    (b"\x02\x079", r"escape b'\\x079' has no meaning"), (b"", "does not begin with"),
])
def test_what_is_no_message(frame, expected):
    with pytest.raises(BadReply, match=expected):
        SMDP[0].unwrap(frame)


WRONG = [
    ('length: 3, start: "a"', "framing.start: is only for a framing with one 'terminator'"),
    ('terminator: ["a", "b"], start: "a"', "framing.start: is only for a framing with one"),
    ('terminator: "\\r", stuffing: {escape: "\\x07"}', "stuffing: the key 'codes' is missing"),
    ('terminator: "\\r", stuffing: {escape: "\\x07", codes: {"\\r": "1"}}', "contain the escape"),
    ('terminator: "\\r", stuffing: {escape: "\\x07", codes: {"\\x07": "1"}}',
     r"must contain b'\r', with which it ends"),
    ('terminator: "\\r", start: "<", stuffing: {escape: "+", codes: {"+": "1", "\\r": "2"}}',
     "must contain b'<', with which a message begins"),
    ('terminator: "\\r", stuffing: {escape: "+", codes: {"+": "1", "\\r": "1"}}', "one code for"),
    ('terminator: "\\x10\\x10", stuffing: {escape: "\\x10", codes: {"\\x10": "\\x10"}}',
     r"has a code that makes b'\x10\x10' of a byte"),
    ('terminator: "\\r", stuffing: {escape: "ab", codes: {}}', "must be one byte in double quotes"),
    ('terminator: "\\r", stuffing: {escape: "a", codes: [1]}', "codes: must be a mapping"),
]


@pytest.mark.parametrize(("framing", "expected"), WRONG)
def test_what_cannot_be_told_apart_is_refused(framing, expected):
    with pytest.raises(DescriptionError) as caught:
        loads(f"device: x\nframing: {{{framing}}}\n"
              "queries: {q: {send: Q, fields: {a: {}}}}\n")
    assert expected in str(caught.value)
