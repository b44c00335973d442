"""Framers: however the bytes are cut, the frames are the same, and they are the right ones."""

import platform
import random
import re
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from socs_tcp.core import decoder
from socs_tcp.core.errors import FramingError
from socs_tcp.core.framing import (
    MAX_LENGTH,
    FixedFramer,
    Framer,
    LengthFramer,
    LineFramer,
    PromptFramer,
    RawFramer,
    plain_text,
    to_bytes,
)


@pytest.fixture(scope="module", autouse=True)
def little_memory():
    """So that what waits has to be moved all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoder, "LEAST", 1)
        yield


def frames_of(framer, pieces):
    """All that a decoder gives for `pieces`: the frames, and None if it ended with an error."""
    decoder = framer.decoder()
    frames = []
    try:
        for piece in pieces:
            decoder.feed(piece)
            while (frame := decoder.next_frame()) is not None:
                frames.append(frame)
    except FramingError:
        frames.append(None)
    return frames


def frames_by_feed_frame(framer, pieces):
    """The same by the short way that faces take for the first frame of a piece."""
    decoder = framer.decoder()
    frames = []
    try:
        for piece in pieces:
            frame = decoder.feed_frame(piece)
            while frame is not None:
                frames.append(frame)
                frame = decoder.next_frame()
    except FramingError:
        frames.append(None)
    return frames


def cut(data, places):
    edges = [0, *sorted({p for p in places if 0 < p < len(data)}), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def bytewise(data):
    return [bytes([b]) for b in data]


# Models: as plain as possible, one byte at a time, from the whole stream.

def line_model(data, terminators, limit):
    frames, line = [], b""
    longest = max(map(len, terminators))
    for byte in bytewise(data):
        line += byte
        ended = [t for t in terminators if line.endswith(t)]
        if ended:
            line = line[:-max(map(len, ended))]
            if len(line) > limit:
                return [*frames, None]
            frames.append(line)
            line = b""
        elif len(line) >= limit + longest:
            return [*frames, None]
    return frames


def prompt_model(data, pattern, limit):
    frames, text = [], b""
    for byte in bytewise(data):
        text += byte
        match = pattern.search(text)
        if match:
            frames.append(text[:match.start()])
            text = b""
        elif len(text) >= limit:
            return [*frames, None]
    return frames


def length_model(data, size, limit):
    frames = []
    while len(data) >= size:
        total = size + data[size - 1]
        if total > limit:
            return [*frames, None]
        if len(data) < total:
            break
        frames.append(data[:total])
        data = data[total:]
    return frames


TERMINATORS = st.sampled_from([
    (b"\n",), (b"\r\n",), (b"aab",), (b"aa",), (b"\n", b"\r"), (b"\r\n", b"\n"), (b"ab", b"bc"),
    (b"aab", b"ab"), (b"abc", b"bcd")])
# Few values, so that terminators and their beginnings come often; and long enough for some.
BYTES = st.sampled_from(list(b"ab\r\ncd"))
STREAM = (st.lists(BYTES, max_size=8) | st.lists(BYTES, min_size=20, max_size=60)).map(bytes)
PLACES = st.sets(st.integers(1, 59))
PATTERNS = st.sampled_from([
    rb"ab", rb"\r\n", rb"a\nb", rb"a+b", rb"a|bc", rb"\r?\n", rb"a.*?c", rb"a.*d", rb"(?<=a)b",
    rb"^ab|cd", rb"a{2,3}", rb"[ab]c+", rb"ab|abc|d"]).map(re.compile)


def check_all_ways(framer, data, places, expected):
    for pieces in ([data], bytewise(data), cut(data, places)):
        assert frames_of(framer, pieces) == expected
        assert frames_by_feed_frame(framer, pieces) == expected


@given(STREAM, PLACES, TERMINATORS, st.integers(1, 8))
@example(b"aaaab", {1}, (b"aab",), 8)
@example(b"aaa\r\n", set(), (b"\r\n",), 2)
def test_lines_do_not_depend_on_the_pieces(data, places, terminators, limit):
    framer = LineFramer(terminators, max_length=limit)
    expected = line_model(data, terminators, limit)
    check_all_ways(framer, data, places, expected)


@given(STREAM, PLACES, st.integers(1, 7))
def test_frames_of_fixed_length_do_not_depend_on_the_pieces(data, places, length):
    whole = len(data) // length
    expected = [data[i * length:(i + 1) * length] for i in range(whole)]
    check_all_ways(FixedFramer(length), data, places, expected)


@given(st.binary(max_size=60).map(lambda data: bytes(b % 9 for b in data)), PLACES,
       st.integers(1, 4), st.integers(4, 12))
def test_frames_with_a_length_do_not_depend_on_the_pieces(data, places, size, limit):
    framer = LengthFramer(size, lambda header: header[-1], max_length=limit)
    check_all_ways(framer, data, places, length_model(data, size, limit))


@given(STREAM, PLACES, PATTERNS, st.integers(1, 12))
@example(b"adadcc", set(), re.compile(rb"a.*d"), 12)        # greedy: too much in one piece
@example(b"ddbc", set(), re.compile(rb"a|bc"), 2)           # the prompt is behind the limit
def test_frames_before_a_prompt_do_not_depend_on_the_pieces(data, places, pattern, limit):
    framer = PromptFramer(pattern, max_length=limit)
    check_all_ways(framer, data, places, prompt_model(data, pattern, limit))


@given(st.lists(st.binary(min_size=1), max_size=9))
def test_raw_frames_are_what_came(pieces):
    assert frames_of(RawFramer(), pieces) == pieces
    assert frames_by_feed_frame(RawFramer(), pieces) == pieces


class DecoderMachine(RuleBasedStateMachine):
    """A decoder against a model that keeps all that was fed and not yet handed over."""

    @initialize(terminators=TERMINATORS, limit=st.integers(1, 30))
    def begin(self, terminators, limit):
        self.terminators, self.limit = terminators, limit
        self.decoder = LineFramer(terminators, max_length=limit).decoder()
        self.rest = b""

    @rule(data=STREAM)
    def feed(self, data):
        self.decoder.feed(data)
        self.rest += data

    @rule()
    def next_frame(self):
        expected = line_model(self.rest, self.terminators, self.limit)[:1]
        if expected == [None]:
            with pytest.raises(FramingError):
                self.decoder.next_frame()
            self.clear()
            return
        frame = self.decoder.next_frame()
        assert [frame] == (expected or [None])
        if expected:
            self.rest = self.rest[len(frame):]
            after = [t for t in self.terminators if self.rest.startswith(t)]
            self.rest = self.rest[max(map(len, after)):]

    @rule(count=st.integers(0, 10))
    def take(self, count):
        assert self.decoder.take(count) == self.rest[:count]
        self.rest = self.rest[count:]

    @rule(count=st.integers(0, 50))
    def peek(self, count):
        assert self.decoder.peek(count) == self.rest[:count]

    @rule()
    def clear(self):
        assert self.decoder.clear() == len(self.rest)
        self.rest = b""

    @invariant()
    def it_knows_how_much_waits(self):
        if hasattr(self, "decoder"):
            assert self.decoder.waiting == len(self.rest)


TestDecoder = DecoderMachine.TestCase


@pytest.mark.parametrize("forget", [lambda decoder: decoder.clear(),
                                    lambda decoder: decoder.take(100)], ids=["clear", "take"])
def test_a_decoder_that_was_emptied_begins_anew(forget):
    decoder = LineFramer().decoder()
    decoder.feed(b"half a line")
    assert decoder.next_frame() is None
    forget(decoder)
    decoder.feed(b"\r\n")
    assert decoder.next_frame() == b""


# limits

def test_a_line_of_the_longest_length_is_a_line():
    framer = LineFramer(max_length=5)
    assert frames_of(framer, [b"12345\r\n"]) == [b"12345"]
    assert frames_of(framer, bytewise(b"12345\r\n")) == [b"12345"]


@pytest.mark.parametrize("pieces", [[b"123456\r\n"], bytewise(b"123456\r\n"), [b"1234567"]])
def test_a_longer_line_is_an_error(pieces):
    assert frames_of(LineFramer(max_length=5), pieces) == [None]


def test_an_endless_line_is_found_out_at_the_limit():
    decoder = LineFramer().decoder()
    decoder.feed(b"x" * (MAX_LENGTH + 1))
    assert decoder.next_frame() is None
    decoder.feed(b"x")
    with pytest.raises(FramingError, match=f"no end of the reply within {MAX_LENGTH} bytes"):
        decoder.next_frame()


def test_the_error_shows_how_the_reply_begins_and_not_all_of_it():
    decoder = LineFramer(max_length=1000).decoder()
    decoder.feed(b"\x1b[31mHELLO" + b"y" * 2000)
    with pytest.raises(FramingError, match=r"it begins b'\\x1b\[31mHELLO") as caught:
        decoder.next_frame()
    assert len(str(caught.value)) < 200
    assert (caught.value.phase, caught.value.sent) == ("recv", "yes")


def test_a_good_line_before_an_endless_one_is_not_lost():
    assert frames_of(LineFramer(max_length=5), [b"good\r\n123456789"]) == [b"good", None]


@pytest.mark.parametrize("following", [-1, 7, 10 ** 9])
def test_a_header_that_announces_what_cannot_be_is_an_error(following):
    decoder = LengthFramer(2, lambda _header: following, max_length=8).decoder()
    decoder.feed(b"\x00\x01")
    with pytest.raises(FramingError, match=rf"{following} more bytes; 0 to 6 are possible"):
        decoder.next_frame()


def test_the_short_cut_leaves_what_makes_no_sense_to_find():
    framer = LengthFramer(2, lambda header: header[1], max_length=8)
    assert framer.whole(b"\x00\x01x") == b"\x00\x01x"
    for data in (b"\x00", b"\x00\x01", b"\x00\x01xy", b"\x00\x09" + b"x" * 9):
        assert framer.whole(data) is None
    assert LengthFramer(1, lambda header: {}[header]).whole(b"x") is None


@pytest.mark.parametrize("following", [0, 6])
def test_a_header_may_announce_nothing_or_as_much_as_fits(following):
    framer = LengthFramer(2, lambda _header: following, max_length=8)
    assert frames_of(framer, [b"HD" + b"x" * following]) == [b"HD" + b"x" * following]


def test_a_header_that_cannot_be_read_is_an_error_with_its_cause():
    decoder = LengthFramer(1, lambda header: {b"A": 1}[header]).decoder()
    decoder.feed(b"B")
    with pytest.raises(FramingError, match=r"length_of failed on the header b'B'") as caught:
        decoder.next_frame()
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_modbus_reply_comes_whole():
    framer = LengthFramer(6, lambda header: int.from_bytes(header[4:6], "big"))
    reply = bytes.fromhex("0001 0000 0005 01 03 02 00 2a")
    assert frames_of(framer, bytewise(reply * 2)) == [reply, reply]


def test_the_length_of_a_header_gets_the_header_as_bytes():
    seen = []
    framer = LengthFramer(3, lambda header: seen.append(header) or 0)
    frames_of(framer, [b"abcdef"])
    assert seen == [b"abc", b"def"]
    assert all(type(header) is bytes for header in seen)


# what a reply is

def test_a_frame_is_handed_over_as_bytes_without_its_terminator():
    decoder = LineFramer().decoder()
    decoder.feed(bytearray(b"ONE\r\n\r\nTWO\r\n"))
    frames = [decoder.next_frame() for _ in range(3)]
    assert frames == [b"ONE", b"", b"TWO"]
    assert all(type(frame) is bytes for frame in frames)


def test_a_prompt_that_says_something_is_kept():
    decoder = PromptFramer("[:?]", keep=True).decoder()
    decoder.feed(b" 1, 2\r\n:??\r\n")
    assert [decoder.next_frame() for _ in range(4)] == [b" 1, 2\r\n:", b"?", b"?", None]


def test_the_reply_of_a_prompting_device_comes_without_its_prompt():
    framer = PromptFramer(rb"\r\nQ\d> ")
    assert frames_of(framer, [b"one\r\ntwo\r\nQ1> \r\nQ2> "]) == [b"one\r\ntwo", b""]


def test_a_new_decoder_knows_nothing_of_another():
    framer = LineFramer()
    framer.decoder().feed(b"half")
    assert frames_of(framer, [b"whole\r\n"]) == [b"whole"]


@given(st.binary(min_size=1))
def test_a_prompt_that_can_be_but_one_text_is_seen_to_be_one(text):
    assert plain_text(re.compile(re.escape(text))) == text


@given(st.lists(st.sampled_from([b"a", b"\\r", b"\\n", b"\\t", b"\\ ", b"\\$", b"\\\\", b">",
                                 b"\n"]), min_size=1).map(b"".join))
def test_the_one_text_of_a_prompt_is_what_its_pattern_matches(source):
    pattern = re.compile(source)
    assert pattern.fullmatch(plain_text(pattern))


@pytest.mark.parametrize("source", [rb"\d", rb"\x41", rb"\0", rb"a.", rb"a|b", rb"[ab]", rb"(?i)a",
                                    rb"^a", rb"a{2}", rb"a+", rb"\A>"])
def test_a_prompt_that_may_be_another_text_is_searched_as_a_pattern(source):
    assert plain_text(re.compile(source)) is None
    assert plain_text(re.compile(b"a", re.IGNORECASE)) is None


def test_the_memory_of_a_decoder_is_used_again_and_stays_small():
    whole = b"x" * 99_998 + b"\r\n"
    stream = whole * 20
    one = LineFramer(max_length=100_000).decoder()
    for begin in range(0, len(stream), 7_000):
        one.feed(stream[begin:begin + 7_000])
        while (frame := one.next_frame()) is not None:
            assert frame == whole[:-2]
        assert len(one._buffer) < 250_000
    assert one.waiting == 0


def test_what_came_earlier_is_never_taken_for_what_comes_now():
    """Bytes of the last reply stand behind those of this one, in the same memory."""
    for framer, reply in [(LineFramer(), b"0123456789\r\n"), (FixedFramer(12), b"x" * 12),
                          (PromptFramer("> "), b"0123456789> "),
                          (PromptFramer(r"\d> "), b"x9> "),
                          (LineFramer(("\r\n", ";")), b"0123456789\r\n"),
                          (LengthFramer(2, lambda header: header[1]), b"\x00\x0a0123456789")]:
        one = framer.decoder()
        for _ in range(3):
            first, *rest = bytewise(reply)
            one.feed(first)
            for byte in rest:
                assert one.next_frame() is None
                one.feed(byte)
            assert one.next_frame() is not None


def test_a_framer_of_ones_own():
    class Bang(Framer):
        def find(self, buffer, start, stop, scanned):
            end = buffer.find(b"!", scanned, stop)
            return None if end < 0 else (end, end + 1)
    assert frames_of(Bang(), [b"a!b", b"c!"]) == [b"a", b"bc"]


def test_a_framer_must_say_where_a_frame_ends():
    with pytest.raises(NotImplementedError):
        frames_of(Framer(), [b"x"])


# commands

@pytest.mark.parametrize("framer, message, sent", [
    (LineFramer(), b"X", b"X\r\n"),
    (LineFramer(), "X\r\n", b"X\r\n"),
    (LineFramer(), bytearray(b"X"), b"X\r\n"),
    (LineFramer(), memoryview(b"X"), b"X\r\n"),
    (LineFramer(), "5 µm", b"5 \xc2\xb5m\r\n"),
    (LineFramer(b"\n"), b"X\r", b"X\r\n"),
    (LineFramer("\n", send_terminator="\r"), "X", b"X\r"),
    (LineFramer(("\n", "\r")), "X", b"X\n"),
    (LineFramer(send_terminator=b""), "X", b"X"),
    (PromptFramer(">"), "X", b"X\r\n"),
    (PromptFramer(">", send_terminator="\n"), "X", b"X\n"),
    (FixedFramer(3), "X", b"X"),
    (RawFramer(), "X", b"X"),
    (LengthFramer(1, len), b"\x00", b"\x00"),
])
def test_a_command_gets_its_terminator_where_it_is_missing(framer, message, sent):
    encoded = framer.encode(message)
    assert encoded == sent
    assert type(encoded) is bytes


@pytest.mark.parametrize("message", [None, 5, ["X"], object()])
def test_what_is_no_text_is_refused(message):
    with pytest.raises(TypeError, match="must be bytes or str"):
        to_bytes(message)


# mistakes of the programmer

@pytest.mark.parametrize("make, kind, text", [
    (lambda: LineFramer(b""), ValueError, "at least one byte"),
    (lambda: LineFramer(()), ValueError, "at least one byte"),
    (lambda: LineFramer((b"\n", b"")), ValueError, "at least one byte"),
    (lambda: LineFramer((b"\r", b"\r\n")), ValueError, "is part of"),
    (lambda: LineFramer((b"b", b"abc")), ValueError, "is part of"),
    (lambda: LineFramer(None), TypeError, "bytes or str"),
    (lambda: LineFramer([b"\n"]), TypeError, "bytes or str"),
    (lambda: LineFramer(max_length=0), ValueError, "max_length must be at least 1"),
    (lambda: LineFramer(max_length=2.5), TypeError, "whole number"),
    (lambda: FixedFramer(0), ValueError, "length must be at least 1"),
    (lambda: FixedFramer(-3), ValueError, "length must be at least 1"),
    (lambda: FixedFramer("3"), TypeError, "whole number"),
    (lambda: FixedFramer(True), TypeError, "whole number"),
    (lambda: LengthFramer(0, len), ValueError, "header_size must be at least 1"),
    (lambda: LengthFramer(4, 4), TypeError, "length_of must be a function"),
    (lambda: LengthFramer(9, len, max_length=8), ValueError, "header"),
    (lambda: PromptFramer(b""), ValueError, "matches an empty text"),
    (lambda: PromptFramer(b"a*"), ValueError, "matches an empty text"),
    (lambda: PromptFramer(re.compile("text")), TypeError, "one of bytes"),
    (lambda: PromptFramer(rb"> $"), ValueError, "what comes after"),
    (lambda: PromptFramer(rb"\\$"), ValueError, "what comes after|an empty text"),
    (lambda: PromptFramer(rb">\Z"), ValueError, "what comes after"),
    (lambda: PromptFramer(rb">(?=x)"), ValueError, "what comes after"),
    (lambda: PromptFramer(rb">(?!x)"), ValueError, "what comes after"),
    (lambda: PromptFramer(rb"ok\b"), ValueError, "what comes after"),
    (lambda: PromptFramer(rb"ok\B"), ValueError, "what comes after"),
    (lambda: PromptFramer(">", send_terminator=None), TypeError, "bytes or str"),
])
def test_a_framer_that_cannot_work_is_refused(make, kind, text):
    with pytest.raises(kind, match=text) as caught:
        make()
    assert not isinstance(caught.value, ConnectionError)


@pytest.mark.parametrize("pattern, stream", [(rb"\$ ", b"x$ "), (rb"\\Z", b"x\\Z"),
                                             (rb"[\$#]> ", b"x#> ")])
def test_an_escaped_dollar_or_backslash_is_a_prompt_as_any_other(pattern, stream):
    assert frames_of(PromptFramer(pattern), bytewise(stream)) == [b"x"]


# many frames in one call

class Dashed(LineFramer):
    """What a user may write: another `find`, with the short cuts of what it stands on."""

    def find(self, buffer, start, stop, scanned):
        found = super().find(buffer, start, stop, scanned)
        return None if found is None else (max(found[0] - 1, start), found[1])


MANY = [
    LineFramer(b"ab", max_length=6), LineFramer(b"b", max_length=6),
    LineFramer(b"a\n", max_length=6),
    LineFramer(b"\n", max_length=6), LineFramer((b"\n", b"cc"), max_length=6),
    LineFramer(b"aba", max_length=6), LineFramer((b"ab", b"cc"), max_length=6),
    FixedFramer(3), LengthFramer(1, lambda header: header[0] - 96, max_length=3),
    PromptFramer(rb"ab", max_length=6), PromptFramer(rb"a[bc]", max_length=6), RawFramer(),
    PromptFramer(rb"b\n", max_length=6), PromptFramer(rb"a+\n|b", max_length=6),
    PromptFramer(rb"ab", keep=True, max_length=6), Dashed(b"b", max_length=6),
    LineFramer((b"\n", b"a\n", b"ba\n"), max_length=6), LineFramer((b"b", b"ab"), max_length=6),
    LineFramer((b"ab", b"cab"), max_length=6), LineFramer((b"a\n", b"cb"), max_length=6),
    PromptFramer(rb"[bc]a", max_length=6), PromptFramer(rb"a[bc]", keep=True, max_length=6),
    PromptFramer(rb"a[\nb]", max_length=6), PromptFramer(rb"[ab]\n", max_length=6),
    PromptFramer(rb"c[ab]+\n", max_length=6), PromptFramer(rb"(?:a|cc)b", max_length=6),
    PromptFramer(rb"(?<=a)b|^c", max_length=6), PromptFramer(rb"c?b[ac]", keep=True, max_length=6),
]


def one_by_one(decoder, most):
    frames = []
    try:
        while len(frames) < most and (frame := decoder.next_frame()) is not None:
            frames.append(frame)
    except FramingError:
        if not frames:
            return "error"
    return frames


def at_once(take, *args):
    try:
        return take(*args)
    except FramingError:
        return "error"


@pytest.mark.parametrize("framer", MANY, ids=lambda framer: type(framer).__name__)
def test_many_frames_at_once_are_those_that_come_one_by_one(framer):
    chance = random.Random(1)
    for _ in range(3000):
        one, many, fed = framer.decoder(), framer.decoder(), framer.decoder()
        while True:
            data = bytes(chance.choices(b"abc\n", weights=(3, 3, 1, 1), k=chance.randrange(1, 15)))
            one.feed(data)
            many.feed(data)
            most = chance.randrange(1, 6)
            expected = one_by_one(one, most)
            assert at_once(many.next_frames, most) == expected
            assert at_once(fed.feed_frames, data, most) == expected
            for other in (many, fed):
                assert (one.waiting, one.peek()) == (other.waiting, other.peek())
            if expected == "error" or chance.random() < 0.2:
                break


class Counted(LineFramer):
    """Lines, and how many bytes were looked at for many of them at once."""

    bytes = 0

    def split(self, data, most, start=0):
        self.bytes += len(data)
        return LineFramer.split(self, data, most, start)


def test_few_frames_of_much_that_waits_cost_no_more_than_they_are_long():
    framer = Counted("\n")
    decoder = framer.decoder()
    decoder.feed(b"a line of 24 characters\n" * 4000)
    for _ in range(1000):
        assert len(decoder.next_frames(4)) == 4
    assert framer.bytes <= 1000 * 4096


READS = """
import os, resource, sys
from socs_tcp.core import decoder
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
file = os.open(sys.argv[1], os.O_RDONLY)
os.pread(file, 262144, 0)
before = faults()
for _ in range(100):
    os.pread(file, 262144, 0)
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is the C library of Linux")
def test_a_long_read_does_not_get_its_memory_from_the_system_each_time(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100_000)        # 25 pages
    done = subprocess.run([sys.executable, "-c", READS, file], capture_output=True, text=True,
                          check=True)
    assert int(done.stdout) < 500
