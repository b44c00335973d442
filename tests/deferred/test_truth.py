"""What the link says: true at once, good only when the device has answered, never stuck."""

import contextlib
import threading

import pytest
from memory_device import DONE, Bench, Watched, connected, proven
from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import deferLater

from socs_tcp import ConnectFailed, Disconnected, LinkState, ReplyTimedOut
from socs_tcp.core.policy import ASKED_LATELY, LASTS

pytestmark = pytest.mark.usefixtures("no_spread")


def polled(bench, seconds, call, meanwhile=lambda: None):
    """Call the device ten times a second; how often it was connected to in that time."""
    attempts = bench.attempts
    for _ in range(round(seconds * 10)):
        call()
        bench.advance(0.05)
        meanwhile()
        bench.advance(0.05)
    return bench.attempts - attempts


# a box that accepts, and hangs up


@pytest.mark.parametrize("options, says", [
    ({"on_connect": lambda device: device.send("SETUP")}, b""),
    ({"identify": ("*IDN?", "me")}, b"me\r\n"),
    ({"greeting": True}, b"hello\r\n"),
    ({"on_connect": lambda device: device.query("X")}, b"x\r\n")])
def test_a_box_that_hangs_up_after_its_preparation_is_not_hammered(options, says):
    bench = proven()
    bench.close()
    bench = Bench(timeout=5, **options)
    ups = []
    bench.link.observe(lambda link, change: ups.append(change.new is LinkState.UP))

    def accept_and_hang_up():
        if bench.connecting:
            bench.accept()
            bench.reply(says)
            bench.advance(0)
            bench.transport.lost(DONE)
    assert polled(bench, 10, lambda: bench.query("A", 0.2), accept_and_hang_up) <= 13
    if not says:
        assert not any(ups)
    bench.close()


def test_a_banner_that_is_listened_to_does_not_make_a_box_be_hammered():
    bench = Bench(timeout=5, settle=0.05)

    def accept_and_hang_up():
        if bench.connecting:
            bench.accept()
            bench.reply(b"busy\r\n")
            bench.transport.lost(DONE)
    assert polled(bench, 10, bench.recv, accept_and_hang_up) <= 13


def test_on_connect_that_swallows_its_error_has_failed():
    @inlineCallbacks
    def on_connect(device):
        with contextlib.suppress(ConnectionError):
            yield device.query("X", 0.5)
    bench = Bench(on_connect=on_connect)
    states = set()
    bench.link.observe(lambda link, change: states.add(change.new))
    for _ in range(5):
        if bench.connecting:
            bench.accept()
        query = bench.query("A", 1)
        bench.advance(0.5, 0.5, 0.5)
        assert isinstance(query.value, ConnectionError) and bench.link.down
    assert LinkState.UP not in states
    bench.close()


def test_what_is_left_of_a_dead_connection_proves_nothing():
    bench = proven()
    bench.reply(b"one\r\ntwo\r\n")
    bench.transport.lost(DONE)
    assert bench.recv().value == b"one" and bench.link.state is LinkState.DOWN


@pytest.mark.parametrize("problem", [FileNotFoundError(2, "No such file", "x"), KeyError("x")])
def test_a_mistake_in_on_connect_is_told_as_what_it_is(problem):
    def on_connect(device):
        raise problem
    bench = Bench(on_connect=on_connect)
    query = bench.query("A")
    bench.accept()
    assert f"on_connect failed: {type(problem).__name__}: " in str(query.value)
    assert "connection lost" not in str(query.value)
    bench.close()


# listeners


def test_a_listener_who_hears_nothing_is_no_failure():
    bench = proven()
    event = bench.recv(1)
    bench.advance(1)
    assert isinstance(event.value, ReplyTimedOut)
    assert bench.link.state is LinkState.UP and bench.link.failures == 0


def test_a_listener_who_waits_for_an_answer_in_vain_is_one():
    bench = proven()
    bench.send("A?")
    answer = bench.recv(1)
    bench.advance(1)
    assert isinstance(answer.value, ReplyTimedOut) and bench.link.down


# a device that is only sent to


def lost_and_back(**options):
    bench = connected(**options)
    bench.send("A")
    bench.transport.lost(DONE)
    bench.advance(0)
    bench.run_until_attempt()
    bench.accept()
    assert bench.link.state is LinkState.PROVING
    return bench


def test_a_device_that_is_only_sent_to_is_proven_by_a_connection_that_lasts():
    bench = lost_and_back()
    bench.send("B")
    bench.advance(LASTS - 0.1)
    assert bench.link.down
    bench.advance(0.2)
    assert bench.link.state is LinkState.UP and "the connection lasts" in bench.link.reason
    bench.close()


def test_an_observer_that_gives_up_a_connection_as_it_proves_itself_is_given_another():
    """Its preparation took so long that it proves itself in the moment it is over."""
    bench = Bench(on_connect=lambda _device: deferLater(bench.reactor, LASTS + 1))
    bench.accept()
    bench.transport.lost(DONE)
    bench.run_until_attempt()
    bench.accept()
    bench.link.observe(lambda _link, change:
                       change.new is LinkState.UP and bench.client.reconnect())
    bench.advance(LASTS + 1, 0)
    given_up = bench.transport
    sent = bench.send("A")
    bench.run_until_attempt()
    bench.accept()
    assert not sent.fired and given_up.value() == b""
    bench.advance(LASTS + 1)
    assert sent.value is None and bench.take() == b"A\r\n"
    bench.close()


def test_one_that_does_not_last_proves_nothing_and_is_not_made_again_and_again():
    bench = lost_and_back()
    bench.transport.lost(DONE)
    attempts = bench.attempts
    for _ in range(100):
        bench.advance(0.1)
        if bench.connecting:
            bench.accept()
            bench.advance(0.1)
            bench.transport.lost(DONE)
        assert bench.link.down
    assert bench.attempts - attempts <= 10
    bench.close()


def test_a_device_that_is_asked_proves_itself_by_its_answers_only():
    bench = proven()
    bench.transport.lost(DONE)
    bench.advance(0)
    bench.run_until_attempt()
    bench.accept()
    bench.advance(100)
    assert bench.link.down              # it was asked a moment ago, and may well be again
    bench.advance(ASKED_LATELY)
    assert bench.link.state is LinkState.UP
    bench.close()


def test_a_device_that_did_not_answer_proves_itself_by_an_answer_only():
    bench = proven(timeout=1)
    bench.query("A")
    bench.advance(1, 0, 0)
    bench.run_until_attempt()
    bench.accept()
    bench.advance(2 * ASKED_LATELY)
    assert bench.link.down
    bench.close()


def test_the_pace_is_free_again_after_a_connection_that_lasted():
    bench = Bench()
    for _ in range(6):
        bench.refuse()
        bench.run_until_attempt()
    bench.accept()
    bench.advance(LASTS)
    bench.transport.lost(DONE)
    assert bench.run_until_attempt() < 0.5


# a device that hangs up after each reply


def test_a_device_that_hangs_up_after_each_reply_is_well():
    bench = connected(closes_after_reply=True)
    changes = []
    bench.link.observe(lambda link, change: changes.append(change))
    for number in range(5):
        query, queued = bench.query("A"), bench.query("B")
        if number:
            bench.advance(0, 0)
            bench.accept()
        assert bench.take() == b"A\r\n"
        bench.reply(b"a\r\n")
        if number % 2:
            bench.transport.lost(DONE)      # it, or we, as soon as the next question is there
        assert query.value == b"a" and bench.link.state is LinkState.UP
        bench.advance(0, 0)
        bench.accept()
        assert bench.take() == b"B\r\n"
        bench.reply(b"b\r\n")
        bench.transport.lost(DONE)
        assert queued.value == b"b"
        bench.advance(0, 60)
        assert not bench.connecting         # it is connected to when it is needed
    assert [change.new for change in changes] == [LinkState.UP]
    assert bench.link.losses == 0
    bench.close()


def test_a_hang_up_in_place_of_the_reply_is_a_loss_there_too():
    bench = connected(closes_after_reply=True)
    query = bench.query("A")
    bench.transport.lost(DONE)
    assert isinstance(query.value, Disconnected) and bench.link.down
    bench.advance(0)
    bench.run_until_attempt()
    bench.refuse()
    failed = bench.query("B")
    bench.run_until_attempt()
    bench.refuse()
    assert isinstance(failed.value, ConnectFailed)
    bench.close()


def test_after_a_rest_a_loss_is_a_loss():
    bench = connected(closes_after_reply=True)
    query = bench.query("A")
    bench.reply(b"a\r\n")
    bench.transport.lost(DONE)
    assert query.value == b"a" and not bench.connecting
    bench.query("B")
    bench.advance(0, 0)
    bench.accept()
    bench.transport.lost(DONE)
    assert bench.link.down
    bench.run_until_attempt()       # nobody asks any more, and it must be known whether it is back
    bench.close()


# the process


def test_another_thread_is_refused_clearly():
    bench = proven()
    errors = []

    def call():
        for name, args in [("query", ["A"]), ("send", ["A"]), ("recv", []), ("reserve", []),
                           ("when_connected", []), ("reconnect", []), ("close", [])]:
            try:
                getattr(bench.client, name)(*args)
            except RuntimeError as exc:
                errors.append(str(exc))
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert len(errors) == 7 and all("blockingCallFromThread" in text for text in errors)
    assert bench.take() == b"" and bench.client.comm is not None


@pytest.mark.parametrize("state", ["connecting", "waiting", "up"])
def test_when_the_reactor_ends_all_who_wait_hear_of_it(state):
    bench = proven() if state == "up" else Bench()
    if state == "waiting":
        bench.refuse()
    calls = [bench.query("A"), bench.query("B"), bench.recv(), bench.send("C"),
             Watched(bench.client.reserve()), Watched(bench.client.when_connected())]
    bench.client._manager.dialer._factory.reactor_ended()
    for call in calls[:5]:
        assert isinstance(call.value, Disconnected)
    assert calls[5].fired


def test_questions_of_a_closed_client_do_not_keep_the_reactor_from_all_else():
    bench = proven()
    bench.close()
    tried = []

    @inlineCallbacks
    def stubborn():
        while len(tried) < 1000:
            tried.append(None)
            with contextlib.suppress(ConnectionError):
                yield bench.client.query("A")
    stubborn()
    assert len(tried) == 1          # the next one in a later turn


def test_questions_in_an_on_connect_whose_connection_is_gone_do_not_either():
    tried = []

    @inlineCallbacks
    def stubborn(device):
        while len(tried) < 1000:
            tried.append(None)
            with contextlib.suppress(ConnectionError):
                yield device.query("A")
    bench = connected(on_connect=stubborn)
    bench.transport.lost(DONE)
    assert len(tried) == 2          # the one that was in flight, and one more
