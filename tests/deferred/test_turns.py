"""Whose turn it is, of all devices of one reactor."""

import gc

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from socs_tcp import DeviceClient
from socs_tcp.deferred import log
from socs_tcp.deferred.log import ReactorLog
from socs_tcp.deferred.turns import ON_TIME, PATIENCE, Turns, one_for

SPACING = 0.01


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def turns(clock):
    return Turns(clock, 3, SPACING)


@pytest.fixture
def gone(turns):
    """Numbers, from 0, of those whose turn came; ten join the line."""
    numbers = []
    for number in range(10):
        turns.join(lambda number=number: numbers.append(number))
    return numbers


def pass_time(clock, steps):
    """The reactor does nothing else, and is never late."""
    clock.advance(0)
    for _ in range(steps):
        clock.advance(SPACING)


def late(clock, seconds):
    """So long the reactor did something else; then it does what was due meanwhile."""
    clock.rightNow += seconds
    clock.advance(0)


def test_a_few_at_once_and_then_one_after_another(clock, gone):
    assert gone == []               # not from within `join`
    clock.advance(0)
    assert gone == [0, 1, 2]
    for expected in range(4, 11):
        clock.advance(SPACING)
        assert gone == list(range(expected))
    assert clock.getDelayedCalls() == []


def test_where_there_was_none_for_a_while_a_few_may_go_at_once_again(clock, turns, gone):
    pass_time(clock, 7)
    clock.advance(1)
    for number in range(10, 20):
        turns.join(lambda number=number: gone.append(number))
    clock.advance(0)
    assert gone == list(range(13))


def test_while_the_reactor_is_behind_nobody_goes(clock, gone):
    clock.advance(0)
    late(clock, SPACING + ON_TIME + 0.001)
    assert gone == [0, 1, 2]
    clock.advance(ON_TIME)
    assert gone == [0, 1, 2, 3]     # one, not those that it might have had meanwhile


def test_those_in_line_are_patient_for_so_long_only(clock, gone):
    clock.advance(0)
    while clock.seconds() < PATIENCE:
        assert gone == [0, 1, 2]
        late(clock, SPACING + 2 * ON_TIME)
    assert gone[:4] == [0, 1, 2, 3]


def test_who_leaves_has_no_turn_and_the_last_takes_the_timer_along(clock, turns):
    went = []
    ways = [lambda number=number: went.append(number) for number in range(5)]
    for way in ways:
        turns.join(way)
    turns.leave(ways[1])
    clock.advance(0)
    assert went == [0, 2, 3]
    turns.leave(ways[4])
    assert clock.getDelayedCalls() == []
    turns.join(ways[1])
    clock.advance(SPACING)
    assert went == [0, 2, 3, 1]


def test_one_whose_turn_fails_does_not_stop_the_others(clock, turns):
    went = []
    for way in (lambda: went.append(0), lambda: 1 / 0, lambda: went.append(2)):
        turns.join(way)
    with pytest.raises(ZeroDivisionError):
        clock.advance(0)
    clock.advance(0)
    assert went == [0, 2]


def test_who_joins_again_at_its_turn_comes_behind_the_others(clock, turns):
    went = []

    def again():
        went.append("again")
        if went.count("again") < 3:
            turns.join(again)
    turns.join(again)
    turns.join(lambda: went.append("other"))
    pass_time(clock, 3)
    assert went == ["again", "other", "again", "again"]
    assert clock.getDelayedCalls() == []


def test_a_turn_at_once_overtakes_nobody(clock, turns, gone):
    assert not turns.now()
    pass_time(clock, 7)
    assert len(gone) == 10 and not turns.now()
    clock.advance(SPACING)
    assert turns.now() and not turns.now()
    clock.advance(1)
    assert [turns.now() for _ in range(4)] == [True, True, True, False]


def test_there_is_no_turn_at_once_while_the_reactor_is_late():
    clock = Clock()
    turns = Turns(clock, 3, 0.01)
    clock.advance(10)
    assert not turns.now(10 - 1.5 * ON_TIME) and turns.now(10 - 0.5 * ON_TIME)


def test_at_the_end_all_have_their_turn(clock, turns, gone):
    turns.rush(leave=4)
    assert gone == list(range(6))
    assert len(clock.getDelayedCalls()) == 1
    turns.rush()
    assert gone == list(range(10))
    assert clock.getDelayedCalls() == []


def test_there_is_one_for_all_devices_of_a_reactor_while_somebody_uses_it(clock):
    made = []

    def make(reactor):
        made.append(reactor)
        return Turns(reactor, 1, 1.0)
    first = one_for(clock, make)
    assert one_for(clock, make) is first and made == [clock]
    assert one_for(Clock(), make) is not first
    del first
    gc.collect()
    one_for(clock, make)
    assert made.count(clock) == 2


# the log


@pytest.fixture
def lines(monkeypatch):
    """What was written."""
    written = []
    monkeypatch.setattr(log.DeviceLogger, "_emit",
                        lambda _self, level, text: written.append((level, text)))
    return written


def test_the_lines_of_a_few_are_written_at_once(lines, clock):
    calm = ReactorLog(clock)
    for number in range(log.BURST):
        calm.warn(f"{number}")
    assert len(lines) == log.BURST and clock.getDelayedCalls() == []


def test_the_lines_of_hundreds_come_in_their_order_and_none_is_lost(lines, clock):
    calm = ReactorLog(clock)
    for number in range(200):
        (calm.warn if number % 2 else calm.info)(f"{number}")
    assert len(lines) == log.BURST
    for expected in range(log.BURST + 1, 201):
        clock.advance(log.SPACING * 1.001)      # (rounding)
        assert len(lines) == expected
    assert lines == [("warn" if number % 2 else "info", f"{number}") for number in range(200)]
    calm.error("after it")
    clock.advance(log.SPACING)
    assert lines[-1] == ("error", "after it")


def test_so_many_lines_may_wait_and_not_more(lines, clock):
    calm = ReactorLog(clock)
    for number in range(3 * log.MOST_WAITING):
        calm.info(f"{number}")
    assert len(lines) == 2 * log.MOST_WAITING
    for _ in range(log.MOST_WAITING + 1):
        clock.advance(log.SPACING * 1.001)      # (rounding)
    assert [text for _, text in lines] == [f"{n}" for n in range(3 * log.MOST_WAITING)]
    assert clock.getDelayedCalls() == []


def test_what_is_not_written_yet_is_written_before_the_reactor_ends(lines):
    reactor = MemoryReactorClock()
    calm = ReactorLog(reactor)
    for number in range(100):
        calm.info(f"{number}")
    (end, args, _kw), = reactor.triggers["after"]["shutdown"]
    end(*args)
    calm.info("100")                # and what comes then, at once: nothing turns any more
    assert [text for _, text in lines] == [str(number) for number in range(101)]


def test_the_devices_of_a_reactor_share_a_log(lines):
    reactor = MemoryReactorClock()
    clients = [DeviceClient("10.0.0.1", 1 + number, reactor=reactor) for number in range(100)]
    for client in clients[:-1]:
        client.close()
    assert len(lines) == log.BURST
    clients[-1].close()             # with the last one all is written
    assert [text for _, text in lines] == [f"{client.link.name}: closed" for client in clients]


def test_devices_that_failed_and_were_closed_leave_no_timer(lines):
    reactor = MemoryReactorClock()
    clients = [DeviceClient("10.0.0.1", 1 + number, reactor=reactor) for number in range(100)]
    for (_host, _port, factory, *_), connector in zip(reactor.tcpClients, reactor.connectors,
                                                      strict=True):
        factory.clientConnectionFailed(connector, Failure(ConnectionRefusedError()))
    for client in clients:
        client.close()
    assert len(lines) == 200
    reactor.advance(0)
    assert reactor.getDelayedCalls() == []
