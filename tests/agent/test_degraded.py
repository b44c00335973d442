"""Degraded: the flags and messages of sessions."""

import argparse
import sys
import threading

import pytest
from ocs_stub import Agent, Device, Reactor, Session

from socs_tcp.agent.degraded import Degraded
from socs_tcp.agent.polling import Poll
from socs_tcp.core.errors import ConnectFailed
from socs_tcp.core.policy import UNREADABLE


class Bench:
    def __init__(self, *sessions):
        self.reactor, self.agent = Reactor(), Agent(*sessions)
        self.degraded = Degraded(self.agent, self.reactor)

    def watched(self, ops=None, name="10.0.0.5:7777"):
        device = Device(name)
        self.degraded.watch(device, None if ops is None else frozenset(ops))
        return device

    def poll(self, session):
        return Poll(self.degraded, session, UNREADABLE)

    def start(self, session):
        self.agent.sessions[session.op_name] = session
        self.degraded.begin(session)
        return session


@pytest.fixture
def session():
    return Session()


@pytest.fixture
def bench(session):
    return Bench(session)


def in_thread(name, function):
    """Run it in a thread of that name, to its end; what it raised is raised here."""
    problems = []

    def run():
        try:
            function()
        except BaseException as exc:
            problems.append(exc)
    thread = threading.Thread(target=run, name=name)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    if problems:
        raise problems[0]


# following the link


def test_a_session_follows_the_link_with_a_message_at_each_change(bench, session):
    device = bench.watched()
    device.succeed()
    assert session.messages == [] and not session.degraded
    device.fail()
    assert session.degraded
    assert session.messages == ["10.0.0.5:7777 is down: no reply within 1 s"]
    device.fail("refused")
    device.reconnect()
    device.fail("refused")
    assert session.degraded and len(session.messages) == 1
    device.reconnect()
    assert session.degraded             # an accept proves nothing
    device.succeed()
    assert not session.degraded
    assert session.messages[1].startswith("10.0.0.5:7777 is up: a good reply after")
    assert session.writes == [True, False]


def test_a_healthy_link_never_touches_the_session(bench, session):
    device = bench.watched()
    device.reconnect()
    for _ in range(5):
        device.succeed()
    assert session.writes == [] and session.messages == []


@pytest.mark.parametrize("status", ["starting", "running", "stopping"])
def test_sessions_that_run_are_followed(status):
    session = Session(status=status)
    Bench(session).watched().fail()
    assert session.degraded


def test_sessions_that_are_done_and_empty_places_are_left_alone():
    session = Session(status="done")
    bench = Bench(session)
    bench.agent.sessions["never started"] = None
    bench.watched().fail()
    assert session.writes == [] and session.messages == []


def test_only_the_operations_that_depend_on_it(bench, session):
    other = bench.start(Session("measure", 1))
    device = bench.watched(ops=["measure"])
    device.fail()
    assert other.degraded and not session.degraded
    assert len(other.messages) == 1 and session.messages == []


def test_of_several_devices_one_that_is_down_is_enough(bench, session):
    one, two = bench.watched(name="one:1"), bench.watched(name="two:2")
    one.fail()
    two.fail()
    one.succeed()
    assert session.degraded
    two.succeed()
    assert not session.degraded
    assert [m.split(":")[0] for m in session.messages] == ["one", "two", "one", "two"]


def test_a_session_that_starts_while_the_device_is_down_is_told_once(bench):
    device = bench.watched()
    device.fail()
    device.link._entered -= 7230
    late = bench.start(Session("late", 7))
    assert late.degraded
    assert len(late.messages) == 1 and "is down for 2 h 0 min" in late.messages[0]
    bench.degraded.begin(late)          # poll begins what start has begun
    assert len(late.messages) == 1
    device.succeed()
    assert not late.degraded and len(late.messages) == 2


def test_a_session_that_starts_while_all_is_well_is_left_alone(bench):
    device = bench.watched()
    device.succeed()
    late = bench.start(Session("late", 7))
    assert late.writes == [] and late.messages == []
    device.fail()
    bench.degraded.begin(late)
    assert late.degraded and len(late.messages) == 1


def test_a_session_that_is_over_when_it_is_begun_is_left_alone(bench):
    bench.watched().fail()
    over = bench.start(Session("over", 7, "done"))
    assert over.writes == [] and over.messages == []


def test_a_new_session_of_the_same_operation_is_told_anew(bench, session):
    bench.watched().fail()
    session.status = "done"
    again = bench.start(Session("acq", 1))
    assert again.degraded and len(again.messages) == 1
    assert bench.degraded._begun == {1}             # the old one is forgotten


def test_a_device_that_is_down_when_it_is_watched(bench, session):
    device = Device()
    device.fail()
    bench.degraded.watch(device, None)
    assert session.degraded
    assert len(session.messages) == 1 and "is down for" in session.messages[0]


def test_a_device_watched_twice_is_told_once(bench, session):
    device = Device()
    other = bench.start(Session("measure", 1))
    bench.degraded.watch(device, frozenset(["acq"]))
    bench.degraded.watch(device, frozenset(["acq", "measure"]))
    device.fail()
    assert session.degraded and other.degraded
    assert len(session.messages) == len(other.messages) == 1
    bench.degraded.unwatch(device)
    assert not session.degraded and not other.degraded


def test_a_device_watched_for_some_and_then_for_all(bench, session):
    device = Device()
    bench.degraded.watch(device, frozenset(["measure"]))
    bench.degraded.watch(device, None)
    device.fail()
    assert session.degraded
    bench.degraded.watch(device, frozenset(["measure"]))
    assert session.degraded     # all it is, still


def test_unwatch(bench, session):
    device = bench.watched()
    device.fail()
    bench.degraded.unwatch(device)
    assert not session.degraded
    device.succeed()
    device.fail()
    assert not session.degraded and len(session.messages) == 1
    assert device.link._observers == device.link._at_once == device.link._hearers == ()
    assert device.link._hear_reasons == ()
    bench.degraded.unwatch(device)      # again does no harm


def test_unwatch_of_one_leaves_the_other(bench, session):
    one, two = bench.watched(), bench.watched()
    one.fail()
    two.fail()
    bench.degraded.unwatch(one)
    assert session.degraded


def test_closing_the_device_makes_it_degraded(bench, session):
    device = bench.watched()
    device.succeed()
    device.link.closed()
    device.link.tell()
    assert session.degraded and "closed by this program" in session.messages[0]


def test_what_an_operation_sets_by_itself_stays_until_our_view_changes(bench, session):
    device = bench.watched()
    session.degraded = True     # for reasons of its own
    device.reconnect()
    device.succeed()
    bench.poll(session).good()
    assert session.degraded
    device.fail()
    device.succeed()
    assert not session.degraded


# readings of a poll


def test_a_reading_that_fails_with_no_link_to_blame(bench, session):
    poll = bench.poll(session)
    poll.failed(ConnectionError("serial server said no"))
    poll.failed(ConnectionError("serial server said no"))
    assert session.degraded
    assert session.messages == ["no reading: serial server said no"]
    poll.good()
    assert not session.degraded
    assert session.messages[1:] == ["readings again"]
    poll.good()
    assert len(session.messages) == 2 and session.writes == [True, False]


def test_a_reading_that_fails_with_its_link_is_told_by_the_link_alone(bench, session):
    poll = bench.poll(session)
    device = bench.watched()
    device.fail()
    poll.failed(ConnectionError("x"))
    device.succeed()
    assert session.degraded             # there was no reading yet
    poll.good()
    assert not session.degraded
    assert len(session.messages) == 2   # down and up


def test_a_good_reading_does_not_hide_a_link_that_is_down(bench, session):
    poll = bench.poll(session)
    bench.watched().fail()
    poll.good()
    assert session.degraded


def test_a_failed_reading_concerns_its_own_session_only(bench, session):
    other = bench.start(Session("other", 1))
    bench.poll(other).failed(ConnectionError("x"))
    assert other.degraded and not session.degraded


def test_what_a_poll_left_is_forgotten_with_it(bench, session):
    poll = bench.poll(session)
    poll.failed(ConnectionError("x"))
    poll.end()
    assert not session.degraded and bench.degraded._failing == {}


# threads


@pytest.mark.parametrize("name", ["PoolThread-1-2", "keepalive of somebody"])
def test_a_change_found_in_any_other_thread_is_told_through_the_reactor(bench, session, name):
    device = bench.watched()
    in_thread(name, device.fail)
    assert session.degraded             # the flag at once
    assert session.messages == []       # OCS in its own thread only
    bench.reactor.run_calls()
    assert len(session.messages) == 1
    assert session.threads == {threading.main_thread()}


def test_a_change_found_in_the_reactors_thread_is_told_at_once(bench, session):
    device = bench.watched()
    device.fail()
    assert len(session.messages) == 1 and bench.reactor.calls == []


@pytest.fixture
def threads_interrupt_each_other():
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


class InterruptedLock:
    """Lets somebody else in as soon as it is released for the first time."""

    def __init__(self, somebody_else):
        self._lock = threading.Lock()
        self._somebody_else = somebody_else

    def __enter__(self):
        self._lock.acquire()

    def __exit__(self, *exc_info):
        self._lock.release()
        somebody_else, self._somebody_else = self._somebody_else, lambda: None
        somebody_else()


def test_two_who_begin_a_session_at_once_tell_it_once(bench):
    """`start` in the reactor and `poll` in its worker begin the same session."""
    bench.watched().fail()
    late = Session("late", 7)
    bench.agent.sessions["late"] = late
    bench.degraded._lock = InterruptedLock(lambda: bench.degraded.begin(late))
    bench.degraded.begin(late)
    assert late.degraded and len(late.messages) == 1


def test_flags_are_right_in_the_end_whatever_threads_do_at_once(threads_interrupt_each_other):
    sessions = [Session(f"op{n}", n) for n in range(4)]
    bench = Bench(*sessions)
    devices = [bench.watched(ops=[f"op{n}"] if n else None, name=f"d:{n}") for n in range(4)]
    stop = threading.Event()
    problems = []

    def flip(device):
        try:
            for _ in range(60):
                device.fail()
                device.reconnect()
                device.succeed()
        except BaseException as exc:
            problems.append(exc)

    def poll(session):
        try:
            while not stop.is_set():
                polled = bench.poll(session)
                polled.failed(ConnectionError("x"))
                polled.good()
        except BaseException as exc:
            problems.append(exc)

    def come_and_go():
        try:
            count = 0
            while not stop.is_set():
                count += 1
                device = bench.watched(name="guest:1")
                device.fail()
                bench.agent.sessions[f"guest{count % 50}"] = Session(f"guest{count % 50}", -count)
                bench.degraded.unwatch(device)
        except BaseException as exc:
            problems.append(exc)
    flippers = [threading.Thread(target=flip, args=(device,)) for device in devices for _ in "ab"]
    others = [threading.Thread(target=poll, args=(s,)) for s in sessions[:2]]
    others.append(threading.Thread(target=come_and_go))
    for thread in flippers + others:
        thread.start()
    for thread in flippers:
        thread.join(60)
    stop.set()
    for thread in others:
        thread.join(60)
    assert problems == []
    for device in devices:
        device.succeed()
    assert [s.degraded for s in sessions] == [False] * 4
    devices[2].fail()
    assert [s.degraded for s in sessions] == [False, False, True, False]
    devices[0].fail()
    assert all(s.degraded for s in sessions)


# with OCS itself


@pytest.fixture
def ocs_agent():
    """A real OCSAgent that is on no router."""
    from ocs.ocs_agent import OCSAgent
    args = argparse.Namespace(instance_id="fridge", access_policy=None, log_dir=None,
                              working_dir=None, address_root="observatory")
    agent = OCSAgent(None, args, address="observatory.fridge")
    yield agent
    for session in agent.sessions.values():
        if session is not None:
            session.purger.addErrback(lambda _failure: None).cancel()


def register(agent, name, function):
    agent.register_process(name, function, lambda session, params: (True, "stopping"),
                           blocking=False)


def test_an_operation_of_a_real_agent_that_starts_while_the_device_is_down(ocs_agent):
    from twisted.internet.defer import Deferred
    register(ocs_agent, "acq", lambda session, params: Deferred())
    register(ocs_agent, "other", lambda session, params: Deferred())
    degraded = Degraded(ocs_agent, Reactor())
    device = Device()
    degraded.watch(device, frozenset(["acq"]))
    device.fail()
    for name in ("acq", "other"):
        status, _message, encoded = ocs_agent.start(name)
        assert status == 0 and encoded["op_name"] == name
    session = ocs_agent.sessions["acq"]
    assert session.degraded and not ocs_agent.sessions["other"].degraded
    assert any("is down for" in text for _time, text in session.messages)
    ocs_agent.start("acq")      # it runs already: nothing is said twice
    assert sum("is down for" in text for _time, text in session.messages) == 1
    device.succeed()
    assert not session.degraded


def test_starting_what_there_is_not_is_as_ever(ocs_agent):
    degraded = Degraded(ocs_agent, Reactor())
    degraded.watch(Device(), None)
    status, message, _session = ocs_agent.start("nothing")
    assert status != 0 and "nothing" in message


@pytest.mark.parametrize("name", ["{log_logger.__class__}", "{", "\x1b[2J", "x" * 9999, ["acq"]])
@pytest.mark.parametrize("call", ["start", "stop", "abort"])
def test_what_a_client_calls_an_operation_is_text(ocs_agent, capsys, call, name):
    from twisted.logger import formatEvent, globalLogPublisher
    Degraded(ocs_agent, Reactor())
    lines = []

    def observe(event):
        lines.append(formatEvent(event))
    globalLogPublisher.addObserver(observe)
    try:
        status, message, _session = getattr(ocs_agent, call)(name, {}, password=None)
    finally:
        globalLogPublisher.removeObserver(observe)
    assert status != 0 and len(message) < 400
    for text in (message, *capsys.readouterr().out.splitlines(), *lines):
        assert text.isprintable() and len(text) < 400
        assert "class 'twisted" not in text and "Unable to format" not in text


# one view per agent

def test_two_mixins_on_one_agent_share_one_view(session, monkeypatch):
    from socs_tcp import DeviceAgentMixin
    monkeypatch.setattr("twisted.internet.reactor", Reactor(), raising=False)
    agent = Agent(session)
    devices = [Device("a:1"), Device("b:2")]
    for device in devices:
        mixin = DeviceAgentMixin()
        mixin.agent = agent
        mixin.watch(device)
    for device in devices:
        device.fail()
    devices[1].succeed()
    assert session.degraded         # a is down, still
    devices[0].succeed()
    assert not session.degraded


def test_two_polls_of_one_session_have_a_say_each(bench, session):
    one, two = bench.poll(session), bench.poll(session)
    one.failed(ConnectionError("x"))
    two.good()
    assert session.degraded
    two.failed(ConnectionError("x"))
    one.good()
    assert session.degraded
    two.end()
    assert not session.degraded


def test_the_flag_is_set_before_a_slow_observer_of_the_user(bench, session):
    device = Device()
    seen = []
    device.link.observe(lambda link, change: seen.append(session.degraded))
    bench.degraded.watch(device, None)
    device.fail()
    device.succeed()
    assert seen == [True, False]


def test_the_flag_is_set_while_another_thread_still_tells_a_slow_observer(bench, session):
    device = Device()
    entered, leave = threading.Event(), threading.Event()

    def slow(link, change):
        entered.set()
        leave.wait(10)
    device.link.observe(slow)
    bench.degraded.watch(device, None)
    device.link.good(0.1)
    teller = threading.Thread(target=device.link.tell)
    teller.start()
    assert entered.wait(10)
    device.fail()
    assert session.degraded
    leave.set()
    teller.join(10)


def test_the_session_says_why_it_is_down_now(bench, session):
    device = bench.watched()
    device.fail("the device closed the connection while idle")
    device.reconnect()
    device.fail("another device answers")
    assert session.messages == ["10.0.0.5:7777 is down: another device answers"]


def test_an_idle_session_says_it_where_nobody_polls(bench, session):
    now = [1e9]
    device = Device()
    device.link._clock = lambda: now[0]
    bench.degraded.watch(device, None)
    device.fail("the device closed the connection")
    now[0] += 5
    device.link.failed(ConnectFailed("10.0.0.5:7777: cannot connect: Connection refused"))
    device.link.tell()
    assert session.messages == ["10.0.0.5:7777 is down: cannot connect: Connection refused"]


def test_a_poll_that_fails_for_another_reason_says_so(bench, session):
    device, poll = bench.watched(), bench.poll(session)
    device.fail("the device closed the connection")
    device.fail("cannot connect: Connection refused")
    poll.failed(ConnectionError("cannot connect: Connection refused"))
    assert session.messages == ["10.0.0.5:7777 is down: cannot connect: Connection refused"]


def test_what_a_device_says_unasked_is_told(bench, session):
    device = bench.watched()
    device.link.remark("unasked", "the device said b'ALARM' unasked; discarded")
    device.link.tell()
    assert session.messages == ["10.0.0.5:7777: the device said b'ALARM' unasked; discarded"]


def test_a_session_that_starts_before_the_device_has_answered_again_is_told_what_it_was(bench):
    device = bench.watched()
    device.fail("no reply within 1 s")
    device.reconnect()
    late = bench.start(Session("late", 7))
    assert late.degraded
    assert late.messages[0].endswith("no reply within 1 s; connected again, no answer yet")


# devices that go

def test_a_deleted_device_is_watched_no_more(bench, session):
    device = bench.watched()
    device.fail()
    del device
    assert session.degraded
    bench.reactor.run_calls()
    assert not session.degraded and bench.degraded._watched == []


def test_a_new_device_takes_the_place_of_a_deleted_one(bench, session):
    device = bench.watched()
    device.fail()
    del device
    _other = bench.watched(name="10.0.0.6:7777")
    assert not session.degraded


def test_a_new_device_takes_the_place_of_a_closed_one(bench, session):
    old = bench.watched()
    old.link.closed()
    old.link.tell()
    assert session.degraded
    new = bench.watched()
    assert not session.degraded
    old.fail()
    assert not session.degraded
    new.fail()
    assert session.degraded


def test_a_new_device_takes_the_place_of_one_that_is_down_at_the_same_address(bench, session):
    old = bench.watched()
    old.fail()
    new = bench.watched()
    assert session.degraded and old.link._observers == ()
    new.succeed()
    assert not session.degraded
    new.fail()
    assert session.degraded


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("how", ["closed", "deleted"])
def test_a_device_that_failed_and_is_made_anew_has_to_answer_first(bench, session, how, connected):
    """Some agents make their driver anew after each failure: a connection proves nothing."""
    device = Device()
    bench.degraded.watch(device, None, implied=True)
    for _ in range(3):
        device.fail()
        if how == "closed":
            device.link.closed()
            device.link.tell()
        else:
            device = None
            bench.reactor.run_calls()
        assert session.degraded
        device = Device()
        if connected:
            device.link.connected()
        bench.degraded.watch(device, None, implied=True)
        assert session.degraded and device.link.connects == connected
    device.succeed()
    assert not session.degraded
    assert session.messages[-1].startswith("10.0.0.5:7777 is up: a good reply after ")


def test_what_an_operation_dropped_is_no_matter_of_the_next_one(bench, session):
    device = Device()
    bench.degraded.watch(device, None, implied=True)
    device.fail()
    del device
    bench.reactor.run_calls()
    assert session.degraded
    session.status = "done"
    assert not bench.start(Session(session_id=2)).degraded


def test_another_device_at_the_address_for_other_operations_takes_nobodys_place(bench, session):
    one = bench.watched(ops=["acq"])
    one.fail()
    other = bench.watched(ops=["other"])
    other.succeed()
    assert session.degraded


def test_a_device_is_deleted_in_the_collector_while_the_view_is_busy(bench, session):
    import gc
    device = Device()
    device.itself = device      # as many drivers do
    bench.degraded.watch(device, None)
    del device
    with bench.degraded._lock:
        gc.collect()
    bench.reactor.run_calls()
    assert bench.degraded._watched == []


# with OCS itself, and operations that set the flag themselves

def test_degraded_if_either_says_so(ocs_agent):
    from twisted.internet.defer import Deferred
    register(ocs_agent, "acq", lambda session, params: Deferred())
    degraded = Degraded(ocs_agent, Reactor())
    device = Device()
    degraded.watch(device, None)
    ocs_agent.start("acq")
    session = ocs_agent.sessions["acq"]
    session.degraded = True
    device.fail()
    device.succeed()
    assert session.degraded             # the operation has not said otherwise
    session.degraded = False
    assert not session.degraded
    device.fail()
    session.degraded = False            # it cannot know
    assert session.degraded and session.encoded()["degraded"] is True
    assert session.op_code.name == "STARTING"
    device.succeed()
    assert not session.degraded


def test_the_second_session_of_an_operation_is_followed_as_the_first(ocs_agent):
    from twisted.internet.defer import Deferred
    register(ocs_agent, "acq", lambda session, params: Deferred())
    degraded = Degraded(ocs_agent, Reactor())
    device = Device()
    degraded.watch(device, None)
    for _ in range(2):
        ocs_agent.start("acq")
        session = ocs_agent.sessions["acq"]
        device.fail()
        assert session.degraded
        device.succeed()
        assert not session.degraded
        session.set_status("running")
        session.set_status("done")
        session.purger.addErrback(lambda _failure: None).cancel()
