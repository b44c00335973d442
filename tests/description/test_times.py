"""Times that are sent to a device, and those that it sends."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from described_device import MemoryDevice
from hypothesis import given
from hypothesis import strategies as st

from socs_tcp.description import DescriptionError, loads
from socs_tcp.description.places import EPOCH
from socs_tcp.description.times import check_format, seconds, written

TEXT = """\
device: a logger with a clock
framing: {terminator: "\\r\\n"}
on_connect: ["TIME {now:%H:%M:%S}"]
queries:
  clock: {send: "CLK?", fields: {clock: {time: "%d.%m.%y %H:%M:%S"}}}
  record:
    send: "REC?"
    regex: '(?P<at>[^,]*),(?P<level>.*)'
    fields: {at: {time: "%Y-%m-%dT%H:%M:%S.%f%z", missing: "-"}, level: {}}
actions:
  set_clock: "DATE {now:%Y-%m-%d},{now:%H%M}"
  set_bcd: {send: {hex: "05 {now:%y%m%d %H%M} 0d"}}
simulate:
  clock: "27.11.26 13:04:05"
  record: ["2026-11-27T13:04:05.25+0100,1.5", "-,2"]
"""


def test_a_time_is_seconds_since_1970():
    queries = loads(TEXT).queries
    when = datetime(2026, 11, 27, 13, 4, 5, tzinfo=UTC).timestamp()
    assert queries["clock"].parse(b" 27.11.26 13:04:05") == ({"clock": when}, {})
    assert queries["record"].parse(b"2026-11-27T13:04:05.25+0100,1.5") == \
        ({"at": when - 3600 + 0.25, "level": 1.5}, {})
    assert queries["record"].parse(b"-,2") == ({"level": 2.0}, {})
    _, errors = queries["clock"].parse(b"31.02.26 13:04:05")
    assert "b'31.02.26 13:04:05' is not a time, '%d.%m.%y %H:%M:%S'" in str(errors["clock"])


def test_the_time_is_that_of_sending():
    m = MemoryDevice(loads(TEXT))
    for name in ("set_clock", "set_bcd"):
        m.client.run(m.client.description.actions[name])
        m.advance(1)
    connected, date, bcd = m.heard
    now = datetime.now(UTC)
    said = datetime.strptime(date.decode(), "DATE %Y-%m-%d,%H%M").replace(tzinfo=UTC)
    assert timedelta(0) <= now - said < timedelta(minutes=10)
    assert connected[:5] == b"TIME " and len(connected) == len(b"TIME 12:34:56")
    assert bcd[:1] + bcd[-1:] == b"\x05\x0d" and bcd[1:-1].hex()[:6] == said.strftime("%y%m%d")
    assert not m.device.unknown


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("%H:%M:%S}", "%H:%Q}", "on_connect[0]: '%Q' is not known in a time; there are %Y %y"),
    ("{now:%H:%M:%S}", "{now}", "'' is not the format of a time"),
    ("{now:%H%M}", "{now:H}", "'H' is not the format of a time"),
    ("%y%m%d %H%M}", "%y%j}", "must be whole bytes, with a decimal digit in each half"),
    ("%d.%m.%y %H", "%d.%m.%y %d", "time: '%d.%m.%y %d:%M:%S' has a part of the time twice"),
    ("%d.%m.%y ", "", "fields.clock.time: '%H:%M:%S' must contain a date"),
    ("clock: {time: ", "clock: {type: str, time: ", "time: is only for a field of type float"),
    ("clock: {time: ", "clock: {base: 16, time: ", "time: is only for a field of type float"),
    ('"CLK?"', '"CLK?", expect: "{now:%H}"', "cannot contain the time"),
    ("27.11.26", "2026", "the description cannot read this answer"),
])
def test_what_is_no_time(old, new, expected):
    with pytest.raises(DescriptionError) as caught:
        loads(TEXT.replace(old, new))
    assert expected in str(caught.value)


@given(form=st.lists(st.sampled_from(["%Y", "%y", "%m", "%d", "%H", "%M", "%S", "%f", "%j", "%I",
                                      "%p", "%b", "%B", "%z", "%%", " ", "-", ".", "(", "[", "T"]),
                     min_size=1, max_size=12).map("".join),
       data=st.text("0123456789-+:. TAPMJan(", max_size=30))
def test_no_format_that_is_taken_fails_later(form, data):
    try:
        check_format(form, reads=True)
    except ValueError:
        return
    for text in (data, written(EPOCH, form)):
        with suppress(ValueError, OverflowError):
            assert isinstance(seconds(text, form), float)
