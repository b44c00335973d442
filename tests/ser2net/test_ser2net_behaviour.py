"""What both faces make of a serial server: each row happened to somebody."""

import contextlib
import re
import socket

import pytest
from contract.contract_faces import BlockingFace, ReactorThread, TwistedFace, wait_for
from serial_device import SerialDevice
from serial_server import PATIENCE, SerialServer

from socs_tcp import DeviceConnectionError, ReplyTimedOut
from socs_tcp.core.states import LinkState
from socs_tcp.testing import on

TELNET = pytest.mark.parametrize("telnet", [False, True], ids=["raw", "telnet"])
IDENTITY = b"ACME,PS-1,42,1.0"


@pytest.fixture(scope="module")
def reactor_thread():
    thread = ReactorThread()
    yield thread
    thread.stop()


@pytest.fixture(params=[BlockingFace, TwistedFace], ids=lambda face: face.name)
def make(request, reactor_thread, stack):
    """Makes a device of the face under test, whatever becomes of its first connection."""
    def make(server, **kwargs):
        kwargs.setdefault("min_interval", 0.05)
        face = request.param(reactor_thread, *server.address, **kwargs)
        stack.callback(face.close)
        return face
    return make


@contextlib.contextmanager
def another_client(server):
    """Somebody else, to whom the serial line belongs inside the block."""
    with socket.create_connection(server.address, PATIENCE) as sock, sock.makefile("rb") as heard:
        sock.sendall(b"A?\r\n")
        assert heard.readline().endswith(b"alpha\r\n")
        yield heard


def in_step(device, numbers=range(9)):
    """Each question gets its own answer."""
    assert [device.query(b"E? %d" % n) for n in numbers] == [b"%d" % n for n in numbers]


# a good day

@TELNET
def test_each_question_gets_its_own_answer(serial_server, make, telnet):
    device = make(serial_server(telnet=telnet), telnet=telnet)
    in_step(device)
    assert device.link.up


@pytest.mark.parametrize("data", [b"\xff\xfa,j`\xff\xf04.2", b"\xff", b"\xff\xff\x00", b"a\rb"],
                         ids=repr)
@TELNET
def test_bytes_that_mean_something_to_telnet_are_data(stack, tmp_path, make, telnet, data):
    """What a query sends comes to the instrument as it is, and so does what it answers."""
    instrument = stack.enter_context(contextlib.closing(
        SerialDevice(tmp_path / "ttyUSB1", lambda command: command)))
    server = stack.enter_context(contextlib.closing(
        SerialServer(tmp_path, instrument.path, telnet=telnet)))
    device = make(server, telnet=telnet)
    assert device.query(data) == data
    assert instrument.received == [data]


@TELNET
@pytest.mark.parametrize("options", [{}, {"greeting": True}, {"greeting": re.compile(b"ser2net")}],
                         ids=["undeclared", "declared", "pattern"])
def test_a_banner_answers_nothing(serial_server, make, telnet, options):
    server = serial_server(telnet=telnet, banner=r"ser2net on ttyUSB0\r\n")
    device = make(server, telnet=telnet, **options)
    in_step(device)
    with contextlib.suppress(DeviceConnectionError):    # it is hung up on, and comes back
        server.restart()
        device.query(b"A?")
    device.good(b"B?", b"beta")
    in_step(device)


@pytest.mark.parametrize("greeting", [None, True])
def test_a_banner_is_no_identity(serial_server, make, greeting):
    device = make(serial_server(banner=r"ser2net on ttyUSB0\r\n"), greeting=greeting,
                  identify=("*IDN?", re.compile(IDENTITY)))
    in_step(device)


# a late answer

@TELNET
def test_a_late_answer_over_the_new_connection_answers_nothing(
        serial_server, make, instrument, telnet):
    device = make(serial_server(telnet=telnet), timeout=1.0, telnet=telnet)
    device.good(b"A?", b"alpha")
    instrument.faults.late(1.5)
    assert isinstance(device.error(b"B?"), ReplyTimedOut)
    device.good(b"C?", b"gamma")
    in_step(device)


def test_an_instrument_that_is_slower_than_the_timeout_is_never_out_of_step(
        serial_server, make, instrument):
    """Each answer is late: no reading at all is right, a reading of another is not."""
    device = make(serial_server(), timeout=0.7)
    instrument.faults.late(0.8, times=None)
    for n in range(4):
        with contextlib.suppress(DeviceConnectionError):
            assert device.query(b"E? %d" % n) == b"%d" % n
    instrument.faults.heal()
    device.good(b"A?", b"alpha")
    in_step(device)


def test_a_line_that_the_instrument_says_by_itself_answers_nothing(
        serial_server, make, instrument):
    device = make(serial_server())
    device.good(b"A?", b"alpha")
    instrument.say("ALARM")
    device.wait_unread(len("alpha\r\nALARM\r\n"))
    in_step(device)


# the serial server has no line for us

@pytest.fixture(params=["in use", "gone"])
def refuses(request, instrument, stack):
    """Makes the server refuse; gives what ends that, and what it says."""
    def refuse(server):
        if request.param == "gone":
            instrument.unplug()
            return instrument.plug_in, "Device open failure"
        held = stack.enter_context(contextlib.ExitStack())
        held.enter_context(another_client(server))
        return held.close, "Port already in use"
    return refuse


@TELNET
def test_the_line_of_a_refusal_is_no_reply_and_the_link_never_up(
        serial_server, refuses, make, telnet):
    server = serial_server(telnet=telnet)
    relent, line = refuses(server)
    device = make(server, timeout=0.5, telnet=telnet)
    states = []
    device.link.observe(lambda link, change: states.append(change.new))
    told = []
    for _ in range(3):
        told.append(str(device.error(b"V?")))
        assert not device.link.up
    # Nearly each time: an end that comes with a reset may take the line with it.
    assert [text for text in told if line in text]
    assert LinkState.UP not in states
    relent()
    device.good(b"V?", b"1.25")
    in_step(device)


@pytest.mark.parametrize("identify", [b"*IDN?", ("*IDN?", re.compile(b"ACME.*"))],
                         ids=["remembered", "given"])
def test_the_line_of_a_refusal_is_no_identity(
        serial_server, refuses, make, identify):
    server = serial_server()
    relent, line = refuses(server)
    device = make(server, timeout=0.5, identify=identify)
    assert [text for text in [str(device.error(b"V?")) for _ in range(3)] if line in text]
    relent()
    device.good(b"V?", b"1.25")
    in_step(device)
    server.restart()
    device.good(b"V?", b"1.25")     # and is the same device after that


def test_the_line_of_a_refusal_in_the_middle_of_a_poll(serial_server, instrument, make):
    """The adapter is pulled out while an answer is owed, and is back later."""
    device = make(serial_server(), timeout=1.0)
    device.good(b"V?", b"1.25")
    instrument.faults.silence()
    future = device.start("query", b"V?")
    instrument.wait_for_commands(2)
    instrument.unplug()
    assert isinstance(future.exception(PATIENCE), DeviceConnectionError)
    assert device.link.down
    for _ in range(3):
        device.error(b"V?")
        assert device.link.down
    instrument.plug_in()
    device.good(b"V?", b"1.25")
    in_step(device)


# others, and pauses

@TELNET
def test_the_client_that_is_kicked_off_is_down_and_takes_the_line_back(
        serial_server, make, telnet):
    server = serial_server(kickolduser=True, telnet=telnet)
    device = make(server, telnet=telnet)
    in_step(device)
    with another_client(server) as heard:
        wait_for(lambda: kicked(device))
        device.good(b"A?", b"alpha")
        assert heard.readline() == b""
    in_step(device)


def kicked(device):
    """Does the device know that it was hung up on? (A blocking one looks when it is asked.)"""
    if isinstance(device, BlockingFace):
        device.device.check_idle()
    return device.link.down


def test_our_own_former_connection_does_not_keep_us_out(serial_server, instrument, make):
    """The server learns of the end of a connection when it is its turn; one client only."""
    device = make(serial_server(max_connections=1), timeout=0.3)
    for _ in range(3):
        device.good(b"A?", b"alpha")
        instrument.faults.silence()
        assert isinstance(device.error(b"B?"), ReplyTimedOut)
    device.good(b"C?", b"gamma")
    in_step(device)


def test_hung_up_on_when_idle_and_good_at_the_next_question(serial_server, make):
    device = make(serial_server(timeout=1))
    device.good(b"A?", b"alpha")
    wait_for(lambda: kicked(device))
    device.good(b"B?", b"beta")
    in_step(device)


@TELNET
def test_the_server_is_restarted(serial_server, make, telnet):
    server = serial_server(telnet=telnet)
    device = make(server, telnet=telnet)
    in_step(device)
    server.stop()
    device.error(b"A?")
    assert device.link.down
    server.start()
    device.good(b"A?", b"alpha")
    in_step(device)


class Supply:
    """Keeps a voltage until it is switched off."""

    def __init__(self):
        self.volt = "0"

    @on("VOLT 5")
    def set(self):
        self.volt = "5"
        return "OK"

    @on("VOLT?")
    def get(self):
        return self.volt


def test_the_instrument_is_switched_off_and_on(stack, tmp_path, make):
    instrument = stack.enter_context(contextlib.closing(
        SerialDevice(tmp_path / "ttyUSB1", Supply)))
    server = stack.enter_context(contextlib.closing(SerialServer(tmp_path, instrument.path)))
    device = make(server, timeout=0.5)
    device.good(b"VOLT 5", b"OK")
    device.good(b"VOLT?", b"5")
    instrument.faults.black_hole()
    assert isinstance(device.error(b"VOLT?"), ReplyTimedOut)
    assert device.link.down
    instrument.faults.heal()
    instrument.faults.reboot()
    device.good(b"VOLT?", b"0")
