"""DeviceAgentMixin: watch, and the loops that poll a device."""

import subprocess
import sys
import threading

import pytest
from memory_device import Watched
from ocs_stub import Agent, Device, Reactor, Session
from twisted.internet.defer import CancelledError, Deferred, succeed

from socs_tcp import DeviceAgentMixin
from socs_tcp.agent import mixin as agent_module


class FakeTime:
    """`time` for the loop: sleeping takes no time, and is written down."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []
        self.on_sleep = lambda: None

    def monotonic(self):
        return self.now

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
    read = Readings(session, clock, ConnectionError("x"), KeyError("a bug"), 1)
    with pytest.raises(KeyError, match="a bug"):
        list(fridge.poll(session, read, 0.4))
    assert fridge._DeviceAgentMixin__degraded._failing == {}


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
    done, _handled = run_poll(fridge, session, [KeyError("bug") if where == "read" else 1], handle)
    assert isinstance(done.value, KeyError if where == "read" else ConnectionError)
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
    assert fridge._DeviceAgentMixin__degraded._failing == {}


def test_poll_deferred_of_a_session_that_was_stopped_reads_nothing(fridge, reactor):
    done, handled = run_poll(fridge, Session(status="stopping"), [1])
    assert done.value is None and handled == []
