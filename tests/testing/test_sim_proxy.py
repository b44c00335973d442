"""Faults between a client and a device that itself is in order."""

import contextlib
import os
import threading

import pytest

from socs_tcp.core.framing import LineFramer
from socs_tcp.testing import DeviceServer, FaultProxy, RandomFaults, Recording, ScriptedDevice


@pytest.fixture
def device():
    with DeviceServer(ScriptedDevice({"A": "abcdef", "B": ("1", "2")}, banner="hi\r\n")) as server:
        yield server


@pytest.fixture(params=["whatever comes", "whole replies"])
def proxy(request, device):
    framer = LineFramer() if request.param == "whole replies" else None
    with FaultProxy(device.host, device.port, framer=framer) as proxy:
        yield proxy


@pytest.fixture
def client(proxy, connect):
    client = connect(proxy)
    assert client.line() == b"hi\r\n"
    return client


def test_without_faults_nothing_changes(proxy, client, device):
    assert client.ask(b"A") == b"abcdef\r\n"
    client.say(b"B")
    assert client.hear(6) == b"1\r\n2\r\n"
    assert device.received == [b"A", b"B"]
    assert [c.strip() for c in proxy.received] == [b"A", b"B"]


def test_each_client_has_its_own_connection(proxy, client, connect, device):
    other = connect(proxy)
    assert other.line() == b"hi\r\n"
    assert other.ask(b"A") == client.ask(b"A") == b"abcdef\r\n"
    assert device.clients == proxy.clients == 2
    other.sock.close()
    device.wait_for_clients(1)


def test_a_device_that_hangs_up_hangs_up(client, device):
    device.faults.hang_up()
    assert client.rest() == b""


def test_what_the_device_said_last_is_delivered(client, device):
    device.faults.hang_up_mid_reply()
    client.say(b"A")
    assert client.rest() == b"abcd"


def test_a_reset_is_passed_on(client, device):
    device.faults.reset()
    with pytest.raises(ConnectionResetError):
        client.rest()


def test_a_device_that_is_not_there(proxy, connect, device):
    device.unplug()
    assert connect(proxy).rest() == b""
    device.plug_in()
    assert connect(proxy).line() == b"hi\r\n"


def test_hang_up_and_reset(proxy, client, connect, device):
    proxy.faults.hang_up()
    assert client.rest() == b""
    device.wait_for_clients(0)
    client = connect(proxy)
    client.line()
    proxy.faults.reset()
    with pytest.raises(ConnectionResetError):
        client.rest()


def test_unplug_and_plug_in(proxy, client, connect, device):
    proxy.unplug()
    assert client.rest() == b""
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.plug_in()
    assert connect(proxy).line() == b"hi\r\n"


def test_accept_and_hang_up_leaves_the_device_alone(proxy, client, connect, device):
    proxy.faults.accept_and_hang_up()
    assert connect(proxy).rest() == b""
    assert device.connections == 1


def test_black_hole_both_ways(proxy, client, connect, device):
    proxy.faults.black_hole()
    client.say(b"A")
    newcomer = connect(proxy)
    assert newcomer.is_silent()
    proxy.faults.garbage(before=b"!", times=None)
    device.say("unasked")
    assert client.is_silent()
    assert device.received == []
    assert proxy.faults.injected == {"black_hole": 1}       # there was nothing to strike
    proxy.faults.heal()
    assert newcomer.line() == b"hi\r\n"
    assert client.ask(b"A") == b"abcdef\r\n"


def test_faults_of_replies(proxy, client, device):
    proxy.faults.silence()
    client.say(b"A")
    device.wait_for_commands(1)
    assert client.is_silent()
    proxy.faults.garbage(before=b"!")
    assert client.ask(b"A") == b"!abcdef\r\n"
    proxy.faults.late(0.5)
    client.say(b"A")
    assert client.is_silent(0.05)
    assert client.line() == b"abcdef\r\n"
    proxy.faults.split(at=3, pause=0.5)
    client.say(b"A")
    assert client.sock.recv(99) == b"abc"
    assert client.line() == b"def\r\n"
    proxy.faults.at_exchange(2).hang_up_mid_reply()
    assert client.ask(b"A") == b"abcdef\r\n"
    client.say(b"A")
    assert client.rest() == b"abcd"
    assert proxy.faults.injected == {"silence": 1, "garbage": 1, "late": 1, "split": 1,
                                     "hang_up_mid_reply": 1}


def test_with_a_framer_each_reply_is_struck_however_it_comes(device, connect):
    with FaultProxy(*device.address, framer=LineFramer()) as proxy:
        client = connect(proxy)
        client.line()
        proxy.faults.silence()
        client.say(b"B")                        # two replies in one piece
        assert client.line() == b"2\r\n"
        device.faults.split(at=2, pause=0.05)   # one reply in two pieces
        proxy.faults.garbage(before=b"!")
        assert client.ask(b"A") == b"!abcdef\r\n"
        assert proxy.received == [b"B", b"A"]


def test_slow_reader(proxy, client, device):
    proxy.faults.slow_reader()
    client.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        for _ in range(1000):
            client.sock.sendall(b"A\r\n" * 20000)
    assert device.commands == 0


def test_another_identity_is_not_to_be_had(proxy):
    with pytest.raises(ValueError, match="proxy"):
        proxy.faults.reboot(identity="TWO")


def test_a_device_that_does_not_read_holds_up_the_client(proxy, client, device):
    device.faults.slow_reader()
    client.sock.settimeout(0.3)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 100_000_000:
            sent += client.sock.send(b"A\r\n" * 20000)


def test_a_client_that_does_not_read_holds_up_the_device(connect):
    with DeviceServer(lambda c: b"y" * 60000) as device, FaultProxy(*device.address) as proxy:
        client = connect(proxy)
        client.sock.settimeout(0.3)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 100_000_000:
                sent += client.sock.send(b"x\r\n" * 20000)
        assert 0 < device.commands * 60000 < 60_000_000


def test_what_is_big_arrives_whole(connect):
    big = bytes(range(256)) * 4000
    with DeviceServer(ScriptedDevice({"A": big}, reply_terminator=b"")) as device, \
            FaultProxy(*device.address) as proxy:
        client = connect(proxy)
        client.say(b"A")
        assert client.hear(len(big)) == big


def test_nothing_is_left_over(device, connect, tmp_path):
    before = len(os.listdir("/proc/self/fd")), threading.active_count()
    for number in range(10):
        with FaultProxy(*device.address, record=tmp_path / str(number)) as proxy:
            client = connect(proxy)
            client.ask(b"A")
        client.sock.close()
    device.wait_for_clients(0)
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before


def test_a_record_of_what_was_said(device, connect, tmp_path):
    path = tmp_path / "session.txt"
    with FaultProxy(*device.address, record=path) as proxy:
        first = connect(proxy)
        first.line()
        first.ask(b"A")
        proxy.faults.garbage(before=b"!")
        second = connect(proxy)
        assert second.line() == b"!hi\r\n"
        second.say(b"\xff")
        device.wait_for_commands(2)
        second.sock.close()
        proxy.wait_for_clients(1)
        text = path.read_text()                 # it can be read while it is written
        assert "1 > b'A\\r\\n'\n" in text
    text = path.read_text()
    assert text.startswith(f"# socs_tcp recording 1\n# device 127.0.0.1:{device.port}, begun ")
    entries = Recording.load(path).entries
    assert [e[1:] for e in entries if e.connection == 1] == [
        (1, "open", b""), (1, "<", b"hi\r\n"), (1, ">", b"A\r\n"), (1, "<", b"abcdef\r\n"),
        (1, "close", b"")]
    # what the device said, whatever the faults made of it
    assert [e[2:] for e in entries if e.connection == 2] == [
        ("open", b""), ("<", b"hi\r\n"), (">", b"\xff\r\n"), ("close", b"")]
    assert sorted(e.time for e in entries) == [e.time for e in entries]


def test_random_faults(device, connect):
    with FaultProxy(*device.address, framer=LineFramer()) as proxy:
        proxy.faults.draw_from(RandomFaults(3, rate=0.3, max_seconds=0.005))
        good = 0
        while proxy.commands < 300:
            client = connect(proxy)
            client.sock.settimeout(0.05)
            with contextlib.suppress(OSError):
                good += client.ask(b"A") in (b"hi\r\n", b"abcdef\r\n")
            client.sock.close()
        assert good > 100
        proxy.faults.heal()
        client = connect(proxy)
        assert client.line() == b"hi\r\n"
        assert client.ask(b"A") == b"abcdef\r\n"
