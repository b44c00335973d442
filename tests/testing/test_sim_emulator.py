"""The call of SOCS' own emulator."""

import socket

import pytest

from socs_tcp.testing.emulator import DeviceEmulator, create_device_emulator

tcp_emulator = create_device_emulator({"ping": "pong"}, "tcp", 0)
raw_emulator = create_device_emulator({b"\x01 ": b"\x02"}, relay_type="tcp", port=0, encoding=None)
lasting_emulator = create_device_emulator({"ping": "pong"}, "tcp", 0, reconnect=True)


def connect(emulator):
    return socket.create_connection(("127.0.0.1", emulator.socket_port), timeout=5)


def ask(sock, message):
    sock.sendall(message)
    return sock.recv(4096)


@pytest.mark.parametrize("relay_type", ["serial", "test"])
def test_only_tcp(relay_type):
    with pytest.raises(NotImplementedError):
        create_device_emulator({}, relay_type=relay_type)


def test_it_answers_without_terminators_and_strips_commands(tcp_emulator):
    with connect(tcp_emulator) as sock:
        assert ask(sock, b"ping") == b"pong"
        assert ask(sock, b"  ping\r\n") == b"pong"


def test_responses_defined_later(tcp_emulator):
    with connect(tcp_emulator) as sock:
        given = {"T?": ["1", "2"], "S?": b"bytes"}
        tcp_emulator.define_responses(given)
        assert [ask(sock, b"T?") for _ in range(2)] == [b"1", b"2"]
        assert given["T?"] == ["1", "2"]
        assert ask(sock, b"S?") == b"bytes"
        tcp_emulator.update_responses({"U?": "3"})
        assert ask(sock, b"U?") == b"3"
        assert ask(sock, b"S?") == b"bytes"


def test_what_is_unknown_gets_the_default_or_nothing(tcp_emulator):
    with connect(tcp_emulator) as sock:
        tcp_emulator.define_responses({"T?": ["1"], "NONE": None}, default_response="what?")
        assert ask(sock, b"X?") == b"what?"
        tcp_emulator.define_responses({"T?": "1"})
        sock.sendall(b"X?")
        tcp_emulator.server.wait_for_commands(2)
        assert ask(sock, b"T?") == b"1"
        tcp_emulator.define_responses(None)
        sock.sendall(b"X?")
        tcp_emulator.server.wait_for_commands(4)
        tcp_emulator.define_responses({"T?": "2"})
        assert ask(sock, b"T?") == b"2"


def test_a_list_that_is_used_up_is_silent_as_the_original_and_says_so(tcp_emulator, caplog):
    caplog.set_level("INFO", logger="DeviceEmulator")
    tcp_emulator.define_responses({"T?": ["1"], "S?": "2"})
    with connect(tcp_emulator) as sock:
        assert ask(sock, b"T?") == b"1"
        sock.sendall(b"T?")
        tcp_emulator.server.wait_for_commands(2)
        assert ask(sock, b"S?") == b"2"
    assert "all responses to 'T?' are used up" in caplog.text


def test_without_an_encoding_bytes_stay_as_they_are(raw_emulator):
    with connect(raw_emulator) as sock:
        assert ask(sock, b"\x01 ") == b"\x02"


def test_without_reconnect_it_ends_with_its_client(tcp_emulator):
    connect(tcp_emulator).close()
    tcp_emulator.server.wait_for(lambda: tcp_emulator.server.connections == 1
                                 and tcp_emulator.server.clients == 0)

    def refused():
        try:
            connect(tcp_emulator).close()
        except ConnectionRefusedError:
            return True
    tcp_emulator.server.wait_for(refused)


def test_with_reconnect_it_goes_on(lasting_emulator):
    for _ in range(3):
        with connect(lasting_emulator) as sock:
            assert ask(sock, b"ping") == b"pong"


def test_it_can_fail(lasting_emulator):
    with connect(lasting_emulator) as sock:
        lasting_emulator.faults.hang_up()
        assert sock.recv(1) == b""


def test_the_class_alone():
    emulator = DeviceEmulator({"ping": "pong"})
    with pytest.raises(RuntimeError, match="create_tcp_relay"):
        emulator.faults  # noqa: B018
    emulator.shutdown()
    emulator.create_tcp_relay(0)
    assert emulator.get_response("ping") == "pong"
    with connect(emulator) as sock:
        assert ask(sock, b"ping") == b"pong"
        emulator.shutdown()
        assert sock.recv(1) == b""
    assert emulator.socket_port is None
    emulator.shutdown()
