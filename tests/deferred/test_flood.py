"""More frames at once than one turn of the reactor has time for."""

import re

import pytest
from memory_device import connected

from socs_tcp import Disconnected
from socs_tcp.core.policy import STRAYS_AT_ONCE
from socs_tcp.deferred.connection import MOST_UNREAD
from socs_tcp.deferred.frame_protocol import READ_SIZE

MANY = 5 * STRAYS_AT_ONCE


def one_turn(bench):
    """One turn of the reactor: what is called in it for the next turn has to wait."""
    now = bench.reactor.seconds()
    calls = [call for call in bench.reactor.getDelayedCalls() if call.getTime() <= now]
    for call in calls:
        if call.active():
            bench.reactor.calls.remove(call)
            call.called = 1
            call.func(*call.args, **call.kw)


@pytest.fixture
def alarms():
    return []


@pytest.fixture
def bench(alarms):
    return connected(on_unasked=alarms.append)


def test_alarms_come_in_slices_and_all_of_them(bench, alarms):
    bench.reply(b"".join(b"%d\r\n" % number for number in range(MANY)))
    assert len(alarms) == STRAYS_AT_ONCE
    for turn in range(2, 6):
        one_turn(bench)
        assert len(alarms) == turn * STRAYS_AT_ONCE
    assert alarms == [b"%d" % number for number in range(MANY)]
    bench.close()


def test_the_reply_behind_them_is_found(bench, alarms):
    query = bench.query("q", match=re.compile(b"reply"))
    bench.advance(0)
    bench.reply(b"alarm\r\n" * MANY + b"reply\r\n")
    assert len(alarms) == STRAYS_AT_ONCE
    assert not query.fired
    bench.advance(0)
    assert query.value == b"reply"
    assert len(alarms) == MANY
    bench.close()


def test_a_function_that_compares_is_called_so_often_in_one_turn():
    compared = []
    bench = connected(late_replies=lambda _command, reply: compared.append(reply))
    query = bench.query("q", 1)
    bench.advance(0)
    bench.reply(b"\r\n" * MANY)
    assert len(compared) == STRAYS_AT_ONCE
    bench.advance(2)
    assert query.fired
    bench.close()


def test_a_question_waits_for_what_is_left(bench, alarms):
    bench.reply(b"alarm\r\n" * MANY)
    query = bench.query("q")
    one_turn(bench)
    assert bench.take() == b""
    bench.advance(0)
    assert bench.take() == b"q\r\n"
    assert len(alarms) == MANY
    bench.reply(b"reply\r\n")
    assert query.value == b"reply"
    bench.close()


def test_a_device_that_sends_faster_has_to_wait(bench, alarms):
    query = bench.query("q", match=re.compile(b"reply"))
    bench.advance(0)
    for _ in range(40):
        bench.reply(b"!\r\n" * 20_000)
    assert bench.transport.producerState == "paused"
    assert bench.client._manager.dialer.connection._decoder.waiting < 400_000
    bench.advance(0)
    assert bench.transport.producerState == "producing"
    bench.advance(0, 20)
    assert query.fired
    bench.close()


def test_a_loss_ends_it(bench, alarms):
    query = bench.query("q", match=re.compile(b"reply"))
    bench.advance(0)
    bench.reply(b"!\r\n" * (STRAYS_AT_ONCE + MOST_UNREAD + 1000))
    bench.transport.lost()
    told = len(alarms)
    assert isinstance(query.value, Disconnected)
    assert len(bench.client._manager.queue.unread) == MOST_UNREAD
    bench.advance(0, 0)
    assert len(alarms) == told
    bench.close()


def test_what_makes_no_sense_behind_them_is_told(alarms):
    bench = connected(on_unasked=alarms.append)
    query = bench.query("q", match=re.compile(b"reply"))
    bench.advance(0)
    bench.reply(b"!\r\n" * MANY + b"x" * 70_000)
    bench.advance(0)
    assert "no end of the reply" in str(query.value)
    bench.close()


@pytest.mark.parametrize(("telnet", "longer"), [(False, True), (True, False)])
def test_where_each_byte_may_be_negotiation_no_more_is_read_at_once(telnet, longer):
    bench = connected(telnet=telnet)
    bench.reply(b"x" * READ_SIZE)
    assert (getattr(bench.transport, "bufferSize", READ_SIZE) > READ_SIZE) is longer
    bench.close()
