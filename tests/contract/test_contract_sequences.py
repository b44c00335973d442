"""Sequences, aborts and pauses: `reserve`, urgent commands, `gap`. On both faces."""

import itertools
import re
import threading
import time

import pytest
from contract_faces import NEVER, wait_for

from socs_tcp import Disconnected, ReplyTimedOut
from socs_tcp.testing import DeviceServer, ScriptedDevice


class Gauge:
    """A gauge of which a value is chosen, and then asked for with ENQ."""

    def __init__(self):
        self.chosen = b""

    def handle(self, command):
        if command == b"ENQ":
            return b"value of " + self.chosen
        self.chosen = command
        return b"ACK"


class Stage:
    """A stage whose move is answered when it is over; ABORT ends it."""

    def handle(self, command):
        return {b"ABORT": b"aborted", b"T?": b"re T?"}.get(command)


class Times:
    """Answers, and knows when each command came."""

    def __init__(self):
        self.came = []

    def handle(self, command):
        self.came.append(time.monotonic())
        return b"re " + command

    def least(self):
        return min(later - sooner for sooner, later in itertools.pairwise(self.came))


@pytest.fixture
def served():
    with DeviceServer(Gauge()) as server:
        yield server


# reserve

def test_what_belongs_together_is_not_sent_on_a_new_connection(make):
    with DeviceServer({"INST:NSEL 2": None, "VOLT 5": None, "V?": "0"}) as server:
        device = make(server)
        with device.reserve() as talk:
            talk.send(b"INST:NSEL 2")
            server.wait_for_commands(1)
            server.faults.reboot()
            server.wait_for_clients(0)
            for call in (lambda: talk.send(b"VOLT 5"), lambda: talk.query("V?"),
                         lambda: talk.send(b"VOLT 5", urgent=True)):
                with pytest.raises(Disconnected) as caught:
                    call()
                assert caught.value.sent == "no"
        device.good("V?", b"0")
        assert server.received == [b"INST:NSEL 2", b"V?"]


def test_two_who_ask_in_two_steps_get_their_own_answers(make, served):
    device = make(served)
    got = {}

    def read(name):
        got[name] = []
        for _ in range(25):
            with device.reserve() as talk:
                got[name].append((talk.query(name), talk.query(b"ENQ")))
    threads = [threading.Thread(target=read, args=(name,)) for name in (b"PR1", b"PR2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {name: [(b"ACK", b"value of " + name)] * 25 for name in (b"PR1", b"PR2")}


@pytest.mark.parametrize("late", ["drop", "drain"])
def test_who_reserves_a_device_that_owes_a_late_reply_waits_for_that_or_a_new_connection(
        make, late):
    """And does not lose the reservation with his first command."""
    with DeviceServer(lambda command: None if command == b"SET" else command) as server:
        device = make(server, late_replies=late, timeout=10)
        server.faults.late(0.4)
        assert type(device.error("A?", timeout=0.2)) is ReplyTimedOut
        with device.reserve() as talk:
            talk.send(b"SET")
            assert talk.query("B?") == b"B?"


def test_who_has_listened_in_a_reservation_still_has_it(make):
    """While it listens, a command may pass, and stop a move; not afterwards."""
    with DeviceServer({"MOVE": "done", "V?": "0", "OTHER": None}) as server:
        device = make(server)
        with device.reserve() as talk:
            talk.send(b"MOVE")
            assert talk.recv() == b"done"
            other = device.start("send", b"OTHER\r\n")
            for _ in range(20):
                assert talk.query("V?") == b"0"
            assert server.received == [b"MOVE", *[b"V?"] * 20]
        other.result(10)
        server.wait_for_commands(22)
        assert server.received[-1] == b"OTHER"


def test_who_reserves_a_device_that_hangs_up_after_each_reply_gets_a_new_connection(make):
    with DeviceServer(ScriptedDevice({"A?": "a"}, closes_after_reply=True)) as server:
        device = make(server, closes_after_reply=True, settle=0.01)
        for _ in range(2):
            assert device.query("A?") == b"a"
            with device.reserve() as talk:
                assert talk.query("A?") == b"a"
        assert device.link.losses == 0


def test_a_command_after_a_reply_is_not_sent_to_who_hangs_up(make):
    with DeviceServer(ScriptedDevice({"A?": "a", "SET": None}, closes_after_reply=True)) as server:
        device = make(server, closes_after_reply=True, settle=0.01)
        for number in range(1, 4):
            assert device.query("A?") == b"a"
            device.send(b"SET")
            server.wait_for_commands(2 * number)
        assert device.link.losses == 0


# urgent

def test_a_move_is_aborted_while_its_answer_is_waited_for(make):
    with DeviceServer(Stage()) as server:
        device = make(server)
        move = device.start("query", "MOVE 10", NEVER)
        server.wait_for_commands(1)
        device.send(b"ABORT", urgent=True)
        assert move.result(10) == b"aborted"
        assert device.query("T?") == b"re T?"
        assert server.received == [b"MOVE 10", b"ABORT", b"T?"]


def test_a_move_and_its_abort_may_both_be_answered(make, hand):
    """The second answer came as the reply to the next question."""
    def stage(device):
        device.command()
        device.command()
        device.say(b"aborted\r\n", after=0.6)
        device.say(b"re MOVE\r\n", after=0.05)
        device.answer_all()
    box = hand(stage)
    device = make(box, settle=0.5)
    move = device.start("query", "MOVE 10", NEVER)
    wait_for(lambda: box.commands)
    device.send(b"ABORT", urgent=True)
    assert move.result(10) == b"aborted"
    assert [device.query(q) for q in ("A?", "B?")] == [b"re A?", b"re B?"]


def test_after_an_urgent_command_and_the_reply_it_overtook_the_gap_is_kept(make, hand):
    came = []

    def stage(device):
        device.command()
        device.command()
        device.say(b"re MOVE\r\n", after=0.4)
        came.append(time.monotonic())
        device.command()
        came.append(time.monotonic())
        device.say(b"re A?\r\n")
    box = hand(stage)
    device = make(box, gap=0.3, settle=0.01)
    move = device.start("query", "MOVE 10", NEVER)
    wait_for(lambda: box.commands)
    device.send(b"ABORT", urgent=True)
    assert move.result(10) == b"re MOVE"
    assert device.query("A?") == b"re A?"
    assert came[1] - came[0] > 0.15


def test_an_urgent_command_passes_a_reservation(make):
    with DeviceServer(Stage()) as server:
        device = make(server)
        with device.reserve():
            device.send(b"ABORT", urgent=True)
            server.wait_for_commands(1)
        assert device.query("T?") == b"re T?"


def test_within_a_reservation_a_command_may_be_urgent(make):
    with DeviceServer(Stage()) as server:
        device = make(server)
        with device.reserve() as talk:
            talk.send(b"ABORT", urgent=True)
            assert talk.query("T?") == b"re T?"


def test_an_urgent_command_leaves_the_gap_if_nothing_is_under_way(make):
    """The device would not hear it."""
    times = Times()
    with DeviceServer(times) as server:
        device = make(server, gap=0.1)
        device.query("A?")
        device.send(b"ABORT", urgent=True)
        server.wait_for_commands(2)
        assert times.least() > 0.05


# gap

def test_the_gap_is_kept_between_all_commands_whoever_calls(make):
    """What is measured is when commands come: never sooner."""
    times = Times()
    with DeviceServer(times) as server:
        device = make(server, gap=0.1, settle=0.01, identify="*IDN?",
                      on_connect=lambda talk: talk.query("SET UP"))
        calls = [device.start("query", f"{n}?") for n in range(4)]
        for number, call in enumerate(calls):
            assert call.result(10) == b"re %d?" % number
        assert server.commands == 6
    assert times.least() > 0.05


def test_the_gap_is_kept_after_an_exchange_that_failed(make, hand):
    """Whether the device hangs up in the place of a reply, or does not answer in time."""
    came = []

    def fails(device):
        device.command()
        came.append(time.monotonic())
        if len(came) > 2:
            device.silence()
    device = make(hand(fails), gap=0.1, settle=0, min_interval=0.001)
    for _ in range(2):
        device.error("A?", safe_to_repeat=True, timeout=0.5)
    assert len(came) > 2
    assert min(later - sooner for sooner, later in itertools.pairwise(came)) > 0.05


@pytest.mark.parametrize("kind", ["late", "wrong"])
def test_the_gap_is_kept_after_a_question_that_was_given_up(make, hand, kind):
    """Where the connection is kept, since each reply tells which question it answers."""
    came = []

    def late(device):
        device.command()
        came.append(time.monotonic())
        if kind == "wrong":
            device.say(b"A wrong\r\n")
        device.command()
        came.append(time.monotonic())
        device.say(b"A late\r\nB right\r\n")
    device = make(hand(late), gap=0.3, settle=0,
                  late_replies=lambda command, reply: reply[:1] == command[:1])
    started = time.monotonic()
    error = device.error("A?", timeout=10 if kind == "wrong" else 0.2,
                         match=re.compile(b"A right"))
    assert error.sent == "yes"
    assert device.query("B?", timeout=10) == b"B right"
    assert came[1] - started >= (0.5 if kind == "late" else 0.3)
    assert device.link.connects == 1


def test_a_command_for_which_the_gap_leaves_no_time_is_not_sent(make):
    with DeviceServer(Stage()) as server:
        device = make(server, gap=NEVER, timeout=0.2)
        device.send(b"A")
        server.wait_for_commands(1)
        for error in (device.start("send", b"B\r\n").exception(10), device.error("B?")):
            assert error.sent == "no" and "commands are 600 s apart (gap)" in str(error)
        assert server.received == [b"A"]
        assert not device.link.down     # the device has done nothing


def test_the_gap_is_kept_beside_somebody_who_listens(make, hand):
    came = []

    def listens(device):
        while True:
            device.command()
            came.append(time.monotonic())
    device = make(hand(listens), gap=0.1, settle=0)
    listener = device.start("recv_frame" if device.name == "blocking" else "recv", NEVER)
    wait_for(lambda: device.link.connects)
    began = time.monotonic()
    for call in [device.start("send", b"S%d\r\n" % n) for n in range(4)]:
        call.result(10)
    wait_for(lambda: len(came) == 4)
    assert not listener.done()
    # (From the beginning: the device's thread may read one late, and the next at once.)
    assert all(when - began > 0.099 * n for n, when in enumerate(came))


# told at once

@pytest.mark.parametrize("name", ["telnet", "closes_after_reply"])
def test_what_is_yes_or_no_is_no_text(make, server, name):
    with pytest.raises(TypeError, match=f"{name} must be True or False, not 'no'"):
        make(server, **{name: "no"}, connected=False)
