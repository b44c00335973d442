"""What the link says is true: soon, good only after an answer, and never stuck."""

import contextlib
import time

import pytest
from contract_faces import PATIENCE, wait_for
from odd_device import OddDevice

from socs_tcp import ReplyTimedOut
from socs_tcp.core.link import LinkState
from socs_tcp.core.policy import LASTS


def states_of(device):
    states = []
    device.link.observe_at_once(lambda link, change: states.append(change.new))
    return states


def send_setup(device):
    return device.send(b"SETUP\r\n")


@pytest.mark.parametrize("options, says", [
    ({}, b""), ({"on_connect": send_setup}, b""), ({"identify": ("*IDN?", "me")}, b"me\r\n"),
    ({"greeting": True}, b"hello\r\n")], ids=["plain", "on_connect", "identify", "greeting"])
def test_a_box_that_accepts_and_hangs_up_is_down_and_not_hammered(make, options, says):
    def manners(line, number):
        if says and "identify" in options:
            line.read()
        line.say(says)
        line.wait(0.02)
    with OddDevice(manners) as odd:
        device = make(odd, connected=False, min_interval=0.5, timeout=1.0, **options)
        states = states_of(device)
        until = time.monotonic() + 2.0
        while time.monotonic() < until:
            assert isinstance(device.error(b"A", 0.1), ConnectionError)
            time.sleep(0.02)
        assert device.link.down
        assert odd.connections <= 2 + 2.0 / 0.5 + 1
        if not says:
            assert LinkState.UP not in states


def test_an_on_connect_that_swallows_its_error_has_failed(make):
    def on_connect(device):
        answer = device.query(b"SETUP?", 0.1)
        if hasattr(answer, "addErrback"):
            answer.addErrback(lambda failure: None)
        return answer

    def swallowing(device):
        with contextlib.suppress(ConnectionError):
            return on_connect(device)
    with OddDevice(lambda line, number: line.echo(answers=lambda command: None)) as odd:
        device = make(odd, connected=False, timeout=1.0, on_connect=swallowing)
        states = states_of(device)
        for _ in range(5):
            assert isinstance(device.error(b"A", 0.3), ConnectionError)
            assert device.link.down
        assert LinkState.UP not in states


def test_what_is_left_of_a_dead_connection_proves_nothing(make):
    def manners(line, number):
        line.say(b"" if number else line.read().lower() + b"\r\nleft 1\r\nleft 2\r\n")
        if number:
            line.wait(10)
    with OddDevice(manners) as odd:
        device = make(odd)
        assert device.query(b"A") == b"a"
        if device.name == "twisted":
            wait_for(lambda: device.link.down)
        left = device.recv(1.0)
        assert left.result(5) == b"left 1"
        if device.name == "twisted":
            assert device.link.state is not LinkState.UP


def test_a_listener_who_hears_nothing_is_no_failure(make):
    with OddDevice(lambda line, number: line.echo()) as odd:
        device = make(odd)
        device.query(b"A")
        assert isinstance(device.recv(0.1).exception(5), ReplyTimedOut)
        assert device.link.up and device.link.failures == 0


def test_a_device_that_is_only_sent_to_is_proven_by_a_connection_that_lasts(make):
    def manners(line, number):
        while True:
            line.read()
            if number == 0:
                return
    with OddDevice(manners) as odd:
        device = make(odd)
        device.send(b"A")
        if device.name == "blocking":
            def sent_in_vain():
                with contextlib.suppress(ConnectionError):
                    device.send(b"B")
                return device.link.down
            wait_for(sent_in_vain)
        wait_for(lambda: device.link.down)

        def is_up():
            with contextlib.suppress(ConnectionError):
                device.send(b"C")
            time.sleep(0.05)
            return device.link.up
        started = time.monotonic()
        wait_for(is_up, patience=LASTS + 7)
        assert time.monotonic() - started > LASTS / 2


def test_the_gap_is_kept(make):
    with OddDevice(lambda line, number: line.echo()) as odd:
        device = make(odd, gap=0.1)
        started = time.monotonic()
        for _ in range(3):
            device.query(b"A")
        assert time.monotonic() - started >= 0.2


def test_a_device_that_never_falls_silent_ends_the_call_in_its_time(make, within):
    def manners(line, number):
        while True:
            line.say(b"x\r\n")
            line.wait(0.005)
    with OddDevice(manners) as odd:
        device = make(odd, timeout=0.5)
        with within(0.2, 1.0):
            error = device.error(b"A")
        assert isinstance(error, ReplyTimedOut) and error.sent == "no"
        assert odd.received == []
        wait_for(lambda: device.link.down, patience=PATIENCE)
