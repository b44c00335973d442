"""Devices with odd manners, on a clock and behind a socket: what a client hears of them."""

import re
import socket

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection

from socs_tcp import BlockFramer, LineFramer
from socs_tcp.testing import (
    DeviceFactory,
    DeviceServer,
    RandomFaults,
    ScriptedDevice,
    ScriptExhausted,
    block,
    deaf,
)


@pytest.fixture
def clock():
    return Clock()


class Client:
    """A client of a device on a clock."""

    def __init__(self, clock, device):
        self.factory = DeviceFactory(clock, device)
        self._protocol, self._transport = self.factory.buildProtocol(), \
            StringTransportWithDisconnection()
        self._transport.protocol = self._protocol
        self._protocol.makeConnection(self._transport)

    @property
    def connected(self):
        return self._transport.connected

    def say(self, data):
        self._protocol.dataReceived(data)

    def heard(self):
        data = self._transport.value()
        self._transport.clear()
        return data


# greets late

def test_a_banner_that_comes_late(clock):
    client = Client(clock, ScriptedDevice({"A": "a"}, banner="welcome\r\n", prompt="> ",
                                          banner_delay=0.02))
    assert client.heard() == b""
    client.say(b"A\r\n")
    assert client.heard() == b"a\r\n> "     # answered meanwhile
    clock.advance(0.02)
    assert client.heard() == b"welcome\r\n> "
    assert clock.getDelayedCalls() == []


def test_a_late_banner_behind_a_socket(connect):
    with DeviceServer(ScriptedDevice({"A": "a"}, banner="3.0\r\n", banner_delay=0.02)) as server:
        assert connect(server).line() == b"3.0\r\n"


def test_who_has_left_hears_no_late_banner(clock):
    client = Client(clock, ScriptedDevice({}, banner="welcome\r\n", banner_delay=1))
    client.factory.faults.hang_up()
    clock.advance(2)
    assert client.heard() == b""
    assert client.factory.check() is None


# says what it was not asked

def test_unasked_at_an_exchange_some_time_later(clock):
    client = Client(clock, {"SET": None, "A": "a"})
    client.factory.faults.at_exchange(1).unasked("OK", 0.02)
    client.say(b"SET\r\n")
    assert client.heard() == b""
    client.say(b"A\r\n")
    assert client.heard() == b"a\r\n"
    clock.advance(0.02)
    assert client.heard() == b"OK\r\n"
    assert client.factory.faults.injected == {"unasked": 1}


def test_unasked_does_not_wait_for_a_late_reply(clock):
    client = Client(clock, {"A": "a"})
    client.factory.faults.late(5)
    client.say(b"A\r\n")
    client.factory.faults.unasked("ALARM", 1)
    clock.advance(1)
    assert client.heard() == b"ALARM\r\n"
    clock.advance(4)
    assert client.heard() == b"a\r\n"


def test_unasked_at_once_and_in_order(clock):
    client = Client(clock, {})
    client.factory.faults.unasked("second", 0.2)
    client.factory.faults.unasked("first", 0.1)
    client.factory.faults.unasked(("now", "and now"))
    assert client.heard() == b"now\r\nand now\r\n"
    clock.advance(0.1)
    assert client.heard() == b"first\r\n"
    clock.advance(0.1)
    assert client.heard() == b"second\r\n"


def test_unasked_from_a_socket_and_from_a_proxy(connect, fault_proxy):
    with DeviceServer({}) as server:
        proxy = fault_proxy(*server.address, framer=LineFramer())
        client = connect(proxy)
        server.wait_for_clients(1)
        server.faults.unasked("device")
        assert client.line() == b"device\r\n"
        proxy.faults.unasked("proxy\r\n", 0.01)
        assert client.line() == b"proxy\r\n"


def test_unasked_by_chance(clock):
    client = Client(clock, {"A": "a"})
    client.factory.faults.draw_from(RandomFaults(1, rate=1, kinds=("unasked",)))
    client.say(b"A\r\n")
    clock.advance(1)
    assert b"unasked " in client.heard()


# hangs up after each reply

def test_it_hangs_up_after_each_reply(clock):
    client = Client(clock, ScriptedDevice({"SET": None, "TWO": ("1", "2")},
                                          closes_after_reply=True))
    client.say(b"SET\r\n")
    assert client.connected
    client.say(b"TWO\r\nTWO\r\n")
    assert client.heard() == b"1\r\n2\r\n"      # and what it was still asked it does not hear
    assert not client.connected
    assert client.factory.received == [b"SET", b"TWO"]


def test_it_hangs_up_after_a_late_reply_when_that_is_said(clock):
    client = Client(clock, ScriptedDevice({"A": "a"}, closes_after_reply=True))
    client.factory.faults.late(1)
    client.say(b"A\r\n")
    assert client.connected
    clock.advance(1)
    assert client.heard() == b"a\r\n"
    assert not client.connected


def test_it_does_not_hang_up_after_silence(clock):
    client = Client(clock, ScriptedDevice({"A": "a"}, closes_after_reply=True))
    client.factory.faults.silence()
    client.say(b"A\r\n")
    assert client.connected


def test_the_end_after_a_reply_is_a_clean_one(connect):
    with DeviceServer(ScriptedDevice({"A": "a"}, closes_after_reply=True)) as server:
        for _ in range(3):
            client = connect(server)
            client.say(b"A")
            assert client.rest() == b"a\r\n"
        assert server.commands == server.connections == 3


# speaks telnet

NEGOTIATION = b"\xff\xfb\x03\xff\xfd\x03\xff\xfb\x01\xff\xfd\x00\xff\xfb\x00\xff\xfd\x2c"


def test_it_negotiates_first_and_doubles_what_must_be_doubled(clock):
    client = Client(clock, ScriptedDevice(lambda command: command, banner=b"\xff\r\n", telnet=True))
    assert client.heard() == NEGOTIATION + b"\xff\xff\r\n"
    client.say(b"a\xff\xffb\r\n")
    assert client.factory.received == [b"a\xffb"]
    assert client.heard() == b"a\xff\xffb\r\n"
    client.factory.say(b"\xff")
    assert client.heard() == b"\xff\xff\r\n"


def test_what_the_client_negotiates_is_no_command_wherever_it_is_cut(clock):
    said = b"\xff\xfe\x03A\xff\xfa\x2c\x01\xff\xff\r\n\xff\xf0\xff\xfc\x2c\r\n\xff\xf1"
    whole = [b"\xff\xfe\x03", b"\xff\xfa\x2c\x01\xff\xff\r\n\xff\xf0", b"\xff\xfc\x2c",
             b"\xff\xf1"]
    for cut in range(len(said) + 1):
        client = Client(clock, ScriptedDevice({"A": "a"}, telnet=True))
        client.say(said[:cut])
        client.say(said[cut:])
        assert client.factory.received == [b"A"]
        assert client.factory.negotiated == whole


def test_faults_put_telnet_where_they_like(clock):
    client = Client(clock, ScriptedDevice({"A": "a"}, telnet=True))
    client.heard()
    client.factory.faults.garbage(before=b"\xff\xf1")
    client.say(b"A\r\n")
    assert client.heard() == b"\xff\xf1a\r\n"


def test_telnet_behind_a_socket(connect):
    with DeviceServer(ScriptedDevice({"A": "a"}, telnet=True)) as server:
        client = connect(server)
        assert client.hear(len(NEGOTIATION)) == NEGOTIATION
        client.sock.sendall(b"\xff\xfc\x01")
        assert client.ask(b"A") == b"a\r\n"
        assert server.negotiated == [b"\xff\xfc\x01"]


# answers in blocks

@pytest.mark.parametrize("data, digits, wire", [
    (b"abc", None, b"#13abc"), (b"", None, b"#10"), (b"x" * 10, None, b"#210" + b"x" * 10),
    ("text", 4, b"#40004text"), (b"no end", 0, b"#0no end"),
])
def test_a_block(data, digits, wire):
    assert block(data, digits=digits) == wire


def test_a_block_that_does_not_fit():
    with pytest.raises(ValueError, match="12 bytes cannot be announced in 1 digits"):
        block(b"x" * 12, digits=1)


@pytest.mark.parametrize("framer", [BlockFramer(), LineFramer("\n")], ids=["block", "line"])
@pytest.mark.parametrize("data", [b"1\n2", b"\n", b"#15", bytes(range(256)), b"\\1"], ids=repr)
def test_blocks_end_by_their_length_and_then_comes_the_terminator(clock, framer, data):
    client = Client(clock, ScriptedDevice({"CURV?": block(data), "ERR?": "no"}, framer=framer))
    client.say(b"CURV?\nERR?\n")
    assert client.heard() == block(data) + b"\nno\n"


# is deaf

def test_it_is_deaf_for_a_while_after_a_write(clock):
    client = Client(clock, {"SAVE": deaf(2), "A": "a"})
    client.say(b"SAVE\r\nA\r\n")
    client.say(b"A\r\n")
    clock.advance(1.9)
    client.say(b"A\r\nA\r")
    assert client.heard() == b""
    assert "11 bytes unheard" in repr(client.factory)
    clock.advance(0.2)
    client.say(b"A\r\n")
    assert client.heard() == b"a\r\n"
    assert client.factory.received == [b"SAVE", b"A"]


def test_it_answers_and_is_deaf_for_all_clients(clock):
    client = Client(clock, {"SAVE": deaf(2, ("ok", "saved")), "A": "a"})
    other = client.factory.buildProtocol()
    transport = StringTransportWithDisconnection()
    transport.protocol = other
    other.makeConnection(transport)
    client.say(b"SAVE\r\n")
    assert client.heard() == b"ok\r\nsaved\r\n"
    other.dataReceived(b"A\r\n")
    assert transport.value() == b""
    client.factory.faults.reboot()
    assert client.factory.device.handle(b"A") == [b"a\r\n"]


def test_deaf_by_a_pattern_and_by_a_method_and_no_longer_after_the_next_command(clock):
    device = ScriptedDevice({re.compile(r"SAVE (\d)"): deaf(2, r"slot \1"),
                             "WRITE": lambda: deaf(1), "A": "a"})
    assert device.handle(b"SAVE 3") == [b"slot 3\r\n"]
    assert device.deaf_for == 2
    assert (device.handle(b"WRITE"), device.deaf_for) == ([], 1)
    assert (device.handle(b"A"), device.deaf_for) == ([b"a\r\n"], 0)


def test_deaf_behind_a_socket(connect):
    with DeviceServer({"SAVE": deaf(0.05), "A": "a"}) as server:
        client = connect(server)
        client.say(b"SAVE")
        client.say(b"A")
        server.wait_for(lambda: "3 bytes unheard" in repr(server))


# does not read

def test_the_window_of_one_that_does_not_read_is_soon_shut(connect):
    with DeviceServer({}, receive_buffer=4096,
                      framer=LineFramer(max_length=10_000_000)) as server:
        client = connect(server)
        # Or the client's system would take some million bytes for itself.
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        server.faults.slow_reader()
        client.sock.setblocking(False)
        taken = 0
        with pytest.raises(BlockingIOError):
            while taken < 10_000_000:
                taken += client.sock.send(b"x" * 1000)
        client.sock.setblocking(True)
        server.faults.heal()
        client.sock.sendall(b"\r\n")
        server.wait_for_commands(1)
        assert taken < 50_000
        assert len(server.received[0]) == taken


# mistakes in the script, and what a failing test is told

def test_one_command_more_than_answers_fails_the_test(connect):
    with pytest.raises(ScriptExhausted, match=r"no answer left to b'R\?'.* its 2 answers"), \
            DeviceServer({"R?": ["1", "2"]}) as server:
        client = connect(server)
        assert [client.ask(b"R?"), client.ask(b"R?")] == [b"1\r\n", b"2\r\n"]
        client.say(b"R?")
        with pytest.raises(ConnectionResetError):
            client.sock.recv(1)


def test_the_list_of_a_pattern_ends_with_an_error_too(clock):
    client = Client(clock, {re.compile("R (.)"): [r"\1"]})
    client.say(b"R 1\r\nR 2\r\n")
    with pytest.raises(ScriptExhausted, match="b'R 2'"):
        client.factory.check()


def test_a_list_that_ends_with_an_ellipsis_repeats_its_last_answer():
    device = ScriptedDevice({"R?": ["1", "2", ...], "S?": ["1", ...]})
    assert [device.handle(b"R?") for _ in range(4)] == [[b"1\r\n"], *[[b"2\r\n"]] * 3]
    assert [device.handle(b"S?") for _ in range(2)] == [[b"1\r\n"]] * 2


@pytest.mark.parametrize("answers", [[], [...]])
def test_a_list_without_an_answer_is_refused(answers):
    with pytest.raises(ValueError, match="at least one"):
        ScriptedDevice({"R?": answers})


def test_a_command_that_is_not_in_the_script_is_named(connect):
    with pytest.raises(TimeoutError) as caught, DeviceServer({"A": "a"}) as server:
        connect(server).say(b"FOO?")
        server.wait_for_commands(1)
        server.wait_for(lambda: False, timeout=0)
    assert "NOT IN THE SCRIPT: b'FOO?'" in str(caught.value)
    assert "NOT IN THE SCRIPT: b'FOO?'" in caught.value.__notes__[0]


def test_a_command_that_is_not_in_the_script_is_named_in_a_reactor(clock):
    client = Client(clock, {"A": "a"})
    client.say(b"A\r\n")
    assert "NOT IN" not in repr(client.factory)
    client.say(b"FOO?\r\n")
    assert "NOT IN THE SCRIPT: b'FOO?'" in repr(client.factory)


def test_a_banner_delay_that_makes_no_sense():
    with pytest.raises(ValueError, match="banner_delay"):
        ScriptedDevice({}, banner_delay=-1)


def test_an_address_is_kept_with_a_small_buffer():
    with DeviceServer({}, receive_buffer=4096) as server:
        server.unplug()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(server.address, 5)
        server.plug_in()
        socket.create_connection(server.address, 5).close()
