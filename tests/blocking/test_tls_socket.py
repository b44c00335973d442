"""A socket that speaks TLS: over a socket pair, with the device's side in a thread."""

import contextlib
import errno
import os
import select
import socket
import ssl
import struct
import threading
import time

import pytest
from descriptors import open_fds, open_fds_at_first

from socs_tcp.blocking.dial import dial
from socs_tcp.blocking.tls import TlsSocket
from socs_tcp.core.sockets import end

BOUND = 10


class Far:
    """The device's side, whose handshake is done by a thread."""

    def __init__(self, sock, context):
        sock.settimeout(BOUND)
        self.sock = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.shake, daemon=True)
        self.thread.start()

    def shake(self):
        with contextlib.suppress(OSError):
            self.sock.do_handshake()


def wait_for(sock, events):
    poll = select.poll()
    poll.register(sock, events)
    assert poll.poll(BOUND * 1000)


@pytest.fixture
def pair(certificate):
    near, far = socket.socketpair()
    near.settimeout(BOUND)
    far = Far(far, certificate.server())
    near = TlsSocket(near, certificate.client(), "device.test")
    while events := near.shake():
        wait_for(near, events)
    far.thread.join(BOUND)
    with near, far.sock:
        yield near, far.sock


def test_a_question_and_its_answer(pair):
    near, far = pair
    near.sendall(b"T?")
    assert far.recv(99) == b"T?"
    far.sendall(b"4.2\n")
    assert near.recv(2) == b"4."
    assert near.pending() == 2
    assert near.look()
    assert near.recv(99) == b"2\n"
    assert near.send(b"V?") == 2
    assert far.recv(99) == b"V?"


def test_session_tickets_are_no_data(pair):
    near, far = pair
    assert far.version() == "TLSv1.3"
    wait_for(near, select.POLLIN)       # the tickets
    assert not near.look()
    assert not near.pending()
    assert not near.ended
    near.settimeout(0.01)
    with pytest.raises(TimeoutError):
        near.recv(99)
    near.settimeout(0)
    with pytest.raises(BlockingIOError):
        near.recv(99)


def test_a_look_reads_on_until_there_is_data(pair):
    class InDribs(socket.socket):
        def recv(self, size):
            return super().recv(min(size, 64))     # (session tickets come first)
    near, far = pair
    near._sock = InDribs(fileno=near._sock.detach())
    far.sendall(b"4.2\n")
    wait_for(near, select.POLLIN)
    assert near.look()
    assert near.pending() == 4


def test_looking_and_peeking_take_nothing_away(pair):
    near, far = pair
    far.sendall(b"4.2\n")
    near.settimeout(BOUND)
    assert near.recv(1, socket.MSG_PEEK) == b"4"
    assert near.recv(99) == b"4.2\n"
    with pytest.raises(BlockingIOError):
        near.recv(99, socket.MSG_DONTWAIT)
    far.sendall(b"5.5\n")
    buffer = bytearray(2)
    assert near.recv_into(buffer) == 2
    assert buffer == b"5."


def test_a_farewell_without_the_end_of_the_connection_is_a_hang_up(pair):
    near, far = pair
    far.sendall(b"4.2\n")
    far.settimeout(0)
    with pytest.raises(ssl.SSLWantReadError):
        far.unwrap()
    assert near.recv(99) == b"4.2\n"
    assert near.look()
    assert near.ended
    assert near.recv(99) == b""
    assert near.recv(99) == b""


def test_the_end_of_the_connection_without_a_farewell(pair):
    near, far = pair
    far.close()
    assert near.recv(99) == b""
    assert near.ended


@pytest.mark.parametrize("how", ["nonsense", "reset"])
def test_what_is_wrong_is_told_to_each_who_asks(certificate, how):
    """Who waits sees it first, and who reads has to tell it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname(), timeout=BOUND)
        far, _address = server.accept()
    far = Far(far, certificate.server())
    near = TlsSocket(near, certificate.client(), "device.test")
    while events := near.shake():
        wait_for(near, events)
    far.thread.join(BOUND)
    near.settimeout(0)
    with contextlib.suppress(BlockingIOError):
        near.recv(1)                # session tickets
    with near, socket.socket(fileno=far.sock.detach()) as raw:
        if how == "nonsense":
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        else:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()
        wait_for(near, select.POLLIN)
        told = "bad record" if how == "nonsense" else "reset"
        for ask in (near.look, lambda: near.recv(9)) * 3:
            with pytest.raises(ConnectionError, match=told):
                ask()
            assert near.known


def test_the_device_sees_our_end(pair):
    near, far = pair
    far.suppress_ragged_eofs = False                    # a farewell, and not only an end
    with socket.socket(fileno=os.dup(near.fileno())):   # as a forked child has it
        end(near, os.getpid())
        near.close()
        assert far.recv(99) == b""
    assert near.fileno() == -1
    for use in (lambda: near.recv(99), lambda: near.sendall(b"X"), near.look):
        with pytest.raises(OSError, match=r"Bad file descriptor|shutdown"):
            use()


def test_a_device_that_does_not_take_all(pair):
    near, far = pair
    near.settimeout(0.05)
    data = os.urandom(4 << 20)
    for part in (data, b"This has not gone out, and never will."):
        with pytest.raises(TimeoutError):
            near.sendall(part)
    # What is left goes out first: half of a record is nothing that anybody could read.
    got = bytearray()

    def read():
        while len(got) < len(data) + 3:
            got.extend(far.recv(65536))
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    near.settimeout(BOUND)
    near.sendall(b"END")
    reader.join(BOUND)
    assert got == data + b"END"


def test_without_a_timeout_one_thread_waits_until_another_has_written(pair):
    near, far = pair
    near.settimeout(None)
    data = os.urandom(4 << 20)
    first = threading.Thread(target=near.sendall, args=(data,), daemon=True)
    first.start()
    got = bytearray(far.recv(1))
    second = threading.Thread(target=near.sendall, args=(b"END",), daemon=True)
    second.start()
    while len(got) < len(data) + 3:
        got.extend(far.recv(65536))
    assert got == data + b"END"
    first.join(BOUND)
    second.join(BOUND)


def test_one_thread_writes_while_another_reads(pair):
    near, far = pair
    near.settimeout(BOUND)
    got = []
    reader = threading.Thread(target=lambda: got.append(near.recv(99)), daemon=True)
    reader.start()
    near.sendall(b"STOP")
    assert far.recv(99) == b"STOP"
    far.sendall(b"OK")
    reader.join(BOUND)
    assert got == [b"OK"]


@pytest.fixture
def renewing(certificate):
    """The two sides of a connection, whose device renews the keys when it is told to."""
    near, far = socket.socketpair()
    server = certificate.renewing(far)
    thread = threading.Thread(target=server.do_handshake, daemon=True)
    thread.start()
    near.settimeout(BOUND)
    near = TlsSocket(near, certificate.client(), "device.test")
    while events := near.shake():
        wait_for(near, events)
    thread.join(BOUND)
    with near, far:
        yield near, server


@pytest.mark.parametrize("reads", [False, True])
def test_what_is_sent_while_the_device_renews_the_keys(renewing, reads):
    """Also where another thread reads meanwhile."""
    near, server = renewing
    near.settimeout(BOUND)
    heard, got = [], []
    assert server.renegotiate()
    server.do_handshake()       # asks for it
    assert not near.look()
    reader = threading.Thread(target=lambda: got.append(near.recv(99)), daemon=True)
    if reads:
        reader.start()
    device = threading.Thread(target=lambda: heard.append(server.recv(99)), daemon=True)
    device.start()
    near.sendall(b"STOP")
    device.join(BOUND)
    assert heard == [b"STOP"]
    server.sendall(b"OK")
    if not reads:
        reader.start()
    reader.join(BOUND)
    assert got == [b"OK"]


def test_a_device_that_never_ends_to_renew_the_keys(renewing):
    near, server = renewing
    near.settimeout(0.1)
    assert server.renegotiate()
    server.do_handshake()
    assert not near.look()
    with pytest.raises(TimeoutError):
        near.sendall(b"STOP")


def test_a_device_that_takes_nothing_while_it_renews_the_keys(renewing):
    near, _server = renewing
    near._sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            near._sock.send(bytes(65536))
    near._unsent = b"the rest of a handshake"
    with pytest.raises(TimeoutError):
        near._renew(time.monotonic() + 0.01)


def test_much_is_sent_both_ways_at_once(pair):
    near, far = pair
    near.settimeout(BOUND)
    data, heard = os.urandom(1 << 20), bytearray()

    def echo():
        left = len(data)
        while left:
            part = far.recv(16384)
            far.sendall(part)
            left -= len(part)

    def read():
        while len(heard) < len(data):
            heard.extend(near.recv(65536))
    threads = [threading.Thread(target=task, daemon=True) for task in (echo, read)]
    for thread in threads:
        thread.start()
    near.sendall(data)
    for thread in threads:
        thread.join(BOUND)
    assert heard == data


def test_it_tells_its_timeout_and_options_as_a_socket_does(pair):
    near, _far = pair
    near.settimeout(3.5)
    assert near.gettimeout() == 3.5
    near.setblocking(True)
    assert near.gettimeout() is None
    near.setblocking(False)
    assert near.gettimeout() == 0
    near.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    assert near.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert near.getpeername() == near.getsockname() == ""


# dialing

@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(BOUND)
        yield listener


def test_the_handshake_is_a_part_of_dialing(listener, certificate):
    fars = []
    server = threading.Thread(target=lambda: fars.append(
        Far(listener.accept()[0], certificate.server())), daemon=True)
    server.start()
    with dial(*listener.getsockname(), timeout=BOUND, tls=certificate.client()) as near:
        server.join(BOUND)
        fars[0].thread.join(BOUND)
        assert near.gettimeout() == BOUND
        assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        with fars[0].sock as far:
            far.sendall(b"4.2\n")
            assert near.recv(99) == b"4.2\n"


def test_a_device_that_says_nothing_in_the_handshake(listener, certificate):
    before = open_fds_at_first()
    with pytest.raises(TimeoutError) as caught:
        dial(*listener.getsockname(), timeout=0.1, tls=certificate.client())
    assert caught.value.errno is None
    assert open_fds() == before


def test_a_device_that_speaks_no_tls(listener, certificate):
    def serve():
        with listener.accept()[0] as far:
            far.sendall(b"HELLO\r\n")
            far.recv(99)
    server = threading.Thread(target=serve, daemon=True)
    server.start()
    with pytest.raises(ConnectionError, match="does the device speak TLS"):
        dial(*listener.getsockname(), timeout=BOUND, tls=certificate.client())
    server.join(BOUND)


def test_a_certificate_that_is_not_trusted(listener, certificate):
    server = threading.Thread(target=lambda: Far(listener.accept()[0], certificate.server()),
                              daemon=True)
    server.start()
    before = open_fds_at_first()
    with pytest.raises(ConnectionError, match="self-signed"):
        dial(*listener.getsockname(), timeout=BOUND, tls=ssl.create_default_context())
    server.join(BOUND)
    assert open_fds() <= before + 1     # the device's side


def test_a_socket_that_another_thread_closes_is_waited_for_no_more(pair, monkeypatch):
    near, _far = pair
    monkeypatch.setattr(near, "look", near.close)
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        near.recv(99)
    assert caught.value.errno == errno.EBADF
