"""One connection of a blocking device: what is seen of it, read from it and written to it."""

import contextlib
import math
import os
import socket
import threading
import time
from unittest.mock import MagicMock

import pytest
from descriptors import open_fds, open_fds_at_first

from socs_tcp import LineFramer
from socs_tcp.blocking.connection import Connection, EndOfConnection
from socs_tcp.core.conversation import Conversation
from socs_tcp.core.link import Link
from socs_tcp.core.silence import Silence


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


@pytest.fixture
def connection(pair):
    return made(pair[0])


def made(comm, telnet=False):
    """A connection on `comm`, on which nothing was said yet."""
    silence = Silence(0.0, 0.0, time.monotonic())
    return Connection(comm, Conversation(Link("dev:7777"), LineFramer(), "drop", silence), telnet)


def fill(connection, deadline=None):
    """What comes next; empty at the end."""
    if not connection.wait(soon() if deadline is None else deadline):
        raise TimeoutError("timed out")
    try:
        return connection.read()
    except EndOfConnection:
        return b""


def soon(seconds=5.0):
    return time.monotonic() + seconds


def test_a_connection_with_nothing_to_say_is_quiet(connection):
    assert connection.quiet()
    assert not connection.lost()
    assert not connection.wait(0)


def test_what_has_come_is_not_quiet_but_not_lost(connection, pair):
    pair[1].send(b"x")
    assert not connection.quiet()
    assert not connection.lost()
    assert connection.wait(0)
    assert fill(connection) == b"x"
    assert connection.quiet()


@pytest.mark.parametrize("rest", [b"", b"unread"])
def test_a_hang_up_is_seen_also_behind_unread_bytes(connection, pair, rest):
    pair[1].send(rest)
    pair[1].close()
    assert connection.lost()
    assert not connection.quiet()
    assert connection.at_end() == (not rest)
    assert fill(connection) == rest
    assert connection.at_end()


def test_a_hang_up_over_tcp_is_seen_behind_unread_bytes(listener):
    with socket.create_connection(listener.getsockname(), 5) as near:
        far, _address = listener.accept()
        connection = made(near)
        assert connection.quiet()
        far.sendall(b"unread")
        far.close()
        assert fill(connection) == b"unread"
        assert connection.wait(soon())             # the FIN is there
        assert connection.lost()
        assert connection.at_end()


def test_a_half_closed_connection_with_something_to_read_is_lost_but_not_at_its_end(listener):
    with socket.create_connection(listener.getsockname(), 5) as near:
        far, _address = listener.accept()
        with far:
            connection = made(near)
            far.sendall(b"unread")
            far.shutdown(socket.SHUT_WR)
            until = soon()
            while not connection.lost():
                assert time.monotonic() < until
            assert not connection.at_end()
            assert fill(connection) == b"unread"
            assert connection.at_end()


def test_a_socket_that_somebody_closed_is_lost(connection, pair):
    pair[0].close()
    assert connection.lost()
    assert not connection.quiet()
    assert connection.at_end()
    assert connection.wait(soon())
    with pytest.raises(OSError, match="Bad file descriptor"):
        fill(connection)


def test_nobody_elses_descriptor_is_used_after_the_socket_was_closed(connection, pair):
    number = pair[0].fileno()
    pair[0].close()
    with contextlib.ExitStack() as stack:
        other, far = (stack.enter_context(s) for s in socket.socketpair())
        assert number in (other.fileno(), far.fileno())
        victim, witness = (other, far) if other.fileno() == number else (far, other)
        witness.send(b"secret")
        assert connection.lost()
        for use in (lambda: connection.put(b"X", soon()), lambda: fill(connection),
                    lambda: connection.read(9)):
            with pytest.raises(OSError, match="Bad file descriptor"):
                use()
        assert victim.recv(9) == b"secret"


def test_a_socket_that_was_closed_from_the_start(pair):
    pair[0].close()
    connection = made(pair[0])
    assert connection.lost()
    assert not connection.quiet()


@pytest.mark.parametrize("deadline", [0, -5.0])
def test_a_deadline_that_is_over_does_not_wait(connection, deadline):
    with pytest.raises(TimeoutError):
        fill(connection, deadline)


def test_a_deadline_in_the_far_future_is_no_error(connection, pair):
    pair[1].send(b"x")
    assert connection.wait(soon(1e9))
    assert connection.wait(math.inf)


@pytest.mark.parametrize("usual", [5, None, 0.5])
def test_a_device_that_does_not_read_is_given_up_at_the_deadline(connection, pair, usual):
    pair[0].settimeout(usual)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        connection.put(b"x" * (8 << 20), soon(0.1))
    assert time.monotonic() - began > 0.09
    assert pair[0].gettimeout() == usual


def test_a_command_whose_time_is_over_is_not_waited_for():
    near, far = socket.socketpair()
    with far:
        waits = []

        class Noting(socket.socket):
            def settimeout(self, seconds):
                waits.append(seconds)
                super().settimeout(seconds)
        connection = made(Noting(fileno=near.detach()))
        connection.put(b"X", time.monotonic() - 10.0)
        assert 0 < waits[0] < 0.1 and waits[1:] == [None]
        connection.close()


@pytest.mark.parametrize("usual", [5, None, 0])
def test_all_bytes_are_sent_also_those_that_do_not_fit_at_once(connection, pair, usual):
    pair[0].settimeout(usual)
    data = os.urandom(1 << 20)
    got = bytearray()

    def read():
        while len(got) < len(data):
            got.extend(pair[1].recv(65536))
    reader = threading.Thread(target=read)
    reader.start()
    connection.put(data, soon())
    reader.join(5)
    assert got == data
    assert pair[0].gettimeout() == usual


def test_a_mock_in_place_of_a_socket_is_used_without_being_watched():
    mock = MagicMock()
    connection = made(mock)
    assert connection.quiet()
    assert not connection.lost()
    connection.put(b"X", soon())
    mock.sendall.assert_called_once_with(b"X")
    mock.recv.return_value = b"Y"
    assert fill(connection) == b"Y"


def test_a_connection_needs_no_descriptor_of_its_own(pair):
    before = open_fds_at_first()
    connection = made(pair[0])
    connection.wait(0)
    connection.lost()
    assert open_fds() == before


def test_a_server_that_hangs_up_is_not_answered_at_its_negotiation(pair):
    """It would answer with a reset, and why it refuses us would be lost with it."""
    near, far = pair
    connection = made(near, telnet=True)
    far.sendall(b"\xff\xfb\x01in use\r\n")
    far.shutdown(socket.SHUT_WR)
    assert connection.read(3) == b""
    assert connection.read() == b"in use\r\n"
    near.shutdown(socket.SHUT_WR)
    assert far.recv(9) == b""


def test_a_server_that_stays_is_answered_at_its_negotiation(pair):
    near, far = pair
    far.sendall(b"\xff\xfb\x01")
    assert made(near, telnet=True).read() == b""
    assert far.recv(9) == b"\xff\xfe\x01"
