"""More frames at once than one call has time for."""

import re
import socket
import threading
import time

import pytest

from socs_tcp import LineFramer, ReplyTimedOut, TCPInterface
from socs_tcp.blocking import calls, connection, gate, session
from socs_tcp.core.hearing import MOST_ALARMS
from socs_tcp.core.policy import MOST_UNASKED, STRAYS_AT_ONCE

MANY = 5 * STRAYS_AT_ONCE


class Clock:
    """Monotonic time, which a function of the user's may take a lot of."""

    def __init__(self, monkeypatch):
        self.taken, self.looks, real = 0.0, 0, time.monotonic
        for module in (calls, connection, gate, session):
            monkeypatch.setattr(module, "monotonic", lambda: real() + self.taken)

    def matches_none(self, *_frame):
        self.looks += 1
        self.taken += 0.1


@pytest.fixture
def ends():
    near, far = socket.socketpair()
    yield near, far
    far.close()
    near.close()


def driver(near, **options):
    class Driver(TCPInterface):
        def _connect(self, address):
            return near
    return Driver("dev", 7777, 5.0, framer=LineFramer(b"\n"), **{"settle": 0, **options})


def answers(far, data):
    """Have the far end answer the next command with `data`."""
    def answer():
        far.recv(99)
        far.sendall(data)
    threading.Thread(target=answer, daemon=True).start()


@pytest.mark.parametrize("kind", ["late_replies", "match"])
def test_a_slow_function_of_the_users_is_called_until_the_time_is_over(ends, monkeypatch, kind):
    clock = Clock(monkeypatch)
    device = driver(ends[0], **({"late_replies": clock.matches_none} if kind == "late_replies"
                                else {"on_unasked": lambda frame: None}))
    answers(ends[1], b"!\n" * MANY)
    with pytest.raises(ReplyTimedOut):
        device.query("T?", match=clock.matches_none if kind == "match" else None)
    assert clock.looks == STRAYS_AT_ONCE
    device.close()


def test_a_reply_behind_many_frames_is_found(ends):
    device = driver(ends[0], on_unasked=lambda frame: None)
    answers(ends[1], b"!\n" * MANY + b"T=4.2\n")
    assert device.query("T?", match=re.compile(b"T=4.2")) == b"T=4.2"
    device.close()


def test_many_frames_before_a_question_are_told_before_it_is_asked(ends):
    heard = []
    device = driver(ends[0], on_unasked=heard.append)
    ends[1].sendall(b"!\n" * (MOST_ALARMS // 2) + b"last\n")
    answers(ends[1], b"T=4.2\n")
    assert device.query("T?", match=re.compile(b"T=4.2")) == b"T=4.2"
    assert heard == [b"!"] * (MOST_ALARMS // 2) + [b"last"]
    device.close()


def test_many_frames_after_an_answer_that_did_not_come_are_told_with_the_next_command(ends):
    heard = []
    device = driver(ends[0], on_unasked=heard.append)
    device.timeout = 0.01
    device.send(b"A\n")
    with pytest.raises(ReplyTimedOut):
        device.recv()
    device.timeout = 5.0
    ends[1].sendall(b"!\n" * 3 * STRAYS_AT_ONCE)
    device.send(b"B\n")
    assert heard == [b"!"] * 3 * STRAYS_AT_ONCE
    device.close()


class Endless:
    """There is always more to read."""

    def __init__(self, monkeypatch, piece):
        self.read = 0

        def read(_connection, count=0):
            self.read += len(piece)
            return piece
        monkeypatch.setattr(connection.Connection, "read", read)
        monkeypatch.setattr(connection.Connection, "wait", lambda *_: True)


LINES, NO_END = b"x\n" * 1000, b"x" * 60000
ALARMS = {"on_unasked": lambda frame: None}


def awaited_in_vain(near, **options):
    """A device whose answer may still come; it has two seconds for its next command."""
    device = driver(near, **options)
    device.timeout = 0.01
    device.send(b"A\n")
    with pytest.raises(ReplyTimedOut):
        device.recv()
    device.timeout = 2.0
    return device


def clock_of_steps(monkeypatch):
    ticks = iter(range(10 ** 6))
    for module in (gate, session):
        monkeypatch.setattr(module, "monotonic", lambda: 1000.0 + next(ticks) * 0.01)


@pytest.mark.parametrize("piece", [LINES, NO_END], ids=["lines", "no end"])
def test_a_flood_in_place_of_a_late_answer_does_not_hold_up_a_command(ends, monkeypatch, piece):
    device, endless = awaited_in_vain(ends[0]), Endless(monkeypatch, piece)
    clock_of_steps(monkeypatch)
    device.send(b"B\n")
    assert endless.read <= 2 * MOST_UNASKED
    assert ends[1].recv(99) == b"A\nB\n" and device.link.losses == 0
    device.close()


def test_nor_do_alarms_without_end(ends, monkeypatch):
    device, endless = awaited_in_vain(ends[0], **ALARMS), Endless(monkeypatch, LINES)
    clock_of_steps(monkeypatch)
    with pytest.raises(ReplyTimedOut, match="nothing was sent: the device says b'x' and more"):
        device.send(b"B\n")
    assert endless.read <= 2 * MOST_UNASKED
    device.close()


def test_where_no_alarm_can_be_found_in_it_the_command_goes_out_on_another_connection(
        ends, monkeypatch):
    device, endless = awaited_in_vain(ends[0], **ALARMS), Endless(monkeypatch, NO_END)
    near, far = socket.socketpair()
    with near, far:
        monkeypatch.setattr(device, "_connect", lambda address: near)
        device.send(b"B\n")
        assert endless.read <= 2 * MOST_UNASKED
        assert device.comm is near and far.recv(99) == b"B\n"
        assert ends[0].fileno() == -1 and device.link.losses == 0
        device.close()
