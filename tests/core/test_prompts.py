"""What it takes to find a prompt, whatever comes and in whatever pieces."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socs_tcp.core.errors import FramingError
from socs_tcp.core.framing import PromptFramer
from socs_tcp.core.prompt_search import LONGEST_PROMPT


class Counting:
    """A pattern that counts how many bytes it was let look at."""

    def __init__(self, pattern):
        self._pattern, self.bytes = pattern, 0

    def search(self, text, start=0, stop=None):
        stop = len(text) if stop is None else stop
        self.bytes += stop - start
        return self._pattern.search(text, start, stop)


def looked_at(pattern, data, size):
    framer = PromptFramer(pattern, max_length=10 ** 6)
    framer._search.pattern = counting = Counting(framer.pattern)
    decoder = framer.decoder()
    for at in range(0, len(data), size):
        assert decoder.feed_frame(data[at:at + size]) is None
    return counting.bytes


@pytest.mark.parametrize("pattern", [rb"\w+> ", rb"[a-z]+[0-9]> ", rb"(ok|error \d+)>",
                                     rb"(?s).*x.*> "])
@pytest.mark.parametrize("data", [b"a", b" ", b"> "[::-1], b"error 11", b"a1 "])
@pytest.mark.parametrize("size", [1, 7, 100, 10 ** 6])
def test_the_cost_grows_with_the_length_and_no_faster(pattern, data, size):
    short, long = (looked_at(pattern, data * (n // len(data)), size) for n in (2000, 8000))
    assert long <= 5 * short + 2 * LONGEST_PROMPT
    assert long <= 8000 * 4 * LONGEST_PROMPT


@pytest.mark.parametrize("size", [1, 3, 64, 1000])
def test_a_prompt_of_any_length_is_found_up_to_a_limit(size):
    framer = PromptFramer(rb"\w+> ")
    assert framer.longest == LONGEST_PROMPT

    def frame(data):
        decoder = framer.decoder()
        for at in range(0, len(data), size):
            found = decoder.feed_frame(data[at:at + size])
            if found is not None:
                return found
        return None
    name = b"a" * (LONGEST_PROMPT - 2)
    for before in (b"1.5\r\n", b"1.5 " * 100, b"1.5 " * 1001):
        assert frame(before + name + b"> ") == before


@given(st.sampled_from([rb"\w+> ", rb"a+b|c", rb"\r\n(A|AB)+>", rb"^a*> "]),
       st.text("aAB>c \r\n", max_size=400), st.lists(st.integers(1, 200), max_size=20))
def test_however_the_bytes_are_cut(pattern, text, sizes):
    data = text.encode()
    framer = PromptFramer(pattern)

    def frames(pieces):
        decoder, found = framer.decoder(), []
        for piece in pieces:
            frame = decoder.feed_frame(piece)
            while frame is not None:
                found.append(frame)
                frame = decoder.next_frame()
        return found
    pieces, rest = [], data
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    pieces = [piece for piece in [*pieces, rest] if piece]
    assert frames(pieces) == frames([data] if data else []) \
        == frames([bytes([byte]) for byte in data])


@pytest.mark.parametrize("pattern", [rb"(a+)+>", rb"(.*)\1>", rb"(?>a+)>", rb"a++>", rb"a>(?=b)",
                                     rb"a>\b", rb"a>(?m:$)"])
def test_what_cannot_be_looked_for_is_refused(pattern):
    with pytest.raises(ValueError, match="the prompt b'"):
        PromptFramer(re.compile(pattern))


def test_what_comes_before_a_prompt_may_be_looked_at():
    decoder = PromptFramer(rb"(?<=\n)> ").decoder()
    decoder.feed(b"a> b\r\n> ")
    assert decoder.next_frame() == b"a> b\r\n"


def test_a_reply_without_a_prompt_is_too_long():
    decoder = PromptFramer(rb"\w+> ", max_length=300).decoder()
    with pytest.raises(FramingError, match="no end of the reply within 300 bytes"):
        decoder.feed_frame(b"a" * 301)
