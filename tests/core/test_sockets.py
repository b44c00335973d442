"""What is set on a socket, and how a connection is ended."""

import math
import os
import select
import socket
import struct
import time
from unittest.mock import MagicMock

import pytest

from socs_tcp.core import sockets
from socs_tcp.core.sockets import Patience, configure, end


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def pair():
    near, far = socket.socketpair()
    near.settimeout(5)
    far.settimeout(5)
    with near, far:
        yield near, far


# what is set on a socket

@pytest.mark.parametrize("keepalive", [1, 1.5, 2, 3, 6, 10, 20.0, 59.9, 3600])
def test_keepalive_finds_out_within_its_time_or_as_soon_as_the_system_can(keepalive):
    with socket.socket() as sock:
        configure(sock, keepalive)
        idle, interval, count = (sock.getsockopt(socket.IPPROTO_TCP, option) for option in (
            socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT))
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == \
            int(keepalive * 1000)
    # three probes, and a system that counts whole seconds: never sooner than in 4 s
    assert 3 * interval < idle + count * interval <= max(keepalive, 4)


@pytest.mark.parametrize("keepalive", [86400, 1e9, 32767 * 6, 0.0001])
def test_a_keepalive_beyond_what_the_system_can_count_is_as_long_as_it_can(keepalive):
    with socket.socket() as sock:
        configure(sock, keepalive)
        idle, interval = (sock.getsockopt(socket.IPPROTO_TCP, option) for option in (
            socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL))
    assert 0 < idle + 3 * interval <= max(keepalive, 4)
    assert idle == 32767 or keepalive < 1


# a device that takes its time

@pytest.fixture
def slow():
    """A connection to a device that has no room for more, and which it has been told much."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.create_connection(listener.getsockname()) as near, \
                listener.accept()[0] as far:
            near.setblocking(False)
            yield near, far


def user_timeout(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)


def lost_within(sock, seconds):
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLRDHUP)
    return bool(poll.poll(seconds * 1000))


def soon(seconds=5.0):
    return time.monotonic() + seconds


def fill(near):
    near.send(b"x" * 40000)
    until = soon()
    while not sockets._is_stalled(near):
        assert time.monotonic() < until


def test_a_device_that_has_no_room_is_given_what_the_call_allows(slow):
    near, far = slow
    configure(near, 0.5)
    patience = Patience(near, 0.5)
    fill(near)
    assert not lost_within(near, patience.slice)
    patience.look(30)
    assert user_timeout(near) == 30500
    assert not lost_within(near, 1.5)       # without it, the system gives up before
    got = 0
    far.settimeout(5)
    while got < 40000:
        got += len(far.recv(65536))
    assert not lost_within(near, 0)
    patience.relax()
    assert user_timeout(near) == 500


def test_without_patience_the_system_gives_it_up(slow):
    near, _far = slow
    configure(near, 0.5)
    fill(near)
    assert lost_within(near, 10)
    assert not sockets._is_stalled(near) or near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def test_a_call_that_waits_for_ever_gives_it_all_the_time(slow):
    near, _far = slow
    configure(near, 6)
    patience = Patience(near, 6)
    fill(near)
    patience.look(math.inf)
    assert user_timeout(near) == 0


@pytest.mark.parametrize("unacknowledged, unsent, stalled", [
    (0, 0, False), (1, 1, True), (5000, 5000, True), (1, 0, False), (5000, 1, False)])
def test_it_has_no_room_where_all_that_is_not_acknowledged_is_not_sent_either(
        monkeypatch, pair, unacknowledged, unsent, stalled):
    told = {sockets._SIOCOUTQ: unacknowledged, sockets._SIOCOUTQNSD: unsent}
    monkeypatch.setattr(sockets.fcntl, "ioctl",
                        lambda _fd, request, _room: struct.pack("i", told[request]))
    assert sockets._is_stalled(pair[0]) is stalled


def test_one_that_has_taken_all_is_not_given_more(slow):
    near, far = slow
    configure(near, 6)
    patience = Patience(near, 6)
    near.send(b"T?")
    assert far.recv(99) == b"T?"
    patience.look(30)
    assert user_timeout(near) == 6000
    assert not patience.stretched


@pytest.mark.parametrize("seconds, expected", [(5, 6000), (6, 6000), (30, 30000),
                                               (math.inf, 6000)])
def test_a_command_is_granted_what_its_call_allows(slow, seconds, expected):
    near, _far = slow
    configure(near, 6)
    patience = Patience(near, 6)
    patience.grant(seconds)
    assert user_timeout(near) == expected
    patience.relax()
    assert user_timeout(near) == 6000 and not patience.stretched


def test_patience_needs_no_tcp_and_no_keepalive(pair, slow):
    for sock, keepalive in ((pair[0], 6), (MagicMock(), 6), (slow[0], None)):
        patience = Patience(sock, keepalive)
        assert patience.slice == patience.usual == math.inf
        patience.grant(30)
        patience.look(30)
        patience.relax()
        assert not patience.stretched


def test_patience_with_a_connection_that_is_closed(slow):
    patience = Patience(slow[0], 6)
    slow[0].close()
    patience.look(30)
    patience.grant(30)
    patience.relax()


# ending

@pytest.fixture
def connected(listener):
    with socket.create_connection(listener.getsockname()) as near, listener.accept()[0] as far:
        far.settimeout(5)
        yield near, far


def test_the_device_sees_the_end_although_a_child_has_the_descriptor(connected):
    near, far = connected
    with socket.socket(fileno=os.dup(near.fileno())):       # as a child that lives has it
        end(near, os.getpid())
        near.close()
        assert far.recv(1) == b""


def test_a_child_that_leaves_does_not_end_the_connection_of_its_parent(connected):
    near, far = connected
    parent = os.getpid()
    child = os.fork()
    if not child:       # in the child: nothing of pytest
        end(near, parent)
        near.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    near.sendall(b"still here")
    assert far.recv(99) == b"still here"


def test_shutting_a_socket_that_is_not_connected_disturbs_nobody():
    with socket.socket() as sock:
        end(sock, os.getpid())
    end(sock, os.getpid())
