"""What a scripted device says: no socket here."""

import re

import pytest

from socs_tcp.core.framing import FixedFramer, LengthFramer, LineFramer, PromptFramer, RawFramer
from socs_tcp.testing import ScriptedDevice, on
from socs_tcp.testing.device.scripted import as_device


def test_exact_commands_as_text_and_as_bytes():
    device = ScriptedDevice({"A?": "1", b"B?": b"\xff"})
    assert device.handle(b"A?") == [b"1\r\n"]
    assert device.handle(b"B?") == [b"\xff\r\n"]


def test_an_unknown_command_has_no_answer_and_is_remembered():
    device = ScriptedDevice({"A?": "1"})
    assert device.handle(b"a?") == []
    assert list(device.unknown) == [b"a?"]


def test_what_is_unknown_gets_the_default():
    assert ScriptedDevice({}, default="ERR").handle(b"x") == [b"ERR\r\n"]


def test_none_is_no_answer_and_a_tuple_is_several():
    device = ScriptedDevice({"SET": None, "DUMP": ("1", b"2")}, default="ERR")
    assert device.handle(b"SET") == []
    assert device.handle(b"DUMP") == [b"1\r\n", b"2\r\n"]


def test_a_list_is_given_one_after_the_other():
    given = ["1", None, ("3", "4")]
    device = ScriptedDevice({"R?": given})
    assert [device.handle(b"R?") for _ in range(3)] == [[b"1\r\n"], [], [b"3\r\n", b"4\r\n"]]
    assert len(given) == 3


@pytest.mark.parametrize("pattern, answer", [
    (re.compile(r"KRDG\? (\d+)"), r"channel \1"),
    (re.compile(rb"KRDG\? (\d+)"), rb"channel \1"),
    (re.compile(rb"KRDG\? (\d+)"), r"channel \1"),
    (re.compile(r"KRDG\? (\d+)"), rb"channel \1"),
    (re.compile(r"KRDG\? (?P<n>\d+)"), r"channel \g<n>"),
    (re.compile(r"KRDG\? (\d+)"), "channel {}".format),
    (re.compile(r"KRDG\? (\d+)"), [r"channel \1"]),
])
def test_patterns_with_their_groups(pattern, answer):
    device = ScriptedDevice({pattern: answer})
    assert device.handle(b"KRDG? 12") == [b"channel 12\r\n"]
    assert device.handle(b"KRDG? 12 ") == []            # the whole command must match


def test_a_pattern_survives_bytes_that_are_no_text():
    device = ScriptedDevice({re.compile(r"E (.*)"): r"<\1>"})
    assert device.handle(b"E \xff") == [b"<\\xff>\r\n"]


def test_an_exact_command_goes_before_a_pattern():
    device = ScriptedDevice({re.compile(".*"): "pattern", "A": "exact"})
    assert device.handle(b"A") == [b"exact\r\n"]


def test_a_callable_gets_the_command_as_bytes():
    device = ScriptedDevice(lambda command: command * 2)
    assert device.handle(b"ab") == [b"abab\r\n"]


class Heater:
    def __init__(self):
        self.value = "0"

    @on(re.compile(r"SETP (\S+)"))
    def set(self, value):
        self.value = value

    @on("SETP?")
    def get(self):
        return self.value

    def handle(self, command):
        return b"what is " + command


def test_a_stateful_class_forgets_at_a_reboot():
    device = ScriptedDevice(Heater)
    assert device.handle(b"SETP 4.2") == []
    assert device.handle(b"SETP?") == [b"4.2\r\n"]
    assert device.handle(b"X") == [b"what is X\r\n"]
    device.reboot()
    assert device.handle(b"SETP?") == [b"0\r\n"]


def test_an_object_is_told_to_forget():
    class Counter:
        count = 0

        def handle(self, command):
            self.count += 1
            return str(self.count)

        def reset_state(self):
            self.count = 100

    counter = Counter()
    device = ScriptedDevice(counter)
    assert device.handle(b"x") == [b"1\r\n"]
    device.reboot()
    assert device.handle(b"x") == [b"101\r\n"]


def test_a_reboot_begins_lists_anew_and_forgets_answers_set_meanwhile():
    device = ScriptedDevice({"R?": ["1", "2"]})
    device.handle(b"R?")
    device.set_answer("R?", "9")
    device.set_answer("NEW?", "9")
    assert device.handle(b"R?") == [b"9\r\n"]
    device.reboot()
    assert device.handle(b"R?") == [b"1\r\n"]
    assert device.handle(b"NEW?") == []


def test_another_identity_after_the_reboot_until_the_next():
    device = ScriptedDevice({"*IDN?": "ONE", "A?": "1"})
    device.reboot("TWO")
    assert device.handle(b"*IDN?") == [b"TWO\r\n"]
    assert device.handle(b"A?") == [b"1\r\n"]
    device.reboot({"A?": "2"})
    assert device.handle(b"*IDN?") == [b"ONE\r\n"]
    assert device.handle(b"A?") == [b"2\r\n"]


def test_the_terminators_are_those_of_the_client():
    device = ScriptedDevice({"A": "1"}, framer=LineFramer(b"\n", send_terminator=b"\r"))
    decoder = device.decoder()
    decoder.feed(b"A\rA\n")
    assert decoder.next_frame() == b"A"
    assert decoder.next_frame() is None
    assert device.handle(b"A") == [b"1\n"]


@pytest.mark.parametrize("framer, sent, command", [
    (RawFramer(), b"anything", b"anything"),
    (FixedFramer(4), b"anything", b"anything"),
    (LengthFramer(1, lambda header: header[0]), b"\x02ab", b"\x02ab"),
    (PromptFramer(b"> "), b"show\r\n", b"show"),
])
def test_the_commands_of_other_framings(framer, sent, command):
    device = ScriptedDevice(lambda c: c, framer=framer)
    decoder = device.decoder()
    decoder.feed(sent)
    assert decoder.next_frame() == command
    assert device.handle(command) == [command]           # no terminator added


def test_commands_may_have_a_framing_of_their_own():
    device = ScriptedDevice({}, framer=FixedFramer(4), command_framer=LineFramer(b";"))
    decoder = device.decoder()
    decoder.feed(b"ab;")
    assert decoder.next_frame() == b"ab"


def test_a_terminator_is_not_added_twice():
    assert ScriptedDevice({"A": "1\r\n"}).handle(b"A") == [b"1\r\n"]
    assert ScriptedDevice({"A": "1"}, reply_terminator="").handle(b"A") == [b"1"]


def test_banner_and_prompt():
    device = ScriptedDevice({"A": ("1", "2"), "SET": None}, banner="hello\r\n", prompt="> ")
    assert device.greeting() == b"hello\r\n> "
    assert device.handle(b"A") == [b"1\r\n", b"2\r\n> "]
    assert device.handle(b"SET") == [b"> "]


def test_what_cannot_be_a_device_is_refused():
    with pytest.raises(TypeError, match="answers must be"):
        ScriptedDevice(42)


def test_what_is_a_device_already_stays_it():
    device = ScriptedDevice({})
    assert as_device(device) is device


def test_an_answer_that_is_no_answer_is_an_error():
    with pytest.raises(TypeError):
        ScriptedDevice({"A": 1.5}).handle(b"A")


def test_reboot_of_a_class_leaves_no_answer_of_the_old_object():
    device = ScriptedDevice(Heater)
    old = device.handle(b"SETP?")
    device.set_answer("EXTRA", "1")
    device.reboot()
    assert device.handle(b"SETP?") == old
    assert device.handle(b"EXTRA") == [b"what is EXTRA\r\n"]
