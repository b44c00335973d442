"""Dialing: from a name to a connected socket, or an error, in time. Over the loopback."""

import contextlib
import os
import socket
import threading
import time

import pytest
from descriptors import open_fds, open_fds_at_first

from socs_tcp.blocking import dial as module
from socs_tcp.blocking.cancel import Cancel
from socs_tcp.blocking.dial import Remembered, dial
from socs_tcp.core import candidates
from socs_tcp.core import names as names_module
from socs_tcp.testing.router.config import free_port

BOUND = 10


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", free_port())) as listener:
        yield listener


@pytest.fixture
def known(monkeypatch):
    """What host names mean: addresses, an error, or a function that gives them."""
    known = {}
    real = socket.getaddrinfo

    def getaddrinfo(host, port, *args, **kwargs):
        answer = known.get(host)
        if answer is None:
            return real(host, port, *args, **kwargs)
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (a, port, 0, 0)) if ":" in a else
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in answer]
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(names_module.names, "_kept", {})
    return known


@pytest.fixture
def hanging(known):
    """A name server that says nothing until the test is over."""
    over = threading.Event()
    threads = []

    def hang():
        threads.append(threading.current_thread())
        over.wait(BOUND)
        return socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    known["dev"] = hang
    yield threads
    over.set()
    for thread in threads:
        thread.join(BOUND)


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


def silent(stack, address="127.0.0.2", port=0):
    """The port of a listener whose queue is full, so that it answers no more."""
    sock = stack.enter_context(socket.socket())
    # (A port that the system chooses may be taken at the other addresses of a test.)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port or free_port()))
    sock.listen(0)
    for _ in range(3):
        waiting = stack.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(sock.getsockname())
    return sock.getsockname()[1]


def listen_at(stack, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return stack.enter_context(socket.create_server((address, port), family=family))


# what comes back

def test_a_connection_has_the_timeout_it_was_given(listener):
    with dial(*listener.getsockname(), timeout=3.5) as sock:
        assert type(sock) is socket.socket
        assert sock.gettimeout() == 3.5
        assert sock.getpeername() == listener.getsockname()
        assert not os.get_inheritable(sock.fileno())
    with dial(*listener.getsockname(), timeout=None) as sock:
        assert sock.gettimeout() is None


def test_keepalive_is_set_from_the_start(listener):
    with dial(*listener.getsockname(), timeout=5, keepalive=6) as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 3


def test_an_ipv6_address(stack):
    server = listen_at(stack, "::1", 0)
    with dial("::1", server.getsockname()[1], timeout=BOUND) as sock:
        assert sock.family == socket.AF_INET6


def test_nothing_is_left_open(listener):
    with socket.socket():
        pass
    before = open_fds_at_first()
    dial(*listener.getsockname(), timeout=BOUND).close()
    with pytest.raises(ConnectionRefusedError):
        dial("127.0.0.1", free_port(), timeout=BOUND)
    assert open_fds() == before


# several addresses

def test_of_several_addresses_the_next_is_tried_when_the_first_refuses(listener, known):
    port = listener.getsockname()[1]
    known["dev"] = ["127.0.0.3", "::1", "127.0.0.1"]
    before = open_fds_at_first()
    with dial("dev", port, timeout=BOUND) as sock:
        assert sock.getpeername() == ("127.0.0.1", port)
    assert open_fds() == before


def test_where_all_addresses_refuse_the_last_error_is_told(known):
    known["dev"] = ["127.0.0.1", "127.0.0.3"]
    before = open_fds_at_first()
    with pytest.raises(ConnectionRefusedError):
        dial("dev", free_port(), timeout=BOUND)
    assert open_fds() == before


def test_one_that_says_nothing_costs_the_next_one_little(listener, known, stack, monkeypatch):
    port = silent(stack, port=listener.getsockname()[1])
    known["dev"] = ["127.0.0.2", "127.0.0.1"]
    monkeypatch.setattr(candidates, "STAGGER", 0.01)
    before = open_fds_at_first()
    with dial("dev", port, timeout=BOUND) as sock:
        assert sock.getpeername() == ("127.0.0.1", port)
        assert sock.gettimeout() == BOUND
    assert open_fds() == before


def test_the_next_is_not_tried_while_the_first_has_its_time(listener, known, stack, monkeypatch):
    port = silent(stack, port=listener.getsockname()[1])
    known["dev"] = ["127.0.0.2", "127.0.0.1"]
    monkeypatch.setattr(candidates, "STAGGER", 1e9)
    began = time.monotonic()
    # What is left of the time is shared, so that the last one has some, too.
    with dial("dev", port, timeout=0.4) as sock:
        assert sock.getpeername() == ("127.0.0.1", port)
    assert time.monotonic() - began >= 0.2


def test_where_none_says_anything_the_time_of_all_is_over(known, stack, monkeypatch):
    port = silent(stack, "127.0.0.3", silent(stack))
    known["dev"] = ["127.0.0.2", "127.0.0.3"]
    monkeypatch.setattr(candidates, "STAGGER", 0.001)
    with pytest.raises(TimeoutError) as caught:
        dial("dev", port, timeout=0.2)
    assert caught.value.errno is None


def test_a_kind_of_address_that_the_system_does_not_have_is_passed_over(listener, known,
                                                                       monkeypatch):
    port = listener.getsockname()[1]
    known["dev"] = ["::1", "127.0.0.1"]
    real = socket.socket

    class NoIPv6(real):
        def __init__(self, family=-1, *args, **kwargs):
            if family == socket.AF_INET6:
                raise OSError(97, "Address family not supported by protocol")
            super().__init__(family, *args, **kwargs)
    monkeypatch.setattr(socket, "socket", NoIPv6)
    with dial("dev", port, timeout=BOUND) as sock:
        assert sock.getpeername()[1] == port
    known["dev"] = ["::1"]
    with pytest.raises(OSError, match="Address family not supported"):
        dial("dev", port, timeout=BOUND)


# the one that worked last

def test_the_address_that_worked_last_is_tried_first(listener, known, stack, monkeypatch):
    port = listener.getsockname()[1]
    other = listen_at(stack, "127.0.0.2", port)
    known["dev"] = ["127.0.0.2", "127.0.0.1"]
    remembered = Remembered()
    remembered.put("dev", port, (socket.AF_INET, ("127.0.0.1", port)))
    with dial("dev", port, timeout=BOUND, remembered=remembered) as sock:
        assert sock.getpeername() == ("127.0.0.1", port)
    listener.close()
    for _ in range(2):
        with dial("dev", port, timeout=BOUND, remembered=remembered) as sock:
            assert sock.getpeername() == ("127.0.0.2", port)
    listen_at(stack, "127.0.0.1", port)
    known["dev"].reverse()
    with dial("dev", port, timeout=BOUND, remembered=remembered) as sock:
        assert sock.getpeername() == other.getsockname()


def test_it_is_remembered_for_this_host_and_port_only():
    remembered = Remembered()
    address = (socket.AF_INET, ("192.0.2.7", 7))
    assert remembered.get("dev", 7) is None
    remembered.put("dev", 7, address)
    assert remembered.get("dev", 7) == address
    assert remembered.get("dev", 8) is None
    assert remembered.get("other", 7) is None


def remember(host, port, address="127.0.0.1"):
    remembered = Remembered()
    remembered.put(host, port, (socket.AF_INET, (address, port)))
    return remembered


def test_it_is_tried_while_the_look_up_lasts(listener, hanging):
    port = listener.getsockname()[1]
    remembered = remember("dev", port)
    for _ in range(2):
        with dial("dev", port, timeout=BOUND, remembered=remembered) as sock:
            assert sock.getpeername() == ("127.0.0.1", port)
    assert len(hanging) == 1


def test_it_is_tried_also_in_a_short_time(listener, hanging):
    port = listener.getsockname()[1]
    with dial("dev", port, timeout=0.2, remembered=remember("dev", port)):
        pass


def test_it_is_tried_where_no_name_server_answers(listener, known):
    port = listener.getsockname()[1]
    known["dev"] = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    with dial("dev", port, timeout=BOUND, remembered=remember("dev", port)) as sock:
        assert sock.getpeername() == ("127.0.0.1", port)
    listener.close()
    with pytest.raises(socket.gaierror, match="Temporary failure"):
        dial("dev", port, timeout=BOUND, remembered=remember("dev", port))


def test_it_is_not_tried_where_the_name_is_gone(listener, known):
    port = listener.getsockname()[1]
    known["dev"] = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    with pytest.raises(socket.gaierror, match="not known"):
        dial("dev", port, timeout=BOUND, remembered=remember("dev", port))


def test_it_is_given_up_where_the_name_means_another_by_now(known, stack, monkeypatch):
    """The old address may be another device's: it was tried only while nothing else was known."""
    port = silent(stack)
    server = listen_at(stack, "127.0.0.1", port)
    go = threading.Event()
    known["dev"] = lambda: go.wait(BOUND) and ["127.0.0.1"]
    monkeypatch.setattr(candidates, "HEAD_START", 0)
    tried = []
    monkeypatch.setattr(module, "configure", lambda sock, keepalive: (tried.append(sock),
                                                                     go.set()))
    with dial("dev", port, timeout=BOUND,
              remembered=remember("dev", port, "127.0.0.2")) as sock:
        assert sock.getpeername() == server.getsockname()
    assert len(tried) == 2
    assert tried[0].fileno() == -1


def test_where_it_fails_while_the_look_up_lasts_the_others_are_tried(known, stack, monkeypatch):
    server = listen_at(stack, "127.0.0.1", 0)
    port = server.getsockname()[1]
    go = threading.Event()
    known["dev"] = lambda: go.wait(BOUND) and ["127.0.0.2", "127.0.0.1"]
    monkeypatch.setattr(candidates, "HEAD_START", 0)
    real, tried = module._Attempts._failed, []
    monkeypatch.setattr(module._Attempts, "_failed", lambda self, fd, error: (
        tried.append(error), real(self, fd, error), go.set()))
    with dial("dev", port, timeout=BOUND,
              remembered=remember("dev", port, "127.0.0.2")) as sock:
        assert sock.getpeername() == server.getsockname()
    assert len(tried) == 1


# names

def test_a_name_without_an_address(known):
    known["dev"] = []
    with pytest.raises(OSError, match="dev has no address"):
        dial("dev", 1, timeout=BOUND)


def test_a_name_that_is_not_known():
    with pytest.raises(socket.gaierror):
        dial("no-such-host.invalid", 1, timeout=BOUND)


def test_each_has_an_error_of_its_own(known):
    known["dev"] = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    errors = []
    for _ in range(2):
        with pytest.raises(socket.gaierror) as caught:
            dial("dev", 1, timeout=BOUND)
        errors.append(caught.value)
    assert errors[0] is not errors[1]


def test_a_zone_whose_interface_is_gone():
    with pytest.raises(OSError, match="no network interface 'gone0'"):
        dial("fe80::1%gone0", 1, timeout=BOUND)


def test_a_look_up_that_hangs_is_bounded_and_joined(hanging):
    before = open_fds_at_first()
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(TimeoutError) as caught:
            dial("dev", 1, timeout=0.05)
        assert time.monotonic() - began >= 0.05
        assert caught.value.errno is None
    assert len(hanging) == 1
    assert open_fds() == before


# whoever wants it to end

def cancelled_when(thread_is_waiting):
    """A `Cancel` that another thread sets once the dialing thread waits."""
    cancel = Cancel()

    def watch():
        until = time.monotonic() + BOUND
        while not thread_is_waiting() and time.monotonic() < until:
            time.sleep(0.001)
        cancel.set()
    threading.Thread(target=watch, daemon=True).start()
    return cancel


def test_a_look_up_is_ended_at_once(hanging):
    cancel = cancelled_when(lambda: bool(hanging))
    with pytest.raises(ConnectionAbortedError):
        dial("dev", 1, timeout=None, cancelled=cancel)


def test_an_attempt_is_ended_at_once(stack, monkeypatch):
    port = silent(stack)
    begun = []
    monkeypatch.setattr(module, "configure", lambda sock, keepalive: begun.append(sock))
    with pytest.raises(ConnectionAbortedError):
        dial("127.0.0.2", port, timeout=None, cancelled=cancelled_when(lambda: bool(begun)))
    assert begun[0].fileno() == -1


def test_after_the_end_nothing_begins(listener):
    cancel = Cancel()
    cancel.set()
    with pytest.raises(ConnectionAbortedError):
        dial(*listener.getsockname(), timeout=BOUND, cancelled=cancel)
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_whatever_interrupts_it_the_socket_is_closed(listener, monkeypatch):
    sockets = []

    def interrupted(sock, keepalive):
        sockets.append(sock)
        raise KeyboardInterrupt
    monkeypatch.setattr(module, "configure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dial(*listener.getsockname(), timeout=BOUND)
    assert sockets[0].fileno() == -1


# connected to oneself

def test_a_connection_to_oneself_is_refused_and_the_port_is_free_at_once(monkeypatch):
    port = free_port()

    def from_this_port(sock, keepalive):    # as the system does it, once in some thousand times
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
    monkeypatch.setattr(module, "configure", from_this_port)
    with pytest.raises(ConnectionRefusedError, match="nobody listens"):
        dial("127.0.0.1", port, timeout=BOUND)
    with socket.socket() as server:         # (without SO_REUSEADDR, to be strict)
        server.bind(("127.0.0.1", port))
        server.listen()
