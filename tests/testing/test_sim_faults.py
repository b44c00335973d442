"""Each fault, as a client sees it."""

import time

import pytest

from socs_tcp.testing import DeviceServer, Fault, RandomFaults, ScriptedDevice
from socs_tcp.testing.faults.fault import KINDS, Injector


@pytest.fixture
def server():
    with DeviceServer({"*IDN?": "ONE", "A": "abcdef", "B": "second", "TWO": ("1", "2")}) as server:
        yield server


@pytest.fixture
def client(server, connect):
    return connect(server)


# of the moment

def test_hang_up(server, client):
    server.faults.hang_up()
    assert server.clients == 0
    assert client.rest() == b""


def test_who_is_connected_before_is_hung_up_on(server, connect):
    for _ in range(200):
        client = connect(server)
        server.faults.hang_up()
        assert client.rest() == b""
        client.sock.close()


def test_hang_up_is_clean_even_with_something_unread(server, client):
    server.faults.slow_reader()
    client.say(b"A")
    server.faults.hang_up()
    assert client.rest() == b""             # a reset would raise


def test_hang_up_on_a_client_that_does_not_read(server, client):
    server.device.set_answer("BIG", b"y" * 100000)
    client.sock.sendall(b"BIG\r\n" * 1000)
    server.wait_for_commands(20)
    server.faults.hang_up()
    assert server.clients == 0


def test_reset(server, client):
    server.faults.reset()
    with pytest.raises(ConnectionResetError):
        client.rest()


def test_reboot(server, client, connect):
    server.faults.reboot(identity="TWO")
    assert client.rest() == b""
    assert connect(server).ask(b"*IDN?") == b"TWO\r\n"


def test_reboot_with_a_downtime(server, client, connect):
    server.faults.reboot(downtime=0.5)
    with pytest.raises(ConnectionRefusedError):
        connect(server)

    def is_back():
        try:
            return connect(server)
        except ConnectionRefusedError:
            return False
    server.wait_for(is_back)
    assert server.faults.injected == {"reboot": 1}


# of a reply

def test_silence_for_some_replies(server, client):
    server.faults.silence(2)
    client.say(b"A")
    client.say(b"A")
    assert client.ask(b"B") == b"second\r\n"
    assert server.received == [b"A", b"A", b"B"]
    assert server.faults.injected == {"silence": 2}


def test_late(server, client):
    server.faults.late(0.5)
    client.say(b"A")
    client.say(b"B")
    assert client.is_silent(0.05)
    assert client.line() == b"abcdef\r\n"   # and in order
    assert client.line() == b"second\r\n"


def test_split_at_a_place(server, client):
    server.faults.split(at=2, pause=0.5)
    client.say(b"A")
    assert client.sock.recv(99) == b"ab"
    assert client.hear(6) == b"cdef\r\n"


def test_split_at_a_random_place(server, client):
    server.faults.split(pause=0.5)
    client.say(b"A")
    first = client.sock.recv(99)
    assert 0 < len(first) < 8
    assert first + client.line() == b"abcdef\r\n"


def test_split_into_bytes(server, client):
    server.faults.split(at=range(1, 8), pause=0.02)
    began = time.monotonic()
    assert client.ask(b"A") == b"abcdef\r\n"
    assert time.monotonic() - began > 0.13


def test_glue(server, client):
    server.faults.glue()
    client.say(b"A")
    assert client.is_silent()
    client.say(b"B")
    assert client.sock.recv(99) == b"abcdef\r\nsecond\r\n"
    assert client.ask(b"A") == b"abcdef\r\n"


def test_what_is_held_back_comes_when_healed(server, client):
    server.faults.glue()
    client.say(b"A")
    server.wait_for_commands(1)
    server.faults.heal()
    assert client.line() == b"abcdef\r\n"


def test_garbage(server, client):
    server.faults.garbage(before=b"\xff", after="!")
    client.say(b"A")
    assert client.hear(10) == b"\xffabcdef\r\n!"


def test_hang_up_mid_reply(server, client, connect):
    server.faults.hang_up_mid_reply()
    client.say(b"A")
    assert client.rest() == b"abcd"
    server.faults.hang_up_mid_reply(at=1)
    client = connect(server)
    client.say(b"A")
    assert client.rest() == b"a"
    assert connect(server).ask(b"A") == b"abcdef\r\n"


def test_endless_line_until_the_client_hangs_up(server, client, connect):
    server.faults.endless_line()
    client.say(b"A")
    assert set(client.hear(3_000_000)) == {ord("x")}
    other = connect(server)                 # others are served meanwhile
    assert other.ask(b"A") == b"abcdef\r\n"
    client.sock.close()
    server.wait_for_clients(1)


def test_endless_line_ends_when_healed(server, client):
    server.faults.endless_line()
    client.say(b"A")
    client.hear(1000)
    server.faults.heal()
    assert set(client.rest()) == {ord("x")}


def test_faults_of_replies_wait_in_line(server, client):
    server.faults.silence()
    server.faults.garbage(after=b"!")
    client.say(b"A")
    client.say(b"A")
    client.say(b"A")
    assert client.hear(17) == b"abcdef\r\n!abcdef\r\n"


def test_a_fault_for_ever_goes_with_those_in_line(server, client):
    server.faults.garbage(before=b"!", times=None)
    server.faults.split(at=3, pause=0.5)
    client.say(b"A")
    assert client.sock.recv(99) == b"!ab"
    assert client.line() == b"cdef\r\n"
    for _ in range(3):
        assert client.ask(b"A") == b"!abcdef\r\n"
    server.faults.heal()
    assert client.ask(b"A") == b"abcdef\r\n"


def test_a_command_without_a_reply_uses_up_no_fault(server, client):
    server.faults.garbage(before=b"!")
    client.say(b"unknown")
    assert client.ask(b"A") == b"!abcdef\r\n"


# of the line

def test_hang_up_after_so_many_bytes(server, client, connect):
    server.faults.hang_up_after(10)
    client.say(b"A")
    client.say(b"B")
    assert client.rest() == b"abcdef\r\nse"
    assert connect(server).ask(b"A") == b"abcdef\r\n"


def test_hang_up_after_a_whole_reply(server, client):
    server.faults.hang_up_after(8)
    client.say(b"A")
    assert client.rest() == b"abcdef\r\n"


def test_healing_ends_the_count_of_bytes(server, client):
    server.faults.hang_up_after(3)
    server.faults.heal()
    assert client.ask(b"A") == b"abcdef\r\n"


def test_refuse(server, client, connect):
    server.faults.refuse()
    with pytest.raises(ConnectionRefusedError):
        connect(server)
    assert client.ask(b"A") == b"abcdef\r\n"            # who is in stays in
    server.faults.heal()
    assert connect(server).ask(b"A") == b"abcdef\r\n"


def test_accept_and_hang_up(server, client, connect):
    server.faults.accept_and_hang_up()
    for _ in range(5):
        assert connect(server).rest() == b""
    assert server.faults.injected == {"accept_and_hang_up": 5}
    assert client.ask(b"A") == b"abcdef\r\n"
    server.faults.heal()
    assert connect(server).ask(b"A") == b"abcdef\r\n"


def test_accept_and_hang_up_so_many_times(server, connect):
    server.faults.accept_and_hang_up(2)
    assert connect(server).rest() == b""
    assert connect(server).rest() == b""
    assert connect(server).ask(b"A") == b"abcdef\r\n"


def test_black_hole(server, client, connect):
    server.faults.black_hole()
    client.say(b"A")
    newcomer = connect(server)
    newcomer.say(b"A")
    assert client.is_silent()
    assert newcomer.is_silent()
    server.faults.heal()
    assert client.ask(b"B") == newcomer.ask(b"B") == b"second\r\n"
    assert server.received == [b"B", b"B"]


def test_a_black_hole_swallows_what_is_late(server, client):
    server.faults.late(0.3)
    client.say(b"A")
    server.wait_for_commands(1)
    server.faults.black_hole(seconds=0.5)
    assert client.is_silent(0.6)
    assert client.ask(b"B") == b"second\r\n"


def test_slow_reader_that_does_not_read(server, client):
    server.faults.slow_reader()
    client.sock.settimeout(0.2)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 50_000_000:
            sent += client.sock.send(b"A\r\n" * 20000)
    assert server.received == []
    client.sock.settimeout(5)
    server.faults.heal()
    assert client.line() == b"abcdef\r\n"


def test_slow_reader_with_a_rate(server, client):
    server.faults.slow_reader(rate=100)
    client.sock.sendall(b"unknown\r\n" * 5 + b"A\r\n")       # 48 bytes: half a second
    assert client.is_silent(0.2)
    assert client.line() == b"abcdef\r\n"


def test_one_client_only(server, client, connect):
    server.faults.one_client_only()
    assert connect(server).rest() == b""
    assert client.ask(b"A") == b"abcdef\r\n"
    server.faults.heal()
    assert connect(server).ask(b"A") == b"abcdef\r\n"


def test_a_fault_of_the_line_for_some_seconds(server, client):
    server.faults.black_hole(seconds=0.5)
    client.say(b"A")
    assert client.is_silent(0.01)
    server.wait_for(lambda: "black_hole" not in repr(server.faults).split("drawn")[0])
    assert client.ask(b"A") == b"abcdef\r\n"


def test_the_last_word_counts(server, client):
    server.faults.black_hole(seconds=0.02)
    server.faults.black_hole()
    assert client.is_silent(0.05)
    client.say(b"A")
    assert client.is_silent(0.05)


# when

def test_in_the_order_of_the_times(server, client):
    server.faults.after(60).black_hole()
    server.faults.after(0.02).hang_up()
    assert client.rest() == b""


def test_after_some_time(server, client):
    server.faults.after(0.5).hang_up()
    assert client.ask(b"A") == b"abcdef\r\n"
    assert client.rest() == b""


def test_at_an_exchange(server, client):
    client.ask(b"A")
    server.faults.at_exchange(2).garbage(before=b"!")
    server.faults.at_exchange(3).hang_up()
    assert client.ask(b"A") == b"abcdef\r\n"
    assert client.ask(b"A") == b"!abcdef\r\n"
    client.say(b"A")
    assert client.rest() == b""


def test_what_hangs_up_at_a_command_does_not_carry_it_out(connect):
    carried_out = []
    with DeviceServer(carried_out.append) as server:
        client = connect(server)
        server.faults.at_exchange(1).hang_up()
        client.say(b"A")
        assert client.rest() == b""
        assert (server.received, carried_out) == ([b"A"], [])


def test_healing_ends_what_is_scheduled(server, client):
    server.faults.at_exchange(1).hang_up()
    server.faults.after(0.3).hang_up()
    server.faults.silence()
    server.faults.draw_from(RandomFaults(1, rate=1.0))
    server.faults.heal()
    assert client.is_silent(0.4)
    assert client.ask(b"A") == b"abcdef\r\n"
    assert server.faults.source is None


def test_a_mistake_in_what_is_unsolicited_is_told():
    device = ScriptedDevice({}, unsolicited=lambda: 1 / 0, period=0.001)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"), DeviceServer(device) as server:
        server.wait_for(lambda: "failed" in repr(server))


def test_what_is_drawn_does_not_pile_up(server, client):
    """Nor do a billion silences take a billion places."""
    server.faults.draw_from(RandomFaults(1, rate=1, kinds=("silence",)))
    client.sock.sendall(b"no answer\r\n" * 100)
    server.wait_for_commands(100)
    server.faults.draw_from(None)
    assert repr(server.faults).count("silence") < 20
    server.faults.heal()
    server.faults.silence(10**9)
    client.say(b"A")
    assert client.is_silent()


def test_clear_counts_anew(server, client):
    server.faults.silence()
    client.say(b"A")
    client.ask(b"TWO")
    assert server.faults.injected == {"silence": 1}
    server.faults.clear()
    assert server.faults.injected == {}


def test_what_is_in_force_is_shown(server):
    server.faults.refuse()
    server.faults.late(2.5)
    server.faults.draw_from(RandomFaults(7, rate=0.5))
    assert "Fault('refuse')" in repr(server)
    assert "Fault('late', seconds=2.5)" in repr(server)
    assert "RandomFaults(7, rate=0.5, " in repr(server)


def test_every_method_injects_the_fault_of_its_name():
    methods = {name for name in vars(Injector) if not name.startswith("_")}
    assert methods - {"inject"} == KINDS
    assert set(RandomFaults(kinds=KINDS - {"one_client_only"}).kinds) == KINDS - {"one_client_only"}
    with pytest.raises(ValueError, match="no such fault"):
        Fault("explode")


@pytest.mark.parametrize("wrong", [
    lambda f: f.silence(0), lambda f: f.late(-1), lambda f: f.late("x"), lambda f: f.glue(1),
    lambda f: f.at_exchange(0), lambda f: f.hang_up_after(-1), lambda f: f.slow_reader(-1),
    lambda f: f.split(at=-1), lambda f: f.refuse(seconds=-1), lambda f: f.split(pause=-1),
    lambda f: f.silence(times=0)])
def test_misuse_is_told(server, wrong):
    with pytest.raises((ValueError, TypeError)):
        wrong(server.faults)
