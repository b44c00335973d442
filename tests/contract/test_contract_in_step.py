"""A reply answers the question it belongs to, or nobody: devices that say more than asked."""

import re
import threading
import time

import pytest
from contract_faces import PATIENCE, wait_for
from odd_device import OddDevice

from socs_tcp import FixedFramer, ReplyTimedOut, WrongDevice, WrongReply
from socs_tcp.core.link import LinkState


def in_step(device):
    """Ask without a pause; who is one off stays one off."""
    asked = [b"Q%d" % number for number in range(12)]
    return [device.query(text) for text in asked] == [text.lower() for text in asked]


def leftover(line, number):
    line.wait(0.02)
    line.say(b"3.0\r\n")
    line.echo(delay=0.005)


def test_a_leftover_after_the_connect_shifts_nothing(make):
    with OddDevice(leftover) as odd:
        device = make(odd)
        assert in_step(device)
        assert device.link.bytes_discarded == len(b"3.0\r\n")


def test_a_leftover_is_no_identity(make):
    with OddDevice(leftover) as odd:
        device = make(odd, identify=("*IDN?", re.compile(rb"\*idn")))
        assert in_step(device) and device.link.up


def test_a_greeting_that_is_declared_is_waited_for(make):
    def manners(line, number):
        line.wait(0.2)
        line.say(b"hello\r\n")
        line.echo()
    with OddDevice(manners) as odd:
        device = make(odd, greeting=re.compile(b"hello"))
        assert in_step(device)
        assert device.link.bytes_discarded == 0


def test_another_greeting_is_told(make):
    def manners(line, number):
        line.say(b"busy\r\n")
        line.echo()
    with OddDevice(manners) as odd:
        device = make(odd, connected=False, greeting=re.compile(b"hello"))
        error = device.error(b"A")
        assert isinstance(error, WrongReply) and "b'busy'" in str(error)
        assert device.link.down and odd.received == []


def test_an_answer_to_a_command_that_has_none_shifts_nothing(make):
    with OddDevice(lambda line, number: line.echo(delay=0.005)) as odd:
        device = make(odd)
        for _ in range(3):
            device.send(b"SET 1")
            assert in_step(device)


@pytest.mark.parametrize("late", ["drop", "drain"])
def test_a_reply_that_does_not_match_is_never_returned(make, late):
    def answers(command):
        return b"0\r\n+1.2" if command == b"T?" else command.lower()
    with OddDevice(lambda line, number: line.echo(answers=answers)) as odd:
        device = make(odd, late_replies=late)
        device.query(b"A")
        error = device.error(b"T?", match=re.compile(rb"[+-]"))
        assert isinstance(error, WrongReply) and "b'0'" in str(error) and error.sent == "yes"
        assert device.link.down
        assert in_step(device) and device.link.up


def test_a_reply_that_matches_is_returned(make):
    with OddDevice(lambda line, number: line.echo()) as odd:
        device = make(odd)
        assert device.query(b"A", match=re.compile(b"a")) == b"a"
        assert device.query(b"B", match=lambda reply: reply == b"b") == b"b"


def test_alarms_go_to_who_wants_them_and_answer_nothing(make):
    seen = []

    def manners(line, number):
        while True:
            command = line.read()
            line.say(b"ALARM 1\r\n" + command.lower() + b"\r\n")
    with OddDevice(manners) as odd:
        device = make(odd, on_unasked=seen.append)
        assert device.query(b"T1", match=re.compile(b"t")) == b"t1"
        assert device.query(b"T2", match=re.compile(b"t")) == b"t2"
        wait_for(lambda: seen == [b"ALARM 1"] * 2)


def test_several_frames_and_a_frame_of_another_kind(make):
    def answers(command):
        return {b"ALL?": b"1\r\n2\r\n3", b"BLOCK?": b"\r\n#"}.get(command, command.lower())
    with OddDevice(lambda line, number: line.echo(answers=answers)) as odd:
        device = make(odd)
        assert device.query(b"ALL?", replies=3) == [b"1", b"2", b"3"]
        assert device.query(b"BLOCK?", framer=FixedFramer(5)) == b"\r\n#\r\n"
        assert in_step(device)


def test_a_late_answer_over_the_new_connection_answers_nobody(make):
    """As a serial server delivers it: the instrument knows nothing of connections."""
    owed = threading.Event()

    def manners(line, number):
        if number == 0:
            line.say(line.read().lower() + b"\r\n")
            line.read()
            owed.set()
            line.wait(10)
        else:
            line.wait(0.15)
            line.say(b"late\r\n")
            line.echo(delay=0.005)
    with OddDevice(manners) as odd:
        device = make(odd, timeout=2.0)
        assert device.query(b"A") == b"a"
        assert isinstance(device.error(b"LATE", 0.3), ReplyTimedOut)
        assert owed.is_set()
        assert in_step(device)


REFUSAL = b"Port already in use\r\n"


@pytest.mark.parametrize("options", [{}, {"identify": "*IDN?"}], ids=["plain", "identify"])
def test_what_a_server_says_that_refuses_us_is_no_reply_and_no_identity(make, options):
    free = threading.Event()
    states = []

    def manners(line, number):
        if not free.is_set():
            line.say(REFUSAL)
            line.wait(0.01)
            return
        line.echo()
    with OddDevice(manners) as odd:
        device = make(odd, connected=False, timeout=0.5, min_interval=0.1, **options)
        device.link.observe_at_once(lambda link, change: states.append(change.new))
        for _ in range(3):
            error = device.error(b"A")
            assert isinstance(error, ConnectionError)
            assert device.link.down
        assert "Port already in use" in str(error)
        assert LinkState.UP not in states
        free.set()
        device.good(b"B", b"b")
        assert not isinstance(device.link.error, WrongDevice)


def test_telnet_is_no_part_of_a_reply(make):
    def manners(line, number):
        line.say(b"\xff\xfb\x01\xff\xfd")
        line.wait(0.02)
        line.say(b"\x18")
        while True:
            command = line.read()
            line.say(b"\xff\xfa\x18\x01\xff\xf0o\xff\xf1k " + command[-1:] + b"\r\n")
    with OddDevice(manners) as odd:
        device = make(odd, telnet=True)
        assert [device.query(text) for text in (b"A", b"B")] == [b"ok A", b"ok B"]
        assert odd.received[0] == b"\xff\xfe\x01\xff\xfc\x18A"      # and all is refused


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
