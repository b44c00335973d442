"""The simulated device behind a real socket."""

import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from socs_tcp import testing
from socs_tcp.core.framing import LineFramer
from socs_tcp.testing import DeviceServer, ScriptedDevice


def test_it_answers(connect):
    with DeviceServer({"*IDN?": "LSCI,MODEL372"}) as server:
        assert connect(server).ask(b"*IDN?") == b"LSCI,MODEL372\r\n"
        assert server.received == [b"*IDN?"]
        assert server.connections == server.clients == 1
        assert server.address == ("127.0.0.1", server.port)


def test_several_clients_each_get_their_own(connect):
    with DeviceServer(lambda command: command) as server:
        clients = [connect(server) for _ in range(5)]
        for number, client in enumerate(clients):
            client.say(b"%d" % number)
        assert [c.line() for c in clients] == [b"%d\r\n" % n for n in range(5)]
        assert server.clients == 5


def test_commands_in_pieces_and_glued(connect):
    with DeviceServer(lambda command: command) as server:
        client = connect(server)
        for byte in b"ab\r":
            client.sock.sendall(bytes([byte]))
        client.sock.sendall(b"\ncd\r\nef\r\n")
        assert client.hear(12) == b"ab\r\ncd\r\nef\r\n"
        assert server.received == [b"ab", b"cd", b"ef"]


def test_a_client_that_leaves_is_noticed(connect):
    with DeviceServer({}) as server:
        connect(server).sock.close()
        server.wait_for(lambda: server.connections == 1 and server.clients == 0)


def test_greeting_and_prompt(connect):
    with DeviceServer(ScriptedDevice({"A": "1"}, banner="hi\r\n", prompt="> ")) as server:
        client = connect(server)
        assert client.hear(6) == b"hi\r\n> "
        client.say(b"A")
        assert client.hear(5) == b"1\r\n> "


def test_unsolicited_output_on_demand_and_by_itself(connect):
    device = ScriptedDevice({}, unsolicited="tick", period=0.01)
    with DeviceServer(device) as server:
        client = connect(server)
        assert client.hear(12) == b"tick\r\ntick\r\n"
    with DeviceServer({}) as server:
        client = connect(server)
        server.say("ALARM")
        assert client.line() == b"ALARM\r\n"


def test_a_device_for_one_client_only(connect):
    with DeviceServer(ScriptedDevice({"A": "1"}, one_client_only=True)) as server:
        first = connect(server)
        assert first.ask(b"A") == b"1\r\n"
        assert connect(server).rest() == b""
        assert first.ask(b"A") == b"1\r\n"
        first.sock.close()
        server.wait_for_clients(0)
        assert connect(server).ask(b"A") == b"1\r\n"


def test_unplugged_and_plugged_in_again_at_the_same_port(connect):
    with DeviceServer({"A": "1"}) as server:
        client = connect(server)
        port = server.port
        server.unplug()
        assert client.rest() == b""
        assert server.clients == 0
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                connect(server)
        server.plug_in()
        assert server.port == port
        assert connect(server).ask(b"A") == b"1\r\n"


def test_nobody_takes_the_port_while_it_is_unplugged():
    with DeviceServer({}) as server:
        server.unplug()
        with socket.socket() as other, pytest.raises(OSError):
            other.bind(server.address)


def test_healing_the_faults_does_not_plug_it_in(connect):
    with DeviceServer({}) as server:
        server.unplug()
        server.faults.heal()
        with pytest.raises(ConnectionRefusedError):
            connect(server)


def test_a_port_in_use_is_an_error():
    with DeviceServer({}) as server, pytest.raises(OSError):
        DeviceServer({}, port=server.port)


def test_a_chosen_port():
    with DeviceServer({}) as first:
        port = first.port
    with DeviceServer({}, port=port) as second:
        assert second.port == port


def _open_files():
    return sorted(os.listdir("/proc/self/fd"))


def test_nothing_is_left_over(connect):
    before = _open_files(), threading.active_count()
    for _ in range(20):
        server = DeviceServer({"A": "1"})
        with socket.create_connection(server.address) as sock:
            sock.sendall(b"A\r\n")
            assert sock.recv(99) == b"1\r\n"
            server.close()
            assert sock.recv(99) == b""
        server.close()
    assert (_open_files(), threading.active_count()) == before


def test_after_the_close_nothing_fails_that_is_asked():
    server = DeviceServer({"A": "1"})
    server.close()
    server.faults.late(1)
    server.faults.heal()
    assert server.clients == 0
    assert "connections" in repr(server)


def test_a_mistake_in_the_script_fails_the_test(connect):
    def wrong(command):
        raise ZeroDivisionError("my mistake")

    with pytest.raises(RuntimeError, match="my mistake") as caught, DeviceServer(wrong) as server:
        client = connect(server)
        client.say(b"x")
        with pytest.raises(ConnectionResetError):
            client.rest()
        assert connect(server).is_silent(0.01)      # the server itself goes on
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_failed_test_shows_what_the_device_saw(connect):
    with pytest.raises(AssertionError) as caught, DeviceServer({"A": "1"}) as server:
        connect(server).ask(b"A")
        raise AssertionError("the test")
    assert "b'A'" in caught.value.__notes__[0]


def test_a_wait_is_bounded_and_says_what_is_there(connect):
    with DeviceServer({"A": "1"}) as server:
        connect(server).ask(b"A")
        with pytest.raises(TimeoutError, match=r"1 commands, the last: b'A'"):
            server.wait_for_commands(2, timeout=0.01)


def test_a_wait_ends_at_once_when_it_is_true(connect):
    with DeviceServer({"A": "1"}) as server:
        client = connect(server)
        asking = threading.Thread(target=lambda: client.ask(b"A"))
        asking.start()
        server.wait_for_commands(1, timeout=60)
        asking.join()
        assert server.commands == 1


def test_a_wait_is_woken_and_does_not_poll(connect, monkeypatch):
    with DeviceServer({}) as server:
        changed, looked = server._simulation.journal.changed, []
        wait = changed.wait     # from now on, nothing but a change ends it
        monkeypatch.setattr(changed, "wait", lambda timeout: wait(60))
        connect(server)
        server.faults.after(0.05).hang_up()

        def gone():
            looked.append(server.clients)
            return server.connections == 1 and not server.clients
        server.wait_for(gone, timeout=50)
        assert len(looked) < 10


def test_a_wait_may_ask_the_device(connect):
    with DeviceServer({"A": "1"}) as server:
        client = connect(server)
        server.wait_for(lambda: client.ask(b"A") == b"1\r\n")


def test_what_is_remembered_is_bounded(connect):
    with DeviceServer(lambda c: None) as server:
        connect(server).sock.sendall(b"x\r\n" * 5000)
        server.wait_for_commands(5000)
        assert len(server.received) == 1000


def test_a_command_without_an_end_is_hung_up_on(connect):
    device = ScriptedDevice({}, framer=LineFramer(max_length=100))
    with DeviceServer(device) as server:
        client = connect(server)
        client.sock.sendall(b"x" * 200)
        assert client.rest() == b""


def test_replies_that_nobody_reads_hold_up_the_commands(connect):
    """Bounded memory: with the replies stuck, no more commands are taken."""
    with DeviceServer(lambda c: b"y" * 60000) as server:
        client = connect(server)
        client.sock.settimeout(0.3)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 100_000_000:
                sent += client.sock.send(b"x\r\n" * 20000)
        answered = server.commands
        assert 0 < answered * 60000 < 40_000_000 and answered < sent // 3


def test_an_answer_changed_while_it_runs(connect):
    with DeviceServer({"T?": "1"}) as server:
        client = connect(server)
        assert client.ask(b"T?") == b"1\r\n"
        server.device.set_answer("T?", "2")
        assert client.ask(b"T?") == b"2\r\n"


def test_the_script_may_use_the_server(connect):
    def answer(command):
        if command == b"BOOM":
            server.faults.hang_up()
        return command

    with DeviceServer(answer) as server:
        client = connect(server)
        assert client.ask(b"A") == b"A\r\n"
        client.say(b"BOOM")
        assert client.rest() == b""


def test_closing_from_the_script(connect):
    def answer(command):
        server.close()

    server = DeviceServer(answer)
    client = connect(server)
    client.say(b"x")
    assert client.rest() == b""
    server.close()


def test_importing_it_imports_neither_ocs_nor_a_reactor():
    code = ("import sys, socs_tcp.testing\n"
            "assert 'ocs' not in sys.modules and 'twisted.internet.reactor' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_it_imports_none_of_its_rooms():
    code = ("import sys, socs_tcp.testing\n"
            "assert not [m for m in sys.modules if m.startswith('socs_tcp.testing.')]")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_each_of_its_names_is_there():
    for name in testing.__all__:
        assert getattr(testing, name).__name__ == name
    assert set(testing.__all__) <= set(dir(testing))
    with pytest.raises(AttributeError, match="no attribute 'DeviceServr'"):
        testing.DeviceServr  # noqa: B018


def test_a_reply_costs_little_more_than_an_echo(connect):
    """A ratio: whatever else the machine does, it does to both."""
    with DeviceServer(lambda command: command) as server, \
            socket.create_server(("127.0.0.1", 0)) as listener:
        plain = socket.create_connection(listener.getsockname())
        echo, _ = listener.accept()

        def give_back():
            with echo:
                while data := echo.recv(99):
                    echo.sendall(data)
        threading.Thread(target=give_back, daemon=True).start()
        with plain:
            ours, bare = best_of(connect(server).sock, plain)
        assert ours < 20 * bare


def best_of(*socks, rounds=300):
    """The shortest time for a question and its answer on each; they take turns."""
    best = dict.fromkeys(socks, 60.0)
    for _ in range(rounds):
        for sock in socks:
            began = time.perf_counter()
            sock.sendall(b"x\r\n")
            heard = sock.recv(3)
            best[sock] = min(best[sock], time.perf_counter() - began)
            assert heard
    return best.values()


def test_closing_while_something_is_due():
    server = DeviceServer({"A": "1"})
    server._simulation.wake_at = 0.0        # as after a late reply, say
    server.close()
    assert server._simulation.journal.error is None
