"""A turn: what belongs to it, and what is still to come."""

import re

import pytest

from socs_tcp.core.turn import Turn, checked_match


def test_one_reply_ends_it_and_is_no_list():
    turn = Turn("query", b"A?")
    assert turn.missing == 1 and turn.frames is None
    assert turn.took(b"1")
    assert turn.missing == 0 and turn.frames is None


def test_several_replies_are_a_list():
    turn = Turn("query", b"A?", answers=2)
    assert not turn.took(b"1")
    assert turn.missing == 1
    assert turn.took(b"2")
    assert turn.frames == [b"1", b"2"]


def test_a_list_of_one():
    turn = Turn("query")
    turn.collect(1)
    assert turn.took(b"1")
    assert turn.frames == [b"1"]


def test_replies_that_nobody_waits_for_are_counted_and_not_kept():
    turn = Turn("query", answers=3)
    turn.took(b"1")
    turn.give_up()
    assert turn.given_up and not turn.plain
    assert not turn.took(b"2") and turn.took(b"3")
    assert turn.frames == [b"1"]


@pytest.mark.parametrize("answers, frames", [(1, None), (2, [])])
def test_what_starts_over_has_had_nothing(answers, frames):
    turn = Turn("query", answers=answers)
    turn.took(b"1")
    turn.wrong = b"?"
    turn.start_over()
    assert (turn.missing, turn.frames, turn.wrong) == (answers, frames, None)


@pytest.mark.parametrize("match, frame, fits", [
    (None, b"anything", True), (re.compile(rb"\d+"), b"12 K", True),
    (re.compile(rb"\d+"), b" 12", False), (bytes.isdigit, b"12", True),
    (bytes.isdigit, b"x", False), (lambda frame: None, b"x", False)])
def test_what_a_reply_looks_like(match, frame, fits):
    assert Turn("query", match=match).fits(frame) is fits


def test_what_may_be_compared():
    pattern = re.compile(b"a")
    assert [checked_match(match) for match in (None, pattern, len)] == [None, pattern, len]
    for wrong in (b"a", "a", re.compile("a"), 5):
        with pytest.raises(TypeError, match="match must be a compiled pattern of bytes"):
            checked_match(wrong)
