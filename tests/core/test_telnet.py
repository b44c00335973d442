"""Telnet negotiation is no part of a reply, wherever it is cut."""

import random

import pytest

from socs_tcp.core.telnet import TelnetFilter, escape

# `b'\xff\xfa,j`\xff\xf04.2'` was taken for a good reading
NEGOTIATION = (b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x18"
               b"\xff\xfa,j`\xff\xf04.2\r\n\xff\xf1A\xff\xffB\r\n")


def test_negotiation_is_taken_out_and_refused():
    said, answer = TelnetFilter().strip(NEGOTIATION)
    assert said == b"4.2\r\nA\xffB\r\n"
    assert answer == b"\xff\xfe\x01\xff\xfe\x03\xff\xfc\x18"


def test_wherever_it_is_cut_in_two():
    for cut in range(len(NEGOTIATION) + 1):
        one = TelnetFilter()
        first, second = one.strip(NEGOTIATION[:cut]), one.strip(NEGOTIATION[cut:])
        assert first[0] + second[0] == b"4.2\r\nA\xffB\r\n"
        assert first[1] + second[1] == b"\xff\xfe\x01\xff\xfe\x03\xff\xfc\x18"


@pytest.mark.parametrize("seed", range(20))
def test_any_bytes_at_all_in_any_pieces_come_out_the_same(seed):
    chance = random.Random(seed)
    data = bytes(chance.choice((255, 250, 240, 251, 253, 65)) for _ in range(300))
    whole = TelnetFilter().strip(data)
    one, said, answer = TelnetFilter(), b"", b""
    for at in range(len(data)):
        more = one.strip(data[at:at + 1])
        said, answer = said + more[0], answer + more[1]
    assert (said, answer) == whole


def test_an_option_is_refused_once_a_connection():
    one = TelnetFilter()
    assert one.strip(b"\xff\xfb\x01" * 5) == (b"", b"\xff\xfe\x01")
    assert one.strip(b"\xff\xfb\x01") == (b"", b"")
    assert one.strip(b"\xff\xfd\x01") == (b"", b"\xff\xfc\x01")


def test_a_subnegotiation_without_end_takes_no_memory():
    one = TelnetFilter()
    one.strip(b"\xff\xfa")
    for _ in range(100):
        one.strip(b"x" * 100)
    assert one.strip(b"A") == (b"A", b"")


def test_what_we_send_is_escaped():
    assert escape(b"\xff\x01") == b"\xff\xff\x01"
