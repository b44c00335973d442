"""What was recorded is said again."""

import pytest

from socs_tcp.core.framing import LineFramer
from socs_tcp.testing import DeviceServer, FaultProxy, Recording, Replay, ReplayMismatch
from socs_tcp.testing.recording.record import Entry

SESSION = r"""
# socs_tcp recording 1
0.000 1 open
0.001 1 < b'hello\r\n'
0.002 1 > b'*ID'
0.003 1 > b'N?\r\n'
0.004 1 < b'LSCI,'
0.005 1 < b'MODEL372\r\n'
0.006 1 > b'T?\r\nSET 4\r\n'
0.007 1 < b'1.0\r\n'
0.008 2 open
0.009 2 < b'hello\r\n'
0.010 2 > b'T?\r\n'
0.011 1 > b'T?\r\n'
0.012 2 < b'2.0\r\n'
0.013 1 < b'3.0\xff\r\n'
0.014 1 close
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "session.txt"
    path.write_text(SESSION)
    return path


def test_commands_and_replies_are_told_apart(path):
    greeting, exchanges = Recording.load(path).exchanges(LineFramer())
    assert greeting == b"hello\r\n"
    assert exchanges == [(b"*IDN?", b"LSCI,MODEL372\r\n"), (b"T?", b""), (b"SET 4", b"1.0\r\n"),
                         (b"T?", b"2.0\r\n"), (b"T?", b"3.0\xff\r\n")]


@pytest.mark.parametrize("line", [
    "0.1 1 nonsense", "0.1 1", "0.1 1 >", "0.1 1 open b''", "x 1 open", "0.1 1 > 'text'",
    "0.1 1 > b'\\xff", "0.1 1 > __import__('os').getcwd()", "1e999 1 open", "nan 1 open",
    "-1 1 open", "0.1 " + "9" * 5000 + " open", "0.1 1 > " + "-" * 300_000 + "1",
    "0.1 1 > " + "(" * 300_000, "0.1 1 > b'\x1b" + "x" * 300_000])
def test_what_is_no_recording_is_refused(line):
    with pytest.raises(ValueError, match=r"not (bytes|a line of a recording): ") as caught:
        Entry.parse(line)
    assert len(str(caught.value)) < 200 and str(caught.value).isprintable()


def test_a_line_is_read_as_it_was_written():
    for data in (b"", b"'\"\\\r\n", bytes(range(256))):
        entry = Entry(1.5, 2, "<", data)
        assert Entry.parse(str(entry)) == entry


def test_exactly(path, connect):
    replay = Replay(path)
    with DeviceServer(replay) as server:
        client = connect(server)
        assert client.line() == b"hello\r\n"
        assert client.ask(b"*IDN?") == b"LSCI,MODEL372\r\n"
        client.say(b"T?")
        assert client.ask(b"SET 4") == b"1.0\r\n"
        assert client.ask(b"T?") == b"2.0\r\n"
        assert client.ask(b"T?") == b"3.0\xff\r\n"
    replay.check_finished()


def test_another_command_is_shown_as_a_diff(path, connect):
    with pytest.raises(ReplayMismatch) as caught, DeviceServer(Replay(path)) as server:
        client = connect(server)
        client.line()
        client.ask(b"*IDN?")
        client.say(b"V?")
        with pytest.raises(ConnectionResetError):
            client.line()
    assert str(caught.value).splitlines() == [
        "--- recorded", "+++ asked", "@@ -1,2 +1,2 @@", " b'*IDN?'", "-b'T?'", "+b'V?'"]


def test_a_command_too_many_and_one_too_few(path, connect):
    replay = Replay(path)
    for exchange in replay.exchanges:
        with pytest.raises(ReplayMismatch, match=r"-b'T\?'"):
            replay.check_finished()
        replay.handle(exchange.command)
    with pytest.raises(ReplayMismatch, match=r"\+b'MORE'"):
        replay.handle(b"MORE")


def test_a_reboot_begins_anew(path):
    replay = Replay(path)
    replay.handle(b"*IDN?")
    replay.reboot()
    assert replay.handle(b"*IDN?") == [b"LSCI,MODEL372\r\n"]


def test_by_matching_in_any_order(path):
    replay = Replay(path, match=True)
    assert replay.handle(b"SET 4") == [b"1.0\r\n"]
    assert [replay.handle(b"T?") for _ in range(4)] == [
        [], [b"2.0\r\n"], [b"3.0\xff\r\n"], [b"3.0\xff\r\n"]]
    assert replay.handle(b"V?") == []
    assert list(replay.unknown) == [b"V?"]
    assert "+b'V?'" in replay.diff()


def test_memory_is_bounded(path):
    replay = Replay(path, match=True)
    for _ in range(3000):
        replay.handle(b"SET 4")
    assert len(replay.heard) == 1005


def test_recorded_through_the_proxy_and_replayed(tmp_path, connect):
    path = tmp_path / "session.txt"
    with DeviceServer({"A": ["1", "2"], "B": "x"}) as device, \
            FaultProxy(*device.address, record=path) as proxy:
        client = connect(proxy)
        said = [client.ask(c) for c in (b"A", b"B", b"A")]
    with DeviceServer(Replay(path)) as server:
        client = connect(server)
        assert [client.ask(c) for c in (b"A", b"B", b"A")] == said == [
            b"1\r\n", b"x\r\n", b"2\r\n"]
