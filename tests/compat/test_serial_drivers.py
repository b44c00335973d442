"""SOCS' drivers of serial ports, unchanged, on ours."""


import pytest
import serial
from socs_drivers import turbo_pump
from socs_processes import compat, lines_of

from socs_tcp import FixedFramer, LineFramer
from socs_tcp.testing import DeviceServer

#: Of a tilt sensor: -30 and 0 degrees.
ANGLES = bytes.fromhex("61 22 e0 93 04 00 00 00 00 00 00 00")


@pytest.fixture
def moxa(ours):
    from socs.common import moxa_serial

    return moxa_serial


@pytest.fixture
def server():
    with DeviceServer({"A?": "alpha", "B?": "beta"}) as server:
        yield server


@pytest.mark.parametrize("encoded", [True, False])
def test_the_class_for_moxa_boxes(moxa, server, encoded):
    def kind(data):
        return data.decode() if encoded else data
    port = moxa.Serial_TCPServer((server.host, server.port), timeout=5.0, encoded=encoded)
    assert type(port).__module__ == "socs_tcp.compat.moxa"
    port.write(kind(b"A?\r\n"))
    assert port.readexactly(2) == kind(b"al")
    assert port.read(3) == kind(b"pha")
    assert port.readall() == kind(b"")
    assert port.readline() == kind(b"")
    assert port.writeread(kind(b"B?\r\n")) == kind(b"beta")
    port.timeout = 0.1
    port.flushInput()
    assert port.readall() is False
    assert port.readexactly(4) == port.readpacket(4) == port.readbuf(4) == kind(b"")
    server.say(b"xyz")
    server.wait_for(lambda: port.serial.in_waiting == 5)
    assert port.readexactly(9) == kind(b"")     # what came is left there
    assert port.readpacket(2) == kind(b"xy")
    assert port.read(9) == kind(b"z\r\n")
    port.sock.close()
    with pytest.raises(OSError, match="not open"):
        port.write(kind(b"A?\r\n"))


def test_a_loss_is_no_error_of_a_read_and_mended_by_a_write(moxa, server):
    port = moxa.Serial_TCPServer((server.host, server.port), timeout=5.0)
    server.faults.hang_up()
    assert port.read(5) == ""
    assert port.serial.link.down
    port.write("A?\r\n")
    assert port.readline("\r\n") == "alpha"
    port.sock.close()


@pytest.mark.parametrize("kind", ["moxa", "socket"])
def test_a_device_that_is_away_is_no_error_but_told(moxa, server, kind):
    """The agents of these drivers expect none: an acquisition would end."""
    if kind == "moxa":
        port = moxa.Serial_TCPServer((server.host, server.port), timeout=0.2, encoded=False)
        link = port.serial.link
    else:
        port = serial.serial_for_url(f"socket://{server.host}:{server.port}", timeout=0.2)
        link = port.device.link
    told = []
    link.hear_remarks(lambda _link, text: told.append(text))
    server.unplug()
    for _ in range(2):
        port.write(b"A?\r\n")
        assert port.read(5) == b""
    assert link.down and len(told) == 1 and told[0].startswith("b'A?\\r\\n' was not sent: ")
    server.plug_in()
    server.wait_for(lambda: port.write(b"A?\r\n") or port.read(5) == b"alpha", 20)
    with pytest.raises(TypeError, match="takes bytes, not 5"):
        port.write(5)


def test_pmx_through_an_outage(moxa):
    from socs.common.pmx import PMX

    def answer(command):        # it ends its commands with LF CR
        return {b"OUTP?": b"1", b"MEAS:VOLT?": b"1.5"}.get(command.strip())
    with DeviceServer(answer, framer=LineFramer(b"\n")) as server:
        pmx = PMX(tcp_ip=server.host, tcp_port=server.port, timeout=5.0)
        assert pmx.check_connect()[1]
        server.faults.hang_up()
        assert pmx.check_voltage()[1] == 1.5


def test_sherborne_through_an_outage(moxa):
    from socs.agents.wiregrid_tiltsensor.drivers.sherborne import Sherborne

    answers = {"!148:SYS?": "+1.234567890123", "!149:SYS?": "-1.234567890123"}
    with DeviceServer(answers, framer=LineFramer(b"\r")) as server:
        tilt = Sherborne(server.host, server.port, 5.0)
        for _ in range(2):
            assert tilt.get_angle()[1] == ("+1.234567890123", "-1.234567890123")
            server.faults.hang_up()


def test_dwl_through_an_outage(moxa):
    from socs.agents.wiregrid_tiltsensor.drivers.dwl import DWL

    def answer(command):        # the first one, which sets it up, has no answer
        return ANGLES if command[:2] == b"\x06\x01" else None
    with DeviceServer(answer, framer=FixedFramer(12)) as server:
        tilt = DWL(server.host, server.port, 1.0)
        for _ in range(2):
            assert tilt.get_angle()[1] == (-30.0, 0.0)
            server.faults.hang_up()
        server.faults.black_hole()
        with pytest.raises(ValueError, match="size of the string"):
            tilt.get_angle()
        assert tilt.ser.serial.link.down


def test_pfeiffer_tc400_through_an_outage(ours):
    from socs.agents.pfeiffer_tc400.drivers import PfeifferTC400

    with DeviceServer(turbo_pump()) as server:
        turbo = PfeifferTC400(server.host, server.port, 94)
        for _ in range(2):
            assert turbo.get_turbo_drive_voltage() == 48.0
            server.faults.hang_up()
            server.wait_for(turbo.ser.device.at_end)
        turbo.ser.close()


def test_socket_urls_are_ours_and_pyserials_again(server):
    from socs_tcp import compat

    url = f"socket://{server.host}:{server.port}"
    compat.install()
    try:
        with serial.serial_for_url(url, baudrate=9600, timeout=5) as port:
            port.write(b"A?\r\n")
            assert port.read_until(b"\r\n") == b"alpha\r\n"
            server.faults.hang_up()
            server.wait_for(port.device.at_end)
            port.write(b"B?\r\n")
            assert port.read_until(b"\r\n") == b"beta\r\n"
    finally:
        compat.uninstall()
    with serial.serial_for_url(url) as port:
        assert type(port).__module__ == "serial.urlhandler.protocol_socket"


@pytest.mark.parametrize("first", ["from socs.common.moxa_serial import Serial_TCPServer as kind",
                                   "import socs.agents.wiregrid_tiltsensor.drivers.dwl as dwl\n"
                                   "kind = dwl.mx.Serial_TCPServer"])
def test_programs_under_the_switch(script, first):
    done = compat(script(first + "\nimport serial\n"
                         "print(kind.__module__, serial.protocol_handler_packages[0])"))
    assert done.stdout.split() == ["socs_tcp.compat.moxa", "socs_tcp.compat.urlhandler"], done


def test_uninstall_gives_the_class_back():
    assert lines_of("""
        from socs.common import moxa_serial
        theirs = [moxa_serial.Serial_TCPServer]
        from socs_tcp.compat import install, uninstall
        from socs.agents.wiregrid_tiltsensor.drivers import dwl
        for _ in range(2):
            install()
            print(moxa_serial.Serial_TCPServer is theirs[0])
            uninstall()
            print(dwl.mx.Serial_TCPServer is theirs[0])
        """) == ["False", "True"] * 2
