"""DeviceClient against a device in memory."""

import contextlib
import gc
import re
import sys
from types import SimpleNamespace

import pytest
from memory_device import DONE, REFUSED, RESET, Bench, Watched, connected, look_finds, proven
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, inlineCallbacks
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import globalLogPublisher

from socs_tcp import (
    ConnectFailed,
    ConnectTimedOut,
    DeviceClient,
    Disconnected,
    FramingError,
    LengthFramer,
    LineFramer,
    LinkState,
    ReplyTimedOut,
    SendTimedOut,
    WrongDevice,
)

pytestmark = pytest.mark.usefixtures("no_spread")


def shape(exc):
    """What a caller can see of an error."""
    return type(exc), exc.phase, exc.sent


# construction


def test_it_connects_when_instantiated():
    bench = Bench()
    assert bench.reactor.tcpClients[0][:2] == ("10.0.0.5", 7777)
    assert bench.client.comm is None and bench.link.state is LinkState.UNTRIED
    bench.accept()
    assert bench.client.comm is bench.transport.protocol
    assert bench.link.state is LinkState.OPEN
    assert repr(bench.client) == "<DeviceClient 10.0.0.5:7777 open>"


@pytest.mark.parametrize("options", [
    {"timeout": 0}, {"timeout": -1}, {"timeout": "1"}, {"max_in_flight": 0},
    {"max_in_flight": 1.5}, {"min_interval": 0}, {"keepalive": -1}, {"late_replies": "keep"},
    {"identify": 5}, {"identify": ("a", "b", "c")},
])
def test_parameters_that_make_no_sense(options):
    with pytest.raises((TypeError, ValueError)):
        Bench(**options)


@pytest.mark.parametrize("timeout", [0, -2, "1", True])
def test_a_timeout_of_a_call_that_makes_no_sense(timeout):
    bench = connected()
    with pytest.raises((TypeError, ValueError)):
        bench.client.query("A", timeout)
    assert bench.take() == b""


@pytest.mark.parametrize("call", ["query", "send"])
def test_a_message_that_is_not_text_is_a_mistake(call):
    bench = connected()
    with pytest.raises(TypeError):
        getattr(bench.client, call)(5)


# the good case


def test_query_send_recv():
    bench = connected()
    query = bench.query("*IDN?")
    assert bench.take() == b"*IDN?\r\n"
    bench.reply(b"LSCI,MODEL372\r\n")
    assert query.value == b"LSCI,MODEL372"
    sent = bench.send(b"RANGE 1")
    bench.advance(0)
    assert sent.value is None and bench.take() == b"RANGE 1\r\n"
    event = bench.recv()
    bench.reply(b"event\r\n")
    assert event.value == b"event"
    assert bench.link.state is LinkState.UP
    bench.close()


def test_the_link_counts():
    bench = connected()
    query = bench.query("A")
    bench.advance(0.25)
    bench.reply(b"ok\r\n")
    link = bench.link
    assert query.value == b"ok"
    assert (link.connects, link.losses, link.exchanges, link.timeouts) == (1, 0, 1, 0)
    assert (link.bytes_sent, link.bytes_received, link.bytes_discarded) == (3, 4, 0)
    assert link.last_rtt == link.worst_rtt == 0.25


def test_another_framer():
    bench = connected(framer=LengthFramer(1, lambda header: header[0]))
    query = bench.query(b"\x01?")
    assert bench.take() == b"\x01?"
    bench.reply(b"\x02ab")
    assert query.value == b"\x02ab"


def test_it_works_with_inline_callbacks():
    bench = connected()

    @inlineCallbacks
    def talk():
        first = yield bench.client.query("A")
        yield bench.client.send("B")
        return first
    done = Watched(talk())
    bench.reply(b"1\r\n")
    bench.advance(0)
    assert done.value == b"1"


def test_it_works_with_await():
    bench = Bench()

    async def talk():
        await bench.client.when_connected()
        try:
            return await bench.client.query("A", 1)
        except ReplyTimedOut as exc:
            await bench.client.close()
            return exc
    done = Watched(ensureDeferred(talk()))
    bench.accept()
    bench.advance(1, 0, 0)
    assert isinstance(done.value, ReplyTimedOut)
    assert bench.reactor.getDelayedCalls() == []


# the faults of the design's table


def test_a_device_that_is_absent_at_construction():
    bench = Bench()
    bench.refuse()
    assert bench.client.comm is None and bench.link.down
    query = bench.query("A")
    bench.advance(0)
    bench.accept()              # the next call tries at once
    bench.reply(b"ok\r\n")
    assert query.value == b"ok" and not bench.link.down


def test_an_absent_device_fails_who_waits_as_soon_as_it_is_known():
    bench = Bench()
    calls = [bench.query("A"), bench.send("B"), bench.recv()]
    bench.refuse()
    for call in calls:
        assert shape(call.value) == (ConnectFailed, "connect", "no")
        assert "10.0.0.5:7777" in str(call.value) and "refused" in str(call.value)
        assert isinstance(call.value.__cause__, error.ConnectionRefusedError)


def test_a_device_that_never_accepts():
    bench = Bench(timeout=3)
    query = bench.query("A")
    bench.advance(3)
    assert isinstance(query.value, ConnectTimedOut) and query.value.sent == "no"
    assert bench.link.down


def test_a_clean_close_between_two_queries_loses_nothing():
    bench = proven()
    bench.transport.lost(DONE)
    assert bench.link.down and bench.client.comm is None
    query = bench.query("A")
    bench.advance(0)
    bench.accept()
    assert bench.take() == b"A\r\n"
    bench.reply(b"ok\r\n")
    assert query.value == b"ok"


def test_a_close_in_mid_reply_is_no_reply():
    bench = proven()
    query = bench.query("A")
    bench.reply(b"+1.2")
    bench.transport.lost(DONE)
    assert shape(query.value) == (Disconnected, "recv", "yes")
    assert "b'+1.2'" in str(query.value)
    assert bench.link.down


def test_a_reset():
    bench = proven()
    query = bench.query("A")
    bench.transport.lost(RESET)
    assert isinstance(query.value, Disconnected) and query.value.__cause__ is RESET
    assert (query.value.host, query.value.port) == ("10.0.0.5", 7777)


def test_a_reset_fails_a_send_and_a_recv_too():
    for call in ("send", "recv"):
        bench = connected()
        bench.transport.stuck = True
        done = bench.send("A") if call == "send" else bench.recv()
        bench.transport.lost(RESET)
        assert isinstance(done.value, Disconnected)


def test_a_late_reply_never_answers_another_query():
    bench = proven(timeout=1)
    query = bench.query("A")
    bench.advance(1)
    assert shape(query.value) == (ReplyTimedOut, "recv", "yes")
    assert bench.link.down and bench.link.timeouts == 1
    old = bench.transport
    after = bench.query("B")
    old.deliver(b"late\r\n")
    bench.advance(0, 0)
    bench.accept()
    assert bench.take() == b"B\r\n" and not after.fired
    bench.reply(b"right\r\n")
    assert after.value == b"right"
    assert not bench.link.down


def test_a_late_reply_is_drained_on_the_same_connection():
    bench = proven(timeout=1, late_replies="drain")
    bench.query("A")
    bench.advance(1)
    after = bench.query("B")
    assert bench.take() == b"A\r\n"
    bench.reply(b"late\r\n")
    assert bench.take() == b"B\r\n" and bench.link.down
    bench.reply(b"right\r\n")
    assert after.value == b"right" and bench.link.connects == 1
    assert bench.link.bytes_discarded == len(b"late")


def test_a_late_reply_that_never_comes_ends_the_draining():
    bench = proven(timeout=1, late_replies="drain")
    bench.query("A")
    bench.advance(1)
    after = bench.query("B")
    bench.advance(1)
    assert isinstance(after.value, ReplyTimedOut) and after.value.sent == "no"
    third = bench.query("C")
    bench.advance(0, 0)
    bench.accept()
    bench.reply(b"ok\r\n")
    assert third.value == b"ok"


def test_a_late_reply_is_told_by_matching():
    bench = proven(timeout=1, late_replies=lambda command, reply: reply[:1] == command[:1]
                   or reply == b"ok")
    bench.query("A")
    bench.advance(1)
    after = bench.query("B")
    assert bench.take() == b"A\r\nB\r\n"
    bench.reply(b"A late\r\nB right\r\n")
    assert after.value == b"B right" and bench.link.connects == 1


def test_a_late_reply_that_came_before_the_same_question_is_asked_again_does_not_answer_it():
    bench = proven(timeout=1, late_replies=lambda command, reply: True)
    bench.query("T?")
    bench.advance(1)
    bench.reply(b"old\r\n")
    again = bench.query("T?")
    assert not again.fired
    bench.reply(b"new\r\n")
    assert again.value == b"new"


def test_a_reply_in_two_pieces_is_one_reply():
    bench = connected()
    query = bench.query("A")
    bench.reply(b"+1.2")
    assert not query.fired
    bench.reply(b"3\r")
    bench.reply(b"\n")
    assert query.value == b"+1.23"


def test_two_glued_replies_are_two_replies():
    bench = connected()
    first, second = bench.recv(), bench.recv()
    bench.reply(b"one\r\ntwo\r\n")
    assert first.value == b"one" and second.value == b"two"


def test_accepting_and_hanging_up_again_and_again_is_degraded_and_not_hammered():
    bench = proven()
    begun = bench.reactor.seconds()
    bench.transport.lost(DONE)
    attempts = bench.attempts
    while bench.reactor.seconds() < begun + 10:
        bench.query("A", 0.2)
        bench.advance(0.1)
        assert bench.link.down
        if bench.connecting:
            bench.accept()
            bench.transport.lost(DONE)
    # one free retry, then one a second
    assert 9 <= bench.attempts - attempts <= 12
    assert bench.link.state is LinkState.DOWN


def test_a_device_that_vanishes_is_noticed_within_the_timeout():
    bench = proven(timeout=2)
    query = bench.query("A")
    bench.advance(1.99)
    assert not bench.link.down
    bench.advance(0.02)
    assert isinstance(query.value, ReplyTimedOut) and bench.link.down


def test_an_endless_line_is_no_reply_and_the_connection_is_dropped():
    bench = proven(framer=LineFramer(max_length=100))
    query = bench.query("A")
    for _ in range(10):
        bench.reply(b"x" * 20)
    assert isinstance(query.value, FramingError)
    assert bench.transport.aborted and bench.link.down
    again = bench.query("B")
    bench.advance(0, 0)
    bench.accept()
    bench.reply(b"ok\r\n")
    assert again.value == b"ok"


def test_what_comes_unasked_is_discarded_before_the_next_query_and_counted():
    bench = proven()
    bench.reply(b"alarm 1\r\nalar")
    query = bench.query("A")
    assert not query.fired
    bench.reply(b"right\r\n")
    assert query.value == b"right"
    assert bench.link.bytes_discarded == len(b"alarm 1\r\nalar")


def test_a_device_that_takes_no_bytes():
    bench = Bench(timeout=2)
    bench.accept(stuck=True)
    sent = bench.send("A")
    bench.advance(2)
    assert shape(sent.value) == (SendTimedOut, "send", "maybe")
    assert bench.link.down and bench.transport.aborted


def test_whole_frames_that_came_before_a_hang_up_are_received_after_it():
    bench = connected()
    bench.reply(b"one\r\ntwo\r\nthr")
    bench.transport.lost()
    assert bench.link.state is LinkState.DOWN
    assert (bench.recv().value, bench.recv().value) == (b"one", b"two")
    third = bench.recv()
    bench.run_until_attempt()
    bench.accept()
    bench.reply(b"three\r\n")
    assert third.value == b"three"


def test_what_came_before_a_hang_up_answers_no_later_question():
    bench = connected()
    bench.reply(b"one\r\n")
    bench.transport.lost()
    query = bench.query("A")
    bench.run_until_attempt()
    bench.accept()
    bench.reply(b"a\r\n")
    assert query.value == b"a"
    assert bench.link.bytes_discarded == 3
    assert not bench.recv().fired


def test_what_nobody_receives_does_not_pile_up_from_loss_to_loss():
    bench = connected()
    for number in (b"1", b"2", b"3"):
        bench.reply(number + b"\r\n")
        bench.transport.lost()
        bench.run_until_attempt()
        bench.accept()
    assert bench.recv().value == b"3"
    assert not bench.recv().fired


def test_a_recv_of_nothing_times_out_and_keeps_the_connection():
    bench = proven(timeout=2)
    assert not bench.recv(1).fired
    event = bench.recv(1)
    bench.advance(1, 0)
    assert isinstance(event.value, ReplyTimedOut)
    assert bench.client.comm is not None
    event = bench.recv(1)
    bench.reply(b"event\r\n")
    assert event.value == b"event"


def test_an_unfinished_reply_is_shown_in_the_timeout():
    bench = connected()
    query = bench.query("A", 1)
    bench.reply(b"\x1b[31m+1.")
    bench.advance(1)
    assert r"an unfinished reply, b'\x1b[31m+1.', within 1 s" in str(query.value)


def test_a_repeatable_query_is_sent_once_more_after_a_loss():
    bench = proven()
    query = bench.query("A", safe_to_repeat=True)
    bench.transport.lost(RESET)
    bench.advance(0)
    bench.accept()
    assert bench.take() == b"A\r\n" and not query.fired
    bench.transport.lost(RESET)
    assert isinstance(query.value, Disconnected)


def test_what_came_before_the_loss_is_no_part_of_the_reply_to_a_repeated_query():
    bench = proven()
    query = bench.query("A", safe_to_repeat=True, replies=2)
    bench.reply(b"old\r\n")
    bench.transport.lost(RESET)
    bench.advance(0)
    bench.accept()
    bench.reply(b"1\r\n2\r\n")
    assert query.value == [b"1", b"2"]


def test_a_query_that_may_not_be_repeated_is_not():
    bench = proven()
    query = bench.query("A")
    bench.transport.lost(RESET)
    assert isinstance(query.value, Disconnected)
    bench.run_until_attempt()
    bench.accept()
    assert bench.take() == b""


# several in flight


def test_in_flight_together_each_gets_its_own():
    bench = connected(max_in_flight=3)
    queries = [bench.query(str(n)) for n in range(5)]
    assert bench.take() == b"0\r\n1\r\n2\r\n"
    bench.reply(b"r0\r\nr1\r")
    assert bench.take() == b"3\r\n"
    bench.reply(b"\nr2\r\n")
    assert bench.take() == b"4\r\n"
    bench.reply(b"r3\r\nr4\r\n")
    assert [q.value for q in queries] == [b"r0", b"r1", b"r2", b"r3", b"r4"]


def test_a_timeout_in_flight_drops_and_fails_the_others_and_the_queue_goes_on():
    bench = connected(max_in_flight=2)
    queries = [bench.query("0", 1), bench.query("1", 9), bench.query("2", 9)]
    bench.advance(1)
    assert isinstance(queries[0].value, ReplyTimedOut)
    assert isinstance(queries[1].value, Disconnected) and queries[1].value.sent == "yes"
    bench.advance(0, 0)
    bench.accept()
    assert bench.take() == b"2\r\n" and not queries[2].fired


def test_a_loss_fails_all_in_flight():
    bench = connected(max_in_flight=3)
    queries = [bench.query(str(n)) for n in range(3)]
    bench.reply(b"r0\r\n")
    bench.transport.lost(DONE)
    assert queries[0].value == b"r0"
    assert [type(q.value) for q in queries[1:]] == [Disconnected] * 2


# expiry, demand, intervals


def test_a_request_never_bursts_out_after_its_time():
    bench = proven()
    bench.transport.lost(DONE)
    stale = [bench.query("A", 1), bench.send("B", 1), bench.recv(1)]
    bench.advance(0)
    bench.advance(1)        # the attempt hangs
    assert [type(call.value) for call in stale] == [Disconnected] * 3
    assert all(call.value.sent == "no" for call in stale)
    bench.accept()
    assert bench.take() == b""


def test_nor_where_the_reactor_was_blocked_while_it_connected():
    bench = Bench()
    stale = [bench.query("A", 1), bench.send("B", 1)]
    bench.reactor.rightNow += 5         # nothing turns meanwhile
    bench.accept()
    assert bench.take() == b""
    bench.advance(0)
    assert bench.take() == b""
    assert [type(call.value) for call in stale] == [ReplyTimedOut] * 2
    assert all(call.value.sent == "no" for call in stale)
    assert "the reactor was busy" in str(stale[0].value)
    assert not bench.link.down and bench.link.losses == 0
    query = bench.query("C", 1)
    assert bench.take() == b"C\r\n"
    bench.reply(b"c\r\n")
    assert query.value == b"c"
    bench.close()


def test_a_queued_request_says_what_it_waited_for():
    bench = connected()
    bench.query("A", 5)
    queued = bench.query("B", 1)
    bench.advance(1)
    assert isinstance(queued.value, ReplyTimedOut)
    assert "its turn did not come within 1 s: 1 before it" in str(queued.value)


def test_a_request_that_waited_for_the_gap_says_so():
    bench = proven(gap=5)
    query = bench.query("A")
    bench.advance(6)
    bench.reply(b"a\r\n")
    assert query.value == b"a"
    queued = bench.query("B", 1)
    bench.advance(1)
    assert "within 1 s: commands are 5 s apart (gap)" in str(queued.value)
    bench.close()


def test_two_queries_that_expire_together_are_both_timeouts_of_the_reply():
    bench = proven(timeout=1)
    first, second = bench.query("A"), bench.query("B")
    bench.advance(1)
    assert shape(first.value) == (ReplyTimedOut, "recv", "yes")
    assert shape(second.value) == (ReplyTimedOut, "send", "no")


def test_demand_pulls_a_retry_forward_but_not_faster_than_the_interval():
    bench = Bench(min_interval=2.0)
    for _ in range(6):      # until the delays are long
        bench.refuse()
        bench.run_until_attempt()
    bench.refuse()
    started = bench.reactor.seconds()
    assert not bench.connecting
    bench.query("A")
    waited = bench.run_until_attempt(limit=2.1)
    assert 1.5 <= waited + bench.reactor.seconds() - started - waited <= 2.1


@pytest.mark.parametrize("proof", ["exchange", "identify"])
def test_the_retry_is_quick_again_after_a_good_exchange_and_not_after_a_preparation(proof):
    bench = Bench(identify="*IDN?" if proof == "identify" else None)
    for _ in range(6):
        bench.refuse()
        bench.run_until_attempt()
    bench.accept()
    bench.transport.lost(DONE)
    assert bench.run_until_attempt() > 5
    bench.accept()
    if proof == "exchange":
        bench.query("A")
    bench.reply(b"ok\r\n")
    bench.transport.lost(DONE)
    assert (bench.run_until_attempt() < 0.5) is (proof == "exchange")


@pytest.mark.parametrize("matches, quick", [(b"ok", True), (b"good", False)])
def test_the_retry_is_quick_again_after_answers_that_come_together_unless_they_are_wrong(
        matches, quick):
    bench = Bench()
    for _ in range(6):
        bench.refuse()
        bench.run_until_attempt()
    bench.accept()
    first, _ = (bench.query(text, match=re.compile(matches)) for text in ("A", "B"))
    bench.reply(b"ok\r\nok\r\n")
    assert first.fired
    bench.transport.lost(DONE)
    assert (bench.run_until_attempt() < 0.5) is quick


def test_an_observer_that_closes_at_the_accept_ends_it_before_anything_is_asked():
    bench = Bench(identify="*IDN?")
    bench.link.observe(lambda link, news: bench.client.close())
    bench.accept()
    assert bench.take() == b""
    bench.close()


def test_without_demand_it_comes_back_by_itself():
    bench = proven()
    bench.transport.lost(DONE)
    assert bench.run_until_attempt() < 1
    bench.accept()
    assert bench.link.state is LinkState.PROVING    # nothing is proven by an accept
    query = bench.query("A")
    bench.reply(b"ok\r\n")
    assert query.fired and bench.link.state is LinkState.UP


def test_without_a_timeout_requests_wait_and_leave_no_timer():
    bench = Bench(timeout=None)
    query = bench.query("A")
    bench.accept()
    assert bench.reactor.getDelayedCalls() == []
    bench.advance(1e5)
    assert not query.fired
    bench.reply(b"ok\r\n")
    assert query.value == b"ok"
    bench.close()


def test_without_a_timeout_an_attempt_ends_all_the_same():
    bench = Bench(timeout=None)
    query = bench.query("A")
    bench.advance(30)
    assert isinstance(query.value, ConnectTimedOut)


def test_a_timeout_of_a_call_where_the_client_has_none():
    bench = Bench(timeout=None)
    bench.accept()
    query = bench.query("A", 1)
    bench.advance(1)
    assert isinstance(query.value, ReplyTimedOut)


# cancelling


def test_cancel_before_there_is_a_connection():
    bench = Bench()
    query = bench.query("A")
    query.cancel()
    bench.accept()
    assert isinstance(query.value, CancelledError) and bench.take() == b""


def test_cancel_in_flight_never_lets_the_reply_reach_the_next():
    bench = proven()
    query, after = bench.query("A"), bench.query("B")
    query.cancel()
    old = bench.transport
    old.deliver(b"of A\r\n")
    bench.advance(0, 0)
    bench.accept()
    assert bench.take() == b"B\r\n" and not after.fired
    bench.reply(b"of B\r\n")
    assert after.value == b"of B"
    assert isinstance(query.value, CancelledError)
    assert not bench.link.down      # we did it, not the device


def test_cancel_in_flight_while_draining_keeps_the_connection():
    bench = proven(late_replies="drain")
    query, after = bench.query("A"), bench.query("B")
    query.cancel()
    bench.reply(b"of A\r\nof B\r\n")
    assert not after.fired          # what came before B was sent cannot be its reply
    bench.reply(b"really\r\n")
    assert after.value == b"really" and bench.link.connects == 1


@pytest.mark.parametrize("call", ["recv", "send", "when_connected", "close"])
def test_every_deferred_may_be_cancelled(call):
    bench = Bench() if call == "when_connected" else connected()
    if call != "when_connected":
        bench.transport.stuck = True
    done = Watched(getattr(bench.client, call)(*(["A"] if call == "send" else [])))
    done.cancel()
    assert isinstance(done.value, CancelledError)
    bench.advance(0, 1)
    assert len(done.outcomes) == 1


# identify and on_connect


def identified(**options):
    """A bench that asks ``*IDN?`` and is connected."""
    options.setdefault("identify", ("*IDN?", "LSCI"))
    return connected(**options)


def test_identify_is_asked_before_anybody_else():
    bench = identified()
    query = bench.query("A")
    assert bench.take() == b"*IDN?\r\n"
    assert bench.link.state is LinkState.OPEN
    bench.reply(b"LSCI\r\n")
    assert bench.link.state is LinkState.UP     # proven by that
    assert bench.take() == b"A\r\n"
    bench.reply(b"ok\r\n")
    assert query.value == b"ok"
    bench.close()


def test_another_device_is_not_used():
    bench = identified()
    query = bench.query("A")
    bench.reply(b"OTHER\r\n")
    assert shape(query.value) == (WrongDevice, "identify", "no")
    assert "b'OTHER'" in str(query.value) and "b'LSCI'" in str(query.value)
    assert bench.link.down and bench.client.comm is None
    assert bench.transport.disconnecting
    bench.advance(0)
    bench.run_until_attempt()
    bench.accept()
    assert bench.take() == b"*IDN?\r\n"
    bench.reply(b"LSCI\r\n")
    assert bench.link.state is LinkState.UP


def test_another_device_after_a_reconnect_is_noticed():
    bench = connected(identify="*IDN?")
    bench.reply(b"SN 1\r\n")
    bench.transport.lost(DONE)
    bench.run_until_attempt()
    bench.accept()
    bench.reply(b"SN 2\r\n")
    assert bench.link.down and isinstance(bench.link.error, WrongDevice)


def test_another_device_is_not_asked_faster_than_the_interval():
    bench = identified()
    attempts = bench.attempts
    for _ in range(100):
        if bench.connecting:
            bench.accept()
        if bench.client.comm is not None:
            bench.reply(b"OTHER\r\n")
        bench.query("A", 0.2)
        bench.advance(0.1)
    assert bench.attempts - attempts <= 12


def test_a_device_that_does_not_identify_itself():
    bench = identified(timeout=2)
    query = bench.query("A", 5)
    bench.advance(2)
    assert shape(query.value) == (ReplyTimedOut, "identify", "no")
    assert bench.link.down and bench.client.comm is None
    bench.close()


def test_a_loss_in_the_middle_of_identify():
    bench = identified()
    queued = bench.query("A")
    bench.reply(b"LS")
    bench.transport.lost(RESET)
    assert bench.link.down and bench.link.losses == 1
    assert isinstance(queued.value, Disconnected)       # the attempt that it waited for has failed
    bench.query("B")
    bench.advance(0)
    bench.accept()
    bench.reply(b"LSCI\r\n")
    assert bench.take() == b"*IDN?\r\nB\r\n"
    bench.close()


def test_what_makes_no_sense_in_the_middle_of_identify():
    bench = identified(framer=LineFramer(max_length=10))
    bench.reply(b"x" * 100)
    assert bench.link.down and isinstance(bench.link.error, FramingError)
    bench.advance(0)
    bench.close()


def test_an_on_connect_that_gives_its_connection_up_and_waits_on_is_ended():
    cancelled, events = [], []

    def on_connect(_device):
        bench.client.reconnect()
        return Deferred(cancelled.append)
    bench = Bench(on_connect=on_connect)
    globalLogPublisher.addObserver(events.append)
    try:
        bench.accept()
        assert len(cancelled) == 1
        cancelled.clear()
        gc.collect()        # a failure that nobody takes would be told now
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert not [event for event in events if event.get("isError")]
    bench.close()


def test_a_clean_end_of_preparation_leaves_no_timer():
    bench = identified(timeout=2)
    bench.reply(b"LSCI\r\n")
    assert bench.reactor.getDelayedCalls() == []


def test_on_connect_has_the_device_for_itself():
    seen = []

    @inlineCallbacks
    def on_connect(device):
        seen.append((yield device.query("FIRST?")))
        yield device.send("SECOND")
        seen.append((yield device.recv()))
    bench = connected(on_connect=on_connect)
    query = bench.query("A")
    assert bench.take() == b"FIRST?\r\n"
    bench.reply(b"one\r\n")
    bench.advance(0)
    assert bench.take() == b"SECOND\r\n"
    assert not bench.link.up or bench.link.state is LinkState.OPEN
    bench.reply(b"two\r\n")
    assert seen == [b"one", b"two"]
    assert bench.take() == b"A\r\n" and bench.link.state is LinkState.UP
    bench.reply(b"ok\r\n")
    assert query.value == b"ok"


def test_on_connect_follows_identify():
    bench = identified(on_connect=lambda device: device.send("SETUP"))
    bench.reply(b"LSCI\r\n")
    assert bench.take() == b"*IDN?\r\nSETUP\r\n"
    bench.advance(0)
    assert bench.link.state is LinkState.UP


def test_an_on_connect_that_returns_nothing():
    calls = []
    bench = connected(on_connect=calls.append)
    assert len(calls) == 1 and bench.client.comm is not None
    assert bench.link.state is LinkState.OPEN       # the device has not said a word


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("problem", [KeyError("x"), OSError("usb"), Disconnected("mine")])
def test_an_on_connect_that_raises(problem, late):
    trigger = Deferred()

    def on_connect(device):
        if not late:
            raise problem
        return trigger
    bench = Bench(on_connect=on_connect)
    query = bench.query("A")
    bench.accept()
    if late:
        trigger.errback(problem)
    assert isinstance(query.value, ConnectionError) and query.value.phase == "identify"
    assert query.value.sent == "no"
    assert bench.link.down and bench.client.comm is None
    if isinstance(problem, KeyError):
        assert "on_connect failed: KeyError: 'x'" in str(query.value)
        assert query.value.__cause__ is problem
    bench.close()


def test_an_on_connect_that_hangs_ends_with_the_timeout():
    cancelled = []
    hanging = Deferred(cancelled.append)
    bench = connected(timeout=3, on_connect=lambda device: hanging)
    queued = bench.query("A", 9)
    bench.advance(3)
    assert shape(queued.value) == (ReplyTimedOut, "identify", "no")
    assert "not ready for use within 3 s" in str(queued.value)
    assert cancelled and bench.link.down and bench.client.comm is None
    bench.close()


@pytest.mark.parametrize("how", ["close", "lose", "reconnect"])
def test_an_on_connect_that_hangs_leaves_nothing_when_the_connection_ends(how):
    cancelled = []
    bench = connected(timeout=3, on_connect=lambda device: Deferred(cancelled.append))
    if how == "close":
        bench.close()
    elif how == "lose":
        bench.transport.lost(DONE)
    else:
        bench.client.reconnect()
    bench.advance(0)
    assert len(cancelled) == 1
    bench.close()


def test_on_connect_may_close_the_client():
    closed = []
    bench = Bench(on_connect=lambda device: closed.append(Watched(bench.client.close())))
    waiting, query = Watched(bench.client.when_connected()), bench.query("A")
    bench.accept()
    bench.advance(0, 0)
    assert closed[0].value is None
    assert isinstance(waiting.value, Disconnected) and isinstance(query.value, Disconnected)
    assert bench.reactor.getDelayedCalls() == []
    assert bench.link.state is LinkState.CLOSED


def test_on_connect_may_close_the_client_and_hang():
    def on_connect(device):
        bench.client.close()
        return Deferred()
    bench = Bench(on_connect=on_connect)
    bench.accept()
    bench.advance(0, 0)
    assert bench.reactor.getDelayedCalls() == []


def test_a_loss_in_the_middle_of_on_connect_fails_what_it_waits_for_and_all_it_asks_then():
    seen = []

    @inlineCallbacks
    def on_connect(device):
        for command in "AB":
            try:
                yield device.query(command)
            except ConnectionError as exc:
                seen.append(exc)
    bench = connected(on_connect=on_connect)
    bench.transport.lost(RESET)
    assert [type(exc) for exc in seen] == [Disconnected]
    bench.advance(0)        # what is asked without a connection fails in a later turn
    assert [type(exc) for exc in seen] == [Disconnected] * 2
    bench.run_until_attempt()
    bench.accept()
    assert bench.take() == b"A\r\n"
    bench.close()


def test_what_on_connect_keeps_of_its_device_is_of_no_use_afterwards():
    kept = []
    bench = connected(on_connect=kept.append)
    with_it = Watched(kept[0].query("A"))
    assert bench.take() == b"" and not with_it.fired
    bench.advance(0)
    assert isinstance(with_it.value, RuntimeError)
    bench.close()


def test_a_query_that_times_out_in_on_connect_makes_the_connection_useless():
    """Its late reply would answer somebody else."""
    @inlineCallbacks
    def on_connect(device):
        with contextlib.suppress(ReplyTimedOut):
            yield device.query("OPTIONAL?", 1)
    bench = Bench(on_connect=on_connect)
    bench.accept()
    query = bench.query("A")
    bench.advance(1)
    bench.reply(b"late\r\n")
    bench.advance(0)
    assert not isinstance(query.outcomes[:1], bytes)
    assert bench.take() == b"OPTIONAL?\r\n"
    assert shape(query.value) == (ReplyTimedOut, "identify", "no")
    assert bench.link.down
    bench.close()


def test_a_query_that_is_cancelled_in_on_connect_makes_the_connection_useless():
    def on_connect(device):
        device.query("A").addErrback(lambda _failure: None).cancel()
    bench = Bench(on_connect=on_connect)
    query = bench.query("B")
    bench.accept()
    assert b"B" not in bench.take()
    assert isinstance(query.value, Disconnected)
    bench.close()


@pytest.mark.parametrize("then", ["query", "end"])
def test_a_reply_to_a_send_that_on_connect_gave_up_makes_the_connection_useless(then):
    @inlineCallbacks
    def on_connect(device):
        yield device.send("A")
        with contextlib.suppress(ReplyTimedOut):
            yield device.recv(1)
        if then == "query":
            yield device.query("B")
    bench = connected(on_connect=on_connect)
    query = bench.query("C")
    bench.advance(1)
    assert bench.take() == b"A\r\n"
    assert isinstance(query.value, ConnectionError) and bench.link.down
    bench.close()


def test_on_connect_may_wait_for_a_greeting_in_vain():
    @inlineCallbacks
    def on_connect(device):
        with contextlib.suppress(ReplyTimedOut):
            yield device.recv(1)
        yield device.query("B")
    bench = connected(on_connect=on_connect)
    bench.advance(1)
    bench.reply(b"ok\r\n")
    assert bench.link.state is LinkState.UP
    bench.close()


def test_a_query_for_which_on_connect_does_not_wait_is_answered_before_anybody_elses():
    found = []

    def on_connect(device):
        found.append(Watched(device.query("A")))
    bench = Bench(on_connect=on_connect)
    query = bench.query("B")
    bench.accept()
    assert bench.take() == b"A\r\n" and bench.link.state is LinkState.OPEN
    bench.reply(b"of A\r\n")
    bench.advance(0)
    assert found[0].value == b"of A"
    assert bench.take() == b"B\r\n"
    bench.reply(b"of B\r\n")
    assert query.value == b"of B"


def test_requests_wait_for_the_preparation_and_expire_meanwhile():
    bench = connected(timeout=5, on_connect=lambda device: Deferred())
    queued = bench.query("A", 1)
    bench.advance(1)
    assert isinstance(queued.value, ReplyTimedOut) and queued.value.sent == "no"
    bench.close()


# when_connected


def test_when_connected_fires_with_the_protocol():
    bench = Bench()
    waiting = Watched(bench.client.when_connected())
    assert not waiting.fired
    bench.accept()
    assert waiting.value is bench.client.comm
    assert Watched(bench.client.when_connected()).value is bench.client.comm


def test_when_connected_waits_for_the_preparation():
    bench = identified()
    waiting = Watched(bench.client.when_connected())
    bench.reply(b"OTHER\r\n")
    bench.advance(0)
    assert not waiting.fired        # it may come right yet
    bench.run_until_attempt()
    bench.accept()
    bench.reply(b"LSCI\r\n")
    assert waiting.value is bench.client.comm


def test_when_connected_outlives_failures_and_ends_with_close():
    bench = Bench()
    waiting = Watched(bench.client.when_connected())
    bench.refuse()
    assert not waiting.fired
    bench.close()
    assert isinstance(waiting.value, Disconnected)
    again = Watched(bench.client.when_connected())
    bench.advance(0)
    assert isinstance(again.value, Disconnected)


def test_callbacks_of_when_connected_may_cancel_and_wait_again():
    bench = Bench()
    first, again = bench.client.when_connected(), []
    second, third = (Watched(bench.client.when_connected()) for _ in range(2))
    first.addCallback(lambda _comm: (second.cancel(),
                                     again.append(Watched(bench.client.when_connected()))))
    bench.accept()
    assert isinstance(second.value, CancelledError)
    assert third.value is again[0].value is bench.client.comm


def test_when_connected_never_fires_with_a_connection_that_is_closed_already():
    bench = Bench()
    bench.client.when_connected().addCallback(lambda _comm: bench.client.close())
    second = Watched(bench.client.when_connected())
    bench.accept()
    assert isinstance(second.value, Disconnected)


def test_when_connected_waits_for_the_next_where_a_callback_gave_this_one_up():
    bench = Bench()
    bench.client.when_connected().addCallback(lambda _comm: bench.client.reconnect())
    second = Watched(bench.client.when_connected())
    bench.accept()
    assert not second.fired
    bench.advance(0)
    bench.run_until_attempt()
    bench.accept()
    assert second.value is bench.client.comm


# reconnect


def test_reconnect_fails_what_is_in_flight_and_makes_a_new_connection():
    bench = proven()
    query, queued = bench.query("A"), bench.query("B")
    bench.client.reconnect()
    assert isinstance(query.value, Disconnected) and not queued.fired
    bench.advance(0, 0)
    bench.accept()
    assert bench.take() == b"B\r\n"
    assert bench.link.state is LinkState.UP     # it was our wish, not a failure


def test_reconnect_without_a_request_comes_soon():
    bench = proven()
    bench.client.reconnect()
    bench.advance(0)
    assert bench.run_until_attempt() < 0.5


def test_reconnect_in_other_states_does_no_harm():
    bench = Bench()
    bench.client.reconnect()        # connecting
    assert bench.attempts == 1
    bench.refuse()
    bench.client.reconnect()        # waiting: pulled forward
    bench.advance(0)
    assert bench.connecting
    bench.close()
    bench.client.reconnect()        # closed
    bench.advance(60)
    assert bench.attempts == 2


# close


STATES = ["looking up", "connecting", "waiting", "open", "preparing",
          "up", "in flight", "sending stuck", "receiving", "queued while down", "draining",
          "closing", "framing error"]


def unproven_bench_in(state):
    """A bench in a state before the first exchange, and what waits there."""
    bench = Bench(identify="*IDN?" if state == "preparing" else None)
    if state == "looking up":
        bench.client._manager.dialer._connector.stopConnecting()
        bench.client._manager.dialer._connector.host = "name"
        bench.reactor.nameResolver = SimpleNamespace(
            resolveHostName=lambda *args, **kwargs: None)
        bench.advance(1)
    elif state == "waiting":
        bench.refuse()
    elif state in ("open", "preparing"):
        bench.accept()
    if state == "open":
        return bench, []
    return bench, [bench.query("A"), Watched(bench.client.when_connected())]


def bench_in(state):
    """A bench in a state, and what waits there."""
    if state in STATES[:5]:
        return unproven_bench_in(state)
    bench, waiting = proven(late_replies="drain" if state == "draining" else "drop"), []
    if state == "in flight":
        waiting = [bench.query("A"), bench.query("B"), bench.send("C")]
    elif state == "sending stuck":
        bench.transport.stuck = True
        waiting = [bench.send("A"), bench.query("B")]
    elif state == "receiving":
        waiting = [bench.recv()]
    elif state == "queued while down":
        bench.transport.lost(DONE)
        waiting = [bench.query("A")]
    elif state == "draining":
        bench.query("A", 1)
        bench.advance(1)
        waiting = [bench.query("B")]
    elif state == "closing":
        bench.client.close()
    elif state == "framing error":
        failed = bench.query("A")
        bench.reply(b"x" * 70000)
        assert isinstance(failed.value, FramingError)
    return bench, waiting


@pytest.mark.parametrize("state", STATES)
def test_close_in_every_state_fires_releases_all_and_leaves_no_timer(state):
    bench, waiting = bench_in(state)
    closing, again = Watched(bench.client.close()), Watched(bench.client.close())
    for waiter in waiting:
        assert isinstance(waiter.value, Disconnected), waiter.value
    bench.advance(0, 0)
    assert closing.value is None and again.value is None
    assert bench.reactor.getDelayedCalls() == []
    assert bench.client.comm is None and bench.link.state is LinkState.CLOSED
    calls = (bench.query("A"), bench.send("A"), bench.recv())
    assert not any(call.fired for call in calls)
    bench.advance(0)
    for call in calls:
        assert shape(call.value) == (Disconnected, "connect", "no")
        assert "closed by this program" in str(call.value)
    attempts = bench.attempts
    bench.advance(100)
    assert bench.attempts == attempts
    assert all(len(w.outcomes) == 1 for w in waiting)
    if bench.transport is not None:
        assert not bench.transport.connected


def test_close_waits_for_the_end_of_the_connection():
    bench = proven()
    closing = Watched(bench.client.close())
    assert not closing.fired
    bench.advance(0, 0)
    assert closing.value is None and not bench.transport.connected


def test_close_knows_that_a_repeatable_query_was_sent():
    bench = proven()
    query = bench.query("A", safe_to_repeat=True)
    bench.close()
    assert query.value.sent == "yes"


def test_close_in_a_callback_of_a_reply():
    bench = connected()
    closing = []
    bench.client.query("A").addCallback(
        lambda _reply: closing.append(Watched(bench.client.close())))
    other = bench.query("B")
    bench.reply(b"ok\r\nmore\r\n")
    assert isinstance(other.value, Disconnected)
    bench.advance(0, 0)
    assert closing[0].value is None and bench.reactor.getDelayedCalls() == []


def test_close_in_an_errback_of_a_failed_attempt():
    bench = Bench()
    closing = []
    bench.client.query("A").addErrback(
        lambda _failure: closing.append(Watched(bench.client.close())))
    other = bench.query("B")
    bench.refuse()
    assert isinstance(other.value, ConnectionError)
    bench.advance(0, 0)
    assert closing[0].value is None and bench.reactor.getDelayedCalls() == []


def test_close_in_an_errback_of_a_timeout():
    bench = connected(timeout=1)
    closing = []
    bench.client.query("A").addErrback(
        lambda _failure: closing.append(Watched(bench.client.close())))
    other = bench.query("B", 9)
    bench.advance(1)
    assert isinstance(other.value, Disconnected)
    bench.advance(0, 0)
    assert closing[0].value is None and bench.reactor.getDelayedCalls() == []


CHANGES = {
    "connected": (Bench, lambda bench: bench.accept()),
    "refused": (Bench, lambda bench: bench.refuse()),
    "good": (connected, lambda bench: bench.reply(b"ok\r\n")),
    "lost": (proven, lambda bench: bench.transport.lost(DONE)),
    "timeout": (proven, lambda bench: bench.advance(10)),
    "nonsense": (proven, lambda bench: bench.reply(b"x" * 70000)),
    "identified": (lambda: connected(identify="*IDN?"), lambda bench: bench.reply(b"x\r\n")),
    "wrong": (lambda: connected(identify=("*IDN?", "LSCI")), lambda bench: bench.reply(b"x\r\n")),
}


@pytest.mark.parametrize("do", ["close", "reconnect"])
@pytest.mark.parametrize("change", CHANGES)
def test_an_observer_of_the_link_may_close_or_reconnect(change, do):
    make, cause = CHANGES[change]
    bench = make()
    queries = [bench.query("A"), bench.query("B")]
    waiting = Watched(bench.client.when_connected())
    done = []

    def observer(link, news):
        if not done:
            done.append(news)
            getattr(bench.client, do)()
    bench.link.observe(observer)
    cause(bench)
    assert done
    if change in ("connected", "identified"):       # nothing is said on what was given up
        assert bench.take() == (b"*IDN?\r\n" if change == "identified" else b"")
    if do == "close":
        bench.advance(0, 0)
        assert bench.reactor.getDelayedCalls() == []
        assert bench.client.comm is None
        assert all(query.fired for query in queries) and waiting.fired
    else:
        bench.advance(0, 11, 11)
        if bench.connecting:
            bench.accept()
        bench.advance(0, 11)
        assert all(query.fired for query in queries)
    assert all(len(query.outcomes) == 1 for query in queries)
    bench.close()


def test_a_settled_query_is_not_lost_to_an_observer_that_closes():
    bench = proven()
    query = None

    look_finds(bench.client.comm, lambda: bench.transport.lost(DONE))
    bench.link.observe(lambda link, news: bench.client.close())
    query = bench.query("A")
    bench.advance(0, 0)
    assert isinstance(query.value, Disconnected)
    assert bench.reactor.getDelayedCalls() == []


def test_a_forgotten_client_is_collected():
    import weakref
    bench = proven()
    bench.close()
    gone = weakref.ref(bench.client)
    bench.client = bench.transport = None
    bench.reactor = None
    gc.collect()
    assert gone() is None


def test_the_reactor_is_the_installed_one_only_where_none_is_given(monkeypatch):
    from twisted.internet.testing import MemoryReactorClock
    installed = MemoryReactorClock()
    monkeypatch.setattr("twisted.internet.reactor", installed, raising=False)
    client = DeviceClient("10.0.0.5", 7777)
    assert client.reactor is installed and len(installed.tcpClients) == 1
    Bench()
    assert len(installed.tcpClients) == 1


def test_a_refused_attempt_tells_the_reason_to_who_asks_later():
    bench = Bench()
    bench.refuse(error.NoRouteError(113, "No route to host"))
    query = bench.query("A", 0.5)
    bench.advance(0, 0.5)       # the next attempt hangs
    assert isinstance(query.value, ConnectFailed) and "No route" in str(query.value)
    assert REFUSED is not query.value.__cause__


def test_a_client_is_made_in_the_thread_of_its_reactor(monkeypatch):
    reactor = MemoryReactorClock()
    reactor.running = True
    monkeypatch.setitem(sys.modules, "twisted.internet.reactor", reactor)
    monkeypatch.setattr("socs_tcp.deferred.client.isInIOThread", lambda: False)
    with pytest.raises(RuntimeError, match="belongs to the thread of its reactor"):
        DeviceClient("10.0.0.5", 7777, reactor=reactor)


@pytest.mark.parametrize("option", [{"identify": "*IDN?"},
                                    {"on_connect": lambda device: device.query("SETUP")}])
def test_a_device_that_is_connected_but_silent_is_not_called_unreachable(option):
    bench = Bench(timeout=10, **option)
    query = bench.query("A", 2)
    bench.accept()
    bench.advance(2)
    assert shape(query.value) == (ReplyTimedOut, "identify", "no")
    assert "not ready for use within 2 s" in str(query.value)
    assert str(query.value).endswith("still waits for the device")
    bench.close()


def test_what_ended_the_connection_before_is_told_while_the_next_is_prepared():
    bench = connected(timeout=10, identify="*IDN?")
    bench.transport.lost(DONE)
    query = bench.query("A", 2)
    bench.run_until_attempt()
    bench.accept()
    bench.advance(2)
    assert "not ready for use within 2 s" in str(query.value)
    assert str(query.value).endswith(
        "; before that: connection lost: the device closed the connection")
    assert str(query.value).count("10.0.0.5") == 1
    bench.close()
