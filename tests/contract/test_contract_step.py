"""Promise A: a reply answers the question it belongs to, or nobody. On both faces."""

import re

import pytest
from contract_faces import NEVER, PATIENCE, wait_for

from socs_tcp import (
    BlockFramer,
    DeviceConnectionError,
    Disconnected,
    FixedFramer,
    LineFramer,
    ReplyTimedOut,
    WrongReply,
)
from socs_tcp.core import silence

#: No machine is so slow that a device takes this long to say what it says at once.
LONG = 0.5


def asked(device, *questions, **options):
    """What each question got."""
    return [device.query(question, **options) for question in questions]


OWN = [b"re A?", b"re B?", b"re C?"]
ABC = ("A?", "B?", "C?")


# settle: after a connect

def test_what_is_said_after_the_connect_shifts_no_reply(make, hand, lines):
    def greets_late(device):
        device.say(b"3.0\r\n", after=0.02)
        device.answer_all(delay=0.005)
    device = make(hand(greets_late), settle=LONG)
    assert asked(device, *ABC) == OWN
    assert device.link.bytes_discarded == 5
    wait_for(lambda: [t for t in lines if "b'3.0\\r\\n' unasked; discarded" in t])


def test_a_line_of_the_connect_is_no_identity(make, hand):
    def greets_late(device):
        device.say(b"3.0\r\n", after=0.02)
        device.answer_all()
    device = make(hand(greets_late), settle=LONG, identify="*IDN?")
    assert device.query("A?") == b"re A?"
    other = make(hand(greets_late), settle=LONG, identify=("*IDN?", re.compile(b"re ")))
    assert other.query("A?") == b"re A?"


def test_after_each_reconnect_too(make, hand):
    def greets_and_answers_once(device):
        device.say(b"3.0\r\n", after=0.02)
        device.answer()
    device = make(hand(greets_and_answers_once), settle=LONG, min_interval=0.001)
    for question, reply in zip(ABC, OWN, strict=True):
        assert device.query(question) == reply


# settle: after a command

def test_an_answer_to_a_command_that_has_none_shifts_no_reply(make, hand, lines):
    def answers_everything(device):
        device.answer_all(delay=0.02)
    device = make(hand(answers_everything), settle=LONG)
    assert device.query("A?") == b"re A?"
    device.send(b"SET 5")
    assert asked(device, "B?", "C?") == OWN[1:]
    wait_for(lambda: [t for t in lines if "after a command that expects no answer" in t])


def test_nor_does_one_to_a_command_that_a_driver_sends_by_comm(make, hand):
    device = make(hand(lambda device: device.answer_all(delay=0.02)), settle=LONG)
    assert device.query("A?") == b"re A?"
    if device.name == "blocking":
        device.comm.sendall(b"SET 5\r\n")
    else:
        device.in_reactor(lambda: device.comm.send(b"SET 5"))
    assert asked(device, "B?", "C?") == OWN[1:]


def test_the_first_question_waits_for_silence(make, hand, lasting):
    device = make(hand(lambda device: device.answer_all()), settle=LONG, timeout=NEVER)
    with lasting(0.9 * LONG):
        assert device.query("A?") == b"re A?"


def test_a_silence_that_is_longer_than_a_call_is_named(make, hand):
    device = make(hand(lambda device: device.silence()), settle=NEVER, timeout=0.2)
    error = device.error("A?")
    assert error.sent == "no"
    assert "has to be silent for 600 s first (settle)" in str(error)


def test_no_shift_outlives_the_breath(make, hand, lines, monkeypatch):
    """It answers a command that has no answer, later than we listened, and is asked on and on."""
    monkeypatch.setattr(silence, "LONGEST_WITHOUT_PAUSE", 1.0)

    def answers_late(device):
        device.command()
        line = device.command()
        device.say(b"0\r\n")
        while True:
            device.say(b"re " + line + b"\r\n", after=0.02)
            line = device.command()
    device = make(hand(answers_late), settle=0.01)
    device.send(b"SET 5")
    asked = iter(range(10**9))

    def in_step():
        question = b"%d?" % next(asked)
        return device.query(question) == b"re " + question
    assert not in_step()
    wait_for(in_step)
    assert all(in_step() for _ in range(10))
    wait_for(lambda: [t for t in lines if "replies are doubtful" in t])


# greeting

@pytest.mark.parametrize("greeting", [True, re.compile(b"hello")], ids=["any", "pattern"])
def test_a_greeting_is_no_reply_and_nobody_waits_for_silence_after_it(make, hand, greeting):
    def greets(device):
        device.say(b"hello\r\n", after=0.02)
        device.answer_all()
    device = make(hand(greets), greeting=greeting, settle=NEVER, timeout=PATIENCE,
                  identify=("*IDN?", re.compile(b"re ")))
    assert asked(device, *ABC) == OWN


def test_another_greeting_is_an_error_that_shows_it(make, hand):
    def refuses(device):
        device.say(b"busy\r\n")
        device.silence()
    device = make(hand(refuses), greeting=re.compile(b"hello"), connected=False)
    error = device.error("A?")
    assert isinstance(error, DeviceConnectionError)
    assert "b'busy'" in str(error)
    assert device.link.down


def test_no_greeting_is_an_error_and_no_command_is_sent(make, hand):
    silent = hand(lambda device: device.silence())
    device = make(silent, greeting=True, connected=False, timeout=0.3)
    error = device.error("A?")
    assert isinstance(error, DeviceConnectionError)
    assert silent.commands == []
    assert device.link.down


# a server that refuses with a line

@pytest.mark.parametrize("identify", [None, "*IDN?", ("*IDN?", re.compile(b"re "))],
                         ids=["plain", "identify", "pattern"])
def test_a_server_that_refuses_with_a_line_has_not_answered(make, hand, identify):
    def refuses(device):
        device.say(b"Port already in use\r\n")
    ups = []
    device = make(hand(refuses), connected=False, identify=identify, settle=LONG,
                  min_interval=0.01)
    device.link.observe(lambda _link, change: ups.append(change.new.value))

    def is_told():
        error = device.error("A?", 0.3)
        assert isinstance(error, DeviceConnectionError)
        return "Port already in use" in str(error)
    for _ in range(2):
        wait_for(is_told)
    assert "up" not in ups
    assert device.link.down


@pytest.mark.parametrize("line", [b"Port already in use\r\n", b""], ids=["line", "no line"])
@pytest.mark.parametrize("identify", [None, "*IDN?"], ids=["plain", "identify"])
def test_a_refusal_is_told_at_once_and_not_when_the_time_of_a_call_is_over(make, hand, identify,
                                                                           line):
    def refuses(device):
        device.say(line)
    device = make(hand(refuses), connected=False, identify=identify, settle=LONG,
                  min_interval=0.01)
    for _ in range(2):
        assert isinstance(device.error("A?", NEVER), Disconnected)


def test_the_line_of_a_refusal_is_not_remembered_as_the_identity(make, hand):
    def refuses(device):
        device.say(b"Port already in use\r\n")
    device = make(hand(refuses, lambda device: device.answer_all()), connected=False,
                  identify="*IDN?", settle=LONG, min_interval=0.01)
    device.good("A?", b"re A?")


# what is owed

@pytest.mark.parametrize("late", ["drop", "drain"])
def test_two_commands_and_one_receive_in_vain_owe_two_answers(make, hand, late):
    def answers_late(device):
        first, second = device.command(), device.command()
        device.say(b"re " + first + b"\r\nre " + second + b"\r\n", after=0.6)
        device.answer_all()
    device = make(hand(answers_late, lambda device: device.answer_all()), late_replies=late,
                  settle=0.01, timeout=5.0)
    device.send(b"one")
    device.send(b"two")
    assert isinstance(device.recv(0.2).exception(PATIENCE), ReplyTimedOut)
    assert asked(device, *ABC) == OWN


@pytest.mark.parametrize("late", ["drop", "drain"])
def test_half_a_reply_is_never_a_frame(make, hand, late):
    def in_two_pieces(device):
        device.command()
        device.say(b"TEMP 12")
        device.command()
        device.say(b"34.5\r\n")
        device.answer_all()
    device = make(hand(in_two_pieces, lambda device: device.answer_all()), late_replies=late,
                  settle=0.01)
    device.send(b"TEMP?")
    assert isinstance(device.recv(0.2).exception(PATIENCE), ReplyTimedOut)
    device.send(b"SET 1")
    assert device.recv(2.0).result(PATIENCE) == b"TEMP 1234.5"


def test_a_late_answer_over_the_new_connection_answers_nobody(make, hand):
    """As a serial server does it."""
    owed = []

    def first(device):
        owed.append(device.command())
        device.silence()

    def second(device):
        device.say(b"re " + owed[0] + b"\r\n", after=0.1)
        device.answer_all()
    device = make(hand(first, second), timeout=1.0)
    assert isinstance(device.error("E?", 0.5), ReplyTimedOut)
    assert asked(device, *ABC) == OWN


# match

def test_a_reply_that_does_not_match_is_never_returned(make, hand):
    device = make(hand(lambda device: (device.command(), device.say(b"0\r\n"), device.silence()),
                       lambda device: device.answer_all()), settle=0.01)
    error = device.error("A?", match=re.compile(b"re "))
    assert type(error) is WrongReply
    assert "b'0'" in str(error) and "b'A?" in str(error)
    assert device.link.down
    assert asked(device, *ABC, match=re.compile(b"re ")) == OWN
    assert device.link.up


def test_a_function_may_say_what_matches(make, hand):
    device = make(hand(lambda device: device.answer_all()), settle=0.01)
    assert device.query("A?", match=lambda reply: reply.endswith(b"A?")) == b"re A?"
    assert isinstance(device.error("B?", match=lambda reply: False), WrongReply)
    with pytest.raises(TypeError, match="match must be"):
        device.query("A?", match="re A?")


@pytest.mark.parametrize("late", ["drop", "drain"])
def test_a_line_that_is_shifted_is_in_step_again_after_one_error(make, hand, late):
    def shifted(device):
        device.command()
        device.say(b"0\r\n")                    # and then its answer
        device.say(b"re A?\r\n", after=0.1)
        device.answer_all()
    device = make(hand(shifted, lambda device: device.answer_all()), late_replies=late,
                  settle=0.01)
    match = re.compile(b"re ")
    assert isinstance(device.error("A?", match=match), WrongReply)
    assert asked(device, "B?", "C?", match=match) == OWN[1:]


@pytest.mark.parametrize("late", ["drop", "drain", lambda command, reply: b"x" not in reply],
                         ids=["drop", "drain", "match"])
def test_junk_behind_a_reply_costs_nothing(make, hand, late):
    """Three bytes behind a reply of twelve cost three polls, where replies were matched."""
    def junk(device):
        device.answer(reply=lambda line: b"0123456789AB" + b"xxx")
        device.answer_all(reply=lambda line: b"0123456789AB")
    device = make(hand(junk), framer=FixedFramer(12), late_replies=late, settle=LONG)
    assert asked(device, b"A?\r\n", b"B?\r\n", b"C?\r\n") == [b"0123456789AB"] * 3


# replies of another kind

def test_several_replies_to_one_command(make, hand):
    def twice(device):
        device.command()
        device.say(b"one\r\n")
        device.say(b"two\r\n", after=0.05)
        device.answer_all()
    device = make(hand(twice), settle=0.01)
    assert device.query("STATUS?", replies=2) == [b"one", b"two"]
    assert device.query("A?") == b"re A?"
    assert device.query("A?", replies=1) == [b"re A?"]


def test_a_block_in_the_middle_of_lines(make, hand):
    block = b"#220" + bytes(range(20))

    def curve(device):
        device.answer(reply=lambda line: block + b"\n")
        device.answer_all()
    device = make(hand(curve), settle=0.01)
    assert device.query("CURV?", framer=BlockFramer()) == block
    assert device.query("A?") == b"re A?"


def test_a_reply_that_ends_differently(make, hand):
    def ack(device):
        device.answer(reply=lambda line: b"\x06")
        device.answer_all()
    device = make(hand(ack), settle=0.01)
    assert device.query("\x05", framer=FixedFramer(1)) == b"\x06"
    assert device.query("A?") == b"re A?"
    with pytest.raises(TypeError, match="framer must be"):
        device.query("A?", framer="\n")


# telnet, and devices that hang up

def test_telnet_negotiation_is_no_part_of_a_reply(make, hand):
    def telnet(device):
        device.say(b"\xff\xfb\x01\xff\xfb\x03")
        line = device.command()
        device.say(b"re " + line[-2:] + b"\xff\xfa,j`\xff")
        device.say(b"\xf04.2\r\n", after=0.05)
        device.answer_all()
    device = make(hand(telnet), telnet=True, settle=0.01)
    assert device.query("A?") == b"re A?4.2"
    assert device.query("B?") == b"re B?"


def test_a_device_that_hangs_up_after_each_reply_is_well(make, hand, lines):
    box = hand(lambda device: device.answer())
    downs = []
    device = make(box, closes_after_reply=True, settle=0.01, min_interval=60.0, connected=False)
    device.link.observe(lambda _link, change: downs.append(change.down))
    for _ in range(5):
        assert device.query("A?") == b"re A?"
    wait_for(lambda: len(box.connections) >= 5)
    assert True not in downs
    assert device.link.losses == 0
    assert not [t for t in lines if "down" in t and t.startswith(device.link.name)]


def test_a_device_that_hangs_up_a_while_after_each_reply_is_not_asked_on_that_connection(
        make, hand):
    def once(device):
        device.say(b"hello\r\n")
        device.answer()
        device.silence()
    box = hand(once)
    device = make(box, closes_after_reply=True, greeting=True, min_interval=0.01)
    assert asked(device, *ABC) == OWN
    assert [connection.commands for connection in box.connections] == [[b"A?"], [b"B?"], [b"C?"]]
    assert device.link.losses == 0


def test_identify_is_refused_where_each_reply_is_the_last(make, hand):
    with pytest.raises(ValueError, match="identify cannot be used with closes_after_reply"):
        make(hand(lambda device: device.answer()), closes_after_reply=True, identify="*IDN?")


def test_who_asks_on_connect_where_each_reply_is_the_last_is_told_so(make, hand):
    """Otherwise each connection would be over before anybody could use it."""
    box = hand(lambda device: device.answer())
    try:
        device = make(box, closes_after_reply=True, connected=False,
                      on_connect=lambda talk: talk.query("SETUP"))
        error = device.error("A?")
    except RuntimeError as exc:     # the blocking face tells it at once
        error = exc
    assert "with closes_after_reply, on_connect can only send" in str(error)
    assert all(not connection.commands for connection in box.connections)


def test_a_device_that_hangs_up_in_the_middle_of_a_reply_is_not(make, hand):
    def half(device):
        device.command()
        device.say(b"re ")
    device = make(hand(half), closes_after_reply=True, settle=0.01, connected=False)
    assert isinstance(device.error("A?"), Disconnected)
    assert device.link.down


# a framer of one's own is unchanged by all this

def test_a_line_framer_may_still_be_given(make, hand):
    device = make(hand(lambda device: device.answer_all()), framer=LineFramer(), settle=0.01)
    assert asked(device, *ABC) == OWN
