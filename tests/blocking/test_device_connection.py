"""A connection on a socket of our own: the read that waits by itself, and where it does not."""

import math
import os
import select
import signal
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from socs_tcp import LineFramer, ReplyTimedOut, TCPInterface
from socs_tcp.blocking import connection as any_connection
from socs_tcp.blocking import device_connection
from socs_tcp.blocking.connection import EndOfConnection
from socs_tcp.blocking.device_connection import FIRST_LOOK, DeviceConnection
from socs_tcp.blocking.device_socket import DeviceSocket
from socs_tcp.blocking.gate import Gate
from socs_tcp.core.conversation import Conversation
from socs_tcp.core.link import Link
from socs_tcp.core.silence import Silence

#: One every two milliseconds: ten times as long as the call may take.
MOST_SIGNALS = 1500


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def far_end(gate):
    near, far = socket.socketpair()
    near.settimeout(5)
    with far:
        yield DeviceSocket(near, gate), far


def made(comm, telnet=False):
    conversation = Conversation(Link("dev:7777"), LineFramer(), "drop",
                                Silence(0.0, 0.0, time.monotonic()))
    return DeviceConnection(comm, conversation, telnet)


@pytest.fixture
def connection(far_end):
    return made(far_end[0])


def in_a_worker(work):
    """What `work` returns, or raises, in another thread."""
    outcome = []

    def run():
        try:
            outcome.append(work())
        except Exception as exc:
            outcome.append(exc)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    return outcome[0]


def polls(connection):
    """The waits from now on, as `Patience.wait` is asked for them."""
    waits = []

    def wait(poll, deadline):
        waits.append(deadline)
        return bool(poll(0))
    connection._patience = SimpleNamespace(wait=wait)
    return waits


def get(connection):
    """What comes, or that nothing did."""
    try:
        return connection.get(0.0, 5.0)
    except TimeoutError:
        return None


def test_a_worker_reads_what_has_come_without_asking_first(connection, far_end):
    far_end[1].send(b"12\n")
    assert in_a_worker(lambda: get(connection)) == b"12\n"
    assert os.get_blocking(far_end[0].fileno())
    connection._poll = connection._patience = None
    far_end[1].send(b"34\n")
    assert in_a_worker(lambda: connection.get(0.0, FIRST_LOOK)) == b"34\n"


def test_where_nothing_comes_soon_it_takes_a_closer_look(connection):
    waits = polls(connection)
    assert in_a_worker(lambda: get(connection)) is None
    assert waits == [5.0]


def test_the_main_thread_asks_first(connection, far_end):
    waits = polls(connection)
    far_end[1].send(b"12\n")
    assert get(connection) == b"12\n"
    assert waits == [] and not os.get_blocking(far_end[0].fileno())


def test_a_call_that_has_no_time_asks_first(connection, far_end):
    waits = polls(connection)
    far_end[1].send(b"12\n")
    assert in_a_worker(lambda: connection.get(3.0, 3.01)) == b"12\n"
    assert waits == [3.01] and not os.get_blocking(far_end[0].fileno())


def test_after_a_timeout_of_the_drivers_it_asks_first(connection, far_end):
    polls(connection)
    assert in_a_worker(lambda: get(connection)) is None
    far_end[1].send(b"12\n")
    far_end[0].settimeout(3)
    assert in_a_worker(lambda: get(connection)) == b"12\n"
    assert not os.get_blocking(far_end[0].fileno())


def test_telnet_has_more_to_say_than_a_reply(far_end):
    far_end[1].send(b"1\xff\xf12\n")
    assert in_a_worker(lambda: get(made(far_end[0], telnet=True))) == b"12\n"


def test_the_end_is_found(connection, far_end):
    far_end[1].close()
    assert isinstance(in_a_worker(lambda: get(connection)), EndOfConnection)
    with pytest.raises(EndOfConnection):
        connection.read()


def test_a_look_at_it_waits_for_nothing(connection, far_end):
    looks, poll = [], connection._poll
    connection._poll = lambda milliseconds: looks.append(milliseconds) or poll(milliseconds)
    assert connection.quiet() and not connection.lost()
    far_end[1].send(b"12\n")
    assert not connection.quiet() and not connection.lost()
    far_end[1].close()
    assert not connection.quiet() and connection.lost()
    assert looks == [0] * 6


def test_where_the_system_does_not_tell_a_hang_up_shows_behind_what_came(monkeypatch, far_end):
    """Elsewhere than on Linux."""
    for module in (any_connection, device_connection):
        monkeypatch.setattr(module, "RDHUP", 0)
        monkeypatch.setattr(module, "GONE", module.GONE & ~select.POLLRDHUP)
    connection = made(far_end[0])
    far_end[1].send(b"12\n")
    far_end[1].shutdown(socket.SHUT_WR)
    assert not connection.lost()
    assert connection.read() == b"12\n"
    assert connection.lost()


@pytest.mark.parametrize("end", [lambda connection: setattr(connection, "dead", True),
                                 lambda connection: setattr(connection.comm, "closing", True)])
def test_a_connection_that_we_gave_up_is_lost(connection, end):
    end(connection)
    assert connection.lost() and not connection.quiet()


def test_who_closes_it_ends_the_read(gate, connection, far_end):
    def work():
        gate.enter(5)
        closer = threading.Timer(0.002, far_end[0].close)
        closer.start()
        try:
            now = time.monotonic()
            return connection.get(now, now + 5.0)
        finally:
            closer.join()
            gate.release()
    assert isinstance(in_a_worker(work), EndOfConnection)
    assert far_end[1].recv(1) == b""


@pytest.mark.parametrize("in_worker", [True, False], ids=["a worker", "the main thread"])
def test_signals_in_quick_succession_keep_no_call(in_worker):
    """Python reads again after each signal, whatever the time."""
    came = []

    def handler(*_args):
        came.append(1)
        if len(came) == MOST_SIGNALS:       # (the call would wait for ever otherwise)
            signal.setitimer(signal.ITIMER_REAL, 0)
    old = signal.signal(signal.SIGALRM, handler)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        device = TCPInterface(*listener.getsockname(), 0.3, framer=LineFramer())
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
        try:
            if in_worker:
                assert isinstance(in_a_worker(lambda: device.query("A?")), ReplyTimedOut)
            else:
                with pytest.raises(ReplyTimedOut):
                    device.query("A?")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
            device.close()
    assert 2 < len(came) < MOST_SIGNALS


# one command at a time, whoever sends it

def test_beside_waits_until_the_call_that_has_the_device_has_sent_its_command(connection, far_end):
    connection._speaking = True
    with pytest.raises(TimeoutError):
        connection.put_beside(b"STOP\n", 0.0)
    connection.put_beside(b"ABORT\n", 0.0, within=True)     # a signal handler: it cannot wait
    assert far_end[1].recv(99) == b"ABORT\n"
    assert not connection._beside


def test_the_call_that_has_the_device_waits_for_a_command_beside_it(connection):
    written, begun, go_on = [], threading.Event(), threading.Event()

    def write(data, deadline):
        if data == b"STOP\n":
            begun.set()
            assert go_on.wait(10)
        written.append(data)
    connection.__class__ = type("Slow", (DeviceConnection,),
                                {"_write": staticmethod(write), "__slots__": ()})
    deadline = time.monotonic() + 10
    beside = threading.Thread(target=connection.put_beside, args=(b"STOP\n", deadline))
    beside.start()
    assert begun.wait(10)
    asks = threading.Thread(target=connection.put, args=(b"A?\n", deadline))
    asks.start()
    go_on.set()
    beside.join(10)
    asks.join(10)
    assert written == [b"STOP\n", b"A?\n"]
    assert not (connection._beside or connection._speaking)


def test_a_command_beside_is_escaped_as_any_other(far_end):
    made(far_end[0], telnet=True).put_beside(b"\xff\n", math.inf)
    assert far_end[1].recv(99) == b"\xff\xff\n"


# a device that does not take all at once

BIG = bytes(range(256)) * 8192


def deadline(seconds=5.0):
    return time.monotonic() + seconds


def takes(monkeypatch, *counts):
    """The system takes so many bytes of each write; of those after them, all."""
    left, write = list(counts), os.write

    def write_some(fd, data):
        count = left.pop(0) if left else len(data)
        if not count:
            raise BlockingIOError
        return write(fd, data[:count])
    monkeypatch.setattr(os, "write", write_some)


def meanwhile(connection, *steps):
    """At each wait for the device, the next of these is done."""
    left = list(steps)

    def wait(_poll, _deadline):
        left.pop(0)()
        return True
    connection._patience = SimpleNamespace(wait=wait, stretched=False)
    return left


def stop(connection):
    """A signal handler sends a command."""
    connection.put_beside(b"STOP\n", deadline(), within=True)


def is_refused(connection):
    with pytest.raises(RuntimeError, match="in the middle of sending another command"):
        stop(connection)


def taken(far, count):
    """So many bytes of what was sent."""
    got = b""
    while len(got) < count:
        got += far.recv(count - len(got))
    return got


def test_all_of_a_command_goes_out_in_the_end(connection, far_end):
    got = []
    reader = threading.Thread(target=lambda: got.append(taken(far_end[1], len(BIG) + 3)))
    reader.start()
    connection.put(BIG, deadline())
    assert not connection._halfway
    connection.put(b"A?\n", deadline())
    reader.join(10)
    assert got == [BIG + b"A?\n"]


def test_a_device_that_takes_nothing_is_given_up_at_the_deadline(connection):
    with pytest.raises(TimeoutError, match="timed out"):
        connection.put(BIG, deadline(0.05))
    assert not connection._halfway


def test_nothing_goes_out_in_the_middle_of_a_command(monkeypatch, connection, far_end):
    takes(monkeypatch, 1)
    left = meanwhile(connection, lambda: is_refused(connection))
    connection.put(b"A?\n", deadline())
    assert far_end[1].recv(99) == b"A?\n" and not left
    stop(connection)
    assert far_end[1].recv(99) == b"STOP\n"


def test_nor_where_the_system_took_nothing_of_it_at_first(monkeypatch, connection, far_end):
    takes(monkeypatch, 0, 99, 1)
    left = meanwhile(connection, lambda: stop(connection), lambda: is_refused(connection))
    connection.put(b"A?\n", deadline())
    assert far_end[1].recv(99) == b"STOP\nA?\n" and not left


def test_a_close_ends_a_command_that_waits_to_go_out(connection, far_end):
    meanwhile(connection, lambda: setattr(far_end[0], "closing", True))
    with pytest.raises(ConnectionAbortedError, match="closed by this program"):
        connection.put(BIG, deadline())
    with pytest.raises(ConnectionAbortedError, match="closed by this program"):
        connection.put(b"A?\n", deadline())


def test_a_socket_that_is_to_be_closed_has_no_more_to_read(connection, far_end):
    far_end[1].send(b"12\n")
    far_end[0].closing = True
    assert connection.wait(0.0)
    with pytest.raises(EndOfConnection):
        connection.read()


@pytest.mark.parametrize("end", [DeviceConnection.close, DeviceConnection.finish])
def test_its_socket_is_closed_with_it(connection, far_end, end):
    end(connection)
    assert far_end[0].fileno() == -1


def test_what_the_system_announced_and_took_back_is_waited_for(connection, far_end):
    reader = []
    thread = threading.Thread(target=lambda: reader.append(connection.read()))
    thread.start()
    far_end[1].send(b"12\n")
    thread.join(10)
    assert reader == [b"12\n"]
    far_end[0].settimeout(0.01)
    with pytest.raises(TimeoutError):
        connection.read()
