"""Promise B: a link says good only of a living connection that has answered. On both faces."""

import re
import threading
import time

import pytest
from contract_faces import NEVER, PATIENCE, wait_for

from socs_tcp import DeviceConnectionError, ReplyTimedOut
from socs_tcp.core import policy


@pytest.fixture
def states():
    """Notes the states of a link, in their order."""
    def states(device):
        seen = []
        device.link.observe_at_once(lambda _link, change: seen.append(change.new.value))
        return seen
    return states


def hang_up(_device):
    """Accept, and hang up."""


def only_sends(device):
    return device.send(b"HELLO\r\n")


BOXES = {
    "plain": (hang_up, {}),
    "on_connect": (hang_up, {"on_connect": only_sends}),
    "identify": (lambda device: device.answer(), {"identify": ("*IDN?", re.compile(b"re "))}),
    "greeting": (lambda device: device.say(b"hello\r\n"), {"greeting": True}),
}


@pytest.mark.parametrize("box", BOXES)
def test_a_box_that_hangs_up_is_down_and_not_hammered(make, hand, states, lines, box):
    """An on_connect that only sends made 138 connections a second, and 28 times "up"."""
    script, options = BOXES[box]
    there = hand(script)
    device = make(there, connected=False, min_interval=0.4, timeout=1.0, **options)
    seen = states(device)
    began = time.monotonic()
    for _ in range(20):
        assert isinstance(device.error("A?", 0.05), ConnectionError)
    took = time.monotonic() - began
    assert device.link.down
    # the first two are free; a machine that is busy makes fewer
    assert len(there.connections) <= 3 + took / 0.4
    if box != "identify":       # that is an answer
        assert "up" not in seen
        down = [t for t in lines if t.startswith(device.link.name) and "down" in t]
        assert len(down) <= 3


@pytest.mark.parametrize("identify", ["*IDN?", ("*IDN?", re.compile(b"X"))],
                         ids=["identify", "pattern"])
def test_a_box_that_hangs_up_says_so(make, hand, identify):
    device = make(hand(hang_up), identify=identify, connected=False, min_interval=0.01)
    assert "the device closed the connection" in str(device.error("A?"))
    assert device.link.down


def test_an_exchange_that_on_connect_swallowed_proves_nothing(make, hand, states):
    """13 of 13 readings failed, and it was degraded for none of them."""
    from twisted.internet.defer import Deferred

    def swallows(device):
        try:
            asked = device.query("HELLO?", 0.1)
        except ConnectionError:
            return None
        return asked.addErrback(lambda _failure: None) if isinstance(asked, Deferred) else None
    silent = hand(lambda device: device.silence())
    device = make(silent, on_connect=swallows, connected=False, timeout=0.4, min_interval=0.01)
    seen = states(device)
    for _ in range(5):
        device.error("A?")
        assert device.link.down
    assert "up" not in seen


def test_leftovers_of_a_dead_connection_prove_nothing(make, hand, states):
    def two_lines_and_gone(device):
        device.answer()
        device.say(b"one\r\ntwo\r\n")
    device = make(hand(two_lines_and_gone, lambda device: device.silence()), settle=0.01,
                  min_interval=60.0)
    device.query("A?")
    if device.name == "blocking":
        wait_for(lambda: device.device.check_idle() and device.link.down)
    else:
        wait_for(lambda: device.link.down)
    seen = states(device)
    assert device.recv(1.0).result(PATIENCE) == b"one"
    assert device.link.down
    assert "up" not in seen


def test_a_device_that_is_only_sent_to_proves_itself_by_lasting(make, hand, monkeypatch, states):
    monkeypatch.setattr(policy, "LASTS", 0.2)
    box = hand(hang_up, lambda device: device.silence())
    device = make(box, connected=False, min_interval=0.01)
    if device.name == "blocking":
        wait_for(lambda: device.device.check_idle() and device.link.down)
    else:
        wait_for(lambda: device.link.down)
    seen = states(device)

    def sent():
        device.send(b"SET 1")
        return device.link.up
    wait_for(sent)
    assert seen[-1] == "up"
    assert "down" not in seen[seen.index("proving"):]


def test_a_silent_device_is_not_proven_by_a_connection_that_lasts(make, hand, monkeypatch, states):
    monkeypatch.setattr(policy, "LASTS", 0.05)
    device = make(hand(lambda device: device.silence()), timeout=0.3, min_interval=0.01)
    assert isinstance(device.error("A?"), ReplyTimedOut)
    seen = states(device)
    for _ in range(3):
        device.send(b"SET 1")
        device.error("A?")
    assert device.link.down
    assert "up" not in seen


def test_one_that_was_asked_lately_is_not_proven_by_a_connection_that_lasts(make, hand,
                                                                           monkeypatch, states):
    monkeypatch.setattr(policy, "LASTS", 0.02)

    def takes_commands_only(device):
        while not device.command().endswith(b"?"):
            pass
    device = make(hand(takes_commands_only), settle=0.01, min_interval=0.01)
    assert isinstance(device.error("A?"), ConnectionError)
    seen = states(device)
    for _ in range(6):
        device.send(b"SET 1")
        threading.Event().wait(0.01)
    assert device.link.down
    assert "up" not in seen


def test_the_flag_comes_before_any_observer_and_before_a_new_connection(make, hand):
    order, hang_up_now = [], threading.Event()
    box = hand(lambda device: (device.answer(), hang_up_now.wait(PATIENCE)),
               lambda device: device.answer_all())
    device = make(box, settle=0.01, min_interval=0.01)
    device.query("A?")
    device.link.observe(lambda _link, change: order.append(("observer", change.down)))
    device.link.observe_at_once(
        lambda _link, change: order.append(("flag", change.down, len(box.connections))))
    hang_up_now.set()
    device.good("B?", b"re B?")     # (one that meets the hang-up fails)
    assert order[0] == ("flag", True, 1)
    wait_for(lambda: ("observer", True) in order)


def test_a_loss_and_the_refusal_behind_it_are_one_line(make, server, lines):
    device = make(server, min_interval=0.01)
    device.query("A")
    server.unplug()
    device.error("A", 0.3)
    told = [t for t in lines if t.startswith(device.link.name) and "link" in t]
    assert len([t for t in told if "down" in t]) == 1


def test_a_listener_who_hears_nothing_is_no_failure(make, hand):
    device = make(hand(lambda device: device.answer_all()), settle=0.01)
    device.query("A?")
    assert isinstance(device.recv(0.1).exception(PATIENCE), ReplyTimedOut)
    assert device.link.up and device.link.failures == 0


def test_a_listener_on_a_connection_that_is_gone_ends_in_its_own_time(make, hand):
    device = make(hand(lambda device: device.answer(), lambda device: device.silence()),
                  timeout=NEVER, settle=0.01, min_interval=NEVER)
    device.query("A?")
    if device.name == "blocking":
        wait_for(lambda: device.device.check_idle() and device.link.down)
    for _ in range(3):
        assert isinstance(device.recv(0.1).exception(PATIENCE), ConnectionError)


def test_the_gap_is_kept(make, hand, lasting):
    device = make(hand(lambda device: device.answer_all()), gap=0.1, settle=0.01)
    with lasting(0.2):
        for _ in range(3):
            device.query("A?")


def test_a_device_that_never_falls_silent_ends_the_call_in_its_time(make, hand):
    def talks(device):
        while True:
            device.say(b"x\r\n", after=0.005)
    talker = hand(talks)
    device = make(talker, timeout=0.5, settle=0.4)     # a busy machine lets it pause, too
    error = device.error("A?")
    assert isinstance(error, ReplyTimedOut) and error.sent == "no"
    assert talker.commands == []
    wait_for(lambda: device.link.down)


@pytest.mark.parametrize("cause", [FileNotFoundError(2, "No such file", "/no/such/file"),
                                   TimeoutError("the door is closed"), OSError(5, "no way")],
                         ids=lambda cause: type(cause).__name__)
def test_an_error_of_the_system_in_on_connect_is_told_as_what_it_is(make, hand, cause):
    def fails(_device):
        raise cause
    device = make(hand(lambda device: device.answer_all()), on_connect=fails,
                  connected=False, min_interval=0.01)
    error = device.error("A?")
    assert isinstance(error, DeviceConnectionError)
    assert "on_connect failed" in str(error) and str(cause.args[-1]) in str(error)
    assert "connection lost" not in str(error)


def test_a_parsing_error_in_on_connect_is_a_connection_error(make, hand):
    device = make(hand(lambda device: device.answer_all()),
                  on_connect=lambda _device: float("no number"), connected=False,
                  min_interval=0.01)
    error = device.error("A?")
    assert isinstance(error, ConnectionError) and "no number" in str(error)
    assert device.link.down
