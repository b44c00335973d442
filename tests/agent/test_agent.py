"""DeviceAgentMixin: watch, and the loops that poll a device."""

import argparse
import decimal
import itertools
import struct
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from memory_device import Watched
from ocs_stub import Agent, Device, Reactor, Session
from twisted.internet.defer import CancelledError, Deferred, succeed

from socs_tcp import DeviceAgentMixin, DeviceClient, LineFramer
from socs_tcp.agent import mixin as agent_module
from socs_tcp.agent.polling import Pace
from socs_tcp.core.errors import Disconnected, ReplyTimedOut


class FakeTime:
    """`time` for the loop: sleeping takes no time, and is written down."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []
        self.on_sleep = lambda: None
        self.wall = 0.0     # so much later than the other clock

    def monotonic(self):
        return self.now

    def time(self):
        return self.now + self.wall

    def sleep(self, seconds):
        assert seconds > 0
        self.slept.append(seconds)
        self.now += seconds
        self.on_sleep()


class Fridge(DeviceAgentMixin):
    def __init__(self, agent):
        self.agent = agent


@pytest.fixture
def reactor(monkeypatch):
    made = Reactor()
    monkeypatch.setattr("twisted.internet.reactor", made, raising=False)
    return made


@pytest.fixture
def clock(monkeypatch):
    made = FakeTime()
    monkeypatch.setattr(agent_module, "time", made)
    return made


@pytest.fixture
def session():
    return Session()


@pytest.fixture
def fridge(session, reactor):
    return Fridge(Agent(session))


# watch


def test_watch_makes_sessions_follow(fridge, session):
    device = Device()
    fridge.watch(device)
    device.fail()
    assert session.degraded
    fridge.unwatch(device)
    assert not session.degraded


@pytest.mark.parametrize("ops", [["measure"], ("measure",), {"measure"}, iter(["measure"])])
def test_watch_for_some_operations(fridge, session, ops):
    device = Device()
    fridge.watch(device, ops=ops)
    device.fail()
    assert not session.degraded


def test_watch_of_what_has_no_link_is_a_mistake(fridge):
    with pytest.raises(TypeError, match="link"):
        fridge.watch(object())


def test_watch_with_a_mere_name_is_a_mistake(fridge):
    with pytest.raises(TypeError, match="list"):
        fridge.watch(Device(), ops="acq")


def test_watch_before_the_agent_is_known_is_a_mistake(reactor):
    class Early(DeviceAgentMixin):
        def __init__(self):
            self.watch(Device())
    with pytest.raises(RuntimeError, match=r"Early\.agent must be set"):
        Early()


def test_two_agents_do_not_share_what_they_watch(reactor):
    one, two = Session(), Session()
    fridges = [Fridge(Agent(one)), Fridge(Agent(two))]
    devices = [Device(), Device()]
    for fridge, device in zip(fridges, devices, strict=True):
        fridge.watch(device)
    devices[0].fail()
    assert one.degraded and not two.degraded


def test_threads_that_watch_first_at_once_share_what_they_watch(reactor):
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(100):
            session = Session()
            fridge = Fridge(Agent(session))
            devices = [Device(), Device()]
            barrier = threading.Barrier(2)

            def watch(device, fridge=fridge, barrier=barrier):
                barrier.wait(10)
                fridge.watch(device)
            threads = [threading.Thread(target=watch, args=(d,)) for d in devices]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            for device in devices:
                device.fail()
            devices[0].succeed()
            assert session.degraded
    finally:
        sys.setswitchinterval(usual)


def test_importing_the_mixin_imports_neither_ocs_nor_a_reactor():
    code = ("import sys, socs_tcp\n"
            "class A(socs_tcp.DeviceAgentMixin): pass\n"
            "bad = {'ocs', 'twisted.internet.reactor'} & set(sys.modules)\n"
            "sys.exit(str(bad) if bad else 0)")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# poll


class Readings:
    """What `read` does, one after the other; stops the session when there is no more."""

    def __init__(self, session, clock, *outcomes):
        self.session, self.clock, self.outcomes = session, clock, list(outcomes)
        self.times = []

    def __call__(self):
        self.times.append(self.clock.now)
        outcome = self.outcomes.pop(0)
        if not self.outcomes:
            self.session.status = "stopping"
        if callable(outcome):
            outcome = outcome()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def test_poll_yields_good_readings_only(fridge, session, clock):
    read = Readings(session, clock, 1, ConnectionError("x"), 2, 3)
    assert list(fridge.poll(session, read, 0.4)) == [1, 2, 3]
    assert session.messages == ["no reading: x", "readings again"]
    assert session.writes == [True, False]


def test_poll_is_degraded_until_the_next_good_reading(fridge, session, clock):
    device = Device()
    fridge.watch(device)
    flags = []

    def failing():
        device.fail()
        return ConnectionError("x")

    def up_again():
        flags.append(session.degraded)
        device.succeed()
        return ConnectionError("not yet")
    read = Readings(session, clock, 1, failing, up_again, lambda: flags.append(session.degraded),
                    3)
    list(fridge.poll(session, read, 0.4))
    assert flags == [True, True]
    assert not session.degraded


def test_poll_paces_itself_from_start_to_start(fridge, session, clock):
    def slow():
        clock.now += 0.3
        return 2
    read = Readings(session, clock, 1, slow, ConnectionError("x"), 4)
    for _reading in fridge.poll(session, read, 0.4):
        clock.now += 0.05       # what is done with it counts, too
    begun = read.times[0]
    assert [t - begun for t in read.times] == pytest.approx([0, 0.4, 0.8, 1.2])


def test_poll_does_not_make_up_for_lost_time(fridge, session, clock):
    def very_slow():
        clock.now += 5
        return 1
    read = Readings(session, clock, very_slow, 2, 3)
    list(fridge.poll(session, read, 1.0))
    begun = read.times[0]
    assert [t - begun for t in read.times] == pytest.approx([0, 5, 6])


def test_poll_ends_at_once_while_it_waits(fridge, session, clock):
    def stop():
        if len(clock.slept) == 3:
            session.status = "stopping"
    clock.on_sleep = stop
    assert list(fridge.poll(session, lambda: 1, 60.0)) == [1]
    assert len(clock.slept) == 3 and max(clock.slept) <= 0.05


def test_poll_ends_at_once_while_the_device_is_down(fridge, session, clock):
    def read():
        raise ConnectionError("down")

    def stop():
        session.status = "stopping"
    clock.on_sleep = stop
    assert list(fridge.poll(session, read, 60.0)) == []
    assert len(clock.slept) == 1


def test_poll_waits_where_a_stop_is_heard_for_what_a_call_would_wait_for(fridge, session, clock):
    device = Device()
    device.retry_in = lambda: 5.0
    fridge.watch(device)
    at = []

    def read():
        at.append(clock.now)
        if len(at) == 1:
            device.link.failed(ConnectionError("refused"))
            raise ConnectionError("refused")
        session.status = "stopping"
    list(fridge.poll(session, read, 0.4))
    assert at == [1000.0, pytest.approx(1005.0)]


def test_poll_does_not_wait_for_a_device_that_is_well_or_another_operations(fridge, session,
                                                                           clock):
    well, others = Device(), Device()
    well.retry_in = others.retry_in = lambda: 5.0
    fridge.watch(well)
    fridge.watch(others, ops=["another"])
    others.link.failed(ConnectionError("refused"))
    at = []

    def read():
        at.append(clock.now)
        if len(at) == 2:
            session.status = "stopping"
    list(fridge.poll(session, read, 0.4))
    assert at == [1000.0, pytest.approx(1000.4)]


def test_poll_of_a_session_that_was_stopped_reads_nothing(fridge, clock):
    session = Session(status="stopping")
    assert list(fridge.poll(session, lambda: 1, 1.0)) == []


def test_poll_of_a_session_that_is_starting_reads(fridge, session, clock):
    session.status = "starting"
    assert next(fridge.poll(session, lambda: 1, 1.0)) == 1


def test_poll_hands_on_every_other_exception(fridge, session, clock):
    read = Readings(session, clock, ConnectionError("x"), TypeError("a bug"), 1)
    with pytest.raises(TypeError, match="a bug"):
        list(fridge.poll(session, read, 0.4))
    assert not session.degraded


def test_a_connection_error_of_the_consumer_is_its_own(fridge, session, clock):
    with pytest.raises(ConnectionError):
        for _reading in fridge.poll(session, lambda: 1, 1.0):
            raise ConnectionError("the database")
    assert session.writes == []


def test_a_consumer_that_breaks_out_ends_it(fridge, session, clock):
    for _reading in fridge.poll(session, lambda: 1, 1.0):
        break
    assert clock.slept == []
    assert list(fridge.poll(session, Readings(session, clock, 7), 1.0)) == [7]


def test_poll_tells_a_session_that_its_device_is_down_from_the_start(fridge, session, clock):
    device = Device()
    fridge.watch(device, ops=["late"])
    device.fail()
    late = Session("late", 5)
    fridge.agent.sessions["late"] = late
    read = Readings(late, clock, lambda: late.degraded)
    assert list(fridge.poll(late, read, 1.0)) == [True]
    assert len(late.messages) == 1


@pytest.mark.parametrize("period", [0, -1, None, "1", float("inf")])
def test_a_period_that_makes_no_sense(fridge, session, period):
    with pytest.raises((TypeError, ValueError), match="period"):
        next(fridge.poll(session, lambda: 1, period))
    failed = Watched(fridge.poll_deferred(session, lambda: 1, lambda _r: None, period)).value
    assert isinstance(failed, (TypeError, ValueError))


def test_poll_in_a_worker_thread_leaves_ocs_to_the_reactor(fridge, session, reactor, clock):
    read = Readings(session, clock, ConnectionError("x"), 1)
    got = []
    worker = threading.Thread(name="PoolThread-7-1", target=lambda: got.extend(
        fridge.poll(session, read, 0.4)))
    worker.start()
    worker.join(10)
    assert got == [1] and session.messages == []
    reactor.run_calls()
    assert session.messages == ["no reading: x", "readings again"]
    assert session.threads == {threading.main_thread()}


# poll_deferred


def run_poll(fridge, session, reads, handle=None, period=0.4):
    """A `poll_deferred` under way, with what it handled."""
    handled = []

    def read():
        outcome = reads.pop(0) if reads else Deferred()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome
    done = Watched(fridge.poll_deferred(session, read, handle or handled.append, period))
    return done, handled


def test_poll_deferred_handles_good_readings_only(fridge, session, reactor):
    late = Deferred()
    done, handled = run_poll(fridge, session, [1, ConnectionError("x"), succeed(2), late, 4])
    assert handled == [1]
    reactor.advance(0.4)
    assert handled == [1] and session.degraded
    reactor.advance(0.4)
    assert handled == [1, 2] and not session.degraded
    reactor.advance(0.4)
    late.errback(ConnectionError("y"))
    assert session.degraded and not done.fired
    session.status = "stopping"
    reactor.advance(0.05)
    assert done.value is None and handled == [1, 2]
    assert reactor.getDelayedCalls() == []


def test_poll_deferred_says_what_it_reads_with(fridge, session, reactor):
    failed = Watched(fridge.poll_deferred(session, "T?", lambda _reading: None, 1.0)).value
    assert isinstance(failed, TypeError) and "read must be a function" in str(failed)


def test_poll_deferred_paces_itself_from_start_to_start(fridge, session, reactor):
    slow, times = Deferred(), []
    outcomes = [succeed(1), slow, succeed(3), Deferred()]

    def read():
        times.append(reactor.seconds())
        return outcomes.pop(0)
    fridge.poll_deferred(session, read, lambda _reading: None, 0.4)
    reactor.pump([0.01] * 60)
    slow.callback(2)        # at 0.6, having begun at 0.4
    reactor.pump([0.01] * 100)
    assert times == pytest.approx([0, 0.4, 0.8, 1.2], abs=0.03)


def test_poll_deferred_waits_for_what_handles(fridge, session, reactor):
    handling = Deferred()
    reads = [1, 2]
    run_poll(fridge, session, reads, handle=lambda _reading: handling)
    reactor.advance(1)
    assert reads == [2]
    handling.callback(None)
    assert reads == []


@pytest.mark.parametrize("where", ["read", "handle"])
def test_poll_deferred_fails_with_what_is_raised(fridge, session, reactor, where):
    def handle(_reading):
        raise ConnectionError("the database") if where == "handle" else AssertionError
    done, _handled = run_poll(fridge, session, [TypeError("bug") if where == "read" else 1], handle)
    assert isinstance(done.value, TypeError if where == "read" else ConnectionError)
    assert session.writes == [] and reactor.getDelayedCalls() == []


def test_poll_deferred_ends_at_once_while_it_waits(fridge, session, reactor):
    done, _handled = run_poll(fridge, session, [1], period=3600)
    reactor.advance(0.04)
    session.status = "stopping"
    reactor.advance(0.05)
    assert done.value is None and reactor.getDelayedCalls() == []


@pytest.mark.parametrize("under_way", [False, True])
def test_poll_deferred_may_be_cancelled(fridge, session, reactor, under_way):
    done, _handled = run_poll(fridge, session, [ConnectionError("x")], period=0.05)
    if under_way:
        reactor.advance(0.05)
    done.cancel()
    assert isinstance(done.value, CancelledError)
    assert reactor.getDelayedCalls() == []
    assert not session.degraded


def test_poll_deferred_of_a_session_that_was_stopped_reads_nothing(fridge, reactor):
    done, handled = run_poll(fridge, Session(status="stopping"), [1])
    assert done.value is None and handled == []


# what cannot be understood

RUBBISH = [ValueError("could not convert string to float: 'abc'"), IndexError("list index"),
           KeyError("T"), UnicodeDecodeError("ascii", b"\xff", 0, 1, "ordinal not in range"),
           struct.error("unpack requires a buffer of 4 bytes"), decimal.InvalidOperation("1.2.3"),
           OverflowError("cannot convert float infinity to integer")]


@pytest.mark.parametrize("rubbish", RUBBISH, ids=lambda exc: type(exc).__name__)
def test_a_reading_that_cannot_be_parsed_is_told_once_and_acquisition_goes_on(
        fridge, session, clock, rubbish):
    flags = []
    read = Readings(session, clock, rubbish, rubbish, lambda: flags.append(session.degraded), 2, 3)
    assert list(fridge.poll(session, read, 0.4)) == [None, 2, 3]
    assert flags == [True] and not session.degraded
    assert len(session.messages) == 2 and session.messages[1] == "readings again"
    assert session.messages[0].startswith(f"cannot read what came: {type(rubbish).__name__}: ")


def test_what_came_is_told_if_the_link_keeps_it(fridge, session, clock):
    device = Device()
    device.link.last_reply = b"{ERR}"
    fridge.watch(device)
    read = Readings(session, clock, ValueError("x"), 1)
    list(fridge.poll(session, read, 0.4))
    assert session.messages[0].endswith("; 10.0.0.5:7777 said b'\\x7bERR\\x7d'")


def test_a_link_that_was_down_does_not_hide_rubbish(fridge, session, clock):
    device = Device()
    fridge.watch(device)
    device.fail()
    read = Readings(session, clock, ConnectionError("down"), device.succeed, ValueError("x"), 1)
    list(fridge.poll(session, read, 0.4))
    assert any("cannot read what came" in text for text in session.messages)


def test_nothing_is_unreadable_if_one_says_so(fridge, session, clock):
    with pytest.raises(ValueError, match="abc"):
        list(fridge.poll(session, Readings(session, clock, ValueError("abc"), 1), 0.4,
                         unreadable=()))


@pytest.mark.parametrize("bug", [TypeError("bug"), AttributeError("bug"), ZeroDivisionError()])
def test_bugs_end_it(fridge, session, clock, bug):
    with pytest.raises(type(bug)):
        list(fridge.poll(session, Readings(session, clock, bug, 1), 0.4))


@pytest.mark.parametrize("unreadable", ["ValueError", [ValueError], (1,), KeyboardInterrupt])
def test_what_is_unreadable_must_be_exceptions(fridge, session, unreadable):
    with pytest.raises(TypeError, match="unreadable"):
        fridge.poll(session, lambda: 1, 1, unreadable=unreadable)


def test_gaps_are_marked_if_asked_for(fridge, session, clock):
    read = Readings(session, clock, 1, ConnectionError("away"), ValueError("rubbish"), 2)
    got = list(fridge.poll(session, read, 0.4, gaps=True))
    assert got[0] == 1 and got[3] == 2
    assert all(isinstance(gap, fridge.Gap) and not gap for gap in got[1:3])
    assert [str(gap.error) for gap in got[1:3]] == ["away", "rubbish"] and "away" in repr(got[1])


def test_a_gap_that_is_taken_for_a_reading_is_shown_as_none(fridge, session, clock):
    """Or no client could ask for the status of the operation as long as the device is away."""
    read = Readings(session, clock, 1, ConnectionError("away"))
    for reading in fridge.poll(session, read, 0.4, gaps=True):
        session.data = {"T": reading}
    assert session.data == {"T": None}
    assert "session.data['T'] is <Gap: away>" in str(session.messages)


def nobody_was_asked():
    return ReplyTimedOut("10.0.0.5:7777: its turn did not come within 1 s", host="10.0.0.5",
                         port=7777, phase="send", sent="no")


def heard_nothing():
    return ReplyTimedOut("10.0.0.5:7777: nothing came within 1 s", host="10.0.0.5", port=7777,
                         phase="recv", sent="yes")


def test_one_whose_turn_did_not_come_is_no_failure(fridge, session, clock):
    fridge.watch(device := Device())
    device.succeed()
    read = Readings(session, clock, nobody_was_asked(), 1)
    assert list(fridge.poll(session, read, 0.4, gaps=True)) == [1]
    assert session.writes == [] and session.messages == []


def test_a_stream_of_readings_that_has_stopped_is_a_failure(fridge, session, clock):
    """Nothing was asked for, so that the link may still be good; but there is no reading."""
    fridge.watch(device := Device())
    device.succeed()
    read = Readings(session, clock, heard_nothing(), 1)
    assert len(list(fridge.poll(session, read, 0.4, gaps=True))) == 2
    assert session.writes == [True, False]


def test_one_whose_device_is_down_is(fridge, session, clock):
    fridge.watch(device := Device())
    device.fail()
    read = Readings(session, clock, nobody_was_asked(), 1)
    assert len(list(fridge.poll(session, read, 0.4, gaps=True))) == 2


def test_a_device_that_is_away_does_not_hold_up_those_that_are_not(fridge, session, clock):
    dead, well = Device("dead:1"), Device("well:2")
    dead.retry_in = lambda: 30.0
    well.retry_in = lambda: 0.0
    fridge.watch(dead)
    fridge.watch(well)
    dead.link.failed(ConnectionError("refused"))
    at = []

    def read():
        at.append(clock.now)
        if len(at) == 4:
            session.status = "stopping"
        if len(at) == 2:
            raise Disconnected("well:2: gone", host="well", port=2)
    list(fridge.poll(session, read, 0.4))
    assert at == pytest.approx([1000.0, 1000.4, 1000.8, 1001.2])


# whole periods

def test_readings_at_whole_periods(fridge, session, clock):
    clock.wall = 0.13       # that much later than the other clock
    def slow():
        clock.now += 0.45
        return 2
    read = Readings(session, clock, 1, slow, 3, 4)
    list(fridge.poll(session, read, 0.5, quantize=True))
    assert [t + 0.13 for t in read.times] == pytest.approx([1000.5, 1001.0, 1001.5, 1002.0])


def test_a_reading_that_takes_longer_is_followed_by_one_at_a_whole_period(fridge, session, clock):
    def slow():
        clock.now += 0.7
        return 2
    read = Readings(session, clock, slow, 3, 4)
    list(fridge.poll(session, read, 0.5, quantize=True))
    assert read.times == pytest.approx([1000.0, 1001.0, 1001.5])


@pytest.mark.parametrize("step", [-86400.0, 86400.3, -0.2])
def test_a_clock_that_is_set_neither_stops_readings_nor_hurries_them(fridge, session, clock, step):
    def stepped():
        clock.wall = step
        return 1
    read = Readings(session, clock, 1, stepped, 3, 4)
    list(fridge.poll(session, read, 0.5, quantize=True))
    gaps = [later - t for t, later in itertools.pairwise(read.times)]
    assert all(0.25 <= gap <= 0.75 for gap in gaps)
    assert (read.times[-1] + step) % 0.5 == pytest.approx(0, abs=0.01) \
        or (read.times[-1] + step) % 0.5 == pytest.approx(0.5, abs=0.01)


def test_one_that_begins_a_little_early_is_not_followed_by_another_at_once():
    pace = Pace(1.0, True, 100.0, 100.0)
    assert pace.due == 100.0
    pace.next(100.0, 99.9995)
    assert pace.due == pytest.approx(101.0005)


# misuse

def test_poll_in_the_reactors_thread_is_told_at_once(fridge, session, reactor):
    reactor.running = True
    with pytest.raises(RuntimeError, match="poll_deferred"):
        fridge.poll(session, lambda: 1, 1.0)


def test_poll_in_an_operation_that_is_not_blocking_is_told_at_once(fridge, session):
    fridge.agent.processes = {"acq": argparse.Namespace(blocking=False)}
    with pytest.raises(RuntimeError, match="blocking=True"):
        fridge.poll(session, lambda: 1, 1.0)


def test_a_client_in_poll_is_told_at_once(fridge, session, reactor):
    client = DeviceClient("127.0.0.1", 7777, reactor=reactor)
    for read in (client, client.recv):
        with pytest.raises(TypeError, match=r"poll_deferred|must be a function"):
            fridge.poll(session, read, 1.0)
    with pytest.raises(TypeError, match="poll_deferred"):
        next(fridge.poll(session, lambda: client, 1.0))
    with pytest.raises(TypeError, match="poll_deferred"):
        next(fridge.poll(session, lambda: succeed(b"1"), 1.0))


async def a_coroutine():
    return 1


def test_a_coroutine_in_poll_is_told(fridge, session):
    with warnings.catch_warnings(), pytest.raises(TypeError, match="no reading yet"):
        warnings.simplefilter("ignore", RuntimeWarning)
        next(fridge.poll(session, a_coroutine, 1.0))


def test_no_function_at_all(fridge, session):
    with pytest.raises(TypeError, match="must be a function"):
        fridge.poll(session, "T?", 1.0)
    assert isinstance(Watched(fridge.poll_deferred(session, None, print, 1)).value, TypeError)


@pytest.mark.parametrize(("data", "where"), [
    ({"reply": b"1.5"}, r"session.data\['reply'\] is bytes \(b'1.5'\)"),
    ({"a": [1, {"b": bytearray(b"x")}]}, r"session.data\['a'\]\[1\]\['b'\] is bytes"),
    (b"1.5", "session.data is bytes"), ({b"a": 1}, "bytes as a key"),
    ({"t": decimal.Decimal("1.5")}, r"session.data\['t'\] is of the type Decimal"),
    ({"t": {1, 2}}, "is of the type set"), ([1j], r"session.data\[0\] is of the type complex"),
    ({("a", 1): 1}, "has a key of the type tuple"), ({"t": np.array([b"x"])}, "is bytes"),
])
@pytest.mark.usefixtures("clock", "reactor")
def test_bytes_in_session_data_are_told_at_once(fridge, session, data, where):
    with pytest.raises(TypeError, match=where):
        for _reading in fridge.poll(session, lambda: 1, 1.0):
            session.data = data
    session.data = {}

    def handle(_reading):
        session.data = data
    done = Watched(fridge.poll_deferred(session, lambda: 1, handle, 1.0))
    assert isinstance(done.value, TypeError)


@pytest.mark.parametrize(("value", "shown"), [
    (float("inf"), "inf"), (float("-inf"), "-inf"), (10 ** 400, "a number of 1329 bits"),
])
def test_a_number_that_ocs_cannot_send_is_none_and_told(fridge, session, clock, value, shown):
    read = Readings(session, clock, 1, 2)
    for reading in fridge.poll(session, read, 1.0):
        session.data = {"fields": [{"T": value}, 4.2], "n": reading}
    assert session.data == {"fields": [{"T": None}, 4.2], "n": 2}
    told = f"session.data['fields'][0]['T'] is {shown}, which OCS cannot send: it is shown as none"
    assert session.messages == [told, told] and not session.degraded


def test_a_number_in_an_array_that_ocs_cannot_send_is_none(fridge, session, clock):
    for _reading in fridge.poll(session, Readings(session, clock, 1), 1.0):
        session.data = {"T": np.array([1.0, np.inf]), "u": np.float32("-inf")}
    assert session.data == {"T": [1.0, None], "u": None}


def test_data_that_ocs_can_send_are_left_as_they_are(fridge, session, clock):
    data = {"T": 4.2, "nan": float("nan"), "n": -2 ** 63, "on": True, "deep": [[[[[[[1]]]]]]],
            3: None, "array": np.array([[1, 2], [3, 4]]), "scalar": np.float32(1.5)}
    for _reading in fridge.poll(session, Readings(session, clock, 1), 1.0):
        session.data = data
    assert session.data is data and session.messages == []


# the same in the reactor

def test_poll_deferred_goes_on_after_what_cannot_be_parsed(fridge, session, reactor):
    done, handled = run_poll(fridge, session, [ValueError("abc"), 1])
    assert session.degraded and handled == []
    reactor.advance(0.4)
    assert not session.degraded and handled == [1] and not done.fired
    assert [text.split(":")[0] for text in session.messages] == ["cannot read what came",
                                                                "readings again"]


def test_poll_deferred_marks_gaps(fridge, session, reactor):
    handled = []
    reads = [ConnectionError("away"), ValueError("x"), TypeError("bug")]

    def read():
        raise reads.pop(0)
    done = Watched(fridge.poll_deferred(session, read, handled.append, 0.4, gaps=True))
    reactor.pump([0.05] * 20)
    assert [str(gap.error) for gap in handled] == ["away", "x"]
    assert isinstance(done.value, TypeError)


def test_poll_deferred_at_whole_periods(fridge, session, reactor, clock):
    clock.wall = 0.13
    times = []

    def read():
        times.append(reactor.seconds())
    fridge.poll_deferred(session, read, lambda _reading: None, 0.5, quantize=True)
    for _ in range(150):
        clock.now += 0.01
        reactor.advance(0.01)
    assert times == pytest.approx([0.37, 0.87, 1.37], abs=0.06)


def test_who_keeps_a_device_busy_makes_nobody_elses_acquisition_degraded(fridge, session):
    """A real device, to which a question takes long."""
    from socs_tcp import TCPInterface
    from socs_tcp.testing import DeviceServer
    asked, answer = threading.Event(), threading.Event()

    def slow(*_command):
        asked.set()
        answer.wait(10)
        return "done"
    with DeviceServer({"MOVE": slow, "T?": "4.2"}) as server, \
            TCPInterface(server.host, server.port, 5, framer=LineFramer()) as device:
        fridge.watch(device)
        mover = threading.Thread(target=device.query, args=("MOVE",))
        mover.start()
        assert asked.wait(10)

        def read_and_stop():
            session.status = "stopping"
            return device.query("T?", timeout=0.05)
        assert list(fridge.poll(session, read_and_stop, 0.01)) == []
        assert session.writes == [] and not device.link.down
        answer.set()
        mover.join(10)


@pytest.mark.parametrize("unwatched", [False, True])
@pytest.mark.parametrize("after_a_failure", [False, True])
def test_to_delete_a_watched_device_closes_its_connection_at_once(fridge, unwatched,
                                                                  after_a_failure):
    import gc

    from socs_tcp import TCPInterface
    from socs_tcp.testing import DeviceServer
    gc.disable()        # nobody may need it
    try:
        with DeviceServer({"T?": "4.2"}) as server:
            device = TCPInterface(server.host, server.port, 0.05, framer=LineFramer())
            fridge.watch(device)
            if after_a_failure:
                with pytest.raises(ConnectionError):
                    device.query("no such question")
                assert device.query("T?", timeout=5) == b"4.2"
            if unwatched:
                fridge.unwatch(device)
            server.wait_for_clients(1)
            del device
            server.wait_for_clients(0)
    finally:
        gc.enable()
