"""A socket is never closed under a call that uses it, and always after it."""

import contextlib
import os
import socket
import threading

import pytest

from socs_tcp.blocking.device_socket import SOON, DeviceSocket
from socs_tcp.blocking.gate import Gate


@contextlib.contextmanager
def held(gate):
    """A call has the device."""
    gate.enter(1)
    yield
    gate.call = None
    gate.release()


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def pair(gate):
    near, far = socket.socketpair()
    far.settimeout(5)
    near = DeviceSocket(near, gate)
    with far:
        yield near, far
        near.finish()


def close_in_another_thread(sock):
    thread = threading.Thread(target=sock.close)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize("close", [close_in_another_thread, DeviceSocket.close],
                         ids=["another thread", "a signal handler"])
def test_its_number_is_nobody_elses_while_a_call_uses_it(gate, pair, close):
    near, far = pair
    with held(gate):
        close(near)
        assert near.closing and near.fileno() >= 0
        assert far.recv(1) == b""       # the device sees the end at once
        close(near)
        assert near.fileno() >= 0
    near.finish()
    assert near.fileno() == -1


def test_it_is_closed_at_once_where_nobody_uses_it(pair):
    near, far = pair
    near.close()
    assert near.fileno() == -1 and far.recv(1) == b""
    near.close()


# a read that waits by itself: of nobody's concern but ours

def waiting(near):
    near.settimeout(5)
    near.wait_in_reads()
    assert near.waits and os.get_blocking(near.fileno())


def test_a_read_of_the_descriptor_waits_for_a_moment_only(pair):
    waiting(pair[0])
    with pytest.raises(BlockingIOError):
        os.read(pair[0].fileno(), 1)


@pytest.mark.parametrize("seconds", [0.05, None, 0.0])
def test_a_timeout_of_the_drivers_is_kept(pair, seconds):
    near, far = pair
    waiting(near)
    near.settimeout(seconds)
    assert near.gettimeout() == seconds and near.waits is False
    assert os.get_blocking(near.fileno()) == (seconds is None)
    assert near.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16) == bytes(16)
    if seconds is None:
        timer = threading.Timer(5 * SOON, far.send, [b"x"])
        timer.start()
        assert near.recv(1) == b"x"
    else:
        with pytest.raises(TimeoutError if seconds else BlockingIOError):
            near.recv(1)


def test_who_waits_by_the_socket_waits_for_its_timeout(pair):
    near, far = pair
    waiting(near)
    timer = threading.Timer(5 * SOON, far.send, [b"x"])
    timer.start()
    assert near.recv(1) == b"x"


def test_a_device_that_takes_nothing_is_given_up_when_the_timeout_is_over(pair):
    near, _far = pair
    waiting(near)
    super(DeviceSocket, near).settimeout(0.1)
    os.set_blocking(near.fileno(), True)
    with pytest.raises(TimeoutError):
        near.sendall(b"x" * (8 << 20))


@pytest.mark.parametrize("blocking", [True, False])
def test_a_socket_without_a_timeout_does_not_wait_in_reads(pair, blocking):
    near, _far = pair
    near.setblocking(blocking)
    near.wait_in_reads()
    assert near.waits is False
    assert near.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16) == bytes(16)


def test_a_copy_of_the_socket_is_a_plain_one(pair):
    near, far = pair
    waiting(near)
    with near.dup() as copy:
        assert type(copy) is socket.socket and copy.gettimeout() == 5 and not near.waits
        far.send(b"x")
        assert copy.recv(1) == b"x"


def test_a_descriptor_that_is_taken_away_is_as_that_of_any_socket(pair):
    near, _far = pair
    waiting(near)
    fd = near.detach()
    assert not os.get_blocking(fd)
    with socket.socket(fileno=fd) as plain:
        assert plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16) == bytes(16)
