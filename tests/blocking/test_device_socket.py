"""A socket is never closed under a call that uses it, and always after it."""

import socket
import threading

import pytest

from socs_tcp.blocking.device_socket import DeviceSocket
from socs_tcp.blocking.gate import Call, Gate


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
    with Call(gate, 1):
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
