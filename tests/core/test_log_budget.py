"""However much there is to say about a device, its log does not grow without bound."""

import threading

import pytest

from socs_tcp.core.link import Link
from socs_tcp.core.log_budget import AT_ONCE, EVERY, LimitedLog, Waker, _waker


class Timer:
    """As threading.Timer; fires when it is told."""

    made = []

    def __init__(self, seconds, call):
        self.seconds, self.call = seconds, call
        self.made.append(self)

    def start(self):
        assert self.daemon

    def cancel(self):
        self.made.remove(self)


class Log:
    def __init__(self):
        self.lines = []

    def warn(self, text):
        self.lines.append(text)

    info = error = warn

    @staticmethod
    def beside(write):
        write()


class Bench:
    def __init__(self):
        self.now = 100.0
        Timer.made = []
        self.log = Log()
        self.waker = Waker(Timer)
        self.limited = LimitedLog(self.log, threading.Lock(), lambda: self.now, self.waker)

    def flood(self, seconds, rate):
        for number in range(int(seconds * rate)):
            self.limited.warn(f"dev:1: {number}")
            self.now += 1 / rate

    def wake(self):
        self.now += EVERY
        Timer.made.pop(0).call()


@pytest.fixture
def bench():
    return Bench()


def test_what_an_outage_makes_is_written_as_it_comes(bench):
    for number in range(AT_ONCE):
        bench.limited.info(f"dev:1: {number}")
    assert len(bench.log.lines) == AT_ONCE and Timer.made == []


def test_a_flood_is_a_line_now_and_then_that_counts_the_others(bench):
    bench.flood(600, 33)
    assert len(bench.log.lines) == AT_ONCE + 600 / EVERY - 1
    assert all(" more lines about it in the last " in line
               for line in bench.log.lines[AT_ONCE:])


def test_the_last_line_is_not_lost(bench):
    for number in range(AT_ONCE + 10):
        bench.limited.warn(f"dev:1: {number}")
    bench.wake()
    assert bench.log.lines[-1] == (f"dev:1: {AT_ONCE + 9} "
                                   "(9 more lines about it in the last 1 min 0 s left out)")
    assert Timer.made == []


def test_after_all_was_forgotten_a_line_is_not_lost_either(bench):
    bench.flood(2, 50)
    bench.limited.close()
    assert Timer.made == []
    bench.flood(2, 50)
    bench.wake()
    assert "more lines about it" in bench.log.lines[-1]


def test_one_that_alone_was_left_out_is_written_as_it_is(bench):
    for number in range(AT_ONCE + 1):
        bench.limited.warn(f"dev:1: {number}")
    bench.wake()
    assert bench.log.lines[-1] == f"dev:1: {AT_ONCE}"


def test_another_thread_writes_only_where_the_log_says(bench):
    """The log of a reactor is nobody else's."""
    handed_over = []
    bench.log.beside = handed_over.append
    for number in range(AT_ONCE + 2):
        bench.limited.warn(f"dev:1: {number}")
    bench.wake()
    assert len(bench.log.lines) == AT_ONCE
    handed_over.pop()()
    assert bench.log.lines[-1].startswith(f"dev:1: {AT_ONCE + 1} (1 more line")


def test_with_the_device_its_last_line_is_written_and_no_timer_is_left(bench):
    for number in range(AT_ONCE + 2):
        bench.limited.warn(f"dev:1: {number}")
    bench.limited.close()
    bench.limited.close()
    assert bench.log.lines[AT_ONCE:] == [
        f"dev:1: {AT_ONCE + 1} (1 more lines about it in the last 0.0 s left out)"]
    assert Timer.made == []


def test_one_that_waits_twice_is_forgotten_altogether(bench):
    """A line that was written meanwhile let the next that was left out wait once more."""
    for _ in range(AT_ONCE + 2):
        bench.limited.warn("dev:1: x")
    bench.now += EVERY * 0.99
    bench.limited.warn("dev:1: still left out")
    bench.now += EVERY * 0.02
    bench.limited.warn("dev:1: written")
    bench.limited.warn("dev:1: left out")
    bench.limited.close()
    assert Timer.made == []


def test_others_still_have_their_timer(bench):
    other = LimitedLog(bench.log, threading.Lock(), lambda: bench.now, bench.waker)
    for log in (bench.limited, other):
        for _ in range(AT_ONCE + 2):
            log.warn("x")
    bench.limited.close()
    lines = len(bench.log.lines)
    bench.wake()
    assert len(bench.log.lines) == lines + 1


def test_a_link_that_is_closed_keeps_nothing_of_its_log():
    log = Log()
    link = Link("dev:1", log=log)
    for _ in range(AT_ONCE):
        link.remark("x", "y")
        link.failed(ConnectionError("the device closed the connection"))
        link.tell()
        link.good()
        link.tell()
    assert len(log.lines) == AT_ONCE and link._log._write_last in _waker._waiting
    link.failed(ConnectionError("the last"))
    link.closed()
    link.tell()
    assert "more lines about it" in log.lines[-1]
    assert link._log._write_last not in _waker._waiting


def test_nothing_is_written_twice(bench):
    for _ in range(AT_ONCE + 3):
        bench.limited.warn("dev:1: x")
    bench.now += EVERY
    bench.limited.warn("dev:1: y")
    assert bench.log.lines[-1].startswith("dev:1: y (3 more lines")
    bench.wake()
    assert len(bench.log.lines) == AT_ONCE + 1


def test_after_a_time_of_quiet_all_is_as_before(bench):
    bench.flood(10, 33)
    bench.now += EVERY * AT_ONCE
    lines = len(bench.log.lines)
    for _ in range(AT_ONCE):
        bench.limited.warn("dev:1: x")
    assert len(bench.log.lines) == lines + AT_ONCE


def test_who_floods_does_not_silence_others(bench):
    bench.flood(10, 33)
    other = LimitedLog(bench.log, threading.Lock(), lambda: bench.now, bench.waker)
    other.info("dev:2: link down")
    assert bench.log.lines[-1] == "dev:2: link down"


def test_one_timer_is_enough_for_all(bench):
    others = [LimitedLog(bench.log, threading.Lock(), lambda: bench.now, bench.waker)
              for _ in range(20)]
    for log in others:
        for _ in range(AT_ONCE + 2):
            log.info("x")
    assert len(Timer.made) == 1
    lines = len(bench.log.lines)
    bench.wake()
    assert len(bench.log.lines) == lines + 20


def test_a_link_that_goes_up_and_down_all_the_time():
    log = Log()
    link = Link("dev:1", log=log)
    for _ in range(1000):
        link.failed(ConnectionError("the device closed the connection"))
        link.connected()
        link.good(0.1)
        link.tell()
    assert len(log.lines) <= AT_ONCE + 2
