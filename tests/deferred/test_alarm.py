"""One timer for many deadlines."""

import math

import pytest
from twisted.internet.task import Clock

from socs_tcp.deferred.alarm import Alarm


class Owner:
    def __init__(self, ring):
        self.time_is_up = ring


@pytest.fixture
def clock():
    return Clock()


def test_it_rings_at_the_earliest_time_it_was_set_to_and_only_once(clock):
    rung = []
    alarm = Alarm(clock, Owner(lambda: rung.append(clock.seconds())))
    for when in (5, 3, 4, math.inf):
        alarm.set(when)
    assert alarm.when == 3 and len(clock.getDelayedCalls()) == 1
    clock.advance(2.9)
    assert rung == []
    clock.pump([0.1, 5])
    assert rung == [3] and alarm.when == math.inf and clock.getDelayedCalls() == []


def test_a_time_that_is_over_rings_in_the_next_turn(clock):
    rung = []
    clock.advance(10)
    alarm = Alarm(clock, Owner(lambda: rung.append(None)))
    alarm.set(3)
    assert rung == []
    clock.advance(0)
    assert rung == [None]


def test_it_may_be_set_while_it_rings(clock):
    rung = []

    def ring():
        rung.append(clock.seconds())
        if len(rung) < 3:
            alarm.set(clock.seconds() + 1)
    alarm = Alarm(clock, Owner(ring))
    alarm.set(1)
    clock.pump([1] * 5)
    assert rung == [1, 2, 3]


def test_stopped_it_leaves_no_timer(clock):
    alarm = Alarm(clock, Owner(lambda: 1 / 0))
    alarm.set(1)
    alarm.stop()
    alarm.stop()
    assert clock.getDelayedCalls() == []
    clock.advance(2)
