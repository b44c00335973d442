"""`SerialOverTCP` in front of a real serial server."""

import contextlib
import socket

import pytest
import serial
from serial_server import PATIENCE

from socs_tcp.serial import SerialOverTCP


def ask(port, command):
    port.write(command + b"\r\n")
    return port.readline()


@pytest.mark.parametrize("telnet", [False, True], ids=["raw", "telnet"])
def test_each_question_gets_its_answer(serial_server, telnet):
    server = serial_server(telnet=telnet)
    with SerialOverTCP(*server.address, PATIENCE, telnet=telnet) as port:
        for number in range(9):
            assert ask(port, b"E? %d" % number) == b"%d\r\n" % number
        assert port.link.up


def test_who_was_kicked_off_is_told_and_comes_back(serial_server):
    server = serial_server(kickolduser=True)
    with SerialOverTCP(*server.address, PATIENCE) as port:
        assert ask(port, b"A?") == b"alpha\r\n"
        with socket.create_connection(server.address, PATIENCE) as other, \
                other.makefile("rb") as heard:
            other.sendall(b"B?\r\n")
            assert heard.readline() == b"beta\r\n"
            with pytest.raises(serial.SerialException):
                port.read()
            assert port.link.down
            assert ask(port, b"A?") == b"alpha\r\n"
            assert port.link.up
            with contextlib.suppress(ConnectionResetError):
                assert heard.read() == b""      # now the other one is off


def test_a_restart_of_the_server_costs_no_answer(serial_server):
    server = serial_server()
    with serial.serial_for_url(f"socs://{server.host}:{server.port}", timeout=PATIENCE) as port:
        assert ask(port, b"A?") == b"alpha\r\n"
        server.stop()
        with pytest.raises(serial.SerialException):
            port.read()
        server.start()
        assert ask(port, b"B?") == b"beta\r\n"
