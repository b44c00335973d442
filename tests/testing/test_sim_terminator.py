"""Another terminator, and a wrong one: the test that fails must show it."""

import pytest

from socs_tcp.core.framing import LineFramer
from socs_tcp.testing import DeviceServer, ScriptedDevice


def test_another_terminator(connect):
    with DeviceServer({"A": "1"}, framer=LineFramer("\n")) as server:
        client = connect(server)
        client.sock.sendall(b"A\n")
        assert client.hear(2) == b"1\n"


def test_a_scripted_device_has_its_framer_already():
    with pytest.raises(TypeError, match="a ScriptedDevice has a framer already"):
        DeviceServer(ScriptedDevice({}), framer=LineFramer("\n"))


def test_a_command_without_its_terminator_is_seen(connect):
    with DeviceServer({"*IDN?": "x"}) as server:
        client = connect(server)
        client.sock.sendall(b"*IDN?\n")
        server.wait_for(lambda: r"0 commands, the last: none; unfinished: b'*IDN?\n';"
                        in repr(server))
        client.sock.sendall(b"\r\n")
        server.wait_for(lambda: server.commands == 1)
        server.wait_for(lambda: "unfinished" not in repr(server))


def test_unfinished_bytes_are_seen_when_the_client_has_left_but_not_all_for_ever(connect):
    with DeviceServer({}) as server:
        for number in range(5):
            client = connect(server)
            client.sock.sendall(b"%d" % number)
            server.wait_for(lambda number=number: f"b'{number}';" in repr(server))
            client.sock.close()
            server.wait_for(lambda: server.clients == 0)
        assert "unfinished: b'2', b'3', b'4';" in repr(server)
