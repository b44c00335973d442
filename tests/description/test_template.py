"""Messages with places for values, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socs_tcp.description.template import Template, split


def text(source, terminator=b"\r\n"):
    return Template.parse(source, terminator=terminator)


def hexa(source):
    return Template.parse(source, is_hex=True)


def test_fill():
    assert text("VOLT {value:.3f}").fill({"value": 1.5}) == b"VOLT 1.500\r\n"
    assert text("{{x}} {ch:02d}").fill({"ch": 3}) == b"{x} 03\r\n"
    assert hexa("31 {n:02x} {value:08x}").fill({"n": 5, "value": 1000}) \
        == bytes.fromhex("3105000003e8")


def test_terminator_is_added_once():
    assert text("A").fill({}) == text("A\r\n").fill({}) == b"A\r\n"


def test_a_character_is_a_byte():
    assert text("\xff\x05", b"").fill({}) == b"\xff\x05"


@pytest.mark.parametrize("source", ["VOLT {", "}", "{value!r}", "{value.x}", "{value[0]}", "{}",
                                    "{0}", "{value:{w}}"])
def test_only_bare_names_are_places(source):
    with pytest.raises(ValueError, match="stands alone"):
        split(source)


def test_partly_leaves_the_other_places():
    template = text("INST {ch};:VOLT {value}").partly({"ch": 2})
    assert template.places == ["value"]
    assert template.fill({"value": 1}) == b"INST 2;:VOLT 1\r\n"


@given(st.integers(0, 2 ** 32 - 1), st.integers(0, 255))
def test_read_back_of_hexadecimal_digits(value, n):
    template = hexa("31 {n:02x} 00 {value:08x}")
    assert template.read_back(template.fill({"n": n, "value": value})) \
        == {"n": bytes([n]), "value": value.to_bytes(4, "big")}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_read_back_of_text(value):
    template = text("*V ({value})?")        # what means something in a regular expression
    assert template.read_back(template.fill({"value": value})) == {"value": str(value).encode()}
    assert template.read_back(b"*V (1)") is None


def test_read_back_of_something_else():
    assert text("VOLT {value}").read_back(b"CURR 1\r\n") is None
    assert hexa("31 {n:02x}").read_back(b"\x31") is None
    assert text("A{x}B{x}").read_back(b"A1B1\r\n") == {"x": b"1"}
    assert text("A{x}B{x}").read_back(b"A1B2\r\n") is None
