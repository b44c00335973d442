"""The link: one table, one log line a change, observers in order and with no lock held."""

import contextlib
import threading
import weakref
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogLevel, globalLogPublisher

from socs_tcp.core.errors import ConnectFailed, Disconnected, ReplyTimedOut
from socs_tcp.core.link import (
    DOWN_STATES,
    REMINDER,
    TRANSITIONS,
    Link,
    LinkEvent,
    LinkState,
)
from socs_tcp.core.log import duration

S, E = LinkState, LinkEvent


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def link(clock):
    return Link("dev:1", clock, wall=clock)


@pytest.fixture
def lines():
    """What the log says of dev:1: (level, text)."""
    seen = []

    def observer(event):
        text = event.get("text", "")
        if text.startswith("dev:1: "):
            seen.append((event["log_level"], text.removeprefix("dev:1: ")))
    globalLogPublisher.addObserver(observer)
    yield seen
    globalLogPublisher.removeObserver(observer)


LOST = Disconnected("dev:1: connection lost: reset")
LATE = ReplyTimedOut("dev:1: no reply within 1 s")
STEPS = {E.CONNECTED: lambda link: link.connected(), E.GOOD: lambda link: link.good(),
         E.FAILED: lambda link: link.failed(LOST), E.CLOSE: lambda link: link.closed()}
EVENTS = st.lists(st.sampled_from(list(E)), max_size=30)


def put_in(link, state):
    """Bring a new link into `state`."""
    ways = {S.UNTRIED: [], S.OPEN: [E.CONNECTED], S.UP: [E.GOOD], S.DOWN: [E.FAILED],
            S.PROVING: [E.FAILED, E.CONNECTED], S.CLOSED: [E.CLOSE]}
    for event in ways[state]:
        STEPS[event](link)
    assert link.state is state
    link.tell()


# the table

@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("event", E)
def test_each_event_in_each_state_does_what_the_table_says(link, state, event):
    put_in(link, state)
    STEPS[event](link)
    assert link.state is TRANSITIONS.get((state, event), state)


def test_no_transition_leads_to_where_it_began():
    assert all(old is not new for (old, _event), new in TRANSITIONS.items())


def test_only_a_good_exchange_brings_a_link_up():
    assert {event for (_old, event), new in TRANSITIONS.items() if new is S.UP} == {E.GOOD}


def test_after_a_failure_a_connection_alone_is_not_up(link):
    put_in(link, S.DOWN)
    link.connected()
    assert link.down
    assert not link.up
    link.good()
    assert link.up


def test_nothing_leads_out_of_closed():
    assert not [key for key in TRANSITIONS if key[0] is S.CLOSED]


def test_a_link_that_was_never_tried_is_neither_up_nor_down(link):
    assert not link.down
    assert not link.up


@given(EVENTS)
def test_any_history_follows_the_table(events):
    clock = Clock()
    link = Link("dev:1", clock, wall=clock)
    told = []
    link.observe(lambda _link, change: told.append(change))
    state, failures, since, expected = S.UNTRIED, 0, clock.now, []
    for event in events:
        clock.now += 1
        STEPS[event](link)
        link.tell()
        failures = {E.GOOD: 0, E.FAILED: failures + 1}.get(event, failures)
        new = TRANSITIONS.get((state, event), state)
        if new is not state:
            since = clock.now
            expected.append((state, new, since))
        state = new
        assert (link.state, link.failures, link.since) == (state, failures, since)
        assert link.down == (state in DOWN_STATES)
        assert link.up == (state in {S.UP, S.OPEN})
        if event is E.GOOD:
            assert link.error is None
        elif event is E.FAILED:
            assert repr(link.error) == repr(LOST)
    assert [change[:3] for change in told] == expected
    assert [change.down for change in told] == [new in DOWN_STATES for _, new, _ in expected]
    assert link.connects == events.count(E.CONNECTED)


@given(EVENTS)
def test_telling_late_tells_the_same(events):
    at_once, late = [], []
    for told, every_time in ((at_once, True), (late, False)):
        link = Link("dev:1", Clock(), wall=Clock())
        link.observe(lambda _link, change, told=told: told.append(
            change._replace(error=repr(change.error))))
        for event in events:
            STEPS[event](link)
            if every_time:
                link.tell()
        link.tell()
        assert not link.news
    assert at_once == late


# what is known

def test_a_failure_says_why_without_repeating_the_name(link):
    link.failed(LOST)
    assert link.reason == "connection lost: reset"
    assert repr(link.error) == repr(LOST)
    link.failed(LATE)
    assert link.reason == "no reply within 1 s"


def test_up_again_says_how_long_it_was_down(link, clock):
    link.failed(LOST)
    clock.now += 30
    link.failed(LATE)
    link.connected()
    clock.now += 45
    link.good()
    assert link.reason == "a good reply after 1 min 15 s"


@pytest.mark.parametrize("step", [-3600, 3600])
def test_how_long_it_was_down_is_true_though_the_time_of_day_is_set(clock, lines, step):
    wall = Clock()
    link = Link("dev:1", clock, wall=wall)
    for _ in range(2):
        link.failed(LOST)
        link.remark("noise", "noise")
        wall.now += step
        clock.now += 5
        assert link.lasts == 5
        link.failed(LATE)
        link.good()
        link.tell()
        assert link.since == wall.now
    seen = [text for _level, text in lines]
    assert [text.rsplit(" after ", 1)[1] for text in seen if " after " in text] == [
        "5.0 s: no reply within 1 s; trying again", "5.0 s"] * 2
    assert seen.count("noise") == 1


def test_a_remark_that_comes_again_much_later_is_told_as_it_is(link, clock):
    told = []
    link.hear_remarks(lambda _link, text: told.append(text))
    for _ in range(2):
        link.remark("noise", "noise")
        link.tell()
        clock.now += 3600
    assert told == ["noise"] * 2


def test_a_new_outage_begins_at_zero(link, clock):
    for _ in range(2):
        link.failed(LOST)
        clock.now += 10
        link.good()
        assert link.reason == "a good reply after 10.0 s"
        clock.now += 1000


def test_the_reason_of_a_closed_link_stays(link):
    link.closed()
    link.failed(LOST)
    assert link.reason == "closed by this program"


def test_round_trip_times(link):
    for rtt in (0.2, 0.5, 0.1):
        link.good(rtt)
    assert (link.exchanges, link.last_rtt, link.worst_rtt) == (3, 0.1, 0.5)
    link.good()
    assert (link.exchanges, link.last_rtt) == (3, 0.1)


def test_repr(link):
    link.failed(LATE)
    assert repr(link) == "<Link dev:1 down: no reply within 1 s>"


@pytest.mark.parametrize("seconds, text", [
    (0, "0.0 s"), (59.9, "59.9 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"),
    (3600, "1 h 0 min"), (90061, "25 h 1 min")])
def test_durations(seconds, text):
    assert duration(seconds) == text


# the log

def test_an_outage_is_one_line_and_its_end_another(link, clock, lines):
    link.connected()
    link.good()
    link.tell()
    for _ in range(50):
        clock.now += 1
        link.failed(LOST)
        link.connected()
        link.tell()
    link.good()
    link.tell()
    assert lines == [
        (LogLevel.info, "connected"),
        (LogLevel.warn, "link down: connection lost: reset; trying again"),
        (LogLevel.info, "link up: a good reply after 49.0 s")]


def test_a_second_outage_is_a_line_of_its_own_however_soon(link, clock, lines):
    for _ in range(2):
        clock.now += 1
        link.failed(LOST)
        link.good()
    link.tell()
    assert [text.split(" ")[1][:4] for _level, text in lines] == ["down", "up:", "down", "up:"]


def test_an_outage_is_remembered_now_and_then(link, clock, lines):
    link.failed(LOST)
    for _ in range(25):
        clock.now += REMINDER / 10
        link.failed(LOST)
    link.tell()
    assert [text for _level, text in lines] == [
        "link down: connection lost: reset; trying again",
        "link still down after 10 min 0 s: connection lost: reset; trying again",
        "link still down after 20 min 0 s: connection lost: reset; trying again"]


def test_a_new_kind_of_failure_is_worth_a_line(link, clock, lines):
    for error in (LOST, LATE, LOST, LATE):
        clock.now += 1
        link.failed(error)
    link.tell()
    assert [text for _level, text in lines] == [
        "link down: connection lost: reset; trying again",
        "link still down after 1.0 s: no reply within 1 s; trying again"]


def test_a_reminder_is_no_change(link, clock):
    link.failed(LOST)
    link.tell()
    seen = []
    link.observe(lambda _link, change: seen.append(change))
    clock.now += REMINDER
    link.failed(LOST)
    link.tell()
    assert seen == []


def test_closing_is_one_line(link, lines):
    link.closed()
    link.closed()
    link.failed(LOST)
    link.tell()
    assert lines == [(LogLevel.info, "closed")]


def test_what_a_device_says_is_no_format(link, lines):
    link.failed(ConnectionError("dev:1: {braces} %s {0!r}"))
    link.tell()
    assert lines[0][1] == "link down: {braces} %s {0!r}; trying again"


def test_a_link_keeps_no_variables_of_who_failed_alive(link):
    class Device:
        pass

    def fail(device):
        try:
            raise Disconnected("dev:1: gone") from OSError(5, "broken")
        except Disconnected as exc:
            link.failed(exc)
            raise
    device = Device()
    left = weakref.ref(device)
    with contextlib.suppress(Disconnected):
        fail(device)
    del device
    assert left() is None
    assert isinstance(link.error.__cause__, OSError) and link.error.__cause__.errno == 5


# observers

def test_an_observer_hears_each_change_from_now_on(link):
    link.connected()
    link.tell()
    seen = []
    link.observe(lambda which, change: seen.append((which, change)))
    link.failed(LOST)
    link.tell()
    link.good()
    link.tell()
    assert [which for which, _ in seen] == [link, link]
    down, up = [change for _, change in seen]
    assert (down.old, down.new, repr(down.error), down.reason) == (
        S.OPEN, S.DOWN, repr(LOST), "connection lost: reset")
    assert (up.old, up.new, up.error) == (S.DOWN, S.UP, None)
    assert (down.down, up.down) == (True, False)


def test_observers_are_called_in_the_order_in_which_they_came(link):
    seen = []
    for name in "abc":
        link.observe(lambda _link, _change, name=name: seen.append(name))
    link.failed(LOST)
    link.tell()
    assert seen == ["a", "b", "c"]


def test_an_observer_that_forgets_hears_no_more(link):
    seen = []
    forget = link.observe(lambda _link, change: seen.append(1))
    link.observe(lambda _link, change: seen.append(2))
    forget()
    forget()
    link.failed(LOST)
    link.tell()
    assert seen == [2]


def test_the_same_observer_twice_is_forgotten_once(link):
    seen = []

    def observer(_link, change):
        seen.append(change)
    link.observe(observer)
    forget = link.observe(observer)
    forget()
    forget()
    link.failed(LOST)
    link.tell()
    assert len(seen) == 1


def test_an_observer_that_raises_disturbs_nobody_and_is_logged(link, lines):
    seen = []

    def broken(_link, _change):
        raise ValueError("my mistake")
    link.observe(broken)
    link.observe(lambda _link, change: seen.append(change.new))
    link.failed(LOST)
    link.good()
    link.tell()
    assert seen == [S.DOWN, S.UP]
    errors = [text for level, text in lines if level is LogLevel.error]
    assert len(errors) == 2
    assert "broken" in errors[0]
    assert "my mistake" in errors[0]


def test_an_observer_that_is_none_is_refused(link):
    with pytest.raises(TypeError, match="an observer must be callable"):
        link.observe(None)


def test_an_observer_may_use_the_link_from_another_thread(link):
    """It would hang if a lock were held."""
    done = []

    def observer(_link, change):
        def use():
            link.observe(lambda *_: None)()
            link.failed(LATE)
            done.append(change.new)
        thread = threading.Thread(target=use, daemon=True)
        thread.start()
        thread.join(5)
    link.observe(observer)
    link.failed(LOST)
    link.tell()
    assert done == [S.DOWN]


def test_a_change_made_by_an_observer_is_told_after_the_one_it_hears_of(link):
    first, second = [], []

    def reacting(which, change):
        first.append(change.new)
        if change.new is S.DOWN:
            which.good()
            which.tell()
    link.observe(reacting)
    link.observe(lambda _link, change: second.append(change.new))
    link.failed(LOST)
    link.tell()
    assert first == second == [S.DOWN, S.UP]


def test_changes_found_by_two_threads_are_told_one_at_a_time_and_in_order(link):
    seen, inside, told_by_other = [], threading.Event(), threading.Event()

    def observer(_link, change):
        if change.new is S.DOWN:
            inside.set()
            assert told_by_other.wait(5)
        seen.append(change.new)

    def other():
        assert inside.wait(5)
        link.good()
        link.tell()             # returns at once: the first thread is telling
        told_by_other.set()
    link.observe(observer)
    thread = threading.Thread(target=other)
    thread.start()
    link.failed(LOST)
    link.tell()
    thread.join(5)
    assert seen == [S.DOWN, S.UP]


def test_no_change_is_lost_between_many_threads(link):
    seen = []
    link.observe(lambda _link, change: seen.append((change.old, change.new)))

    def work():
        for _ in range(300):
            link.failed(LOST)
            link.tell()
            link.good()
            link.tell()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not link.news
    assert all(a[1] is b[0] for a, b in pairwise(seen))
    assert seen[-1][1] is link.state is S.UP


def test_an_interrupt_in_an_observer_does_not_silence_the_link(link):
    seen = []

    def interrupted(_link, change):
        seen.append(change.new)
        if len(seen) == 1:
            raise KeyboardInterrupt
    link.observe(interrupted)
    link.failed(LOST)
    with pytest.raises(KeyboardInterrupt):
        link.tell()
    link.good()
    link.tell()
    assert seen == [S.DOWN, S.UP]


def test_outages_are_counted_whatever_their_reason(link):
    link.failed(LATE)               # before it was ever there
    link.connected()
    link.failed(LATE)               # still the same outage
    link.connected()
    link.good(0.1)
    assert (link.outages, link.losses) == (1, 0)
    link.failed(LATE)               # it fell silent: nothing was lost
    link.good(0.1)
    assert (link.outages, link.losses) == (2, 0)
    link.closed()                   # by us
    assert link.outages == 2


def test_round_trips_are_those_since_they_were_last_taken(link):
    assert link.take_round_trips() is None
    for rtt in (0.1, 0.3, 0.2):
        link.good(rtt)
    assert link.take_round_trips() == (0.2, 0.3)
    assert link.take_round_trips() is None
    link.failed(LATE)
    link.connected()
    link.good()                     # `identify` passed: not what an exchange takes
    assert link.take_round_trips() is None
    link.good(0.15)
    assert link.take_round_trips() == (0.15, 0.15)
    assert link.worst_rtt == 0.3


def test_another_reason_of_an_outage_is_heard_by_those_who_ask_for_it():
    now, heard = [1e9], []
    link = Link("dev:1", clock=lambda: now[0])
    forget = link.hear_reasons(lambda link, change: heard.append(change.reason))
    link.failed(Disconnected("closed"))
    link.tell()
    now[0] += 5
    link.failed(ConnectFailed("refused"))
    link.failed(ConnectFailed("refused"))
    link.tell()
    assert heard == ["refused"]
    forget()
    now[0] += 5
    link.failed(ConnectionError("another"))
    link.tell()
    assert heard == ["refused"]
