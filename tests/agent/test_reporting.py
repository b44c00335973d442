"""What reaches OCS: text is text, and there is never too much of it."""

import ast
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocs_stub import Reactor
from twisted.logger import globalLogPublisher

import socs_tcp
from socs_tcp.agent import reporting
from socs_tcp.agent.reporting import (
    HOUR,
    LOGGED_EVERY,
    MOST_BYTES,
    MOST_KINDS,
    MOST_MESSAGES,
    MOST_OF_OURS,
    ONE_BY_ONE,
    guard,
    result,
    revise,
    say,
)
from socs_tcp.core.text import safe

EVIL = [
    "{", "}", "{}", "{0}", "{nothing}", "{log_logger.emit.__globals__[os].environ[HOME]}",
    "{log_time!r:>99999}", "{{", "%s %(x)s", "\x1b]0;evil\x07", "a\nb", "\ud800", "\u202e",
]


@pytest.fixture
def session():
    """A real one, of an agent that only has a log."""
    import txaio
    from ocs.ocs_agent import OpSession

    class App:
        log = txaio.make_logger()
    made = OpSession(1, "acq", app=App())
    made.messages.clear()
    yield made
    made.purger.addErrback(lambda _failure: None).cancel()


@pytest.fixture
def logged():
    """All lines of the log, as an observer writes them."""
    from twisted.logger import formatEvent
    lines = []

    def observe(event):
        lines.append(formatEvent(event))
    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)


@pytest.fixture
def reactor():
    return Reactor()


def texts(session):
    return [text for _when, text in session.messages]


# text is text

@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("guarded", [False, True])
def test_what_we_say_is_no_format(session, reactor, logged, evil, guarded):
    if guarded:
        guard(reactor, session)
    say(reactor, session, "x", f"it said {evil}.")
    text, = texts(session)
    line = next(line for line in logged if "it said" in line)
    assert text in line and os.environ["HOME"] not in line
    assert text.startswith("it said ") and text.endswith(".")
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("evil", EVIL)
def test_a_result_is_no_format(session, logged, evil):
    ok, text = result(False, f"it said {evil}.")
    assert ok is False
    session.add_message(text)       # as OCS does, guarded or not
    assert any(text in line for line in logged)
    assert os.environ["HOME"] not in "".join(logged)


@pytest.mark.parametrize("evil", EVIL)
def test_what_others_say_through_a_guarded_session_is_no_format_and_stays_what_it_was(
        session, reactor, logged, evil):
    guard(reactor, session)
    session.add_message(f"it said {evil}.", timestamp=5.0)
    (when, text), = session.messages
    assert when == 5.0
    assert any(text in line for line in logged)
    assert os.environ["HOME"] not in "".join(logged)
    if evil.isprintable():
        assert text == f"it said {evil}."


def test_what_ocs_says_of_a_crash_is_no_format(session, reactor, logged):
    from ocs.ocs_agent import OCSAgent
    from twisted.python.failure import Failure
    guard(reactor, session)
    OCSAgent._handle_task_error(None, Failure(ValueError("{log_logger.x}")), session)
    assert session.status == "done" and session.success is False
    assert any("CRASH" in line and "{log_logger.x}" in line for line in logged)


def test_to_guard_twice_is_to_guard_once(session, reactor, logged):
    guard(reactor, session)
    guard(reactor, session)
    session.add_message("{a}")
    assert texts(session) == ["{a}"] and logged[-1] == "acq:1 {a}"


def test_a_guarded_session_is_used_in_the_main_thread_only(session, reactor):
    guard(reactor, session)
    thread = threading.Thread(target=session.add_message, args=("x",), name="of somebody")
    thread.start()
    thread.join(10)
    assert session.messages == []
    reactor.run_calls()
    assert texts(session) == ["x"]


@given(st.text(st.characters(), max_size=2000))
def test_whatever_it_is_it_can_be_handed_over(text):
    told = safe(text, MOST_OF_OURS)
    assert len(told) <= MOST_OF_OURS and not {"{", "}"} & set(told)
    told.encode("utf-8")


# and never too much of it

def size(session):
    return sum(len(text.encode()) for text in texts(session))


def test_one_kind_that_comes_often_is_told_one_by_one_and_then_counted(session, reactor, logged):
    for number in range(1000):
        say(reactor, session, "down", f"down {number}", when=1e9 + number)
    assert texts(session)[:ONE_BY_ONE] == [f"down {n}" for n in range(ONE_BY_ONE)]
    assert texts(session)[ONE_BY_ONE:] == ["down 999 (1000 times in the last 16 min 39 s)"]
    assert len([line for line in logged if "down" in line]) == ONE_BY_ONE + 1 + 989 // LOGGED_EVERY
    assert session.messages[-1][0] == 1e9 + 999


def test_the_last_of_each_kind_is_there(session, reactor):
    for number in range(100):
        say(reactor, session, "down", f"down {number}", when=1e9 + number)
        say(reactor, session, "up", f"up {number}", when=1e9 + number)
    told = texts(session)
    assert told[-2].startswith("down 99 (") and told[-1].startswith("up 99 (")
    assert [when for when, _ in session.messages] == sorted(when for when, _ in session.messages)


def test_an_hour_later_all_is_as_at_first(session, reactor):
    for number in range(50):
        say(reactor, session, "down", f"down {number}", when=1e9)
    say(reactor, session, "down", "down again", when=1e9 + HOUR)
    assert texts(session)[-1] == "down again"
    assert any("(50 times" in text for text in texts(session))


def test_a_clock_that_is_set_back_stops_nothing(session, reactor):
    say(reactor, session, "down", "one", when=1e9)
    for _ in range(ONE_BY_ONE):
        say(reactor, session, "down", "more", when=1e9)
    say(reactor, session, "down", "two", when=1e9 - 86400)
    assert texts(session)[0] == "one" and texts(session)[-1] == "two"


def test_kinds_without_end_are_bounded_too(session, reactor):
    for number in range(5000):
        say(reactor, session, ("field", number), f"cannot read {number}", when=1e9 + number)
    assert len(session.messages) <= MOST_KINDS + 2 * (ONE_BY_ONE + 1)      # in two hours
    assert "cannot read 4999" in texts(session)[-1]


@pytest.mark.parametrize("guarded", [False, True])
def test_a_year_of_garbage_fits_into_one_message_of_wamp(session, reactor, guarded):
    if guarded:
        guard(reactor, session)
    for number in range(3000):
        say(reactor, session, number % 60, "\U0001f600\x00" * 5000, when=1e9 + number * 1500)
    assert size(session) <= MOST_BYTES and len(session.messages) <= MOST_MESSAGES


def test_others_cannot_fill_a_session_either_nor_drive_ours_out(session, reactor):
    guard(reactor, session)
    say(reactor, session, "down", "the device is down")
    for number in range(1000):
        session.add_message(f"{number} " + "x" * 60_000)
    assert size(session) <= MOST_BYTES and len(session.messages) <= MOST_MESSAGES
    assert texts(session)[0] == "the device is down"
    assert texts(session)[-1].startswith("999 ")


def test_short_ones_of_others_are_bounded_in_number(session, reactor):
    guard(reactor, session)
    for number in range(1000):
        session.add_message(f"{number}")
    assert texts(session) == [f"{number}" for number in range(1000 - MOST_MESSAGES, 1000)]


def test_a_message_may_be_put_right(session, reactor):
    say(reactor, session, "down", "down: closed")
    session.add_message("something else")
    revise(reactor, session, "down", "down: refused")
    assert texts(session) == ["down: refused", "something else"]
    session.messages.clear()
    revise(reactor, session, "down", "down: again")
    revise(reactor, session, "never said", "x")
    assert session.messages == []


# one place

def test_nothing_else_calls_add_message():
    package = Path(socs_tcp.__file__).parent
    users = set()
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == "add_message":
                users.add(file.relative_to(package).as_posix())
    assert users == {Path(reporting.__file__).relative_to(package).as_posix()}


def test_every_result_of_our_operations_is_made_in_that_place():
    """What a function returns to OCS is a tuple that begins with True or False."""
    source = Path(socs_tcp.__file__).parent / "agents"
    for file in source.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                first = node.value.elts[0]
                assert not (isinstance(first, ast.Constant) and isinstance(first.value, bool)), (
                    file, node.lineno)
