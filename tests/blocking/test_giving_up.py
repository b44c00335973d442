"""When a connection is given up, and that the device sees it then. No test here sleeps."""

import contextlib
import socket

import pytest

from socs_tcp import LineFramer, ReplyTimedOut, TCPInterface


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
    return Driver("dev", 7777, 1, framer=LineFramer(b"\n"), settle=0, **options)


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
