"""The last that was said, shown when a link fails."""

import pytest

from socs_tcp import LineFramer, TCPInterface
from socs_tcp.core.link import Link
from socs_tcp.core.trace import KEPT, Trace
from socs_tcp.testing import DeviceServer


def test_entries_have_a_time_a_direction_and_bytes_that_are_escaped():
    now = [1.5]
    trace = Trace(10, lambda: now[0])
    trace.note("connected")
    trace.add(">", b"T?\r\n")
    now[0] = 3661.25
    trace.add("<", b"\x1b[2J")
    assert trace.lines() == ["00:00:01.500 ! connected", r"00:00:01.500 > b'T?\r\n'",
                             r"01:01:01.250 < b'\x1b[2J'"]


def test_it_is_bounded_in_entries_and_in_what_is_kept_of_each():
    trace = Trace(2, lambda: 0.0)
    for number in range(5):
        trace.add(">", str(number).encode())
    assert trace.lines() == ["00:00:00.000 > b'3'", "00:00:00.000 > b'4'"]
    trace.add("<", b"x" * 1_000_000)
    assert trace.lines()[-1].endswith("of 1000000 bytes")
    assert len(trace._entries[-1][2]) == KEPT


def test_a_link_keeps_none_unless_told_and_none_any_more_when_told():
    link = Link("dev:1")
    assert link.trace is None
    link.keep_trace()
    assert isinstance(link.trace, Trace)
    link.keep_trace(0)
    assert link.trace is None


@pytest.mark.parametrize("entries", [-1, 1.5, "2", True])
def test_a_number_of_entries_that_makes_no_sense(entries):
    with pytest.raises(ValueError, match="entries must be a number from 0"):
        Link("dev:1").keep_trace(entries)


def test_without_a_trace_an_error_has_no_note(capsys):
    link = Link("dev:1")
    error = ConnectionError("dev:1: gone")
    link.failed(error)
    link.tell()
    assert not hasattr(error, "__notes__")
    assert capsys.readouterr().err.count("\n") == 1


def test_what_was_said_is_shown_with_the_error_and_in_the_log(capsys):
    with DeviceServer({"T?": "4.2"}) as server, TCPInterface(
            server.host, server.port, 0.2, framer=LineFramer()) as device:
        device.link.keep_trace(10)
        device.query("T?")
        server.faults.silence()
        with pytest.raises(ConnectionError) as caught:
            device.query("T?")
    said = [r"> b'T?\r\n'", r"< b'4.2\r\n'", r"> b'T?\r\n'", "! no reply within 0.2 s"]
    [note] = caught.value.__notes__
    assert [line.split(" ", 1)[1] for line in note.splitlines()[1:]] == said
    shown = capsys.readouterr().err
    at = shown.index("link down: no reply within 0.2 s")
    assert [line.split(" ", 5)[-1] for line in shown[at:].splitlines()[1:5]] == said
