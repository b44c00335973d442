"""Details of the conversation that both faces rely on; the whole is proven elsewhere."""

import re

import pytest

from socs_tcp.core.conversation import SPEAK, Conversation
from socs_tcp.core.errors import FramingError
from socs_tcp.core.framing import LineFramer
from socs_tcp.core.link import Link
from socs_tcp.core.owed import NO_DEBT, Debt, Owed
from socs_tcp.core.silence import Silence
from socs_tcp.core.turn import Turn, checked_greeting


def conversation(late="drop", settle=0.0, debt=NO_DEBT, gap=0.0):
    made = Conversation(Link("here"), LineFramer(max_length=20), late,
                        Silence(settle, gap, 0.0, debt))
    made.prepared()
    return made


def test_replies_in_front_of_what_makes_no_sense_are_given_and_then_it_is_told():
    talk = conversation()
    first, second = Turn("query", b"1"), Turn("query", b"2")
    talk.ask(first, 0.0)
    talk.ask(second, 0.0)
    assert talk.heard(b"one\r\n" + b"x" * 50, 1.0) == [(first, b"one")]
    with pytest.raises(FramingError):
        talk.frames(1.0)


def test_a_listener_gets_what_matches_no_question_that_was_given_up():
    talk = conversation(late=lambda command, reply: reply.startswith(command))
    lost, listener = Turn("query", b"A"), Turn("listen")
    talk.ask(lost, 0.0)
    assert not talk.gave_up(lost)
    assert talk.listen(listener, 1.0) == []
    assert talk.heard(b"event\r\n", 2.0) == [(listener, b"event")]


@pytest.mark.parametrize("settle, listens", [(0.0, False), (0.05, True)])
def test_without_settling_nobody_listens_for_what_the_connection_before_owes(settle, listens):
    talk = conversation(settle=settle, debt=Debt(1, 1.0))
    assert (talk.next_step(0.5) == SPEAK) is not listens


def test_it_knows_whether_the_device_has_answered():
    talk = conversation()
    assert not talk.answered
    turn = Turn("query", b"A")
    talk.ask(turn, 0.0)
    talk.heard(b"a\r\n", 1.0)
    assert talk.answered


def test_how_a_device_greets():
    pattern = re.compile(b"hello")
    assert [checked_greeting(value) for value in (None, False, True, pattern, len)] \
        == [None, None, True, pattern, len]
    for wrong in ("hello", b"hello", 5, re.compile("hello")):
        with pytest.raises(TypeError, match="greeting must be"):
            checked_greeting(wrong)


@pytest.mark.parametrize("late, joins", [("drop", False), ("drain", False),
                                         (lambda command, reply: command == reply, True)])
def test_who_was_given_up_keeps_nobody_from_joining_where_replies_are_matched(late, joins):
    talk = conversation(late)
    lost = Turn("query", b"A")
    talk.ask(lost, 0.0)
    talk.gave_up(lost)
    assert talk.may_join(1, 1.0) is joins
    if joins:
        talk.ask(Turn("query", b"B"), 1.0)
        assert talk.may_join(2, 1.0) and not talk.may_join(1, 1.0)


def test_what_the_connection_before_owed_may_make_no_sense():
    talk = Conversation(Link("here"), LineFramer(max_length=20), "drop",
                        Silence(0.05, 0.0, 0.0, Debt(1, 1.0)))
    talk.prepared()
    talk.heard(b"x" * 50, 0.5)
    assert talk.next_step(0.5) > 0
    assert talk.next_step(2.0) == SPEAK


def test_half_a_reply_that_is_here_when_another_question_joins_is_still_one():
    talk = conversation("drain")
    first, second = Turn("query", b"1"), Turn("query", b"2")
    talk.ask(first, 0.0)
    talk.heard(b"on", 0.0)
    talk.ask(second, 0.0)
    assert talk.heard(b"e\r\ntwo\r\n", 1.0) == [(first, b"one"), (second, b"two")]


def test_each_answer_that_is_late_is_owed_once():
    owed = Owed(NO_DEBT)
    owed.unanswered = 2
    owed.in_vain(False)
    assert [owed.heard(1) for _ in range(3)] == [True, True, False]
    assert owed.nothing()


@pytest.mark.parametrize("draining, late, drained, left", [
    (False, 2, False, 2), (True, 0, False, 0), (True, 2, True, 1)])
def test_what_comes_pays_what_is_late_only_where_a_question_waits_for_it(draining, late, drained,
                                                                         left):
    owed = Owed(NO_DEBT)
    owed.draining, owed.late = draining, late
    assert owed.drained() is drained and owed.late == left


def test_a_listener_that_gave_up_has_given_up_once():
    talk, listener = conversation(), Turn("listen")
    talk.command(0.0)
    talk.listen(listener, 0.0)
    assert not talk.gave_up(listener)
    assert listener.given_up and talk.debt(1.0).replies == 1
    assert not talk.gave_up(listener) and talk.debt(1.0).replies == 1


def test_what_a_listener_hears_is_the_end_of_an_exchange():
    talk = conversation(gap=1.0)
    talk.listen(Turn("listen"), 5.0)
    talk.heard(b"event\r\n", 7.0)
    assert talk.next_step(7.5) == pytest.approx(0.5)


def test_a_device_that_has_said_nothing_is_not_restless():
    talk = conversation()
    assert talk.restless is False
    talk.heard(b"alarm\r\n", 1.0)
    assert talk.restless
    assert talk.next_step(2.0) == SPEAK and not talk.restless


@pytest.mark.parametrize("late, unanswered, frames, expected, left", [
    (0, 1, 1, True, (0, 0)), (1, 1, 2, True, (0, 0)), (1, 0, 2, False, (0, 0)),
    (2, 3, 3, True, (0, 2)), (0, 0, 1, False, (0, 0)),
    (0, 1, 0, True, (0, 1)), (1, 0, 0, True, (1, 0)), (0, 0, 0, False, (0, 0))])
def test_what_is_heard_pays_what_is_late_first(late, unanswered, frames, expected, left):
    owed = Owed(NO_DEBT)
    owed.late, owed.unanswered = late, unanswered
    assert owed.heard(frames) is expected
    assert (owed.late, owed.unanswered) == left
