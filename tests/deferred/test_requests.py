"""Requests: the queue, what is in flight, and the one timer, without any connection."""

import math

import pytest
from memory_device import Watched
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock

from socs_tcp.core.errors import Disconnected, ReplyTimedOut
from socs_tcp.deferred.request import Request
from socs_tcp.deferred.requests import Requests


class FakeWire:
    """Takes requests, and gives the frames that a test puts there."""

    def __init__(self):
        self.put_ = []
        self.frames = []
        self.alive = True
        self.takes_all = True
        self.on_settle = lambda: None

    def put(self, request):
        self.put_.append(request.data)
        return self.takes_all

    def next_frame(self):
        return self.frames.pop(0) if self.frames else None

    def settle(self, keep):
        self.on_settle()
        if not keep:
            self.frames.clear()
        return self.alive


class FakeOwner:
    """What a client does, in short."""

    def __init__(self):
        self.requests = None
        self.rtts = []
        self.discarded_ = 0
        self.drops = 0
        self.on_expired = lambda: None
        self.on_done = lambda: None

    def exchange_done(self, rtt):
        self.rtts.append(rtt)
        self.on_done()

    def discarded(self, count):
        self.discarded_ += count

    def expired(self, request, in_flight):
        self.on_expired()
        return ReplyTimedOut("in flight" if in_flight else "queued", sent=request.sent)

    def drop(self):
        if self.requests.wire is not None:
            self.drops += 1
            self.requests.use(None)
            self.requests.fail_flight(lambda request: Disconnected("dropped", sent=request.sent))


class Bench:
    def __init__(self, late="drop", max_in_flight=1, connected=True):
        self.clock, self.owner, self.wire = Clock(), FakeOwner(), FakeWire()
        self.requests = Requests(self.owner, self.clock, late, max_in_flight)
        self.owner.requests = self.requests
        if connected:
            self.requests.use(self.wire)

    def add(self, kind="query", data=b"q", timeout=10.0, safe=False):
        deadline = math.inf if timeout is None else self.clock.seconds() + timeout
        return Watched(self.requests.add(Request(kind, data, timeout, deadline, safe)))

    def raw(self, kind="query", data=b"q", timeout=10.0):
        """The Deferred itself, for callbacks of a test's own."""
        return self.requests.add(Request(kind, data, timeout,
                                         self.clock.seconds() + timeout, False))

    def frames(self, *frames):
        self.wire.frames += frames
        self.requests.frames_came()

    def reconnect(self):
        self.wire = FakeWire()
        self.requests.use(self.wire)


@pytest.fixture
def bench():
    return Bench()


def test_one_exchange_at_a_time_first_come_first_served(bench):
    first, second = bench.add(data=b"1"), bench.add(data=b"2")
    assert bench.wire.put_ == [b"1"]
    bench.frames(b"one")
    assert first.value == b"one" and not second.fired
    assert bench.wire.put_ == [b"1", b"2"]
    bench.frames(b"two")
    assert second.value == b"two"


def test_the_round_trip_is_timed_from_the_start_and_not_from_the_queue(bench):
    bench.add()
    bench.add()
    bench.clock.advance(2)
    bench.frames(b"one")
    bench.clock.advance(0.5)
    bench.frames(b"two")
    assert bench.owner.rtts == [2.0, 0.5]


def test_without_a_connection_requests_wait_and_start_with_it():
    bench = Bench(connected=False)
    waiting = bench.add()
    assert not waiting.fired
    bench.requests.use(bench.wire)
    bench.frames(b"x")
    assert waiting.value == b"x"


def test_a_send_is_done_when_it_is_flushed(bench):
    bench.wire.takes_all = False
    sent, after = bench.add("send"), bench.add()
    assert not sent.fired and len(bench.wire.put_) == 1
    bench.requests.flushed(bench.requests.flight[0])
    assert sent.value is None
    assert len(bench.wire.put_) == 2 and not after.fired


def test_a_reply_does_not_answer_a_send(bench):
    bench.wire.takes_all = False
    sent = bench.add("send")
    bench.frames(b"x")
    assert not sent.fired


def test_a_frame_that_came_alone_goes_to_whoever_waits_for_one_and_to_nobody_else(bench):
    assert not bench.requests.frame_came(b"unasked")
    bench.wire.takes_all = False
    sent, question = bench.add("send"), bench.add(data=b"q")
    assert not bench.requests.frame_came(b"no answer to a send")
    assert not sent.fired
    bench.requests.flushed(bench.requests.flight[0])
    assert bench.requests.frame_came(b"the answer")
    assert sent.value is None and question.value == b"the answer"
    bench.requests.use(None)
    bench.add()
    assert not bench.requests.frame_came(b"of a connection that is lost")


def test_a_recv_takes_what_is_there_or_waits(bench):
    bench.wire.frames = [b"there"]
    assert bench.add("recv").value == b"there"
    waiting = bench.add("recv")
    assert not waiting.fired
    bench.frames(b"later")
    assert waiting.value == b"later"
    assert bench.owner.rtts == [None, None]     # no round trip


def test_what_came_unasked_is_settled_before_a_query(bench):
    bench.wire.frames = [b"unasked"]
    query = bench.add()
    assert not query.fired
    bench.frames(b"reply")
    assert query.value == b"reply"


def test_a_query_that_finds_the_connection_lost_waits_for_the_next(bench):
    bench.wire.alive = False
    bench.wire.on_settle = lambda: bench.requests.use(None)
    query = bench.add()
    assert bench.wire.put_ == [] and not query.fired
    bench.reconnect()
    assert bench.wire.put_ == [b"q"]


@pytest.mark.parametrize("do", ["cancel", "fail"])
def test_a_query_that_ends_while_its_connection_is_looked_at_is_never_sent(bench, do):
    bench.requests.use(None)
    query, other = bench.add(data=b"gone"), bench.add(data=b"other")

    def on_settle():
        bench.wire.on_settle = lambda: None
        if do == "cancel":
            query.cancel()
        else:       # as when an observer of the link closes the client
            bench.requests.fail_queue(lambda _request: Disconnected("closed"))
    bench.wire.on_settle = on_settle
    bench.requests.use(bench.wire)
    assert query.fired
    assert bench.wire.put_ == ([b"other"] if do == "cancel" else [])
    assert other.fired == (do == "fail")


def test_a_query_that_finds_the_connection_lost_is_failed_by_who_closes_then(bench):
    def on_settle():
        bench.requests.use(None)
        bench.requests.fail_queue(lambda _request: Disconnected("closed"))
    bench.wire.alive, bench.wire.on_settle = False, on_settle
    assert isinstance(bench.add().value, Disconnected)
    assert not bench.requests.queue


# several in flight


def test_queries_in_flight_are_answered_in_order():
    bench = Bench(max_in_flight=3)
    queries = [bench.add(data=b"%d" % n) for n in range(4)]
    assert bench.wire.put_ == [b"0", b"1", b"2"]
    bench.frames(b"r0", b"r1")
    assert [q.outcomes for q in queries] == [[b"r0"], [b"r1"], [], []]
    assert bench.wire.put_[-1] == b"3"
    bench.frames(b"r2", b"r3")
    assert [q.value for q in queries[2:]] == [b"r2", b"r3"]


def test_a_send_or_recv_waits_until_no_query_is_in_flight():
    bench = Bench(max_in_flight=3)
    bench.add(data=b"1")
    recv = bench.add("recv")
    bench.add(data=b"2")
    assert bench.wire.put_ == [b"1"]
    bench.frames(b"one")
    assert not recv.fired
    bench.frames(b"event")
    assert recv.value == b"event"
    assert bench.wire.put_ == [b"1", b"2"]


def test_a_query_waits_until_a_recv_is_over():
    bench = Bench(max_in_flight=3)
    recv, query = bench.add("recv"), bench.add()
    assert bench.wire.put_ == []
    bench.frames(b"event")
    assert recv.value == b"event" and not query.fired
    assert bench.wire.put_ == [b"q"]


def test_draining_in_the_middle_keeps_the_order():
    bench = Bench("drain", max_in_flight=3)
    queries = [bench.add(data=b"%d" % n) for n in range(3)]
    queries[1].cancel()
    bench.frames(b"r0", b"r1", b"r2")
    assert queries[0].value == b"r0" and queries[2].value == b"r2"
    assert isinstance(queries[1].value, CancelledError)
    assert bench.owner.discarded_ == 2      # the bytes of r1


def test_nothing_is_sent_while_a_reply_that_was_given_up_is_to_come():
    bench = Bench("drain", max_in_flight=3)
    bench.add(data=b"0").cancel()
    bench.add(data=b"1")
    assert bench.wire.put_ == [b"0"]
    bench.frames(b"r0")
    assert bench.wire.put_ == [b"0", b"1"]


def test_a_reply_that_never_comes_does_not_shift_the_others_for_ever():
    bench = Bench("drain", max_in_flight=3)
    bench.add(data=b"0", timeout=1)
    bench.clock.advance(1)
    for number in range(1, 4):      # the device answers all but the first
        query = bench.add(data=b"%d" % number, timeout=1)
        if bench.requests.wire is None:
            bench.reconnect()
        if bench.wire.put_[-1] == b"%d" % number:
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
    assert bench.wire.put_ == [b"3"]


def test_a_drain_that_takes_too_long_fails_everything_in_flight_and_forgets_nobody():
    bench = Bench("drain", max_in_flight=2)
    abandoned, live = bench.add(data=b"0", timeout=1), bench.add(data=b"1", timeout=50)
    bench.clock.advance(1)
    assert isinstance(abandoned.value, ReplyTimedOut)
    queued = bench.add(data=b"2", timeout=1)
    bench.clock.advance(1)
    assert isinstance(queued.value, ReplyTimedOut)
    assert bench.owner.drops == 1
    assert isinstance(live.value, Disconnected)
    assert not bench.requests.flight


# late replies


def test_drop_gives_up_the_connection_at_a_timeout(bench):
    query, after = bench.add(timeout=1), bench.add(data=b"after")
    bench.clock.advance(1)
    assert isinstance(query.value, ReplyTimedOut) and query.value.sent == "yes"
    assert bench.owner.drops == 1 and not after.fired
    bench.reconnect()
    assert bench.wire.put_ == [b"after"]


def test_drain_reads_the_late_reply_before_the_next_query():
    bench = Bench("drain")
    query, after = bench.add(timeout=1), bench.add(data=b"after")
    bench.clock.advance(1)
    assert isinstance(query.value, ReplyTimedOut)
    assert bench.wire.put_ == [b"q"]
    bench.frames(b"late")
    assert not after.fired and bench.wire.put_ == [b"q", b"after"]
    bench.frames(b"right")
    assert after.value == b"right"
    assert bench.owner.drops == 0


def test_drain_of_a_query_that_was_not_wholly_sent_gives_the_connection_up():
    bench = Bench("drain")
    bench.wire.takes_all = False
    bench.add(timeout=1)
    bench.clock.advance(1)
    assert bench.owner.drops == 1


def test_matching_passes_over_replies_of_others():
    bench = Bench(lambda command, reply: reply.startswith(command))
    query, after = bench.add(data=b"a", timeout=1), bench.add(data=b"b")
    bench.clock.advance(1)
    assert query.fired and bench.wire.put_ == [b"a", b"b"]
    bench.frames(b"a late")
    assert not after.fired
    bench.frames(b"b right")
    assert after.value == b"b right"
    assert bench.owner.drops == 0 and bench.owner.discarded_ == len(b"a late")


@pytest.mark.parametrize("end", ["cancel", "timeout"])
def test_a_query_after_a_recv_for_a_sends_reply_was_given_up_uses_a_new_connection(bench, end):
    bench.add("send")
    recv = bench.add("recv", timeout=1)
    if end == "cancel":
        recv.cancel()
    else:
        bench.clock.advance(1)
    assert bench.owner.drops == 0
    query = bench.add()
    assert bench.owner.drops == 1 and not query.fired
    bench.reconnect()
    assert bench.wire.put_ == [b"q"]


def test_a_query_after_a_recv_of_what_nobody_asked_for_keeps_the_connection(bench):
    bench.add("recv", timeout=1)
    bench.clock.advance(1)
    query = bench.add()
    bench.frames(b"reply")
    assert query.value == b"reply" and bench.owner.drops == 0


def test_recv_after_recv_keeps_the_connection(bench):
    bench.add("send")
    bench.add("recv", timeout=1)
    bench.clock.advance(1)
    again = bench.add("recv")
    bench.frames(b"event")
    assert again.value == b"event" and bench.owner.drops == 0


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
    assert str(queued.value) == "queued"
    bench.frames(b"reply")
    assert bench.wire.put_ == [b"q"]


def test_without_a_timeout_there_is_no_timer(bench):
    query = bench.add(timeout=None)
    assert bench.clock.getDelayedCalls() == []
    bench.clock.advance(1e6)
    assert not query.fired
    query.cancel()
    assert isinstance(query.value, CancelledError)


def test_a_timeout_whose_news_ends_the_request_fires_it_once(bench):
    query, other = bench.add(timeout=1), bench.add(data=b"other", timeout=1)
    bench.owner.on_expired = bench.owner.drop       # as an observer that reconnects
    bench.clock.advance(1)
    assert query.fired and len(query.outcomes) == 1
    assert isinstance(other.value, ReplyTimedOut)
    assert bench.clock.getDelayedCalls() == []


def test_a_timeout_whose_news_cancels_the_request_fires_it_once(bench):
    query = bench.add(timeout=1)
    bench.owner.on_expired = query.cancel
    bench.clock.advance(1)
    assert isinstance(query.value, CancelledError)
    assert not bench.requests.flight


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
    assert bench.wire.put_ == [b"1", b"3"]
    assert isinstance(second.value, CancelledError) and not third.fired
    assert bench.owner.drops == 0


def test_cancel_of_a_send_that_is_not_flushed_gives_the_connection_up(bench):
    bench.wire.takes_all = False
    sent = bench.add("send")
    sent.cancel()
    assert bench.owner.drops == 1
    assert isinstance(sent.value, CancelledError)


def test_cancel_after_the_reply_does_nothing(bench):
    query = bench.add()
    bench.frames(b"x")
    query.cancel()
    assert query.value == b"x" and bench.owner.drops == 0


def test_cancel_in_the_news_of_its_own_reply_fires_once(bench):
    query = bench.add()
    bench.owner.on_done = query.cancel
    bench.frames(b"x")
    assert isinstance(query.value, CancelledError)
    assert not bench.requests.flight


# the connection is gone


def test_a_loss_fails_what_is_in_flight_and_keeps_the_queue(bench):
    query, queued = bench.add(), bench.add(data=b"queued")
    bench.owner.drop()
    assert isinstance(query.value, Disconnected) and not queued.fired
    bench.reconnect()
    assert bench.wire.put_ == [b"queued"]


def test_what_is_safe_to_repeat_goes_first_again_and_in_order_but_only_once():
    bench = Bench(max_in_flight=2)
    first, second = (bench.add(data=data, safe=True) for data in (b"1", b"2"))
    bench.add(data=b"3")
    bench.owner.drop()
    assert not first.fired and not second.fired
    bench.reconnect()
    assert bench.wire.put_ == [b"1", b"2"]
    bench.owner.drop()
    assert isinstance(first.value, Disconnected) and isinstance(second.value, Disconnected)


def test_what_is_repeated_may_have_been_sent_the_first_time(bench):
    query = bench.add(safe=True, timeout=5)
    bench.owner.drop()
    bench.clock.advance(5)
    assert query.value.sent == "yes"


def test_an_errback_at_the_loss_may_cancel_and_ask(bench):
    bench = Bench(max_in_flight=3)
    first = bench.raw(data=b"1")
    second, third = bench.add(data=b"2", safe=True), bench.add(data=b"3")
    found = []
    first.addErrback(lambda _failure: (second.cancel(), found.append(bench.add(data=b"4"))))
    bench.owner.drop()
    assert isinstance(second.value, CancelledError) and isinstance(third.value, Disconnected)
    bench.reconnect()
    assert bench.wire.put_ == [b"4"]


def test_a_repeated_request_that_starts_during_the_failing_of_others_is_not_failed():
    bench = Bench(max_in_flight=2)
    first = bench.raw(data=b"1")
    second = bench.add(data=b"2", safe=True)
    first.addErrback(lambda _failure: bench.reconnect())
    bench.owner.drop()
    assert not second.fired
    bench.frames(b"two")
    assert second.value == b"two"


# callbacks


def test_a_callback_may_ask_again_and_comes_behind_the_queue(bench):
    found = []
    bench.raw(data=b"1").addCallback(lambda _frame: found.append(bench.add(data=b"3")))
    bench.add(data=b"2")
    bench.frames(b"one")
    assert bench.wire.put_ == [b"1", b"2"]
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
    bench.requests.stop()
    assert bench.clock.getDelayedCalls() == []
    bench.requests.stop()
