"""What a pattern may cost is seen before any reply is there."""

import re
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socs_tcp.core import patterns
from socs_tcp.core.automaton import Automaton
from socs_tcp.core.patterns import LONGEST, cost


def degree(pattern, flags=0):
    return cost(re.compile(pattern, flags)).degree


@pytest.mark.parametrize(("pattern", "expected"), [
    (rb"", 1), (rb"^OK", 0), (rb"VOLT", 1), (rb"\d+", 1),
    # looked for from each place, and each time to the end
    (rb'(?P<code>[+-]?\d+),"(?P<text>[^"]*)"', 2), (rb"\w+> ", 2), (rb"a{99}", 1),
    # two repetitions that compete, and three
    (rb".*x.*y", 3), (rb"^.*x.*y", 2), (rb"^.*x.*y.*z", 3), (rb"^\d+\d+$", 2),
    # what stands between them tells where one ends
    (rb"^\d+,\d+,\d+;", 1), (rb"^[a-z]+[0-9]+;", 1),
    (rb"(?=.*a)b", 2), (rb"(?:(?=a+)a)*b", 3), (rb"^(?<=a{99})b", 1),
    # what need not be the end, since something at it can still say no
    (rb"a+^", 2), (rb"a+$", 2), (rb"^a+", 0),
    # a repetition that goes on where what follows has begun, but not for long
    (rb"^.*ID=x", 1), (rb"^a+a?b", 1), (rb"^a+[ab]{4}b+c", 1), (rb"^[ab]+ba*c", 2),
])
def test_the_power_of_the_length(pattern, expected):
    assert degree(pattern) == expected


def test_what_may_be_anything_is_looked_for_at_the_beginning_only():
    assert degree(rb".*x", re.DOTALL) == 1
    assert degree(rb".*x") == 2
    assert degree(rb"^x", re.MULTILINE) == 1


@pytest.mark.parametrize("pattern", [
    rb"(a+)+b", rb"(a|a)*b", rb"(\d+,?)*;", rb"([a-zA-Z]+)*1", rb"(a|ab|b)+c", rb"(x+x+)+y",
    rb"(.*a){20}", rb"(a*)*b", rb"(a?)?b", rb"((a?)?b)*c", rb"(?:(?:a|b)*a?)*c",
    b"a?" * 30 + b"a" * 30, b"^" + b"a+(?:[bx]c|[by]c)" * 20 + b"!", b"^" + b"a+a?b" * 20 + b"!",
    b"^" + b"(?:a+[ab]{10}b+c)" * 5 + b"!", b"z(?<=" + b"(?:[bx]c|[by]c)" * 20 + b")!",
    b"(?=" + b"(?:[bx]c|[by]c)" * 4 + b"!)" b"(?!" + b"(?:[bx]c|[by]c)" * 4 + b"!)z",
    rb"(?L)\w", rb"(?L:\w)", (b"(?:a" + b"b?" * 50 + b"c)+") * 5,
    b"(?:ab|[a-c]b)" * 30 + b"d", rb"(.*)\1", rb"(a)?(?(1)b|c)",
    rb"(?i)(ab|AB)+c", rb"(?>(a+)+)b", rb"(?=(a+)+b)c", rb"x" * 1001, rb"(a{60}){60}b",
])
def test_what_has_no_bound_is_refused(pattern):
    begun = time.thread_time()
    with pytest.raises(ValueError, match=r"^(can take|repeats|refers|has|depends|is too)"):
        cost(re.compile(pattern))
    assert time.thread_time() - begun < 1       # (some 50 ms; of this thread, whatever else runs)


def test_what_can_be_read_in_some_ways_is_let_in():
    assert cost(re.compile(b"(?:ab|[a-c]b)x" * 6 + b"d")).ways == 64
    with pytest.raises(ValueError, match="too many of its parts"):
        cost(re.compile(b"(?:ab|[a-c]b)x" * 7 + b"d"))


def test_the_longest_text():
    assert cost(re.compile(rb"^OK")).longest() == LONGEST
    assert cost(re.compile(rb"\d+,")).longest() == 1000
    assert cost(re.compile(rb"\d+,")).longest(steps=50) == 10
    assert cost(re.compile(rb"a+b+c")).longest() < cost(re.compile(rb"a+b")).longest() * 2


def test_what_is_deterministic_may_have_many_alternatives():
    words = "|".join(f"{chr(letter)}0" for letter in range(97, 117))
    assert cost(re.compile(f"(?:{words})+;".encode())).degree == 2


def ways_to_read(automaton, first, text):
    """How many ways lead through so much of `text`, one after the other."""
    ends = Counter(place for place in first if automaton.masks[place] >> text[0] & 1)
    for byte in text[1:]:
        yield ends.total()
        ends, before = Counter(), ends
        for place, count in before.items():
            for follow, edges in automaton.follow[place].items():
                if automaton.masks[follow] >> byte & 1:
                    ends[follow] += count * edges
    yield ends.total()


def read_by(pattern):
    """The automaton of a pattern, where it begins, and in how many ways a text can be read."""
    automaton = Automaton(lambda tree, flags: (0, 1))
    part = automaton.build(patterns._parser.parse(pattern.encode(), re.DOTALL), re.DOTALL)
    cycles = automaton.components()
    if any(automaton.doubles(cycle) for cycle in cycles):
        raise ValueError
    return automaton, part.first, automaton.ambiguity(part.first, cycles)


LEAVES = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "ab", "ba", "c"])
PATTERNS = st.recursive(LEAVES, lambda inner: st.one_of(
    st.tuples(inner, inner).map("".join),
    st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
    st.tuples(inner, st.sampled_from(["*", "+", "?", "{2,5}", "*?", "+?", "{3}"])).map(
        lambda two: f"(?:{two[0]}){two[1]}")), max_leaves=8)


@settings(deadline=None, max_examples=150)
@given(PATTERNS, st.booleans(), st.sampled_from(["", "c", "$"]))
def test_what_is_not_refused_ends_soon(pattern, dotall, end):
    regex = re.compile((pattern + end).encode(), re.DOTALL if dotall else 0)
    try:
        price = cost(regex)
    except ValueError:
        return
    size = price.longest()
    for text in (b"a" * size, b"b" * size, b"ab" * (size // 2), b"a" * (size - 1) + b"b"):
        begun = time.process_time()
        (regex.match if price.anchored else regex.search)(text)
        # (It takes 40 ms at most, of this process; whatever has no bound takes for ever.)
        assert time.process_time() - begun < 2


@settings(deadline=None, max_examples=300)
@given(st.lists(PATTERNS, min_size=1, max_size=3).map("".join),
       st.one_of(st.text("abc", min_size=1, max_size=14),
                 st.sampled_from([unit * 8 for unit in ("a", "ab", "aab", "abb", "abc")])))
def test_no_text_is_read_in_more_ways_than_is_said(pattern, text):
    try:
        automaton, first, (power, factor) = read_by(pattern)
    except ValueError:
        return
    for length, ways in enumerate(ways_to_read(automaton, first, text.encode()), 1):
        assert ways <= factor * length ** power


@settings(max_examples=200)
@given(PATTERNS, st.text("abc", max_size=12))
def test_what_is_known_of_a_match(pattern, text):
    regex = re.compile(pattern.encode(), re.DOTALL)
    try:
        price = cost(regex)
    except ValueError:
        return
    match = regex.search(text.encode())
    if match is not None:
        assert price.width is None or len(match[0]) <= price.width
        end = match[0][-len(price.tail):] if price.tail else b""
        assert len(end) == len(price.tail)
        assert all(mask >> byte & 1 for mask, byte in zip(price.tail, end, strict=True))
        assert not price.anchored or match.start() == 0
