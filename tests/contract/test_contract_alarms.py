"""What a device says by itself, for who wants it: `on_unasked`. On both faces."""

import re
import threading

from contract_faces import PATIENCE, wait_for
from twisted.internet.defer import Deferred

#: What a reply looks like, where there are alarms.
REPLY = re.compile(b"re ")
#: No machine is so slow that a device takes this long to say what it says at once.
LONG = 0.5


def test_alarms_go_to_those_who_want_them(make, hand):
    def alarms(device):
        line = device.command()
        device.say(b"ALARM 1\r\nre " + line + b"\r\nALARM 2\r\n")
        device.answer_all()
    seen = []
    device = make(hand(alarms), on_unasked=seen.append, settle=0.01)
    assert device.query("A?", match=REPLY) == b"re A?"
    assert device.query("B?", match=REPLY) == b"re B?"
    wait_for(lambda: seen == [b"ALARM 1", b"ALARM 2"])
    assert device.link.up


def test_half_an_alarm_is_no_part_of_a_reply(make, hand):
    def half(device):
        device.answer(reply=lambda line: b"re " + line + b"\r\nALA")
        device.say(b"RM\r\n", after=0.05)
        device.answer_all()
    seen = []
    device = make(hand(half), on_unasked=seen.append, settle=LONG)
    assert [device.query(q) for q in ("A?", "B?")] == [b"re A?", b"re B?"]
    wait_for(lambda: seen == [b"ALARM"])


def test_a_function_for_alarms_that_fails_costs_no_reply(make, hand, lines):
    def alarms(device):
        device.answer(reply=lambda line: b"ALARM\r\nre " + line + b"\r\n")
        device.answer_all()
    device = make(hand(alarms), on_unasked=lambda frame: 1 / 0, settle=0.01)
    assert device.query("A?", match=REPLY) == b"re A?"
    assert device.query("B?", match=REPLY) == b"re B?"
    wait_for(lambda: [t for t in lines if "on_unasked failed: ZeroDivisionError" in t])


def test_one_who_asks_the_device_about_an_alarm_is_not_told_of_the_next_meanwhile(make, hand):
    def alarms(device):
        device.answer(reply=lambda line: b"ALARM 1\r\nALARM 2\r\nre " + line + b"\r\n")
        device.answer_all(reply=lambda line: b"ALARM 3\r\nre " + line + b"\r\n")
    told = []

    def on_unasked(frame):
        told.append(frame)
        if frame != b"ALARM 1":
            return None
        asked = device.device.query("WHY?", match=REPLY)
        if not isinstance(asked, Deferred):
            return told.append(asked)
        return asked.addCallback(told.append)
    device = make(hand(alarms), on_unasked=on_unasked, settle=0.01)
    assert device.query("A?", match=REPLY) == b"re A?"
    wait_for(lambda: len(told) == 4)
    assert told == [b"ALARM 1", b"re WHY?", b"ALARM 2", b"ALARM 3"]


def test_while_one_is_told_of_an_alarm_others_get_their_replies(make, hand):
    """And who is told of it is told of the next one after that."""
    told, free = [], threading.Event()

    def on_unasked(frame):
        told.append(frame)
        if device.name == "blocking":
            assert free.wait(PATIENCE)
            told.append(b"over")
            return None
        waiting.append(Deferred().addCallback(told.append))
        return waiting[-1]
    waiting = []

    def alarms(device):
        device.answer_all(reply=lambda line: b"ALARM\r\nre " + line + b"\r\n")
    device = make(hand(alarms), on_unasked=on_unasked, settle=0.01)
    first = device.start("query", "A?", match=REPLY)
    wait_for(lambda: told)
    assert device.query("B?", match=REPLY) == b"re B?"
    assert told == [b"ALARM"]
    free.set()
    for _ in range(2 if device.name == "twisted" else 0):
        wait_for(lambda: waiting)
        device.in_reactor(lambda: waiting.pop().callback(b"over"))
    assert first.result(PATIENCE) == b"re A?"
    wait_for(lambda: told == [b"ALARM", b"over"] * 2)


def test_the_last_alarm_of_a_connection_is_told_too(make, hand):
    def dies(device):
        device.command()
        device.say(b"ALARM 1\r\n")
    told = []
    device = make(hand(dies, lambda device: device.answer_all()), on_unasked=told.append,
                  settle=0.01, min_interval=0.01)
    assert isinstance(device.error("A?", match=REPLY), ConnectionError)
    assert device.query("B?", match=REPLY) == b"re B?"
    assert told == [b"ALARM 1"]


def test_the_alarm_of_a_device_that_was_idle_as_it_went_is_told_too(make, hand):
    def dies(device):
        device.answer()
        device.say(b"ALARM 1\r\n")
    told = []
    device = make(hand(dies, lambda device: device.answer_all()), on_unasked=told.append,
                  settle=0.01, min_interval=0.01)
    assert device.query("A?", match=REPLY) == b"re A?"
    if device.name == "blocking":       # nobody reads it
        device.wait_unread(9)
    else:
        wait_for(lambda: told)
    device.good("B?", b"re B?")
    assert told == [b"ALARM 1"]
