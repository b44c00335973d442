"""Checksums, by the check values that the catalogue of CRCs and others give for "123456789"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socs_tcp.description.checksums import CRCS, NAMES, Checksum, Crc
from socs_tcp.description.errors import BadReply

CHECK = b"123456789"
VALUES = {
    "crc8": 0xf4, "crc8_maxim": 0xa1, "crc16_arc": 0xbb3d, "crc16_modbus": 0x4b37,
    "crc16_usb": 0xb4c8, "crc16_xmodem": 0x31c3, "crc16_kermit": 0x2189,
    "crc16_ccitt_false": 0x29b1, "crc16_x25": 0x906e, "crc32": 0xcbf43926,
    "xor": 0x31, "xor_inverted": 0xce, "sum8": 0xdd, "sum8_negated": 0x23, "sum8_inverted": 0x22,
    "sum16": 0x01dd, "sum16_negated": 0xfe23, "sum16_inverted": 0xfe22, "sum32": 0x01dd,
    "fletcher16": 0x1ede,
}


@pytest.mark.parametrize("name", NAMES)
def test_check_values(name):
    checksum = Checksum(name)
    assert checksum.text(CHECK) == VALUES[name].to_bytes(checksum.size, "big")


def test_a_crc_by_its_parameters():
    assert Checksum(Crc(24, 0x864cfb, 0xb704ce)).text(CHECK) == b"\x21\xcf\x02"     # OpenPGP


@pytest.mark.parametrize(("form", "little", "text"), [
    ("bytes", False, b"\x4b\x37"), ("bytes", True, b"\x37\x4b"), ("hex", False, b"4b37"),
    ("HEX", True, b"374B"), ("decimal", False, b"19255"),
    ("nibbles", False, b"4;37"), ("sdi12", False, b"Dlw")])
def test_how_it_is_written(form, little, text):
    assert Checksum("crc16_modbus", form, little).text(CHECK) == text


@given(st.builds(Checksum, st.sampled_from(NAMES),
                 st.sampled_from(["bytes", "hex", "HEX", "decimal", "nibbles"]), st.booleans(),
                 st.integers(0, 3), st.integers(0, 2), st.sampled_from([b"", b"*", b"\r\n"])),
       st.binary(min_size=5, max_size=60), st.data())
def test_what_is_added_is_taken_off_and_no_byte_may_change(checksum, reply, data):
    whole = checksum.add(reply)
    assert checksum.strip(whole) == reply
    at = data.draw(st.integers(checksum.skip, len(whole) - checksum.after - 1))
    changed = bytearray(whole)
    changed[at] ^= 0x80         # (no hexadecimal digit becomes another by this)
    if bytes(changed) == whole:
        return
    try:
        checksum.strip(bytes(changed))
    except BadReply as exc:
        assert "its checksum is" in str(exc)
    else:
        # a sum does not see everything: 0x00 and 0xff are one to Fletcher, 0x80 twice to none
        assert checksum.kind not in CRCS and checksum.kind != "xor"


@pytest.mark.parametrize(("checksum", "reply"), [
    # the example of NMEA 0183 that everybody quotes, and those of the specification of SDI-12
    (Checksum("xor", "HEX", skip=1, separator=b"*"),
     b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47"),
    (Checksum("crc16_arc", "sdi12"), b"0+3.14OqZ"),
    (Checksum("crc16_arc", "sdi12"), b"0+3.14+2.718+1.414Ipz"),
])
def test_whole_messages_from_manuals(checksum, reply):
    assert checksum.strip(reply) == reply[:-3]


@pytest.mark.parametrize("reply", [b"", b"1", b"12"])
def test_a_reply_that_is_too_short(reply):
    with pytest.raises(BadReply, match="too few for a checksum"):
        Checksum("crc16_modbus", skip=1).strip(reply)
