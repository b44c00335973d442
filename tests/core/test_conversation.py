"""Each rule of a conversation, by itself. `test_every_sequence` tries them together."""

import re

import pytest

from socs_tcp.core import hearing, pending
from socs_tcp.core.conversation import DROP, SPEAK, WAIT, Conversation, State
from socs_tcp.core.errors import FramingError
from socs_tcp.core.framing import FixedFramer, LineFramer, RawFramer
from socs_tcp.core.link import Link
from socs_tcp.core.owed import NO_DEBT, Debt
from socs_tcp.core.silence import SETTLE, Silence
from socs_tcp.core.states import LinkState
from socs_tcp.core.turn import Turn

SETTLED = 1.0


def same(command, reply):
    """A matching `late_replies`: the reply begins with the command."""
    return reply.startswith(command)


class Talk(Conversation):
    """A conversation with a link of its own, connected at 0 and prepared."""

    def __init__(self, late="drop", *, framer=None, settle=0.05, debt=NO_DEBT, prepared=True,
                 **more):
        self.link = Link("dev:1")
        self.link.connected()
        self.unasked = []
        if more.get("alarms"):
            more["alarms"] = self.unasked
        silence = Silence(settle, more.pop("gap", 0.0), 0.0, debt)
        super().__init__(self.link, framer or LineFramer(b"\n", max_length=100), late, silence,
                         **more)
        if prepared:
            self.prepared()

    @property
    def remarks(self):
        return [text for text, _line in self.link.news if isinstance(text, str)]

    def query(self, data=b"A", now=SETTLED, **more):
        turn = Turn("query", data, **more)
        assert self.next_step(now) == SPEAK
        self.ask(turn, now)
        return turn

    def exchange(self, now=SETTLED, rtt=0.1):
        turn = self.query(now=now)
        assert self.heard(b"A1\n", now + rtt) == [(turn, b"A1")]


# silence before a question

def test_after_a_connect_it_settles():
    talk = Talk()
    assert talk.next_step(0.0) == pytest.approx(0.05)
    assert talk.next_step(0.05) == SPEAK


def test_after_a_command_it_settles():
    talk = Talk()
    talk.command(1.0)
    assert talk.next_step(1.0) == pytest.approx(0.05)
    assert talk.next_step(1.05) == SPEAK


def test_after_what_nobody_asked_for_it_settles_and_that_is_discarded_and_told():
    talk = Talk()
    talk.exchange()
    assert talk.heard(b"x\ny", 1.2) == []
    assert talk.restless
    assert talk.next_step(1.2) == pytest.approx(0.05)
    assert talk.next_step(1.25) == SPEAK
    assert not talk.restless
    assert talk.decoder.waiting == 0
    assert talk.link.bytes_discarded == 3
    assert talk.said == b"x\ny"
    assert talk.remarks == ["the device said b'x\\ny' unasked; discarded; the last 1 replies are "
                            "doubtful: each may belong to the question before it"]


def test_question_after_question_waits_for_nothing():
    talk = Talk()
    talk.exchange(1.0)
    talk.exchange(1.1)
    assert talk.next_step(1.2) == SPEAK
    assert talk.remarks == []


def test_while_a_reply_is_to_come_nobody_speaks():
    talk = Talk()
    talk.exchange(1.0)
    talk.query(now=1.11)
    assert talk.next_step(1.12) == WAIT
    talk.heard(b"h", 1.13)
    assert talk.next_step(1.14) == WAIT


def test_what_waits_keeps_the_next_from_speaking():
    talk = Talk()
    talk.query(now=1.0)
    talk.heard(b"A1\nx", 1.1)
    assert talk.next_step(1.1) == pytest.approx(0.05)


def test_an_answer_to_a_command_that_expects_none_is_told():
    talk = Talk()
    talk.exchange()
    talk.command(2.0)
    talk.heard(b"ok\n", 2.01)
    assert talk.next_step(2.1) == SPEAK
    assert talk.remarks == ["the device said b'ok\\n' after a command that expects no answer; "
                            "discarded"]


def test_once_it_was_silent_a_command_has_no_answer():
    talk = Talk()
    talk.command(1.0)
    assert talk.awaited
    talk.query(now=2.0)
    assert not talk.awaited


def test_a_pause_ends_the_doubt():
    talk = Talk()
    talk.exchange(1.0)
    talk.exchange(5.0)
    talk.heard(b"x\n", 5.2)
    talk.next_step(9.0)
    assert "the last 1 replies" in talk.remarks[0]


def test_in_the_breath_what_was_shifted_shows():
    talk = Talk()
    now = 1.0
    while talk.next_step(now) == SPEAK:
        talk.exchange(now)
        now += 0.1
    assert now == pytest.approx(11.0, abs=0.2)
    talk.heard(b"the last answer\n", now + 0.1)
    assert talk.next_step(now + 0.1) > 0
    assert talk.next_step(now + 0.26) == SPEAK
    assert re.search(r"the last (99|100|101) replies", talk.remarks[0])


def test_a_device_that_never_stops_is_given_up(monkeypatch):
    monkeypatch.setattr(hearing, "MOST_UNASKED", 10)
    talk = Talk()
    talk.heard(b"x\n" * 5, 1.0)
    assert talk.next_step(1.0) > 0
    talk.heard(b"x", 1.0)
    assert talk.next_step(1.0) == DROP
    assert "without pause" in talk.useless


# the greeting

@pytest.mark.parametrize("match, reply", [(None, b"hello"), (re.compile(b"hel"), b"hello")])
def test_a_greeting_is_no_proof_and_needs_no_silence(match, reply):
    talk = Talk(prepared=False)
    turn = Turn("greeting", match=match)
    talk.listen(turn, 0.0)
    assert talk.next_step(0.0) == WAIT
    assert talk.heard(b"hello\n", 0.01) == [(turn, reply)]
    assert not talk.prepared()
    assert talk.state is State.PREPARED and not talk.answered
    assert talk.next_step(0.01) == SPEAK


def test_another_greeting_than_expected():
    talk = Talk(prepared=False, alarms=True)
    turn = Turn("greeting", match=re.compile(b"hel"))
    talk.listen(turn, 0.0)
    assert talk.heard(b"Port already in use\n", 0.1) == [(turn, None)]
    assert turn.wrong == b"Port already in use"
    assert talk.useless == "a reply did not match"


def test_what_the_connection_before_owes_may_come_before_the_greeting():
    talk = Talk(prepared=False, debt=Debt(1, 1.0))
    turn = Turn("greeting", match=re.compile(b"hel"))
    talk.listen(turn, 0.0)
    assert talk.heard(b"12.5\n", 0.1) == []
    assert talk.heard(b"hello\n", 0.1) == [(turn, b"hello")]
    assert talk.heard(b"", 0.1) == []


def test_a_greeting_that_does_not_come_costs_the_connection():
    talk = Talk("drain", prepared=False)
    turn = Turn("greeting")
    talk.listen(turn, 0.0)
    talk.prepared()
    assert talk.gave_up(turn)
    assert talk.next_step(1.0) == DROP
    assert talk.debt(1.0).replies == 0


# the connection before

def test_a_debt_that_comes_early_is_paid():
    talk = Talk(debt=Debt(2, 1.0))
    assert talk.next_step(0.1) == pytest.approx(0.9)
    talk.heard(b"old\n", 0.2)
    assert talk.next_step(0.2) == pytest.approx(1.0, abs=0.21)
    talk.heard(b"older\n", 0.3)
    assert talk.next_step(0.3) == pytest.approx(0.05)
    assert talk.next_step(0.35) == SPEAK
    assert talk.link.bytes_discarded == len(b"oldolder")


def test_a_call_does_not_spend_all_its_time_on_a_debt():
    assert Talk(debt=Debt(1, 1.0)).next_step(0.0, 0.5) == pytest.approx(0.4)


def test_what_is_not_paid_in_time_is_owed_by_the_next_connection_too():
    talk = Talk(debt=Debt(2, 1.0))
    assert talk.debt(0.7) == Debt(2, 1.0)       # it has not listened for it yet
    assert talk.next_step(0.8, 0.0) == SPEAK
    talk.query()
    assert talk.debt(0.7) == Debt(3, 0.7)
    assert talk.debt(None) == Debt(3, 1.0)


def test_a_device_that_has_answered_owes_nothing_of_before():
    talk = Talk(debt=Debt(2, 1.0))
    assert talk.next_step(0.8, 0.0) == SPEAK
    turn = talk.query()
    talk.heard(b"old?\n", 0.9)
    assert not talk.debt(1.0).replies
    assert talk.next_step(1.5) == SPEAK
    talk.query()
    assert talk.debt(1.0) == Debt(1, 1.0)
    assert turn not in talk.turns


def test_a_device_that_answers_too_late_twice_in_a_row_is_asked_at_the_beginning_of_a_call_only():
    """Otherwise each question has less time than the one before, until its answer is taken for
    that of the next: an instrument behind a serial server, a little slower than the timeout."""
    talk = Talk(debt=Debt(1, 0.7))
    assert talk.next_step(0.0, 0.7) == pytest.approx(0.56)
    talk.heard(b"late\n", 0.1)
    assert talk.next_step(0.1, 0.6) == pytest.approx(0.05)
    assert talk.next_step(0.15, 0.55) == SPEAK
    talk.query()
    debt = talk.debt(0.7)
    assert debt == Debt(1, 0.7, slow=True)

    talk = Talk(debt=debt)
    talk.heard(b"late, too\n", 0.3)
    assert talk.next_step(0.3, 0.4) == pytest.approx(0.45)      # the whole call
    assert talk.obstructs and not talk.hopeless
    assert "answers too late; b'late, too'" in talk.obstacle()
    assert talk.next_step(0.75, 0.7) == SPEAK
    talk.query()
    assert talk.debt(0.7).slow


def test_a_call_without_an_end_asks_a_slow_device_again():
    talk = Talk(debt=Debt(1, 0.7, slow=True))
    talk.heard(b"late\n", 0.3)
    assert talk.next_step(0.3) == pytest.approx(1.05)
    assert talk.next_step(1.35) == SPEAK


def test_what_is_owed_at_the_end_is_counted():
    talk = Talk()
    talk.query(answers=3)
    talk.heard(b"1\n", 1.1)
    assert talk.debt(1.0).replies == 2


# matches

def test_a_reply_that_does_not_match_is_never_given():
    talk = Talk()
    turn = talk.query(match=re.compile(rb"\d"))
    assert talk.heard(b"ok\n", 1.1) == [(turn, None)]
    assert turn.wrong == b"ok"
    assert talk.next_step(9.0) == DROP
    assert talk.useless == "a reply did not match"


def test_drained_the_right_reply_is_still_to_come():
    talk = Talk("drain")
    turn = talk.query(match=re.compile(rb"\d"), answers=2)
    talk.heard(b"1\n", 1.1)
    assert talk.heard(b"ok\n", 1.1) == [(turn, None)]
    assert not talk.useless
    assert talk.next_step(1.1) == WAIT and talk.debt(1.0).replies == 1
    talk.heard(b"what?\n", 1.2)         # not that one
    assert talk.next_step(1.2) == WAIT
    talk.heard(b"2\n", 1.3)
    assert talk.next_step(1.3) == pytest.approx(SETTLE)     # after so much that nobody asked for
    assert talk.next_step(1.36) == SPEAK
    assert talk.link.exchanges == 0


def test_a_wrong_reply_breaks_the_silence():
    talk = Talk("drain")
    talk.query(match=re.compile(rb"\d"))
    talk.heard(b"ok\n2\n", 1.1)
    assert talk.next_step(1.1) == pytest.approx(0.05)


def test_what_is_not_the_late_reply_breaks_the_silence():
    talk = Talk("drain")
    talk.gave_up(talk.query(match=re.compile(rb"\d")))
    talk.heard(b"ok\n2\n", 9.0)
    assert talk.next_step(9.0) == pytest.approx(0.05)


def test_what_does_not_match_is_an_alarm_where_there_are_any():
    talk = Talk(alarms=True)
    turn = talk.query(match=re.compile(rb"\d"))
    assert talk.heard(b"door open\n5\n", 1.1) == [(turn, b"5")]
    assert talk.unasked == [b"door open"]


def test_a_function_that_fails_is_no_match_and_is_told():
    talk = Talk()
    turn = talk.query(match=float)
    assert talk.heard(b"ok\n", 1.1) == [(turn, None)]
    assert "match failed on b'ok', which counts as no match: ValueError" in talk.remarks[0]


def test_matched_a_wrong_reply_was_the_reply():
    talk = Talk(same)
    turn = talk.query(b"A", match=re.compile(b"A1"))
    assert talk.heard(b"A2\n", 1.1) == [(turn, None)]
    assert talk.debt(1.0).replies == 0 and not talk.turns
    assert not talk.useless
    again = talk.query(b"A", now=2.0, match=re.compile(b"A1"))
    assert talk.heard(b"A3\n", 2.1) == [(again, None)]
    assert talk.next_step(3.0) == DROP


# alarms

def test_alarms_are_kept_whole_and_keep_nobody_waiting():
    talk = Talk(alarms=True)
    talk.exchange()
    talk.heard(b"one\ntw", 1.1)
    assert talk.unasked == [b"one"]
    assert talk.next_step(1.1) == pytest.approx(0.05)       # half of one is here
    talk.heard(b"o\n", 1.12)
    assert talk.unasked == [b"one", b"two"]
    assert talk.next_step(1.2) == SPEAK
    talk.heard(b"three\n", 1.21)
    assert talk.next_step(1.21) == SPEAK
    assert talk.remarks == []


def test_half_an_alarm_does_not_wait_for_ever():
    talk = Talk(alarms=True)
    talk.heard(b"tw", 1.1)
    assert talk.next_step(1.15) == SPEAK
    assert talk.decoder.waiting == 0


def test_alarms_that_nobody_takes_are_bounded(monkeypatch):
    monkeypatch.setattr(hearing, "MOST_ALARMS", 2)
    talk = Talk(alarms=True)
    talk.heard(b"1\n2\n3\n", 1.0)
    assert talk.unasked == [b"1", b"2"]
    assert talk.remarks == ["the device said b'3' unasked; discarded"]


def test_alarms_that_nobody_takes_are_bounded_in_bytes_too(monkeypatch):
    monkeypatch.setattr(hearing, "MOST_UNASKED", 100)
    talk = Talk(alarms=True)
    for _ in range(9):
        talk.heard(b"x" * 40 + b"\n", 1.0)
    assert talk.unasked == [b"x" * 40] * 3


def test_an_alarm_proves_that_the_device_speaks_but_not_at_the_connect():
    talk = Talk(alarms=True)
    talk.heard(b"Port already in use\n", 0.01)
    assert talk.state is State.PREPARED
    talk.heard(b"alarm\n", 0.2)
    assert talk.state is State.PROVEN and talk.link.state is LinkState.UP


# given up

def test_dropped():
    talk = Talk("drop")
    turn = talk.query()
    assert talk.gave_up(turn)
    assert talk.debt(1.0).replies == 1
    assert talk.next_step(9.0) == DROP
    assert "owed" in talk.useless
    assert not talk.gave_up(turn)
    assert talk.heard(b"late\n", 9.0) == []
    assert talk.ended() == []


def test_drained_a_late_reply_meets_its_own_question():
    talk = Talk("drain")
    turn = talk.query()
    assert not talk.gave_up(turn)
    assert turn.given_up and talk.debt(1.0).replies == 1
    assert talk.next_step(9.0) == WAIT
    assert talk.heard(b"late\n", 9.0) == []
    assert talk.next_step(9.0) == SPEAK
    assert talk.debt(1.0).replies == 0
    assert talk.link.bytes_discarded == 4
    assert talk.link.exchanges == 0
    assert talk.state is State.PREPARED


def test_several_late_replies():
    talk = Talk("drain")
    turn = talk.query(answers=3)
    talk.heard(b"1\n", 1.1)
    talk.gave_up(turn)
    talk.heard(b"2\n", 1.2)
    assert talk.next_step(1.2) == WAIT and talk.debt(1.0).replies == 1
    talk.heard(b"3\n", 1.3)
    assert talk.next_step(1.3) == SPEAK


def test_matched_a_late_reply_is_told_from_the_next():
    talk = Talk(same)
    lost, asked = talk.query(b"A"), Turn("query", b"B")
    assert not talk.gave_up(lost)
    assert talk.next_step(2.0) == SPEAK
    talk.ask(asked, 2.0)
    assert talk.next_step(2.0) == WAIT
    assert talk.heard(b"A1\nB1\n", 2.1) == [(asked, b"B1")]
    assert not talk.turns


def test_matched_of_two_that_are_alike_the_first_is_answered_first():
    talk = Talk(same)
    lost = talk.query(b"A")
    talk.gave_up(lost)
    asked = talk.query(b"A", now=2.0)
    assert talk.heard(b"A1\n", 2.1) == []
    assert talk.heard(b"A2\n", 2.2) == [(asked, b"A2")]


def test_matched_two_in_a_row_without_an_answer_cost_the_connection():
    talk = Talk(same)
    assert not talk.gave_up(talk.query(b"A"))
    assert talk.gave_up(talk.query(b"B", now=2.0))
    talk = Talk(same)
    talk.gave_up(talk.query(b"A"))
    talk.query(b"B", now=2.0)
    talk.heard(b"B1\n", 2.1)
    assert not talk.gave_up(talk.query(b"C", now=3.0))


def test_matched_two_in_a_row_may_be_the_second_and_the_third():
    talk = Talk(same)
    talk.exchange(1.0)
    talk.gave_up(talk.query(b"A", now=2.0))
    assert talk.gave_up(talk.query(b"B", now=3.0))


def test_matched_not_all_that_was_given_up_is_kept_in_mind(monkeypatch):
    monkeypatch.setattr(pending, "MOST_GIVEN_UP", 2)
    talk = Talk(same)
    for now in (1.0, 2.0, 3.0):
        talk.gave_up(talk.query(b"L", now=now))
        talk.query(b"A", now=now)
        talk.heard(b"A\n", now + 0.1)
    assert len(talk.turns) == 1


def test_matched_strays_are_passed_over():
    talk = Talk(same)
    turn = talk.query(b"A")
    assert talk.heard(b"x\nA1\n", 1.1) == [(turn, b"A1")]
    assert talk.next_step(1.1) == SPEAK
    assert talk.remarks == ["the device said b'x' unasked; discarded"]


def test_a_matching_function_that_fails_is_told():
    talk = Talk(lambda command, reply: 1 / 0)
    talk.query(b"A")
    assert talk.heard(b"A\n", 1.1) == []
    assert "late_replies failed on b'A'" in talk.remarks[0]


def test_junk_in_front_of_a_reply_of_fixed_length_costs_nothing_more():
    talk = Talk(same, framer=FixedFramer(4))
    turn = talk.query(b"A")
    assert talk.heard(b"A123xyz", 1.1) == [(turn, b"A123")]
    turn = talk.query(b"A", now=2.0)
    assert talk.heard(b"A456", 2.1) == [(turn, b"A456")]


def test_matched_a_frame_that_began_before_a_question_does_not_answer_it():
    talk = Talk(same)
    talk.gave_up(talk.query(b"A"))
    talk.heard(b"B", 1.5)
    turn = talk.query(b"B", now=2.0)
    assert talk.heard(b"1\n", 2.1) == []
    assert talk.heard(b"B2\n", 2.1) == [(turn, b"B2")]


def test_a_frame_that_began_before_a_question_does_not_answer_it():
    talk = Talk("drop")
    talk.heard(b"B", 1.5)
    turn = Turn("query", b"B")
    talk.ask(turn, 1.5)             # whatever `next_step` would have said
    assert talk.heard(b"1\nright\n", 2.1) == [(turn, b"right")]


def test_matched_bytes_of_one_that_was_given_up_are_kept():
    talk = Talk(same)
    talk.gave_up(talk.query(b"A"))
    talk.heard(b"A", 1.5)
    turn = talk.query(b"B", now=2.0)
    assert talk.heard(b"1\nB1\n", 2.1) == [(turn, b"B1")]


def test_given_up_while_it_was_prepared():
    talk = Talk("drain", prepared=False)
    assert talk.gave_up(talk.query())


@pytest.mark.parametrize("late, drop", [("drop", True), ("drain", False), (same, True)])
def test_interrupted(late, drop):
    talk = Talk(late)
    assert bool(talk.interrupted(talk.query())) is drop
    assert talk.debt(1.0).replies == 1


# commands and listeners

@pytest.mark.parametrize("late, step", [("drop", DROP), ("drain", WAIT)])
def test_who_listened_in_vain_for_the_answers_of_two_commands_is_owed_both(late, step):
    talk = Talk(late)
    talk.command(1.0)
    talk.command(1.1)
    listener = Turn("listen")
    assert talk.listen(listener, 1.2) == []
    assert talk.next_step(1.3) == WAIT
    assert not talk.gave_up(listener)
    assert talk.owes_late and talk.debt(1.0).replies == 2 and talk.awaited
    assert talk.next_step(9.0) == step


def test_drained_both_come_first():
    talk = Talk("drain")
    talk.command(1.0)
    talk.command(1.1)
    listener = Turn("listen")
    talk.listen(listener, 1.2)
    talk.gave_up(listener)
    assert talk.next_step(2.0) == WAIT
    talk.heard(b"1\n", 2.1)
    assert talk.next_step(2.1) == WAIT
    talk.heard(b"2\n3", 2.2)
    assert not talk.owes_late
    assert talk.next_step(2.2) == pytest.approx(0.05)       # and what is this?
    assert talk.next_step(2.3) == SPEAK
    assert talk.link.bytes_discarded == 3


def test_drained_what_has_come_already_counts():
    talk = Talk("drain")
    talk.command(1.0)
    listener = Turn("listen")
    talk.listen(listener, 1.2)
    talk.gave_up(listener)
    talk.heard(b"1\n", 1.5)
    assert talk.next_step(2.0) == SPEAK


def test_while_it_is_prepared_nothing_is_drained():
    talk = Talk("drain", prepared=False)
    talk.command(1.0)
    listener = Turn("listen")
    talk.listen(listener, 1.2)
    talk.gave_up(listener)
    assert talk.next_step(2.0) == DROP


@pytest.mark.parametrize("begun", [1, 7])
def test_half_a_reply_is_kept_for_the_next_who_listens(begun):
    talk = Talk("drain")
    first, second = Turn("listen"), Turn("listen")
    talk.listen(first, 1.0)
    talk.heard(b"TEMP 1234.5\n"[:begun], 1.1)
    talk.gave_up(first)
    assert talk.debt(1.0).replies == 1
    talk.command(2.0)
    assert talk.discard_late() == 0
    talk.listen(second, 2.1)
    assert talk.heard(b"TEMP 1234.5\n"[begun:], 2.2) == [(second, b"TEMP 1234.5")]


def test_late_answers_that_are_here_are_discarded_before_a_command():
    talk = Talk()
    talk.command(1.0)
    listener = Turn("listen")
    talk.listen(listener, 1.1)
    talk.gave_up(listener)
    talk.heard(b"late\nnot late\n", 1.2)
    assert talk.discard_late() == 1
    assert not talk.owes_late
    assert talk.link.bytes_discarded == 4
    assert talk.listen(Turn("listen"), 1.3)[0][1] == b"not late"


def test_the_answer_to_a_command_needs_no_silence():
    talk = Talk()
    talk.command(1.0)
    talk.listen(Turn("listen"), 1.0)
    talk.heard(b"ok\n", 1.1)
    assert talk.next_step(1.1) == SPEAK


@pytest.mark.parametrize("commands, data, when", [
    (0, b"ok\n", 1.1),          # it speaks by itself
    (2, b"ok\n", 1.1),          # one is missing
    (1, b"ok\nx", 1.1),         # something came with it
    (1, b"ok\n", 0.04)])        # it may have been a greeting
def test_what_else_a_listener_hears_does(commands, data, when):
    talk = Talk()
    for _ in range(commands):
        talk.command(0.0)
    talk.listen(Turn("listen"), 0.0)
    talk.heard(data, when)
    assert talk.next_step(when) == pytest.approx(0.05)


def test_the_answer_to_a_command_does_not_end_the_silence_after_something_else():
    talk = Talk(debt=Debt(1, 1.0))
    talk.heard(b"old\n", 1.0)
    talk.next_step(1.0)
    talk.command(1.0)
    talk.listen(Turn("listen"), 1.0)
    talk.heard(b"ok\n", 1.01)
    assert talk.next_step(1.01) == pytest.approx(0.05)


def test_matched_a_listener_behind_a_question_gets_what_answers_nothing():
    talk = Talk(same)
    turn, listener = talk.query(b"A"), Turn("listen")
    talk.listen(listener, 1.0)
    assert talk.heard(b"event\nA1\n", 1.1) == [(listener, b"event"), (turn, b"A1")]


def test_who_listens_gets_what_is_there():
    talk = Talk()
    talk.heard(b"one\ntwo\n", 1.0)
    listener = Turn("listen")
    assert talk.listen(listener, 1.1) == [(listener, b"one")]
    assert talk.decoder.waiting == 4


def test_who_listens_may_leave():
    talk = Talk()
    listener = Turn("listen")
    talk.listen(listener, 1.0)
    assert talk.listening and not talk.asking
    assert not talk.gave_up(listener)
    assert not talk.gave_up(listener)
    assert not talk.listening and talk.next_step(1.0) == SPEAK


# bytes as they come

def test_a_whole_line_as_bytes_is_the_answer_to_a_command():
    talk = Talk()
    talk.command(1.0)
    talk.took(b"ok\n", 1.1)
    assert talk.link.bytes_received == 3
    assert not talk.awaited and talk.answered
    assert talk.next_step(1.1) == SPEAK


def test_a_whole_line_as_bytes_is_good_news_after_a_failure():
    talk = Talk()
    for now in (1.0, 2.0):
        talk.command(now)
        talk.took(b"ok\n", now + 0.1)
        assert talk.link.up
        talk.link.failed(ConnectionError("another question was not answered"))
        assert talk.link.down


def test_a_late_answer_as_bytes_leaves_that_to_the_next_command_awaited():
    talk = Talk()
    talk.command(1.0)
    talk.in_vain()
    talk.command(3.0)
    talk.took(b"to the first\n", 3.1)
    assert talk.awaited and not talk.owes_late
    talk.took(b"to the second\n", 3.2)
    assert not talk.awaited


@pytest.mark.parametrize("data", [b"o", b"ok\nmore\n"])
def test_other_bytes_are_followed_by_silence(data):
    talk = Talk()
    talk.command(1.0)
    talk.took(data, 1.1)
    assert talk.next_step(1.1) == pytest.approx(0.05)


def test_bytes_that_wait_are_taken_as_they_are():
    talk = Talk()
    talk.command(1.0)
    talk.heard(b"ok\nx", 1.1)
    assert talk.take(3, 1.2) == b"ok\n"
    assert talk.take(3, 1.2) == b"x"
    assert talk.take(3, 1.2) == b""
    assert talk.answered


def test_no_bytes_prove_nothing():
    talk = Talk()
    assert talk.take(5, 1.0) == b""
    talk.took(b"", 1.0)
    assert not talk.answered


def test_what_is_said_is_traced():
    talk = Talk(framer=RawFramer())
    talk.link.keep_trace()
    talk.heard(b"one", 1.0)
    talk.took(b"two", 1.0)
    assert "< b'one'" in str(talk.link.trace) and "< b'two'" in str(talk.link.trace)


# several questions, several replies, other ends

def test_several_replies_are_a_list():
    talk = Talk()
    turn = talk.query(answers=2)
    assert talk.heard(b"1\n", 1.1) == []
    assert talk.heard(b"2\n", 1.2) == [(turn, [b"1", b"2"])]
    assert talk.link.exchanges == 1 and talk.link.last_rtt == pytest.approx(0.2)


def test_a_reply_that_ends_differently():
    talk = Talk()
    turn = talk.query(framer=FixedFramer(3))
    assert talk.heard(b"a\nb", 1.1) == [(turn, b"a\nb")]
    turn = talk.query(framer=FixedFramer(2))
    assert talk.heard(b"a\n", 1.1) == [(turn, b"a\n")]
    turn = talk.query(now=2.0, framer=FixedFramer(3))
    assert talk.heard(b"a", 2.1) == [] and talk.heard(b"\nb", 2.2) == [(turn, b"a\nb")]


def test_matched_the_one_who_waits_says_where_a_frame_ends():
    talk = Talk(same)
    talk.gave_up(talk.query(b"A", framer=FixedFramer(50)))
    turn = talk.query(b"B", now=2.0)
    assert talk.heard(b"B1\n", 2.1) == [(turn, b"B1")]


def test_questions_under_way_are_answered_in_their_order():
    talk = Talk("drain")
    first, second = talk.query(b"A"), Turn("query", b"B")
    assert talk.may_join(2, 1.0) and not talk.may_join(1, 1.0)
    talk.heard(b"o", 1.0)
    talk.ask(second, 1.0)
    assert talk.heard(b"ne\ntwo\n", 1.1) == [(first, b"one"), (second, b"two")]


def test_none_joins_where_silence_is_due():
    talk = Talk()
    talk.query()
    talk.command(1.0)
    assert not talk.may_join(2, 1.0)
    assert talk.may_join(2, 1.1)


@pytest.mark.parametrize("spoil", [
    lambda talk: talk.gave_up(talk.turns[0]), lambda talk: talk.ended(),
    lambda talk: talk.listen(Turn("listen"), 1.0)])
def test_none_joins_those_who(spoil):
    talk = Talk("drain")
    talk.query()
    spoil(talk)
    assert not talk.may_join(5, 1.0)


def test_none_joins_where_there_is_a_gap():
    talk = Talk(gap=0.5)
    talk.query()
    assert not talk.may_join(2, 9.0)


def test_after_a_wrong_reply_nobody_is_answered():
    talk = Talk()
    first, second = talk.query(b"A", match=re.compile(b"A")), Turn("query", b"B")
    talk.ask(second, 1.0)
    assert talk.heard(b"x\ny\n", 1.1) == [(first, None)]
    assert talk.heard(b"z\n", 1.2) == []
    assert not talk.may_join(5, 1.0)
    assert talk.ended() == [second]


def test_what_makes_no_sense_ends_it():
    talk = Talk()
    talk.query()
    with pytest.raises(FramingError, match="no end of the reply"):
        talk.heard(b"x" * 200, 1.1)
    assert talk.next_step(9.0) == DROP


# states, and what proves

def test_only_a_proven_connection_is_good():
    talk = Talk(prepared=False)
    assert talk.state is State.NEW
    talk.exchange()
    assert talk.link.state is LinkState.OPEN and talk.state is State.NEW
    assert talk.prepared()
    assert talk.link.state is LinkState.UP and talk.state is State.PROVEN
    assert talk.link.exchanges == 0
    talk.exchange(2.0)
    assert talk.link.exchanges == 1


def test_nothing_said_nothing_proven():
    talk = Talk()
    talk.command(1.0)
    assert talk.state is State.PREPARED and talk.link.state is LinkState.OPEN
    talk.exchange(2.0)
    assert talk.state is State.PROVEN and talk.link.state is LinkState.UP


def test_what_a_listener_hears_proves_but_not_at_the_connect():
    talk = Talk()
    talk.listen(Turn("listen"), 0.0)
    talk.heard(b"Port already in use\n", 0.04)
    assert not talk.answered and talk.state is State.PREPARED
    talk.listen(Turn("listen"), 0.05)
    talk.heard(b"12.5\n", 0.05)
    assert talk.answered and talk.link.state is LinkState.UP
    assert talk.link.exchanges == 0


def test_a_dead_connection_proves_nothing_and_its_leftovers_can_be_read():
    talk = Talk()
    turn = talk.query()
    assert talk.ended() == [turn]
    assert talk.state is State.DEAD and not talk.turns
    assert talk.next_step(9.0) == DROP
    listener = Turn("listen")
    talk.listen(listener, 9.0)
    assert talk.heard(b"left\n", 9.0) == [(listener, b"left")]
    talk.took(b"left\n", 9.0)
    assert not talk.prepared()
    assert talk.state is State.DEAD and talk.link.state is LinkState.OPEN


def test_finished():
    talk = Talk()
    assert talk.said == b""
    assert not talk.finished()
    talk.query()
    assert talk.asking and not talk.listening
    assert not talk.finished()
    talk.heard(b"1\n", 1.1)
    assert talk.finished() and not talk.asking
    talk.heard(b"x", 1.2)
    assert not talk.finished() and talk.awaited


def test_a_question_is_noted_at_once_only_where_it_is_free():
    talk = Talk()
    turn = Turn("query", b"q")
    assert not talk.ask_if_free(turn, 100.0)            # nothing was answered yet
    talk.exchange(100.0)
    assert talk.ask_if_free(turn, 100.01)
    assert talk.turns == [turn] and turn.asked_at == 100.01
    assert not talk.ask_if_free(Turn("query", b"q"), 100.02)     # one is under way
    talk.heard(b"x\ny", 100.02)
    assert not talk.ask_if_free(Turn("query", b"q"), 100.02)     # something waits
    assert talk.turns == []


def test_a_question_after_a_pause_is_noted_at_once_and_one_that_has_to_wait_for_it_is_not():
    talk = Talk()
    talk.exchange(100.0)
    for now in (102.0, 109.0, 110.1):       # asked seldom: each time that was a pause
        assert talk.ask_if_free(turn := Turn("query", b"q"), now)
        assert talk.silence.paused == now and turn.asked_at == now
        talk.heard(b"x\n", now)
    assert talk._evidence.beyond_doubt == talk._evidence.exchanges - 1
    now = 110.1
    while now < 120.09:
        now += 0.01
        assert talk.ask_if_free(Turn("query", b"q"), now)
        talk.heard(b"x\n", now)
    assert not talk.ask_if_free(Turn("query", b"q"), now + 0.02)        # a pause is due
    assert talk.ask_if_free(Turn("query", b"q"), now + 0.06)


def test_without_settling_no_time_is_ever_waited_for():
    talk = Talk(settle=0.0)
    for now in (0.0, 100.0):
        talk.heard(b"x\n", now)
        talk.exchange(now)
    assert talk.free(1e9)


def test_a_command_while_a_late_reply_is_owed_ends_the_connection_at_the_next_question():
    """Its answer, which nobody knows of, would else be taken for that reply."""
    talk = Talk("drain")
    talk.gave_up(talk.query())
    assert talk.next_step(2.0) == WAIT
    talk.command(2.0)
    assert talk.next_step(2.0) == DROP
    talk.heard(b"ok\nlate\n", 2.1)
    assert talk.next_step(9.0) == DROP


def test_half_a_late_reply_is_owed_once_though_somebody_listened_to_it_in_vain():
    talk = Talk("drain")
    asked, listening = talk.query(), Turn("listen")
    assert not talk.gave_up(asked)
    talk.listen(listening, 1.2)
    talk.heard(b"A", 1.3)
    talk.gave_up(listening)
    talk.heard(b"1\n", 1.4)
    assert talk.debt(1.0).replies == 0 and not talk.owes_late
    assert talk.next_step(1.4) == SPEAK
