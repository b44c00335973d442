"""Replies become values: each way to read one, and each way it can be wrong."""

import math
import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socs_tcp.description.fields import BadReply, Field, Group, Item, Packed, Whole
from socs_tcp.description.patterns import compiled
from socs_tcp.description.putting import put

FINITE = st.floats(allow_nan=False, allow_infinity=False, max_value=9e37, min_value=-9e37)


@pytest.mark.parametrize(("reply", "value"), [
    (b"+293.873E+00", 293.873), (b" 1.5 \r", 1.5), (b"-.5", -0.5), (b"5.", 5.0), (b"7", 7.0),
    (b"+00.0000E-03", 0.0),
])
def test_number_as_instruments_write_it(reply, value):
    parsed = Field("T", Whole()).parse(reply)
    assert parsed == value and type(parsed) is float


@pytest.mark.parametrize("reply", [
    b"", b"  ", b"OVER", b"1.5V", b"1,5", b"nan", b"inf", b"1_000", b"0x10", b"1e", b"1.5 2.5",
    "٣".encode(), b"\xff", b"9.91E37", b"-9.9E37", b"1e999", b"9" * 5000,
])
def test_what_is_no_number_is_refused(reply):
    with pytest.raises(BadReply):
        Field("T", Whole()).parse(reply)


@pytest.mark.parametrize(("reply", "value"), [
    (b"007", 7), (b"+0", 0), (b"-12", -12), (b"1.0", 1), (b"+1.000000E+01", 10),
    (b"9007199254740993", 9007199254740993),
])
def test_whole_number(reply, value):
    parsed = Field("n", Whole(), "int").parse(reply)
    assert parsed == value and type(parsed) is int


@pytest.mark.parametrize("reply", [b"1.5", b"1e-3", b"9223372036854775808", b"9" * 40, b"9" * 5000,
                                   b"one"])
def test_what_is_no_whole_number_or_too_large_to_store_is_refused(reply):
    with pytest.raises(BadReply):
        Field("n", Whole(), "int").parse(reply)


def test_text_is_stripped_and_must_be_printable():
    field = Field("s", Whole(), "str")
    assert field.parse(b" LSCI,MODEL372 \r") == "LSCI,MODEL372"
    assert field.parse("20 µA".encode()) == "20 µA"
    for bad in (b"\xff", b"a\x00b", b"\x1b[2J", b"a\nb"):
        with pytest.raises(BadReply, match="not printable"):
            field.parse(bad)


@given(st.lists(FINITE, min_size=1, max_size=9), st.data())
def test_item_of_a_list(numbers, data):
    index = data.draw(st.integers(0, len(numbers) - 1))
    reply = b", ".join(repr(n).encode() for n in numbers)
    assert Field("x", Item(b",", index)).parse(reply) == numbers[index]
    with pytest.raises(BadReply, match=f"no item {len(numbers)}"):
        Field("x", Item(b",", len(numbers))).parse(reply)


def test_named_group():
    pattern = compiled(r"(?P<code>[+-]?\d+),\"(?P<text>[^\"]*)\"(?P<rest> .*)?")
    assert Field("e", Group(pattern, "code"), "int").parse(b'-113,"Undefined header"') == -113
    assert Field("e", Group(pattern, "text"), "str").parse(b'+0,"No error"') == "No error"
    with pytest.raises(BadReply, match="does not match"):
        Field("e", Group(pattern, "code")).parse(b"0")
    with pytest.raises(BadReply, match="group 'rest' is missing"):
        Field("e", Group(pattern, "rest"), "str").parse(b'0,"x"')


@given(st.binary(max_size=20), st.sampled_from("bBhHiIqQ"), st.sampled_from("<>"), st.data())
def test_packed_integer(before, letter, order, data):
    bits = 8 * struct.calcsize(letter)
    low, high = (0, 2 ** bits - 1) if letter.isupper() else (-2 ** (bits - 1), 2 ** (bits - 1) - 1)
    value = data.draw(st.integers(low, min(high, 2 ** 63 - 1)))
    reply = before + struct.pack(order + letter, value) + b"tail"
    assert Field("n", Packed(len(before), order + letter), "int").parse(reply) == value


def test_packed_beyond_the_reply_says_how_long_it_is():
    with pytest.raises(BadReply, match=r"it has 3 bytes, and the field ends at byte 4"):
        Field("n", Packed(2, ">H"), "int").parse(b"abc")


def test_words_swapped_as_modbus_devices_do():
    # A real compressor: Coolant_In_Temp of the reply in SOCS' tests is 65.627 F.
    assert Field("T", Packed(0, ">f", True)).parse(bytes.fromhex("41064283")) \
        == pytest.approx(65.627, abs=0.0005)
    assert Packed(0, ">d", True).unpack(bytes.fromhex("0000 0000 0000 3ff0")) == 1.0


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_packed_number_that_is_none_is_refused(number):
    with pytest.raises(BadReply, match="no number"):
        Field("T", Packed(0, ">f")).parse(struct.pack(">f", number))


def test_whole_number_kept_in_a_float():
    field = Field("alarm", Packed(0, ">f"), "int")
    assert field.parse(struct.pack(">f", -2.0)) == -2
    with pytest.raises(BadReply, match="not a whole number"):
        field.parse(struct.pack(">f", 0.5))


def test_scale_makes_the_number_that_is_meant():
    assert Field("T", Packed(0, ">h"), "float", scale=Decimal("0.1")).parse(b"\x01\x0b") == 26.7
    assert Field("V", Whole(), "float", scale=Decimal("0.001")).parse(b"1234") == 1.234


def test_bits():
    field = Field("r3", Packed(0, ">I"), "int", bits=(2, 2))
    assert [field.parse(n.to_bytes(4, "big")) for n in (0, 4, 3, 7)] == [0, 1, 0, 1]


def test_labels():
    field = Field("s", Whole(), "int", labels={0: "off", 1: "on"})
    assert field.parse(b"+1") == "on"
    with pytest.raises(BadReply, match=r"2 is not one of 0, 1"):
        field.parse(b"2")
    text = Field("s", Whole(), "str", labels={"L": "local", "R": "remote"})
    assert text.parse(b"R\r") == "remote"
    with pytest.raises(BadReply):
        text.parse(b"X")


@given(FINITE, FINITE)
def test_put_is_the_inverse_of_parse(old, new):
    listed = Field("x", Item(b",", 1))
    reply = f"1,{old!r},3".encode()
    assert listed.parse(put(listed, reply, new)) == new
    assert Field("y", Item(b",", 2)).parse(put(listed, reply, new)) == 3


@given(st.binary(min_size=9, max_size=9), st.integers(0, 31), st.integers(0, 1))
def test_put_changes_one_bit_only(reply, bit, value):
    field = Field("r", Packed(3, ">I"), "int", bits=(bit, bit))
    changed = put(field, reply, value)
    assert field.parse(changed) == value
    difference = int.from_bytes(reply, "big") ^ int.from_bytes(changed, "big")
    assert difference in (0, 1 << (bit + 16))


def test_put_undoes_scale():
    field = Field("T", Packed(0, ">h"), "float", scale=Decimal("0.1"))
    assert put(field, b"\x00\x00", 26.7) == b"\x01\x0b"


@given(st.binary(max_size=40))
def test_no_reply_whatever_raises_anything_else(reply):
    pattern = compiled(r"(?P<a>\d+)")
    for field in (Field("a", Whole()), Field("a", Whole(), "int"), Field("a", Whole(), "str"),
                  Field("a", Item(b",", 1)), Field("a", Packed(3, "<d")),
                  Field("a", Group(pattern, "a"), "int", bits=(3, 3)),
                  Field("a", Whole(), "int", labels={1: "x"})):
        try:
            value = field.parse(reply)
        except BadReply:
            continue
        assert type(value).__name__ == ("str" if field.labels else field.type)
        assert isinstance(value, str) or math.isfinite(value)
