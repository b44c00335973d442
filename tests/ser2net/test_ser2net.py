"""The ser2net that the other tests stand on does what they count on."""

import contextlib
import socket

import pytest
from serial_device import SerialDevice
from serial_server import PATIENCE, SerialServer, talk

IAC = b"\xff"


@contextlib.contextmanager
def client(server):
    with socket.create_connection(server.address, PATIENCE) as sock, sock.makefile("rb") as heard:
        yield sock.sendall, heard.readline


@pytest.mark.parametrize("telnet", [False, True], ids=["raw", "telnet"])
def test_it_passes_a_question_and_its_answer(serial_server, instrument, telnet):
    with client(serial_server(telnet=telnet)) as (say, line):
        say(b"A?\r\n")
        assert line().endswith(b"alpha\r\n")
        say(b"B?\r\n")
        assert line() == b"beta\r\n"
    assert instrument.received == [b"A?", b"B?"]


def test_telnet_negotiates(serial_server):
    with client(serial_server(telnet=True)) as (say, line):
        say(b"A?\r\n")
        assert line().startswith(IAC)


def test_a_second_client_is_told_and_hung_up_on(serial_server):
    server = serial_server(max_connections=1)
    with client(server) as (say, line):
        say(b"A?\r\n")
        assert line() == b"alpha\r\n"
        assert talk(server.address, b"") == b"Port already in use\r\n"
        say(b"B?\r\n")
        assert line() == b"beta\r\n"


def test_a_second_client_kicks_the_first_one_off(serial_server):
    server = serial_server(kickolduser=True)
    with client(server) as (_say, line), client(server) as (other_says, other_line):
        assert line() == b""
        other_says(b"B?\r\n")
        assert other_line() == b"beta\r\n"


def test_a_banner_comes_first(serial_server):
    with client(serial_server(banner=r"ser2net on ttyUSB0\r\n")) as (say, line):
        assert line() == b"ser2net on ttyUSB0\r\n"
        say(b"A?\r\n")
        assert line() == b"alpha\r\n"


def test_it_hangs_up_on_an_idle_client(serial_server):
    with client(serial_server(timeout=1)) as (say, line):
        say(b"A?\r\n")
        assert line() == b"alpha\r\n"
        assert line() == b""


def test_it_hangs_up_when_the_serial_device_goes_and_says_why_until_it_is_back(
        serial_server, instrument):
    server = serial_server()
    with client(server) as (say, line):
        say(b"A?\r\n")
        assert line() == b"alpha\r\n"
        instrument.unplug()
        assert line() == b""
    assert talk(server.address, b"").startswith(b"Device open failure")
    instrument.plug_in()
    with client(server) as (say, line):
        say(b"A?\r\n")
        assert line() == b"alpha\r\n"


def test_a_late_answer_comes_over_the_next_connection(serial_server, instrument):
    server = serial_server()
    instrument.faults.late(0.5)
    with client(server) as (say, line):
        say(b"A?\r\n")
        instrument.wait_for_commands(1)
    with client(server) as (say, line):
        assert line() == b"alpha\r\n"


def test_it_keeps_its_port_when_it_is_restarted(serial_server):
    server = serial_server()
    port = server.port
    with client(server) as (say, line):
        say(b"A?\r\n")
        assert line() == b"alpha\r\n"
        server.stop()
        assert line() == b""
    with pytest.raises(ConnectionRefusedError):
        talk(server.address, b"")
    server.start()
    assert server.port == port
    with client(server) as (say, line):
        say(b"A?\r\n")
        assert line() == b"alpha\r\n"


def test_a_wrong_configuration_is_told(tmp_path, instrument):
    with pytest.raises(RuntimeError, match=r"no-such-option"):
        SerialServer(tmp_path, instrument.path, no_such_option=1)


def test_a_power_cycle_of_the_instrument_does_not_show_on_the_line(stack, tmp_path):
    device = stack.enter_context(contextlib.closing(
        SerialDevice(tmp_path / "ttyUSB1", {"SET": None, "A?": ["first", "second"]})))
    server = stack.enter_context(contextlib.closing(SerialServer(tmp_path, device.path)))
    with client(server) as (say, line):
        for answer in (b"first\r\n", b"second\r\n"):
            say(b"A?\r\n")
            assert line() == answer
        device.faults.reboot()
        say(b"A?\r\n")
        assert line() == b"first\r\n"


def test_the_instrument_takes_more_than_the_line_holds(stack, tmp_path):
    device = stack.enter_context(contextlib.closing(
        SerialDevice(tmp_path / "ttyUSB1", {"WAVE?": "x" * 100_000})))
    server = stack.enter_context(contextlib.closing(SerialServer(tmp_path, device.path)))
    with client(server) as (say, line):
        say(b"WAVE?\r\n")
        assert len(line()) == 100_002
