"""Opening plain sockets, and the one connection of a device."""

import contextlib
import math
import os
import select
import socket
import time
from unittest.mock import MagicMock

import pytest

from socs_tcp import LineFramer, RawFramer
from socs_tcp.blocking.channel import Channel
from socs_tcp.core import sockets
from socs_tcp.core.sockets import Patience, configure, connect, hang_up, shut


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
def names(monkeypatch):
    """Addresses of host names, as a test wants them."""
    known = {}
    real = socket.getaddrinfo

    def getaddrinfo(host, port, *args, **kwargs):
        if host not in known:
            return real(host, port, *args, **kwargs)
        return [(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "",
                 (a, p or port)) for a, p in known[host]]
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def open_to(host, port, timeout=5.0, keepalive=20.0, starting=lambda sock: None):
    return connect(host, port, timeout=timeout, keepalive=keepalive, starting=starting)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def open_fds():
    return len(os.listdir("/proc/self/fd"))


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
    assert user_timeout(near) == 6000


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
        hang_up(near, os.getpid())
        assert near.fileno() == -1
        assert far.recv(1) == b""
    hang_up(near, os.getpid())


def test_a_child_that_leaves_does_not_end_the_connection_of_its_parent(connected):
    near, far = connected
    parent = os.getpid()
    child = os.fork()
    if not child:       # in the child: nothing of pytest
        hang_up(near, parent)
        os._exit(near.fileno() != -1)
    assert os.waitpid(child, 0)[1] == 0
    near.sendall(b"still here")
    assert far.recv(99) == b"still here"


# connecting

def test_a_connection_has_the_timeout_it_was_given(listener):
    with open_to(*listener.getsockname(), timeout=3.5) as sock:
        assert sock.gettimeout() == 3.5
        assert sock.getpeername() == listener.getsockname()
    with open_to(*listener.getsockname(), timeout=None) as sock:
        assert sock.gettimeout() is None


def test_an_ipv6_address():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener, \
            open_to("::1", listener.getsockname()[1]) as sock:
        assert sock.family == socket.AF_INET6


def test_of_several_addresses_the_next_is_tried_when_the_first_refuses(listener, names):
    port = listener.getsockname()[1]
    names["dev"] = [("127.0.0.1", free_port()), ("::1", port), ("127.0.0.1", port)]
    before = open_fds()
    tried = []
    with open_to("dev", port, starting=tried.append) as sock:
        assert sock.getpeername() == ("127.0.0.1", port)
    assert len(tried) == 3
    assert open_fds() == before


def test_where_all_addresses_refuse_the_last_error_is_told(names):
    names["dev"] = [("127.0.0.1", free_port()), ("127.0.0.1", free_port())]
    before = open_fds()
    with pytest.raises(ConnectionRefusedError):
        open_to("dev", 1)
    assert open_fds() == before


def test_a_name_without_an_address(names):
    names["dev"] = []
    with pytest.raises(OSError, match="dev has no address"):
        open_to("dev", 1)


def test_a_name_that_is_not_known():
    with pytest.raises(socket.gaierror):
        open_to("no-such-host.invalid", 1)


def test_a_kind_of_address_that_the_system_does_not_have_is_passed_over(listener, names,
                                                                       monkeypatch):
    port = listener.getsockname()[1]
    names["dev"] = [("::1", port), ("127.0.0.1", port)]
    real = socket.socket

    class NoIPv6(real):
        def __init__(self, family=-1, *args, **kwargs):
            if family == socket.AF_INET6:
                raise OSError(97, "Address family not supported by protocol")
            super().__init__(family, *args, **kwargs)
    monkeypatch.setattr(socket, "socket", NoIPv6)
    with open_to("dev", port) as sock:
        assert sock.getpeername()[1] == port


def test_an_address_that_says_nothing_does_not_take_the_turn_of_the_next(listener, names):
    port = listener.getsockname()[1]
    with socket.socket() as silent, contextlib.ExitStack() as stack:
        silent.bind(("127.0.0.2", 0))
        silent.listen(0)
        for _ in range(3):      # fills its queue, so that it answers no more
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(silent.getsockname())
        names["dev"] = [silent.getsockname(), ("127.0.0.1", port)]
        with open_to("dev", port, timeout=2.0) as sock:
            assert sock.getpeername()[1] == port
            assert sock.gettimeout() == 2.0


def test_all_addresses_share_one_timeout(names, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    given = []

    def starting(sock):
        given.append(now[0])
        now[0] += 3.0
        raise ConnectionRefusedError
    names["dev"] = [("127.0.0.1", 1)] * 4
    with pytest.raises(TimeoutError):
        open_to("dev", 1, timeout=5.0, starting=starting)
    assert given == [100.0, 103.0]


def test_whatever_ends_an_attempt_the_socket_is_closed(listener):
    sockets = []

    def starting(sock):
        sockets.append(sock)
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        open_to(*listener.getsockname(), starting=starting)
    assert sockets[0].fileno() == -1


def test_shutting_a_socket_that_is_not_connected_disturbs_nobody():
    with socket.socket() as sock:
        shut(sock)
    shut(sock)


# one connection

@pytest.fixture
def channel(pair):
    return Channel(pair[0], LineFramer().decoder())


def soon(seconds=5.0):
    return time.monotonic() + seconds


def test_a_connection_with_nothing_to_say_is_quiet(channel):
    assert channel.quiet()
    assert not channel.lost()
    assert not channel.wait(0)


def test_what_has_come_is_not_quiet_but_not_lost(channel, pair):
    pair[1].send(b"x")
    assert not channel.quiet()
    assert not channel.lost()
    assert channel.wait(0)
    assert channel.fill(soon()) == b"x"
    assert channel.quiet()


@pytest.mark.parametrize("rest", [b"", b"unread"])
def test_a_hang_up_is_seen_also_behind_unread_bytes(channel, pair, rest):
    pair[1].send(rest)
    pair[1].close()
    assert channel.lost()
    assert not channel.quiet()
    assert channel.at_end() == (not rest)
    assert channel.fill(soon()) == rest
    assert channel.at_end()


def test_a_hang_up_over_tcp_is_seen_behind_unread_bytes(listener):
    with open_to(*listener.getsockname()) as near:
        far, _address = listener.accept()
        channel = Channel(near, LineFramer().decoder())
        assert channel.quiet()
        far.sendall(b"unread")
        far.close()
        assert channel.fill(soon()) == b"unread"
        assert channel.wait(soon())             # the FIN is there
        assert channel.lost()
        assert channel.at_end()


def test_a_half_closed_connection_with_something_to_read_is_lost_but_not_at_its_end(listener):
    with open_to(*listener.getsockname()) as near:
        far, _address = listener.accept()
        with far:
            channel = Channel(near, LineFramer().decoder())
            far.sendall(b"unread")
            far.shutdown(socket.SHUT_WR)
            until = soon()
            while not channel.lost():
                assert time.monotonic() < until
            assert not channel.at_end()
            assert channel.fill(soon()) == b"unread"
            assert channel.at_end()


def test_a_socket_that_somebody_closed_is_lost(channel, pair):
    pair[0].close()
    assert channel.lost()
    assert not channel.quiet()
    assert channel.at_end()
    assert channel.wait(soon())
    with pytest.raises(OSError, match="Bad file descriptor"):
        channel.fill(soon())


def test_nobody_elses_descriptor_is_used_after_the_socket_was_closed(channel, pair):
    number = pair[0].fileno()
    pair[0].close()
    with contextlib.ExitStack() as stack:
        other, far = (stack.enter_context(s) for s in socket.socketpair())
        assert number in (other.fileno(), far.fileno())
        victim, witness = (other, far) if other.fileno() == number else (far, other)
        witness.send(b"secret")
        assert channel.lost()
        for use in (lambda: channel.put(b"X", soon()), lambda: channel.fill(soon()),
                    lambda: channel.get(9)):
            with pytest.raises(OSError, match="Bad file descriptor"):
                use()
        assert victim.recv(9) == b"secret"


def test_a_socket_that_was_closed_from_the_start(pair):
    pair[0].close()
    channel = Channel(pair[0], RawFramer().decoder())
    assert channel.lost()
    assert not channel.quiet()


@pytest.mark.parametrize("deadline", [0, -5.0])
def test_a_deadline_that_is_over_does_not_wait(channel, deadline):
    with pytest.raises(TimeoutError):
        channel.fill(deadline)


def test_a_deadline_in_the_far_future_is_no_error(channel, pair):
    pair[1].send(b"x")
    assert channel.wait(soon(1e9))
    assert channel.wait(math.inf)


@pytest.mark.parametrize("usual", [5, None, 0.5])
def test_a_device_that_does_not_read_is_given_up_at_the_deadline(channel, pair, usual):
    pair[0].settimeout(usual)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        channel.put(b"x" * (8 << 20), soon(0.1))
    assert time.monotonic() - began > 0.09
    assert pair[0].gettimeout() == usual


@pytest.mark.parametrize("usual", [5, None, 0])
def test_all_bytes_are_sent_also_those_that_do_not_fit_at_once(channel, pair, usual):
    import threading
    pair[0].settimeout(usual)
    data = os.urandom(1 << 20)
    got = bytearray()

    def read():
        while len(got) < len(data):
            got.extend(pair[1].recv(65536))
    reader = threading.Thread(target=read)
    reader.start()
    channel.put(data, soon())
    reader.join(5)
    assert got == data
    assert pair[0].gettimeout() == usual


def test_discarding_counts_what_came_and_leaves_nothing(channel, pair):
    channel.decoder.feed(b"half")
    pair[1].send(b"unasked")
    assert channel.discard(1000) == (11, True)
    assert channel.quiet()


def test_discarding_finds_the_end(channel, pair):
    pair[1].send(b"unasked")
    pair[1].close()
    assert channel.discard(1000) == (7, False)


def test_discarding_ends_where_a_device_does_not(channel, pair):
    pair[1].setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            pair[1].send(b"x" * 65536)
    count, alive = channel.discard(1000)
    assert 1000 < count <= 1000 + 65536
    assert alive


def test_a_mock_in_place_of_a_socket_is_used_without_being_watched():
    mock = MagicMock()
    channel = Channel(mock, RawFramer().decoder())
    assert channel.quiet()
    assert not channel.lost()
    channel.put(b"X", soon())
    mock.sendall.assert_called_once_with(b"X")
    mock.recv.return_value = b"Y"
    assert channel.fill(soon()) == b"Y"
    assert channel.discard(10) == (0, True)


def test_a_connection_needs_no_descriptor_of_its_own(pair):
    before = open_fds()
    channel = Channel(pair[0], RawFramer().decoder())
    channel.wait(0)
    channel.lost()
    assert open_fds() == before
