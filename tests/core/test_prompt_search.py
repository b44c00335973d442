"""The quick way to find a prompt finds what the plain way finds, byte by byte."""

import random
import re

import pytest

from socs_tcp.core.errors import FramingError
from socs_tcp.core.framing import PromptFramer
from socs_tcp.core.patterns import LONGEST_TAIL, cost
from socs_tcp.core.prompt_search import PromptSearch

LEAVES = ["a", "b", ">", " ", "[ab]", "[^a]", ".", r"\w", "ab", "> ", "b>"]
#: What stands in front of it, and what is looked at there.
BEFORE = ["", "", "", "^", "(?m:^)", r"\A", "(?<=b)", "(?<!a)", r"\b"]
TAKEN = ["", "", "", "+", "*", "?", "{2}", "{1,3}", "+?", "*?", "??"]


def random_pattern(chance, depth=2):
    """One of some kinds that occur, and of many that do not."""
    parts = []
    for _ in range(chance.randrange(1, 4)):
        if depth and chance.random() < 0.4:
            part = f"({random_pattern(chance, depth - 1)})"
        else:
            part = chance.choice(LEAVES)
        parts.append(f"(?:{part}){chance.choice(TAKEN)}" if chance.random() < 0.5 else part)
    joined = "".join(parts)
    return f"{joined}|{chance.choice(LEAVES)}" if chance.random() < 0.2 else joined


def framers(chance, count):
    """So many framers with a prompt that is accepted."""
    while count:
        source = chance.choice(BEFORE) + random_pattern(chance)
        try:
            framer = PromptFramer(re.compile(source.encode(), chance.choice([0, 0, re.I, re.S])))
        except ValueError:
            continue
        count -= 1
        yield framer


def plain(framer, data):
    """What it means: the reply ends with the first byte behind which a prompt is found."""
    size, frames, start = framer.longest, [], 0
    for stop in range(1, len(data) + 1):
        reply = data[start:stop]
        low = max((len(reply) - 1) // size * size - size, 0)
        found = framer.pattern.search(reply, low)
        if found is not None:
            frames.append(reply[:found.start()])
            start = stop
    return frames, data[start:]


def taken_apart(framer, pieces, most):
    """What a decoder makes of it, `most` frames at a time."""
    decoder, frames = framer.decoder(), []
    for piece in pieces:
        found = decoder.feed_frames(piece, most)
        while found:
            frames += found
            found = decoder.next_frames(most)
    return frames, decoder.peek(10 ** 6)


def in_pieces(chance, data):
    while data:
        size = chance.choice([1, 2, 5, 40])
        yield data[:size]
        data = data[size:]


def test_it_finds_what_a_search_of_each_beginning_finds():
    chance, tails = random.Random(17), 0
    for framer in framers(chance, 600):
        tails += framer._search._is_tail
        if not framer._search._is_tail and chance.random() < 0.5:
            framer._search.longest = framer.longest = chance.randrange(3, 9)
        for _ in range(4):
            data = "".join(chance.choices("aAb> \n_", k=chance.randrange(60))).encode()
            expected = plain(framer, data)
            pieces = list(in_pieces(chance, data))
            for most in (1, 3, 50):
                assert taken_apart(framer, pieces, most) == expected, (framer.pattern, data)
                assert taken_apart(framer, [data], most) == expected, (framer.pattern, data)
    assert 50 < tails < 550     # both ways were tried


@pytest.mark.parametrize(("pattern", "tail"), [
    (rb"\r[\n>]", True), (rb"[>#] ", True), (rb"(?:a(b))c", True), (rb"(?i)ok>", True),
    (rb"a{3}>", True), (rb"\w+> ", False), (rb"^> ", False), (rb"(?<=\n)> ", False),
    (rb"ab|cd", False), (rb"a?b", False), (rb"ab+", False), (rb"a\b ", False),
    (b"a" * (LONGEST_TAIL + 1), False),
])
def test_where_the_last_bytes_are_all_there_is_to_see(pattern, tail):
    assert cost(re.compile(pattern)).is_tail is tail


@pytest.mark.parametrize(("pattern", "byte", "offset"), [
    (rb"\w+> ", b">", 1), (rb"[a-z]+[0-9] ", b" ", 2), (rb"[>#]", b"", 0), (rb"\r\n\w>", b"\r", 0),
    (rb"ready\.", b"r", 0),
])
def test_the_byte_that_is_looked_for_first(pattern, byte, offset):
    regex = re.compile(pattern)
    search = PromptSearch(regex, cost(regex))
    assert (search._byte, search._offset) == (byte, offset)


class Counted:
    """A pattern that counts the searches."""

    def __init__(self, pattern):
        self._pattern, self.searches = pattern, 0

    def search(self, *args):
        self.searches += 1
        return self._pattern.search(*args)


@pytest.mark.parametrize("pattern", [rb"\w+> ", rb"[a-z]+[0-9]> ", rb"(ok|error \d+)>"])
@pytest.mark.parametrize("data", [b"> ", b"k> ", b"1> ", b"a", b" ", b">"])
def test_of_a_block_of_a_reply_few_searches_are_made(pattern, data):
    """So the bound of one search (`STEPS`) bounds what a reply costs, whatever it says."""
    framer = PromptFramer(pattern, max_length=10 ** 6)
    framer._search.pattern = counted = Counted(framer.pattern)
    data = (data * 20_000)[:20_000]
    frames = framer.split(data, 10 ** 6)[0]
    blocks = len(data) / framer.longest
    assert counted.searches <= 2 * blocks + (2 + framer.longest.bit_length()) * (len(frames) + 1)


def test_what_is_longer_than_the_longest_reply_is_refused_though_its_prompt_is_there():
    for pattern in (rb"[>#]", rb"a+>"):
        decoder = PromptFramer(pattern, max_length=10).decoder()
        assert decoder.feed_frames(b"1a>" + b"x" * 10 + b"a>", 9) in ([b"1"], [b"1a"])
        with pytest.raises(FramingError, match="no end of the reply within 10 bytes"):
            decoder.next_frames(9)
