"""What one connection leaves to the next, and who is told what of it."""

import threading

import pytest
from memory_device import Bench, connected, proven
from twisted.internet.defer import Deferred

from socs_tcp import ConnectTimedOut, Disconnected, WrongDevice
from socs_tcp.core.policy import MOST_UNASKED

pytestmark = pytest.mark.usefixtures("no_spread")


def lose(bench):
    """The device hangs up."""
    bench.transport.lost()


def in_a_foreign_thread(call):
    raised = []

    def run():
        try:
            call()
        except RuntimeError as exc:
            raised.append(exc)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    return raised


# from one connection to the next

def test_after_a_reconnect_with_an_answer_owed_it_listens_first():
    bench = connected(settle=0.05)
    first = bench.query("A")
    bench.advance(0.06)
    assert bench.take() == b"A\r\n"
    bench.client.reconnect()
    assert isinstance(first.value, Disconnected)
    bench.run_until_attempt()
    bench.accept()
    after = bench.query("B")
    bench.advance(0.5)
    assert bench.take() == b""
    bench.reply(b"a\r\n")               # of a serial server, over the new connection
    bench.advance(1, 1)
    assert bench.take() == b"B\r\n"
    bench.reply(b"b\r\n")
    assert after.value == b"b"
    bench.close()


def test_the_gap_is_kept_from_one_connection_to_the_next():
    bench = proven(gap=5.0)
    lose(bench)
    waited = bench.run_until_attempt()
    bench.accept()
    bench.client.query("A").addErrback(lambda _failure: None)
    bench.advance(4.9 - waited)
    assert bench.take() == b""
    bench.advance(0.2)
    assert bench.take() == b"A\r\n"
    bench.close()


# why there is none

def test_while_it_tries_again_a_call_is_told_why_the_device_was_given_up():
    bench = connected(identify=("*IDN?", "MODEL"), min_interval=0.1)
    bench.reply(b"OTHER\r\n")
    bench.run_until_attempt()           # which nobody answers
    query = bench.query("A", 1.0)
    bench.advance(1)
    assert isinstance(query.value, WrongDevice)
    bench.close()


def test_what_was_before_the_last_connection_is_no_reason():
    bench = Bench()
    bench.refuse()
    bench.run_until_attempt()
    bench.accept()
    bench.client.reconnect()
    bench.run_until_attempt()           # which nobody answers
    query = bench.query("A", 1.0)
    bench.advance(1)
    assert isinstance(query.value, ConnectTimedOut) and "no connection within 1 s" in str(
        query.value)
    bench.close()


def test_observers_hear_of_a_connection_before_it_is_prepared():
    preparing, told = Deferred(), []
    bench = Bench(on_connect=lambda _talk: preparing)
    bench.link.observe(lambda _link, change: told.append(change.new.value))
    bench.accept()
    assert told == ["open"]
    preparing.callback(None)
    bench.close()


# threads

def test_after_an_attempt_that_failed_the_thread_is_known():
    bench = Bench()
    bench.refuse()
    error, = in_a_foreign_thread(lambda: bench.client.query("A"))
    assert "belongs to the thread of its reactor" in str(error)
    bench.close()


def test_an_urgent_command_of_another_thread_is_refused():
    bench = proven()
    error, = in_a_foreign_thread(lambda: bench.client.send("STOP", urgent=True))
    assert "belongs to the thread of its reactor" in str(error) and bench.take() == b""
    bench.close()


def test_an_urgent_command_needs_the_device_now():
    bench = Bench()
    bench.refuse()
    bench.advance(0)
    attempts = bench.attempts
    assert not bench.connecting
    bench.client.send("STOP", urgent=True).addErrback(lambda _failure: None)
    bench.advance(0)
    assert bench.attempts == attempts + 1
    bench.close()


def test_an_urgent_command_is_the_first_after_the_gap():
    bench = proven(gap=5.0)
    bench.client.send("LATER").addErrback(lambda _failure: None)
    bench.client.send("STOP", urgent=True)
    assert bench.take() == b""
    bench.advance(5.1)
    assert bench.take().startswith(b"STOP\r\n")
    bench.close()


def test_a_device_that_does_not_fall_silent_is_down():
    bench = proven()
    bench.reply(b"x" * (MOST_UNASKED + 1))
    bench.client.query("A").addErrback(lambda _failure: None)
    bench.advance(0)
    assert bench.link.down and "without pause" in bench.link.reason
    bench.close()


# a reservation

def reserved(bench):
    talks = []
    bench.client.reserve().addCallback(talks.append)
    bench.advance(0)
    return talks[0]


def test_after_a_reservation_what_is_safe_to_repeat_is_repeated():
    bench = proven()
    reserved(bench).release()
    query = bench.query("A", safe_to_repeat=True)
    lose(bench)
    bench.run_until_attempt()
    bench.accept()
    bench.advance(0)
    bench.reply(b"a\r\n")
    assert query.value == b"a"
    bench.close()
