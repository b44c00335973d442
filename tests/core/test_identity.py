"""Is it still the device we know?"""

import re

import pytest

from socs_tcp.core.errors import WrongDevice
from socs_tcp.core.identity import Identity


def test_without_an_expectation_the_first_reply_is_remembered():
    identity = Identity("*IDN?")
    identity.check(b"ONE")
    identity.check(b"ONE")
    with pytest.raises(WrongDevice, match=r"another device answers: b'TWO', expected b'ONE'"):
        identity.check(b"TWO")


def test_another_device_is_not_what_is_remembered():
    identity = Identity("*IDN?")
    identity.check(b"ONE")
    with pytest.raises(WrongDevice):
        identity.check(b"TWO")
    with pytest.raises(WrongDevice):
        identity.check(b"TWO")
    identity.check(b"ONE")


@pytest.mark.parametrize("expected, right, wrong", [
    (b"ONE", b"ONE", b"ONE1"),
    ("ONE", b"ONE", b"one"),
    (bytearray(b"ONE"), b"ONE", b""),
    (re.compile(rb"LSCI,MODEL372"), b"LSCI,MODEL372,1234", b"X,LSCI,MODEL372"),
    (lambda reply: reply.startswith(b"A"), b"AB", b"BA"),
    (b"", b"", b"ONE"),
])
def test_what_may_be_expected(expected, right, wrong):
    identity = Identity(("*IDN?", expected))
    identity.check(right)
    with pytest.raises(WrongDevice):
        identity.check(wrong)
    identity.check(right)


def test_the_error_says_what_was_expected_and_what_came():
    def is_the_bridge(_reply):
        return False
    with pytest.raises(WrongDevice, match=r"b'\\x1b\[2J', expected accepted by is_the_bridge"):
        Identity(("*IDN?", is_the_bridge)).check(b"\x1b[2J")
    with pytest.raises(WrongDevice, match=r"expected pattern b'A\+'") as caught:
        Identity(("*IDN?", re.compile(b"A+"))).check(b"B")
    assert (caught.value.phase, caught.value.sent) == ("identify", "yes")


@pytest.mark.parametrize("query", ["*IDN?", b"*IDN?", bytearray(b"*IDN?")])
def test_the_query_is_text_or_bytes(query):
    assert Identity(query).query == b"*IDN?"


@pytest.mark.parametrize("spec", [5, ("*IDN?",), ("*IDN?", b"A", b"B"), ("*IDN?", 5), (5, b"A"),
                                  ["*IDN?", b"A"]])
def test_what_makes_no_sense_is_refused(spec):
    with pytest.raises(TypeError):
        Identity(spec)


def test_a_pattern_of_text_is_refused_at_once_and_not_at_the_first_reply():
    with pytest.raises(TypeError, match="pattern"):
        Identity(("*IDN?", re.compile("ONE")))
