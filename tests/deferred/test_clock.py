"""Time that nobody can step, with a timer of the test's own."""

import contextlib
import gc
import os
import select
import socket
import time
import weakref

import pytest
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IReactorTime, IReadDescriptor
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import globalLogPublisher
from zope.interface import implementer
from zope.interface.verify import verifyObject

from socs_tcp.deferred import clock as module
from socs_tcp.deferred.clock import AGAIN, SteadyClock, steady
from socs_tcp.deferred.timer_fd import TimerFd
from tests.storms.deferreds import own_reactor


class Timer:
    """In the place of the system's."""

    def __init__(self):
        self.seconds = None

    def set(self, seconds):
        assert seconds >= 0
        self.seconds = seconds

    def stop(self):
        self.seconds = None

    def clear(self):
        pass

    def fileno(self):
        return 0


class Reactor:
    """What is asked of a reactor."""

    def __init__(self):
        self.readers = set()
        self.turns = []

    def addReader(self, reader):
        self.readers.add(reader)

    def removeReader(self, reader):
        self.readers.discard(reader)

    def callFromThread(self, call):
        self.turns.append(call)


class Bench:
    def __init__(self):
        self.now = 1000.0
        self.reactor, self.timer = Reactor(), Timer()
        self.clock = SteadyClock(self.reactor, self.timer)
        self.clock.seconds = lambda: self.now
        self.called = []

    def later(self, delay, name=None):
        return self.clock.callLater(delay, self.called.append, delay if name is None else name)

    def ring(self, after):
        """Time passes, and the reactor finds the timer readable, and has its next turn."""
        self.now += after
        self.clock.doRead()
        for turn in self.reactor.turns:
            turn()
        self.reactor.turns.clear()


@pytest.fixture
def bench():
    return Bench()


def test_it_has_what_a_reactor_has(bench):
    assert verifyObject(IReactorTime, bench.clock)
    assert verifyObject(IReadDescriptor, bench.clock)


def test_calls_come_in_their_order_each_at_its_time(bench):
    for delay in (3, 1, 2):
        bench.later(delay)
    assert bench.timer.seconds == 1
    assert bench.reactor.readers == {bench.clock}
    bench.ring(1)
    assert bench.called == [1]
    assert bench.timer.seconds == 1
    bench.ring(5)
    assert bench.called == [1, 2, 3]
    assert not bench.reactor.readers
    assert bench.timer.seconds is None


def test_what_is_due_waits_for_the_next_turn_of_the_reactor(bench):
    bench.later(1)
    bench.now += 1
    bench.clock.doRead()
    assert not bench.called
    bench.reactor.turns[0]()
    assert bench.called == [1]


def test_each_waits_for_a_turn_of_its_own(bench):
    bench.later(1)
    bench.later(2)
    bench.ring(after=1)
    bench.now += 1
    bench.clock.doRead()
    assert bench.called == [1] and len(bench.reactor.turns) == 1


def test_a_call_gets_its_keywords(bench):
    got = []
    bench.clock.callLater(1, lambda *args, **kw: got.append((args, kw)), 1, two=2)
    bench.ring(after=1)
    assert got == [((1,), {"two": 2})]


def test_where_the_reactor_gives_no_turn_it_is_done_nonetheless(bench):
    """As where `callFromThread` itself waits for a time of day."""
    bench.later(1)
    bench.now += 1
    bench.clock.doRead()
    assert bench.timer.seconds == AGAIN
    bench.clock.doRead()
    assert bench.called == [1]
    bench.reactor.turns[0]()
    assert bench.called == [1]


def test_a_timer_that_is_early_calls_nothing(bench):
    bench.later(1)
    bench.ring(0.25)
    assert not bench.called
    assert bench.timer.seconds == 0.75


def test_nothing_is_watched_once_all_is_cancelled(bench):
    calls = [bench.later(delay) for delay in (1, 2)]
    for call in calls:
        call.cancel()
        assert not call.active()
    assert not bench.reactor.readers
    assert bench.timer.seconds is None
    assert bench.clock.getDelayedCalls() == []
    with pytest.raises(AlreadyCancelled):
        calls[0].cancel()
    bench.later(5)
    assert bench.timer.seconds == 5


def test_nothing_is_watched_once_the_last_of_those_that_remained_is_cancelled(bench):
    first, second, last = bench.later(1), bench.later(2), bench.later(5)
    first.cancel()
    second.cancel()
    bench.ring(after=3)
    last.cancel()
    assert bench.timer.seconds is None and not bench.reactor.readers


def test_a_call_that_was_cancelled_does_not_come(bench):
    bench.later(1).cancel()
    first, second = bench.later(1, "first"), bench.later(1, "second")
    first.cancel()
    assert bench.clock.getDelayedCalls() == [second]
    bench.ring(1)
    assert bench.called == ["second"]
    with pytest.raises(AlreadyCalled):
        second.cancel()


def test_many_cancelled_calls_are_not_kept(bench):
    bench.later(5)
    for _ in range(1000):
        bench.later(1000).cancel()
    assert len(bench.clock._calls) < 120
    bench.ring(5)
    assert bench.called == [5]


def test_those_that_remain_come_in_their_order(bench):
    delays = [7 * number % 199 + 1 for number in range(198)]
    calls = {delay: bench.later(delay) for delay in delays}
    remain = sorted(delays)[60:80]
    for delay in delays:
        if delay not in remain:
            calls[delay].cancel()
    for _ in range(200):
        bench.ring(1)
    assert bench.called == remain


@pytest.mark.parametrize("seconds, called_after", [(5, 5), (0.5, 0.5)])
def test_a_call_may_be_put_off_or_brought_forward(bench, seconds, called_after):
    call = bench.later(1, "x")
    bench.later(9, "y")
    call.reset(seconds)
    bench.ring(called_after - 0.25)
    assert not bench.called
    bench.ring(0.25)
    assert bench.called == ["x"]


def test_a_call_may_put_off_another_that_is_due(bench):
    other = None

    def first():
        other.reset(1)
    bench.clock.callLater(1, first)
    other = bench.later(1, "other")
    bench.ring(1)
    assert not bench.called
    bench.ring(1)
    assert bench.called == ["other"]


def test_who_asks_for_the_next_moment_over_and_over_does_not_hold_the_reactor(bench):
    def again():
        bench.called.append(0)
        bench.clock.callLater(0, again)
    again()
    for count in range(2, 5):
        bench.ring(0)
        assert len(bench.called) == count


def test_one_that_raises_takes_nothing_from_the_others(bench):
    events = []
    globalLogPublisher.addObserver(events.append)
    try:
        bench.clock.callLater(1, lambda: 1 / 0)
        bench.later(1)
        bench.later(2)
        bench.ring(1)
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert bench.called == [1]
    assert bench.timer.seconds == 1
    assert [event["log_failure"].type for event in events] == [ZeroDivisionError]


def test_a_delay_that_is_none_is_refused(bench):
    for delay in (-1, float("nan")):
        with pytest.raises(ValueError, match="at least 0 seconds"):
            bench.later(delay)


def test_after_the_reactor_has_forgotten_it_it_is_watched_again(bench):
    bench.later(5)
    bench.reactor.readers.clear()
    bench.clock.connectionLost(None)
    bench.later(9)
    assert bench.reactor.readers == {bench.clock}


@pytest.mark.parametrize("make", [Clock, MemoryReactorClock])
def test_a_clock_for_tests_is_used_itself(make):
    clock = make()
    assert steady(clock) is clock


@pytest.fixture
def real():
    with own_reactor() as turner:
        yield turner


def test_one_for_each_reactor_for_as_long_as_it_is_used(real):
    before = len(os.listdir("/proc/self/fd"))
    clock = steady(real.reactor)
    assert isinstance(clock, SteadyClock)
    assert steady(real.reactor) is clock
    gone = weakref.ref(clock)
    clock.callLater(5, int).cancel()
    assert real.left_over() == []
    del clock
    gc.collect()
    assert gone() is None
    assert len(os.listdir("/proc/self/fd")) == before


def test_where_the_system_has_no_such_timer_the_reactors_own_time_is_used(real, monkeypatch):
    def none():
        raise OSError("this system has no timerfd")
    monkeypatch.setattr(module, "TimerFd", none)
    clock, done = steady(real.reactor), []
    clock.callLater(0.001, done.append, 1)
    assert clock.getDelayedCalls() == real.reactor.getDelayedCalls() != []
    assert real.until(lambda: done, 10)
    assert abs(clock.seconds() - real.reactor.seconds()) < 10


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_step_of_the_wall_clock_changes_nothing(real, monkeypatch, step):
    stepped = []
    monkeypatch.setattr(real.reactor, "seconds", lambda: time.time() + sum(stepped))
    clock, done = steady(real.reactor), []
    began = clock.seconds()
    clock.callLater(0.02, lambda: (stepped.append(step), done.append("a")))
    clock.callLater(0.04, done.append, "b")
    clock.callLater(30, done.append, "too early")
    assert real.until(lambda: len(done) == 2, 10)
    assert done == ["a", "b"]
    assert clock.seconds() - began >= 0.04
    [left] = clock.getDelayedCalls()
    left.cancel()
    assert real.left_over() == []


def test_what_has_come_while_the_reactor_was_blocked_is_read_first(real):
    """Else all that was waited for is given up, although it is there."""
    clock, done = steady(real.reactor), []
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            near, far = (stack.enter_context(end) for end in socket.socketpair())
            clock.callLater(0.01, done.append, "time is up")
            real.reactor.addReader(Reader(near, lambda: done.append("read")))
            far.send(b"reply")
        time.sleep(0.02)        # the reactor is blocked
        assert real.until(lambda: len(done) == 40, 10)
        assert done == ["read"] * 20 + ["time is up"] * 20
        real.reactor.removeAll()


@implementer(IReadDescriptor)
class Reader:
    def __init__(self, sock, read):
        self.sock, self.read = sock, read

    def fileno(self):
        return self.sock.fileno()

    def doRead(self):
        self.sock.recv(99)
        self.read()

    def logPrefix(self):
        return "test"

    def connectionLost(self, reason):
        pass


# the system's timer

@pytest.fixture
def timer():
    timer = TimerFd()
    yield timer
    timer.close()


def readable(timer, seconds=0):
    return bool(select.select([timer], [], [], seconds)[0])


@pytest.mark.parametrize("seconds", [0, -1, 1e-12, 1e-9, 0.001, 0.9999999999])
def test_the_timer_rings_once(timer, seconds):
    timer.set(seconds)
    assert readable(timer, 10)
    timer.clear()
    assert not readable(timer)
    timer.clear()


@pytest.mark.parametrize("seconds", [5, 1e9])
def test_the_timer_does_not_ring_before(timer, seconds):
    timer.set(seconds)
    assert not readable(timer)
    timer.set(0)
    assert readable(timer, 10)
    timer.stop()
    assert not readable(timer)


def test_the_timer_is_nobody_elses():
    timer = TimerFd()
    assert not os.get_inheritable(timer.fileno())
    before = len(os.listdir("/proc/self/fd"))
    timer.close()
    timer.close()
    assert timer.fileno() == -1
    assert len(os.listdir("/proc/self/fd")) == before - 1


@pytest.mark.parametrize("count", [3, 60, 120, 300])
def test_many_that_are_cancelled_leave_nothing_to_be_watched(count):
    """A call is not marked as cancelled yet when the clock hears of it."""
    bench = Bench()
    calls = [bench.clock.callLater(5 + i, bench.called.append, i) for i in range(count)]
    for call in calls:
        call.cancel()
    assert bench.clock.getDelayedCalls() == []
    assert bench.reactor.readers == set() and bench.timer.seconds is None
