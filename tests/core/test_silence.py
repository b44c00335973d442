"""How long a connection must be silent before it may be spoken on."""

import math

import pytest

from socs_tcp.core.owed import NO_DEBT, Debt
from socs_tcp.core.silence import INSTANT, NEVER, Silence


def quiet(settle=0.05, gap=0.0, debt=NO_DEBT, last=-math.inf):
    """A silence that is over: nothing is missing at 10.0."""
    silence = Silence(settle, gap, 0.0, debt, last=last)
    silence.left(10.0)
    return silence


@pytest.mark.parametrize("now, left", [(0.0, 0.05), (0.02, 0.03), (0.05, 0), (9.0, 0)])
def test_after_a_connect(now, left):
    assert Silence(0.05, 0.0, 0.0).left(now) == pytest.approx(left)


def test_what_was_said_at_the_connect_is_known_by_its_time():
    assert Silence(0.05, 0.0, 7.0).settled_in == 7.05


@pytest.mark.parametrize("event", [Silence.broken, Silence.spoke])
def test_after_something_that_belongs_to_no_question(event):
    silence = quiet()
    event(silence, 10.0)
    assert silence.left(10.01) == pytest.approx(0.04)
    event(silence, 10.04)
    assert silence.left(10.06) == pytest.approx(0.03)
    assert silence.left(10.09) == 0
    assert silence.left(10.09) == 0


def test_an_answer_that_was_expected_needs_no_silence():
    silence = quiet()
    silence.spoke(10.0)
    silence.kept()
    assert silence.left(10.0) == 0


def test_without_settling_nothing_is_waited_for():
    silence = Silence(0.0, 0.0, 0.0, debt=Debt(1, 1.0))
    assert silence.left(0.0) == 0
    silence.broken(1.0)
    assert silence.left(1.0) == 0
    silence.answered(2.0, 0.5)
    assert silence.left(100.0) == 0
    assert silence.paused == 0.0
    assert silence.free_until > 1e9


def test_less_than_an_instant_is_nothing():
    silence = Silence(0.05, 0.0, 0.0)
    assert silence.left(0.05 - INSTANT / 2) == 0
    gap = quiet(gap=0.5)
    gap.answered(10.0, 0.1)
    assert gap.gap_left(10.5 - INSTANT / 2) == 0
    assert gap.gap_left(10.5 + 1.0) == 0


# what the connection before owes

def test_a_debt_is_waited_for_as_long_as_the_call_allows():
    silence = Silence(0.05, 0.0, 0.0, debt=Debt(1, 1.0))
    assert silence.left(0.0) == pytest.approx(1.0)
    assert silence.left(0.1, allowed=0.5) == pytest.approx(0.4)
    assert silence.left(0.3, allowed=9.0) == pytest.approx(0.2)
    assert silence.left(0.5) == 0


def test_a_call_without_time_still_lets_it_settle():
    silence = Silence(0.05, 0.0, 0.0, debt=Debt(1, 1.0))
    assert silence.left(0.0, allowed=0.0) == pytest.approx(0.05)


def test_a_debt_that_is_paid_is_over():
    silence = Silence(0.05, 0.0, 0.0, debt=Debt(1, 1.0))
    silence.broken(0.2)
    silence.debt_paid(0.0, 1.0)
    assert silence.left(0.2) == pytest.approx(0.05)
    silence.kept()
    assert silence.left(0.2) == 0


def test_a_greeting_pays_no_debt():
    silence = Silence(0.05, 0.0, 0.0, debt=Debt(1, 1.0))
    silence.kept()
    assert silence.left(0.0) == pytest.approx(1.0)


# the gap

def test_a_gap_between_exchanges():
    silence = quiet(gap=0.5)
    silence.answered(10.0, 0.1)
    assert silence.gap_left(10.1) == pytest.approx(0.4)
    assert silence.left(10.1) == pytest.approx(0.4)
    assert silence.left(10.5) == 0
    silence.spoke(11.0)
    assert silence.left(11.0) == pytest.approx(0.5)
    assert silence.free_until == NEVER


def test_a_gap_outlasts_the_connection():
    assert Silence(0.05, 0.5, 10.0, last=9.9).left(10.0) == pytest.approx(0.4)


# the breath

def asked(silence, begin, end, rtt):
    """Ask without a pause; when it stopped."""
    now = begin
    while now < end and silence.left(now) == 0:
        now += rtt
        silence.answered(now, rtt)
    return now


def test_ten_seconds_without_a_pause_need_one_and_no_more():
    silence = quiet()
    now = asked(silence, 10.0, 30.0, 0.125)
    assert now == 20.0
    assert silence.left(now) == pytest.approx(0.175)     # its replies take that, and settle
    assert silence.left(20.1) == pytest.approx(0.075)
    assert silence.left(20.175) == 0
    assert silence.paused == 20.175
    assert asked(silence, 20.175, 29.0, 0.125) >= 29.0


def test_the_pause_is_as_long_as_lately_the_slowest_reply_and_a_second_at_most():
    silence = quiet()
    silence.answered(10.3, 0.3)
    assert asked(silence, 10.3, 30.0, 0.02) == pytest.approx(20.0, abs=0.03)
    assert silence.left(20.02) == pytest.approx(0.35, abs=0.03)
    silence.left(21.0)
    assert asked(silence, 21.0, 40.0, 0.02) == pytest.approx(31.0, abs=0.03)
    assert silence.left(31.02) == pytest.approx(0.07, abs=0.03)
    silence.left(32.0)
    silence.answered(36.0, 4.0)
    now = asked(silence, 36.0, 60.0, 0.5)
    assert silence.left(now) == pytest.approx(1.0)


def test_a_natural_pause_is_one():
    silence = quiet()
    asked(silence, 10.0, 19.0, 0.1)
    assert silence.left(19.5) == 0
    assert silence.paused == 19.5
    assert asked(silence, 19.5, 29.0, 0.1) >= 29.0


def test_what_comes_in_a_pause_begins_it_anew():
    silence = quiet()
    now = asked(silence, 10.0, 30.0, 0.1)
    silence.broken(now + 0.1)
    assert silence.left(now + 0.1) == pytest.approx(0.05)
    assert silence.left(now + 0.15) == pytest.approx(0.1)
    assert silence.left(now + 0.25) == 0


def test_alarms_lengthen_a_pause_by_a_second_at_most():
    silence = quiet()
    silence.alarm(12.0)
    assert silence.left(12.0) == 0
    silence = quiet()
    asked(silence, 10.0, 30.0, 0.1)
    silence.alarm(20.5)
    assert silence.left(20.5) == pytest.approx(0.15)
    silence = quiet()
    asked(silence, 10.0, 30.0, 0.1)
    silence.alarm(21.0)
    assert silence.left(21.0) == 0


# the short cut

def test_a_question_is_free_until_there_may_have_been_a_pause():
    silence = quiet()
    silence.answered(10.1, 0.1)
    assert silence.free_until == pytest.approx(10.25)
    silence.answered(19.95, 0.1)
    assert silence.free_until == 20.0           # a pause is due
    silence.broken(19.96)
    assert silence.free_until == NEVER
    silence.answered(19.97, 0.1)                # while silence is missing
    assert silence.free_until == NEVER
