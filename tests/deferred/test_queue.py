"""The queue: who waits, what is in flight, and the one timer, over a transport in memory."""

import inspect
import re
from collections import deque

import pytest
from memory_device import Transport, Watched, look_finds
from twisted.internet.defer import CancelledError
from twisted.internet.testing import MemoryReactorClock

from socs_tcp.core.errors import (
    Disconnected,
    FramingError,
    ReplyTimedOut,
    SendTimedOut,
    WrongReply,
)
from socs_tcp.core.framing import LineFramer
from socs_tcp.core.link import Link
from socs_tcp.core.owed import NO_DEBT, Debt
from socs_tcp.core.policy import MOST_UNASKED
from socs_tcp.deferred.connection import Connection
from socs_tcp.deferred.device import Device
from socs_tcp.deferred.queue import LONG, Queue
from socs_tcp.deferred.request import Request


class Bench:
    """A queue, a connection, and a device that says and does what a test wants."""

    def __init__(self, late="drop", max_in_flight=1, connected=True, closes=False, settle=0.0):
        self.clock = MemoryReactorClock()
        self.link = Link("here", self.clock.seconds)
        self.device = Device(
            "here", 1, self.link, self.clock, LineFramer(), 10.0, late, max_in_flight, None,
            settle=settle, gap=0.0, greeting=None, identity=None, on_connect=None, alarms=None,
            closes_after_reply=closes, telnet=False, tls=None)
        self.drops = 0
        self.exchanges = 0
        self.on_failed = lambda: None
        self.queue = Queue(self.device, self)
        self.connection = None
        if connected:
            self.reconnect()

    def answered(self):
        self.exchanges += 1

    def failed(self, _error):
        self.on_failed()

    def why(self, request):
        return ReplyTimedOut("no connection", sent=request.sent)

    def drop(self, connection=None, _error=None):
        """As whoever has the connections does."""
        connection, self.connection = connection or self.connection, None
        if connection is not None and connection is self.queue.connection:
            self.drops += 1
            connection.let_go()
            self.queue.lost(connection.conversation.ended(), Disconnected("dropped"))

    def reconnect(self, debt=NO_DEBT):
        self.connection = Connection(self.device, self, debt=debt)
        self.transport = Transport(self.clock)
        self.transport.protocol = self.connection
        self.connection.makeConnection(self.transport)
        self.connection.conversation.prepared()
        self.queue.use(self.connection)

    def made(self, _connection):
        """TCP is connected."""

    def lost(self, connection, error):
        self.queue.lost(connection.conversation.ended(), error)

    def add(self, kind="query", data=b"q", timeout=10.0, safe=False):
        return Watched(self.raw(kind, data, timeout, safe))

    def raw(self, kind="query", data=b"q", timeout=10.0, safe=False):
        """The Deferred itself, for callbacks of a test's own."""
        return self.queue.add(Request(kind, data + b"\r\n", timeout, self.clock.seconds(), safe))

    def frames(self, *frames):
        """The device says these, in one piece."""
        self.transport.deliver(b"".join(frame + b"\r\n" for frame in frames))

    @property
    def sent(self):
        """The commands that the device has got on this connection."""
        return self.transport.value().split(b"\r\n")[:-1]

    @property
    def in_flight(self):
        return self.queue.exchange.under_way(self.queue.connection)


@pytest.fixture
def bench():
    return Bench()


def test_one_exchange_at_a_time_first_come_first_served(bench):
    first, second = bench.add(data=b"1"), bench.add(data=b"2")
    assert bench.sent == [b"1"]
    bench.frames(b"one")
    assert first.value == b"one" and not second.fired
    assert bench.sent == [b"1", b"2"]
    bench.frames(b"two")
    assert second.value == b"two"


def test_a_question_that_is_asked_in_a_callback_goes_out_there_and_overtakes_nobody(bench):
    asked = []

    def again(_reply):
        asked.append((list(bench.sent), bench.raw(data=b"again"), list(bench.sent)))
    bench.raw(data=b"1").addCallback(again)
    bench.frames(b"one")
    before, _deferred, after = asked[0]
    assert before == [b"1"] and after == [b"1", b"again"]
    waits = bench.add(data=b"2")
    bench.queue.connection.conversation.turns[0].deferred.addCallback(again)
    bench.frames(b"the second")
    assert bench.sent == [b"1", b"again", b"2"]         # who waited has gone out first
    bench.frames(b"two")
    assert waits.value == b"two" and bench.sent[-1] == b"again"


def test_what_is_done_at_once_in_the_callback_of_a_reply_does_not_recurse(bench):
    deep = []

    def more(count):
        deep.append(len(inspect.stack()))
        if count:
            bench.raw("send").addCallback(lambda _none: more(count - 1))
    bench.raw().addCallback(lambda _reply: more(20))
    bench.frames(b"one")
    bench.clock.advance(0)
    assert len(deep) == 21 and max(deep) < min(deep) + 30


def test_the_round_trip_is_timed_from_the_start_and_not_from_the_queue(bench):
    bench.add()
    bench.add()
    bench.clock.advance(2)
    bench.frames(b"one")
    bench.clock.advance(0.5)
    bench.frames(b"two")
    assert (bench.link.worst_rtt, bench.link.last_rtt) == (2.0, 0.5)


def test_without_a_connection_requests_wait_and_start_with_it():
    bench = Bench(connected=False)
    waiting = bench.add()
    assert not waiting.fired
    bench.reconnect()
    bench.frames(b"x")
    assert waiting.value == b"x"


def test_a_send_is_done_when_the_system_has_it(bench):
    bench.transport.stuck = True
    sent, after = bench.add("send"), bench.add()
    assert not sent.fired and len(bench.sent) == 1
    bench.transport.drain()
    assert sent.value is None
    assert len(bench.sent) == 2 and not after.fired


@pytest.mark.parametrize("drained, told", [(False, "maybe"), (True, "yes")])
def test_of_a_question_that_is_lost_is_told_whether_the_device_has_it(bench, drained, told):
    bench.transport.stuck = True
    question = bench.add()
    if drained:
        bench.transport.drain()
    bench.transport.lost()
    assert isinstance(question.value, Disconnected) and question.value.sent == told


def test_a_reply_does_not_answer_a_send(bench):
    bench.transport.stuck = True
    sent, question = bench.add("send"), bench.add(data=b"q")
    bench.frames(b"unasked")
    assert not sent.fired
    bench.transport.drain()
    bench.frames(b"the answer")
    assert sent.value is None and question.value == b"the answer"


def test_a_send_goes_out_while_somebody_listens(bench):
    listening, sent, query = bench.add("listen"), bench.add("send", b"s"), bench.add()
    assert bench.sent == [b"s"] and sent.value is None
    bench.frames(b"event")
    assert listening.value == b"event" and not query.fired


def test_an_urgent_command_goes_out_past_all_who_wait(bench):
    bench.add()
    bench.add("send", b"later")
    urgent = Watched(bench.queue.urgent(bench.connection,
                                        Request("send", b"stop\r\n", 1.0, 0.0)))
    assert bench.sent == [b"q", b"stop"] and urgent.value is None


def test_a_question_waits_for_an_urgent_command_that_the_device_has_not_taken(bench):
    first = bench.add()
    bench.transport.stuck = True
    bench.queue.urgent(bench.connection, Request("send", b"stop\r\n", 10.0, 0.0))
    bench.frames(b"one")
    bench.add(data=b"2")
    assert first.value == b"one" and not bench.in_flight[1:]
    bench.transport.drain()
    assert bench.sent == [b"q", b"stop", b"2"] and len(bench.in_flight) == 1


def test_no_question_goes_out_on_a_connection_that_the_device_is_about_to_close():
    bench = Bench(closes=True)
    first = bench.add(data=b"1")
    bench.frames(b"one")
    after = bench.add(data=b"2")
    assert first.value == b"one" and bench.drops == 1
    assert bench.sent == [b"1"] and not after.fired


def test_an_urgent_command_that_the_device_does_not_take_times_out(bench):
    bench.transport.stuck = True
    urgent = Watched(bench.queue.urgent(bench.connection,
                                        Request("send", b"stop\r\n", 1.0, 0.0)))
    bench.clock.advance(1)
    assert isinstance(urgent.value, SendTimedOut) and bench.drops == 1


def test_a_recv_takes_what_is_there_or_waits(bench):
    bench.frames(b"there")
    assert bench.add("listen").value == b"there"
    waiting = bench.add("listen")
    assert not waiting.fired
    bench.frames(b"later")
    assert waiting.value == b"later"
    assert bench.link.last_rtt is None          # no round trip


def test_what_came_unasked_is_settled_before_a_query(bench):
    bench.frames(b"unasked")
    query = bench.add()
    assert not query.fired
    bench.frames(b"reply")
    assert query.value == b"reply"


@pytest.mark.parametrize("kind", ["query", "send"])
def test_a_call_that_finds_the_connection_lost_waits_for_the_next(bench, kind):
    look_finds(bench.connection, bench.transport.lost)
    call = bench.add(kind)
    assert bench.sent == [] and not call.fired
    bench.reconnect()
    assert bench.sent == [b"q"]


@pytest.mark.parametrize("kind", ["query", "send"])
@pytest.mark.parametrize("do", ["cancel", "fail"])
def test_a_call_that_ends_while_its_connection_is_looked_at_is_never_sent(bench, do, kind):
    bench.queue.use(None)
    query, other = bench.add(kind, data=b"gone"), bench.add(data=b"other")

    def look():
        look_finds(bench.connection, lambda: None)
        if do == "cancel":
            query.cancel()
        else:       # as when an observer of the link closes the client
            bench.queue.fail_waiting(lambda _request: Disconnected("closed"))
    look_finds(bench.connection, look)
    bench.queue.use(bench.connection)
    assert query.fired
    assert bench.sent == ([b"other"] if do == "cancel" else [])
    assert other.fired == (do == "fail")


def test_a_query_that_finds_the_connection_lost_is_failed_by_who_closes_then(bench):
    def look():
        bench.transport.lost()
        bench.queue.fail_waiting(lambda _request: Disconnected("closed"))
    look_finds(bench.connection, look)
    assert isinstance(bench.add().value, Disconnected)
    assert not bench.queue.waiting


# several in flight


def test_queries_in_flight_are_answered_in_order():
    bench = Bench(max_in_flight=3)
    queries = [bench.add(data=b"%d" % n) for n in range(4)]
    assert bench.sent == [b"0", b"1", b"2"]
    bench.frames(b"r0", b"r1")
    assert [q.outcomes for q in queries] == [[b"r0"], [b"r1"], [], []]
    assert bench.sent[-1] == b"3"
    bench.frames(b"r2", b"r3")
    assert [q.value for q in queries[2:]] == [b"r2", b"r3"]


def test_a_send_or_recv_waits_until_no_query_is_in_flight():
    bench = Bench(max_in_flight=3)
    bench.add(data=b"1")
    recv = bench.add("listen")
    bench.add(data=b"2")
    assert bench.sent == [b"1"]
    bench.frames(b"one")
    assert not recv.fired
    bench.frames(b"event")
    assert recv.value == b"event"
    assert bench.sent == [b"1", b"2"]


def test_a_query_waits_until_a_recv_is_over():
    bench = Bench(max_in_flight=3)
    recv, query = bench.add("listen"), bench.add()
    assert bench.sent == []
    bench.frames(b"event")
    assert recv.value == b"event" and not query.fired
    assert bench.sent == [b"q"]


def test_draining_in_the_middle_keeps_the_order():
    bench = Bench("drain", max_in_flight=3)
    queries = [bench.add(data=b"%d" % n) for n in range(3)]
    queries[1].cancel()
    bench.frames(b"r0", b"r1", b"r2")
    assert queries[0].value == b"r0" and queries[2].value == b"r2"
    assert isinstance(queries[1].value, CancelledError)
    assert bench.link.bytes_discarded == 2      # of r1


def test_nothing_is_sent_while_a_reply_that_was_given_up_is_to_come():
    bench = Bench("drain", max_in_flight=3)
    bench.add(data=b"0").cancel()
    bench.add(data=b"1")
    assert bench.sent == [b"0"]
    bench.frames(b"r0")
    assert bench.sent == [b"0", b"1"]


def test_a_reply_that_never_comes_does_not_shift_the_others_for_ever():
    bench = Bench("drain", max_in_flight=3)
    bench.add(data=b"0", timeout=1)
    bench.clock.advance(1)
    for number in range(1, 4):      # the device answers all but the first
        query = bench.add(data=b"%d" % number, timeout=1)
        if bench.queue.connection is None:
            bench.reconnect()
        if bench.sent[-1] == b"%d" % number:
            bench.frames(b"r%d" % number)
        bench.clock.advance(1)
    assert query.value == b"r3"


def test_dropping_in_the_middle_fails_the_others_in_flight():
    bench = Bench("drop", max_in_flight=3)
    queries = [bench.add(data=b"%d" % n) for n in range(4)]
    queries[1].cancel()
    assert [type(q.value) for q in queries[:3]] == [Disconnected, CancelledError, Disconnected]
    assert not queries[3].fired
    bench.reconnect()
    assert bench.sent == [b"3"]


def test_a_drain_that_takes_too_long_fails_everything_in_flight_and_forgets_nobody():
    bench = Bench("drain", max_in_flight=2)
    abandoned, live = bench.add(data=b"0", timeout=1), bench.add(data=b"1", timeout=50)
    bench.clock.advance(1)
    assert isinstance(abandoned.value, ReplyTimedOut)
    queued = bench.add(data=b"2", timeout=1)
    bench.clock.advance(1)
    assert isinstance(queued.value, ReplyTimedOut)
    assert bench.drops == 1
    assert isinstance(live.value, Disconnected)
    assert not bench.in_flight


# late replies


def test_drop_gives_up_the_connection_at_a_timeout(bench):
    query, after = bench.add(timeout=1), bench.add(data=b"after")
    bench.clock.advance(1)
    assert isinstance(query.value, ReplyTimedOut) and query.value.sent == "yes"
    assert bench.drops == 1 and not after.fired
    bench.reconnect()
    assert bench.sent == [b"after"]


def test_drain_reads_the_late_reply_before_the_next_query():
    bench = Bench("drain")
    query, after = bench.add(timeout=1), bench.add(data=b"after")
    bench.clock.advance(1)
    assert isinstance(query.value, ReplyTimedOut)
    assert bench.sent == [b"q"]
    bench.frames(b"late")
    assert not after.fired and bench.sent == [b"q", b"after"]
    bench.frames(b"right")
    assert after.value == b"right"
    assert bench.drops == 0


def test_drain_of_a_query_that_was_not_wholly_sent_gives_the_connection_up():
    bench = Bench("drain")
    bench.transport.stuck = True
    bench.add(timeout=1)
    bench.clock.advance(1)
    assert bench.drops == 1


def test_matching_passes_over_replies_of_others():
    bench = Bench(lambda command, reply: reply.startswith(command.strip()))
    query, after = bench.add(data=b"a", timeout=1), bench.add(data=b"b")
    bench.clock.advance(1)
    assert query.fired and bench.sent == [b"a", b"b"]
    bench.frames(b"a late")
    assert not after.fired
    bench.frames(b"b right")
    assert after.value == b"b right"
    assert bench.drops == 0 and bench.link.bytes_discarded == len(b"a late")


@pytest.mark.parametrize("end", ["cancel", "timeout"])
def test_a_query_after_a_recv_for_a_sends_reply_was_given_up_uses_a_new_connection(bench, end):
    bench.add("send")
    recv = bench.add("listen", timeout=1)
    if end == "cancel":
        recv.cancel()
    else:
        bench.clock.advance(1)
    assert bench.drops == 0
    query = bench.add()
    assert bench.drops == 1 and not query.fired
    bench.reconnect()
    assert bench.sent == [b"q"]


def test_a_query_after_a_recv_of_what_nobody_asked_for_keeps_the_connection(bench):
    bench.add("listen", timeout=1)
    bench.clock.advance(1)
    query = bench.add()
    bench.frames(b"reply")
    assert query.value == b"reply" and bench.drops == 0


def test_recv_after_recv_keeps_the_connection(bench):
    bench.add("send")
    bench.add("listen", timeout=1)
    bench.clock.advance(1)
    again = bench.add("listen")
    bench.frames(b"event")
    assert again.value == b"event" and bench.drops == 0


# the timer


def test_one_timer_for_all_and_it_is_left_alone_where_it_is_early_enough(bench):
    bench.add(timeout=5)
    timer, = bench.clock.getDelayedCalls()
    for _ in range(5):
        bench.add(timeout=9)
    assert bench.clock.getDelayedCalls() == [timer] and timer.getTime() == 5
    bench.add(timeout=2)
    [timer] = bench.clock.getDelayedCalls()
    assert timer.getTime() == 2


def test_each_expires_at_its_own_time():
    bench = Bench(connected=False)
    queries = [bench.add(timeout=t) for t in (3, 1, 2)]
    for second, expected in ((1, [0, 1, 0]), (2, [0, 1, 1]), (3, [1, 1, 1])):
        bench.clock.advance(second - bench.clock.seconds())
        assert [int(q.fired) for q in queries] == expected
    assert bench.clock.getDelayedCalls() == []


def test_a_queued_request_expires_and_is_never_sent(bench):
    bench.add(timeout=None)
    queued = bench.add(data=b"late", timeout=1)
    bench.clock.advance(1)
    assert "its turn did not come within 1 s" in str(queued.value)
    bench.frames(b"reply")
    assert bench.sent == [b"q"]


def test_without_a_timeout_there_is_no_timer(bench):
    query = bench.add(timeout=None)
    assert bench.clock.getDelayedCalls() == []
    bench.clock.advance(1e6)
    assert not query.fired
    query.cancel()
    assert isinstance(query.value, CancelledError)


def test_a_timeout_whose_news_ends_the_request_fires_it_once(bench):
    query, other = bench.add(timeout=1), bench.add(data=b"other", timeout=1)
    bench.on_failed = bench.drop       # as an observer that reconnects
    bench.clock.advance(1)
    assert query.fired and len(query.outcomes) == 1
    assert isinstance(other.value, ReplyTimedOut)
    assert bench.clock.getDelayedCalls() == []


def test_a_timeout_whose_news_cancels_the_request_fires_it_once(bench):
    query = bench.add(timeout=1)
    bench.on_failed = query.cancel
    bench.clock.advance(1)
    assert isinstance(query.value, CancelledError)
    assert not bench.in_flight


def test_an_errback_at_a_timeout_may_ask_again(bench):
    found = []
    bench.raw(timeout=1).addErrback(lambda _failure: found.append(bench.add(data=b"again")))
    bench.clock.advance(1)
    bench.reconnect()
    bench.frames(b"x")
    assert found[0].value == b"x"


# cancelling


def test_cancel_in_the_queue_frees_the_place(bench):
    bench.add(data=b"1")
    second, third = bench.add(data=b"2"), bench.add(data=b"3")
    second.cancel()
    bench.frames(b"one")
    assert bench.sent == [b"1", b"3"]
    assert isinstance(second.value, CancelledError) and not third.fired
    assert bench.drops == 0


def test_cancel_of_a_send_that_is_not_flushed_gives_the_connection_up(bench):
    bench.transport.stuck = True
    sent = bench.add("send")
    sent.cancel()
    assert bench.drops == 1
    assert isinstance(sent.value, CancelledError)


def test_cancel_after_the_reply_does_nothing(bench):
    query = bench.add()
    bench.frames(b"x")
    query.cancel()
    assert query.value == b"x" and bench.drops == 0


def test_cancel_in_the_news_of_its_own_reply_fires_once(bench):
    query = bench.add()
    bench.link.observe(lambda link, change: query.cancel())
    bench.frames(b"x")
    assert isinstance(query.value, CancelledError)
    assert not bench.in_flight


# the connection is gone


def test_a_loss_fails_what_is_in_flight_and_keeps_the_queue(bench):
    query, queued = bench.add(), bench.add(data=b"queued")
    bench.drop()
    assert isinstance(query.value, Disconnected) and not queued.fired
    bench.reconnect()
    assert bench.sent == [b"queued"]


def test_what_is_safe_to_repeat_goes_first_again_and_in_order_but_only_once():
    bench = Bench(max_in_flight=2)
    first, second = (bench.add(data=data, safe=True) for data in (b"1", b"2"))
    bench.add(data=b"3")
    bench.drop()
    assert not first.fired and not second.fired
    bench.reconnect()
    assert bench.sent == [b"1", b"2"]
    bench.drop()
    assert isinstance(first.value, Disconnected) and isinstance(second.value, Disconnected)


def test_what_is_repeated_may_have_been_sent_the_first_time(bench):
    query = bench.add(safe=True, timeout=5)
    bench.drop()
    bench.clock.advance(5)
    assert query.value.sent == "yes"


def test_an_errback_at_the_loss_may_cancel_and_ask(bench):
    bench = Bench(max_in_flight=3)
    first = bench.raw(data=b"1")
    second, third = bench.add(data=b"2", safe=True), bench.add(data=b"3")
    found = []
    first.addErrback(lambda _failure: (second.cancel(), found.append(bench.add(data=b"4"))))
    bench.drop()
    assert isinstance(second.value, CancelledError) and isinstance(third.value, Disconnected)
    bench.reconnect()
    assert bench.sent == [b"4"]


def test_a_repeated_request_that_starts_during_the_failing_of_others_is_not_failed():
    bench = Bench(max_in_flight=2)
    first = bench.raw(data=b"1")
    second = bench.add(data=b"2", safe=True)
    first.addErrback(lambda _failure: bench.reconnect())
    bench.drop()
    assert not second.fired
    bench.frames(b"two")
    assert second.value == b"two"


# callbacks


def test_a_callback_may_ask_again_and_comes_behind_the_queue(bench):
    found = []
    bench.raw(data=b"1").addCallback(lambda _frame: found.append(bench.add(data=b"3")))
    bench.add(data=b"2")
    bench.frames(b"one")
    assert bench.sent == [b"1", b"2"]
    bench.frames(b"two")
    bench.frames(b"three")
    assert found[0].value == b"three"


def test_a_glued_second_frame_does_not_answer_what_a_callback_asks(bench):
    found = []
    bench.raw().addCallback(lambda _frame: found.append(bench.add(data=b"again")))
    bench.frames(b"one", b"unasked")
    assert not found[0].fired
    bench.frames(b"right")
    assert found[0].value == b"right"


def test_a_callback_that_raises_harms_nobody(bench):
    first, second = bench.raw(), bench.add(data=b"2")
    first.addCallback(lambda _frame: 1 / 0)
    problem = Watched(first)
    bench.frames(b"one")
    bench.frames(b"two")
    assert isinstance(problem.value, ZeroDivisionError) and second.value == b"two"


def test_stop_leaves_no_timer(bench):
    bench.add()
    bench.queue.stop()
    assert bench.clock.getDelayedCalls() == []
    bench.queue.stop()


def test_who_calls_again_in_each_callback_neither_recurses_nor_starves_anybody(bench):
    """Whatever is done at once: what has come already, or a command that the system takes."""
    for kind in ("listen", "send"):
        bench.frames(*[b"%d" % number for number in range(2000)] if kind == "listen" else ())
        seen = []

        def again(result, kind=kind, seen=seen):
            seen.append(result)
            if len(seen) < 2000:
                bench.raw(kind, timeout=None).addCallback(again)
        bench.raw(kind, timeout=None).addCallback(again)
        assert len(seen) < 100
        turns = 0
        while len(seen) < 2000:
            bench.clock.advance(0)
            turns += 1
            assert turns < 100
        if kind == "listen":
            assert seen == [b"%d" % number for number in range(2000)]


def test_a_reply_that_does_not_match_is_never_given(bench):
    request = Request("query", b"T?\r\n", 5.0, 0.0)
    request.expect(None, re.compile(rb"\d"))
    wrong, after = Watched(bench.queue.add(request)), bench.add(data=b"after")
    bench.frames(b"ERROR 5")
    assert isinstance(wrong.value, WrongReply) and "b'ERROR 5'" in str(wrong.value)
    assert bench.drops == 1 and not after.fired
    bench.reconnect()
    assert bench.sent == [b"after"]


def test_several_frames_that_answer_one_question(bench):
    request = Request("query", b"ALL?\r\n", 5.0, 0.0)
    request.collect(3)
    several = Watched(bench.queue.add(request))
    bench.add(data=b"after")
    bench.frames(b"1", b"2")
    assert not several.fired and bench.sent == [b"ALL?"]
    bench.frames(b"3")
    assert several.value == [b"1", b"2", b"3"] and bench.sent == [b"ALL?", b"after"]


def test_some_of_several_frames_are_told_in_the_timeout(bench):
    request = Request("query", b"ALL?\r\n", 5.0, 0.0)
    request.collect(3)
    several = Watched(bench.queue.add(request))
    bench.frames(b"1", b"2")
    bench.clock.advance(5)
    assert "2 of 3 replies within 5 s" in str(several.value)


# what a command does to what was before it

def test_no_command_goes_out_on_a_connection_that_the_device_is_about_to_close():
    bench = Bench(closes=True)
    bench.add(data=b"1")
    bench.frames(b"one")
    after = bench.add("send", b"2")
    assert bench.drops == 1 and bench.sent == [b"1"] and not after.fired


def test_what_was_left_of_a_lost_connection_is_not_received_after_a_command(bench):
    bench.queue.keep([b"old"])
    bench.add("send", b"s")
    listening = bench.add("listen")
    assert bench.link.bytes_discarded == 3
    bench.frames(b"new")
    assert listening.value == b"new"


def test_a_late_answer_is_not_received_after_the_next_command(bench):
    bench.add("send", b"1")
    late = bench.add("listen", timeout=1.0)
    bench.clock.advance(1)
    assert isinstance(late.value, ReplyTimedOut)
    bench.frames(b"late")
    bench.add("send", b"2")
    listening = bench.add("listen")
    bench.frames(b"in time")
    assert listening.value == b"in time"


def test_a_long_queue_is_one_from_which_the_first_is_soon_taken(bench):
    for _ in range(LONG + 1):
        bench.add()
    assert isinstance(bench.queue.waiting, deque)


@pytest.mark.parametrize(("closes", "to_blame"), [(False, 1), (True, 0)])
def test_a_device_that_speaks_without_pause_is_to_blame_unless_it_hangs_up_anyway(closes, to_blame):
    bench, told = Bench(closes=closes), []
    bench.failed = told.append
    first = bench.add()
    bench.frames(b"one")
    bench.frames(b"x" * MOST_UNASKED)
    assert first.value == b"one" and bench.connection.conversation.useless and not bench.drops
    bench.add(data=b"2")
    assert bench.drops == 1 and len(told) == to_blame
    assert all(isinstance(error, FramingError) and "without pause" in str(error)
               for error in told)


def test_a_question_does_not_spend_all_of_its_time_on_what_the_connection_before_owes():
    """Whatever time of day the clock says."""
    bench = Bench(connected=False, settle=0.05)
    bench.clock.advance(100)
    bench.reconnect(Debt(replies=1, seconds=1.0))
    bench.add(timeout=0.5)
    bench.clock.advance(0.3)
    assert bench.sent == []
    bench.clock.advance(0.15)
    assert bench.sent == [b"q"]


@pytest.mark.parametrize(("kind", "sent"), [("listen", "yes"), ("greeting", "no")])
def test_who_listens_may_have_sent_what_is_to_be_answered(bench, kind, sent):
    waiting = bench.add(kind)
    bench.drop()
    assert waiting.value.sent == sent
