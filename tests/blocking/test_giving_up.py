"""When a connection is given up, and that the device sees it then. No test here sleeps."""

import contextlib
import socket
import threading

import pytest

from socs_tcp import ConnectFailed, Disconnected, LineFramer, ReplyTimedOut, TCPInterface
from socs_tcp.blocking import dialer, session


@pytest.fixture
def far_end():
    near, far = socket.socketpair()
    far.settimeout(5)
    with near, far:
        yield near, far


def driver(near, **options):
    class Driver(TCPInterface):
        def _connect(self, address):
            return near
    options = {"timeout": 30, "settle": 0, **options}
    return Driver("dev", 7777, framer=LineFramer(b"\n"), **options)


def test_a_reply_that_nobody_waits_for_ends_the_connection_before_the_next_call(far_end):
    """What holds only one client is else taken by a connection that is of no more use."""
    near, far = far_end
    device = driver(near)
    with pytest.raises(ReplyTimedOut):
        device.query("A", timeout=0.01)
    assert far.recv(10) == b"A\n" and far.recv(1) == b""
    assert device.comm is None


@pytest.mark.parametrize("ask", [lambda device: device.query("A", timeout=0.01),
                                 lambda device: device.recv()], ids=["query", "recv"])
def test_a_preparation_that_lost_its_connection_has_failed(far_end, ask):
    """However light `on_connect` makes of it."""
    near, far = far_end

    def on_connect(device):
        far.close()
        with contextlib.suppress(ConnectionError):
            ask(device)
    device = driver(near, on_connect=on_connect)
    assert device.comm is None
    assert device.link.down and near.fileno() == -1
    with pytest.raises(Disconnected, match="the device closed the connection"):
        device.recv()


def test_of_a_device_that_hangs_up_and_has_said_nothing_no_more_is_told(far_end):
    near, far = far_end
    device = driver(near)
    far.close()
    with pytest.raises(Disconnected) as caught:
        device.recv()
    assert str(caught.value) == "dev:7777: the device closed the connection"


def test_a_close_of_another_thread_in_a_reserve_is_complete_at_its_end(far_end, monkeypatch):
    monkeypatch.setattr(session, "CLOSE_PATIENCE", 0.01)
    near, _far = far_end
    device = driver(near)
    with device.reserve():
        closing = threading.Thread(target=device.close)
        closing.start()
        closing.join(5)
    assert device.comm is None and near.fileno() == -1


@pytest.fixture
def put_in_place(far_end):
    """A device that could not connect twice, and into which a driver has put a connection."""
    near, far = far_end

    class Driver(TCPInterface):
        def _connect(self, address):
            return None
    device = Driver("dev", 7777, 1, framer=LineFramer(b"\n"), settle=0, min_interval=60)
    with pytest.raises(ConnectFailed):
        device.send("A")
    assert device.retry_in() > 0
    device.comm = near
    yield device, far
    device.close()


def test_a_connection_that_is_there_needs_no_other_soon(put_in_place):
    device, _far = put_in_place
    assert device.retry_in() == 0.0
    device.send("A")
    assert device.retry_in() == 0.0


def test_after_a_word_of_the_device_the_next_loss_is_the_first_one_again(put_in_place):
    device, far = put_in_place
    far.sendall(b"1.5\n")
    assert device.recv() == b"1.5\n"
    far.close()
    assert device.check_idle() and device.link.down
    assert device.retry_in() == 0.0


def answer_once(far):
    """A thread that answers one question, and hangs up."""
    def answer():
        far.recv(10)
        far.sendall(b"1.5\n")
        far.close()
    answering = threading.Thread(target=answer)
    answering.start()
    return answering


def test_in_a_reserve_a_device_that_hangs_up_after_its_reply_is_asked_once(far_end):
    near, far = far_end
    device = driver(near, closes_after_reply=True)
    answering = answer_once(far)
    with device.reserve() as talk:
        assert talk.query("A") == b"1.5"
        answering.join(5)
        with pytest.raises(Disconnected):
            talk.query("B")


def test_a_connect_takes_no_longer_than_the_call_may(monkeypatch):
    given = []

    def refused(*_address, timeout, **_options):
        given.append(timeout)
        raise ConnectionRefusedError(111, "Connection refused")
    monkeypatch.setattr(dialer, "dial", refused)
    device = TCPInterface("dev", 7777, 60, min_interval=0.001)
    with pytest.raises(ConnectFailed):
        device.query("A", timeout=20)
    assert 20 < given[0] <= 60 and 0 < given[1] <= 20


def test_a_close_of_another_thread_ends_who_listens_and_a_command_may_have_arrived(far_end):
    near, far = far_end
    device, errors, begun = driver(near), [], threading.Event()

    def listen():
        try:
            with device.reserve() as talk:
                begun.set()
                talk.recv_frame()
        except Disconnected as exc:
            errors.append(exc)
    listening = threading.Thread(target=listen)
    listening.start()
    assert begun.wait(5)
    device.send(b"A\n")     # it waits until the other listens
    device.close()
    assert far.recv(10) == b"A\n"
    listening.join(5)
    [error] = errors
    assert error.sent == "maybe" and "closed by this program" in str(error)


def test_after_its_greeting_a_device_is_asked_without_a_pause(far_end):
    near, far = far_end
    far.sendall(b"hello\n")
    device = driver(near, greeting=True, settle=300)
    answering = answer_once(far)
    assert device.query("A") == b"1.5"
    answering.join(5)
