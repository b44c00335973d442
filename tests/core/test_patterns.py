"""What a pattern may cost is seen before any reply is there."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    (rb"(?=.*a)b", 3),
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
    b"a?" * 30 + b"a" * 30, b"(?:ab|[a-c]b)" * 30 + b"d", rb"(.*)\1", rb"(a)?(?(1)b|c)",
    rb"(?i)(ab|AB)+c", rb"(?>(a+)+)b", rb"(?=(a+)+b)c", rb"x" * 1001, rb"(a{60}){60}b",
])
def test_what_has_no_bound_is_refused(pattern):
    with pytest.raises(ValueError, match=r"^(can be|repeats|refers|has)"):
        cost(re.compile(pattern))


def test_the_longest_text():
    assert cost(re.compile(rb"^OK")).longest() == LONGEST
    assert cost(re.compile(rb"\d+,")).longest() == 1000
    assert cost(re.compile(rb"\d+,")).longest(steps=50) == 10
    assert cost(re.compile(rb"a+b+c")).longest() < cost(re.compile(rb"a+b")).longest() * 2


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
        assert not match[0] or price.ends_in >> match[0][-1] & 1
        assert not price.anchored or match.start() == 0
