"""A device that takes long to take a big command: as long as the call's timeout allows."""

import socket
import threading
import time

import pytest

from socs_tcp import LineFramer
from socs_tcp.tcp import TCPInterface

BIG = b"x" * 40000 + b"\n"

#: Seconds for which the device takes nothing: the system would give it up before.
KEEPALIVE, BUSY = 0.5, 1.5


@pytest.fixture
def device():
    """It has little room, and reads only after a while; then it answers."""
    got = []

    def serve():
        with listener.accept()[0] as sock:
            sock.settimeout(10)
            time.sleep(BUSY)
            count = 0
            while count < len(BIG):
                count += len(sock.recv(65536))
            got.append(count)
            sock.sendall(b"OK\n")
            sock.recv(1)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield listener.getsockname()[1], got
        server.join(10)


def test_a_query_waits_for_it(device):
    port, got = device
    with TCPInterface("127.0.0.1", port, 10, framer=LineFramer(b"\n"),
                      keepalive=KEEPALIVE) as interface:
        assert interface.query(BIG) == b"OK"
        assert got == [len(BIG)]
        assert interface.link.losses == 0


def test_a_command_is_not_cut_after_the_call(device):
    port, got = device
    with TCPInterface("127.0.0.1", port, 10, framer=LineFramer(b"\n"),
                      keepalive=KEEPALIVE) as interface:
        interface.send(BIG)
        assert interface.comm.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) > 9000
        time.sleep(2 * KEEPALIVE)
        assert interface.recv_frame() == b"OK"
        assert got == [len(BIG)]
        assert interface.link.losses == 0
        interface.send(b"x")
        interface.send(b"x")


def test_after_the_next_command_an_idle_connection_is_watched_as_ever(device):
    port, _got = device
    with TCPInterface("127.0.0.1", port, 10, framer=LineFramer(b"\n"),
                      keepalive=KEEPALIVE) as interface:
        interface.send(BIG)
        assert interface.recv_frame() == b"OK"
        interface.timeout = KEEPALIVE / 2
        interface.send(b"x")
        assert interface.comm.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == \
            KEEPALIVE * 1000
