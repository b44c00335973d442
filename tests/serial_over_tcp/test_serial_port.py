"""`SerialOverTCP`: the names and the manners of pyserial, through faults of the device."""

import pickle
import socket
import subprocess
import sys
import threading

import pytest
import serial

from socs_tcp import Disconnected, ReplyTimedOut
from socs_tcp.core.states import LinkState
from socs_tcp.serial import SerialOverTCP, errors
from socs_tcp.serial.protocol_socs import address_of
from socs_tcp.testing import DeviceServer

#: Long enough for any reply of a simulated device; short enough to wait for silence.
LONG, SHORT = 10.0, 0.1
ANSWERS = {"A?": "alpha", "B?": "beta", "SET": None}


@pytest.fixture
def server():
    with DeviceServer(dict(ANSWERS)) as server:
        yield server


@pytest.fixture(params=["object", "url"])
def port(request, server):
    if request.param == "object":
        port = SerialOverTCP(server.host, server.port, LONG, min_interval=0.05)
    else:
        port = serial.serial_for_url(f"socs://{server.host}:{server.port}", baudrate=9600,
                                     bytesize=serial.EIGHTBITS, timeout=LONG)
        port.device.min_interval = 0.05
    with port:
        yield port


def ask(port, command=b"A?"):
    port.write(command + b"\r\n")
    return port.readline()


# a good day

def test_a_question_and_its_answer(port):
    assert port.write(b"A?\r\n") == 4
    assert port.readline() == b"alpha\r\n"
    assert port.link.state is LinkState.UP


def test_read_gives_as_many_as_are_asked_for_and_keeps_the_rest(port):
    port.write(b"A?\r\nB?\r\n")
    assert port.read(2) == b"al"
    assert port.read(3) == b"pha"
    assert port.read_until(b"t") == b"\r\nbet"
    assert port.read() == b"a"
    assert port.read(0) == b""
    assert port.read(2) == b"\r\n"


def test_an_end_that_comes_in_two_pieces_is_found(server, port):
    server.faults.split(at=6, pause=0.02)
    port.write(b"A?\r\n")
    assert port.read_until(b"\r\n") == b"alpha\r\n"


def test_read_until_gives_no_more_than_size(port):
    port.write(b"A?\r\n")
    assert port.read_until(b"\n", 3) == b"alp"
    assert port.readline(2) == b"ha"
    assert port.readline() == b"\r\n"


def test_what_is_waiting(server, port):
    assert port.in_waiting == port.inWaiting() == 0
    port.write(b"A?\r\n")
    server.wait_for(lambda: port.in_waiting == 7)
    assert port.read_all() == b"alpha\r\n"
    assert port.read_all() == b""


def test_what_is_there_is_thrown_away(server, port):
    port.write(b"A?\r\n")
    server.wait_for(lambda: port.in_waiting == 7)
    port.reset_input_buffer()
    assert ask(port, b"B?") == b"beta\r\n"


def test_a_text_is_told_apart_from_bytes(port):
    with pytest.raises(TypeError, match="encode"):
        port.write("A?\r\n")


# its timeouts

def test_a_read_returns_what_came_and_nothing_if_nothing_came(server, port):
    port.timeout = SHORT
    assert port.read(5) == b""
    server.say(b"half")
    server.wait_for(lambda: port.in_waiting == 6)
    assert port.read_until(b"!") == b"half\r\n"


def test_without_a_timeout_a_read_gives_what_is_there(server, port):
    port.timeout = 0
    assert port.read(5) == b""
    losses = port.link.timeouts
    port.write(b"A?\r\n")
    server.wait_for(lambda: port.in_waiting == 7)
    assert port.read(100) == b"alpha\r\n"
    assert port.link.timeouts == losses == 0


def test_silence_after_a_question_is_a_failure(server, port):
    server.faults.silence()
    port.timeout = SHORT
    assert ask(port) == b""
    assert port.link.down
    port.timeout = LONG
    assert ask(port) == b"alpha\r\n"
    assert port.link.up


def test_silence_after_an_answer_is_none(port):
    assert ask(port) == b"alpha\r\n"
    port.timeout = SHORT
    assert port.read(100) == b""
    assert port.link.up and not port.link.timeouts


def test_a_late_answer_does_not_answer_the_next_question(server, port):
    server.faults.late(3 * SHORT)
    port.timeout = SHORT
    assert ask(port) == b""
    server.wait_for(port.device.readable)
    port.timeout = LONG
    assert ask(port, b"B?") == b"beta\r\n"


def test_the_rest_of_a_cut_answer_does_not_either(server, port):
    server.faults.split(at=2, pause=3 * SHORT)
    port.timeout = SHORT
    assert ask(port) == b"al"
    server.wait_for(port.device.readable)
    port.timeout = LONG
    assert ask(port, b"B?") == b"beta\r\n"


# its losses

def test_a_hang_up_is_told_and_the_next_write_connects_again(server, port):
    assert ask(port) == b"alpha\r\n"
    server.faults.hang_up_mid_reply(3)
    port.write(b"A?\r\n")
    with pytest.raises(serial.SerialException) as caught:
        port.readline()
    assert isinstance(caught.value, Disconnected)
    assert caught.value.port == server.port
    assert port.link.down
    assert ask(port, b"B?") == b"beta\r\n"
    assert port.link.up


@pytest.mark.parametrize("fault", ["hang_up", "reset", "reboot"])
def test_a_loss_between_questions_costs_no_answer(server, port, fault):
    assert ask(port) == b"alpha\r\n"
    getattr(server.faults, fault)()
    server.wait_for(port.device.readable)
    assert ask(port, b"B?") == b"beta\r\n"
    assert port.link.losses == 1


def test_a_loss_shows_where_a_driver_only_looks(server, port):
    server.faults.hang_up()
    with pytest.raises(serial.SerialException):
        server.wait_for(lambda: port.in_waiting)
    assert port.in_waiting == 0     # it is told once
    assert ask(port) == b"alpha\r\n"


def test_what_came_before_a_hang_up_is_not_lost(server, port):
    server.faults.hang_up_after(7)
    port.write(b"A?\r\n")
    server.wait_for(lambda: server.clients == 0)
    assert port.in_waiting == 7
    assert port.readline() == b"alpha\r\n"
    with pytest.raises(ConnectionError):
        port.readline()


def test_nothing_of_the_old_connection_is_read_from_the_new_one(server, port):
    server.say(b"old")
    server.wait_for(lambda: port.in_waiting == 5)
    server.faults.hang_up()
    server.wait_for(port.device.at_end)
    assert ask(port) == b"alpha\r\n"


def test_who_only_listens_gets_a_new_connection_too(server, port):
    server.faults.hang_up()
    server.wait_for(port.device.at_end)
    for _ in range(2):      # the loss; then the new connection
        with pytest.raises(ConnectionError):
            port.read()
    server.say(b"x")
    assert port.read() == b"x"


def test_a_black_hole_ends_in_time(server, port):
    assert ask(port) == b"alpha\r\n"
    server.faults.black_hole()
    port.timeout = SHORT
    assert ask(port) == b""
    assert port.link.down
    server.faults.heal()


def test_an_absent_device_raises_with_the_first_write_and_is_found_later():
    with DeviceServer(dict(ANSWERS)) as server:
        server.unplug()
        with SerialOverTCP(server.host, server.port, LONG, min_interval=0.01) as port:
            assert port.is_open and port.link.down
            with pytest.raises(serial.SerialException, match="refused"):
                port.write(b"A?\r\n")
            assert port.in_waiting == 0
            with pytest.raises(ConnectionError):
                port.fileno()
            server.plug_in()
            assert ask(port) == b"alpha\r\n"


# its end

def test_closed_and_opened_again(port):
    assert ask(port) == b"alpha\r\n"
    port.close()
    port.close()
    assert not port.is_open and not port.isOpen()
    for use in (port.read, port.reset_input_buffer, port.fileno, lambda: port.write(b"A?"),
                lambda: port.in_waiting):
        with pytest.raises(serial.SerialException, match="not open"):
            use()
    port.open()
    with pytest.raises(OSError, match="open already"):
        SerialOverTCP.open(port)
    assert ask(port) == b"alpha\r\n"


def test_close_ends_a_read_in_another_thread(port):
    port.timeout, ended = None, []

    def read():
        try:
            port.read(5)
        except OSError as exc:
            ended.append(exc)
    thread = threading.Thread(target=read)
    thread.start()
    port.close()
    thread.join(LONG)
    assert not thread.is_alive() and ended


def test_a_write_does_not_wait_for_a_read_of_another_thread(port):
    heard = []
    thread = threading.Thread(target=lambda: heard.append(port.readline()))
    thread.start()
    port.write(b"A?\r\n")
    thread.join(LONG)
    assert heard == [b"alpha\r\n"]


# errors, URLs, imports

def test_errors_can_be_pickled_and_say_all():
    error = errors.as_serial(ReplyTimedOut("h:1: no", host="h", port=1, phase="recv", sent="yes"))
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error) and str(copy) == "h:1: no"
    assert (copy.host, copy.port, copy.phase, copy.sent) == ("h", 1, "recv", "yes")
    assert isinstance(copy, (ReplyTimedOut, serial.SerialException))
    assert issubclass(errors.SendTimedOut, serial.SerialTimeoutException)


@pytest.mark.parametrize("url", ["socs://", "socs://host", "socs://:4001", "socs://h:x",
                                 "socs://h:99999", "http://h:1", "socs://h:1/dev/ttyUSB0",
                                 "socs://h:1?telnet=perhaps", "socs://h:1?baud=9600",
                                 "socs://[::1:1"])
def test_an_address_that_makes_no_sense_is_named(url):
    with pytest.raises(ValueError, match=r"socs://host:port|\?telnet=yes"):
        address_of(url, "socs")


def test_addresses():
    assert address_of("socs://gauge:4001", "socs") == (("gauge", 4001), {})
    assert address_of("socs://[::1]:4001?telnet=yes", "socs") == (("::1", 4001), {"telnet": True})


def test_a_port_that_is_opened_later(server):
    port = serial.serial_for_url(f"socs://{server.host}:{server.port}", do_not_open=True)
    assert not port.is_open and server.clients == 0
    port.timeout = LONG
    port.open()
    assert ask(port) == b"alpha\r\n"
    port.baudrate, port.rts = 19200, False      # taken, and of no effect
    assert port.cts
    port.close()


@pytest.mark.parametrize("code", [
    "import socs_tcp, sys; assert 'serial' not in sys.modules",
    "import sys; sys.modules['serial'] = None; import socs_tcp.serial\n"
    "p = socs_tcp.serial.SerialOverTCP('127.0.0.1', 1, 1.0)\n"
    "try: p.write(b'x')\nexcept ConnectionError: print('ok')"])
def test_pyserial_is_not_needed(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_device_that_never_stops_can_be_reset_and_is_bounded():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with SerialOverTCP(*listener.getsockname(), LONG) as port:
            sock = listener.accept()[0]
            flood = threading.Thread(target=_flood, args=(sock,), daemon=True)
            flood.start()
            port.reset_input_buffer()
            assert len(port.read_until(b"never")) <= 1 << 20
        flood.join(LONG)
        assert not flood.is_alive()


def _flood(sock):
    try:
        while True:
            sock.sendall(b"x" * 65536)
    except OSError:
        sock.close()


def test_an_agent_watches_it_as_any_device(server, port, ocs_agent, ocs_session):
    from socs_tcp import DeviceAgentMixin

    class Gauge(DeviceAgentMixin):
        agent = ocs_agent

    agent = Gauge()
    agent.watch(port)
    assert ask(port) == b"alpha\r\n"
    assert not ocs_session.degraded
    server.faults.hang_up()
    with pytest.raises(ConnectionError):
        port.read()
    server.wait_for(lambda: ocs_session.degraded)


def test_to_delete_it_closes_its_connection(server):
    port = SerialOverTCP(server.host, server.port, LONG)
    server.wait_for(lambda: server.clients == 1)
    del port
    server.wait_for(lambda: server.clients == 0)
