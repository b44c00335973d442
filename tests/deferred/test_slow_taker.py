"""A device that takes long to take a big command: as long as the request may take."""

import socket

import pytest

from socs_tcp import DeviceClient, LineFramer
from tests.storms.deferreds import own_reactor

BIG = b"x" * 40000 + b"\n"
KEEPALIVE = 0.5


@pytest.fixture
def real():
    with own_reactor() as turner:
        yield turner


@pytest.fixture
def listener():
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(10)
        yield listener


def user_timeout(client):
    return client.comm.transport.getHandle().getsockopt(
        socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)


def test_it_is_given_the_time(real, listener):
    client = DeviceClient("127.0.0.1", listener.getsockname()[1], 10, reactor=real.reactor,
                          framer=LineFramer(b"\n"), keepalive=KEEPALIVE)
    replies = []
    client.query(BIG).addBoth(replies.append)
    assert real.until(lambda: client.comm is not None, 10)
    with listener.accept()[0] as far:
        far.settimeout(10)
        assert not real.until(lambda: replies, 3 * KEEPALIVE)    # it takes nothing
        count = 0
        while count < len(BIG):
            real.turn(0)
            count += len(far.recv(65536))
        far.sendall(b"OK\n")
        assert real.until(lambda: replies, 10)
        assert replies == [b"OK"]
        assert client.link.losses == 0
        # What may take less long is watched as ever.
        assert user_timeout(client) == 10000
        client.query("T?", timeout=KEEPALIVE / 2).addBoth(replies.append)
        assert real.until(lambda: user_timeout(client) == KEEPALIVE * 1000, 10)
        closed = client.close()
        assert real.until(lambda: closed.called, 10)
    assert real.left_over() == []
