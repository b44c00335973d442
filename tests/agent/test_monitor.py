"""IdleMonitor: blocking connections that are hung up while nobody is calling."""

import select
import socket
import threading
import weakref

import pytest
from ocs_stub import Reactor
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.interfaces import IReadDescriptor
from zope.interface.verify import verifyObject

from socs_tcp import LineFramer, LinkState, TCPInterface
from socs_tcp.agent.monitor import RECHECK, IdleMonitor

RESET = b"\x01\0\0\0\0\0\0\0"       # struct linger: close with a reset


class OneDescriptor(TCPInterface):
    """A driver that makes its connection itself, and opens nothing else for it."""

    def _connect(self, address):
        return socket.create_connection(address, 5)


class Bench:
    """A monitor whose reactor is turned by hand, and devices on real sockets."""

    def __init__(self):
        self.reactor = Reactor()
        self.monitor = IdleMonitor(self.reactor)
        self.reactor.run_calls()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(5)
        self.devices, self.ends = [], []

    def connect(self, watch=True, **options):
        """An interface, and the device's end of its connection."""
        options.setdefault("framer", LineFramer())
        device = OneDescriptor("127.0.0.1", self.server.getsockname()[1], 5, **options)
        self.devices.append(device)
        if watch:
            self.monitor.watch(device)
        return device, self.accept()

    def accept(self):
        end, _address = self.server.accept()
        end.settimeout(5)
        self.ends.append(end)
        return end

    def ready(self, seconds=0):
        """Would the reactor call the monitor?"""
        return bool(select.select([self.monitor.fileno()], [], [], seconds)[0])

    def turn(self):
        """One turn of the reactor in which something has happened."""
        assert self.ready(5)
        self.monitor.doRead()

    def close(self):
        for each in (*self.devices, *self.ends, self.server):
            each.close()
        if self.monitor.fileno() >= 0:
            self.monitor.stop()


@pytest.fixture
def bench():
    made = Bench()
    yield made
    made.close()


def test_it_is_one_reader_of_the_reactor(bench):
    assert verifyObject(IReadDescriptor, bench.monitor)
    assert bench.reactor.getReaders() == [bench.monitor]
    assert bench.monitor.logPrefix()


def test_a_hang_up_is_noticed(bench):
    device, end = bench.connect()
    changes = []
    device.link.observe(lambda link, change: changes.append(change))
    assert not bench.ready()
    end.close()
    bench.turn()
    assert device.link.state is LinkState.DOWN
    assert len(changes) == 1 and "closed the connection while idle" in changes[0].reason


def test_a_reset_is_noticed(bench):
    device, end = bench.connect()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    end.close()
    bench.turn()
    assert device.link.down


def test_a_connection_that_stays_dead_wakes_us_once(bench):
    _device, end = bench.connect()
    end.close()
    bench.turn()
    assert not bench.ready()


def test_bytes_are_neither_taken_nor_a_reason_to_wake(bench):
    device, end = bench.connect()
    end.sendall(b"unasked")
    select.select([device.comm], [], [], 5)
    assert not bench.ready()
    assert device.recv() == b"unasked"
    assert not device.link.down


def test_a_hang_up_behind_unread_bytes_is_noticed_and_the_bytes_stay(bench):
    device, end = bench.connect()
    end.sendall(b"last words")
    end.close()
    bench.turn()
    assert device.link.down
    assert device.comm.recv(100) == b"last words"


def test_a_device_that_is_dead_when_it_is_watched(bench):
    device, end = bench.connect(watch=False)
    end.close()
    select.select([device.comm], [], [], 5)
    bench.monitor.watch(device)
    bench.turn()
    assert device.link.down


def test_the_next_connection_is_watched_too(bench):
    device, end = bench.connect()
    end.close()
    bench.turn()
    again = threading.Thread(target=lambda: device.query("A"))
    again.start()
    end = bench.accept()
    assert end.recv(100) == b"A\r\n"
    end.sendall(b"ok\r\n")
    again.join(5)
    assert device.link.state is LinkState.UP
    end.close()
    bench.turn()
    assert device.link.down


def test_a_device_that_was_not_connected_when_it_was_watched(bench):
    address = bench.server.getsockname()
    bench.server.close()
    device = TCPInterface("127.0.0.1", address[1], 5, framer=LineFramer())
    bench.devices.append(device)
    bench.monitor.watch(device)
    assert device.comm is None
    bench.server = socket.create_server(address)
    bench.server.settimeout(5)
    device.send("A")
    end = bench.accept()
    end.close()
    bench.turn()
    assert device.link.down


def test_watching_again_does_no_harm(bench):
    device, end = bench.connect()
    bench.monitor.watch(device)
    end.close()
    bench.turn()
    assert device.link.down


def test_a_socket_that_the_driver_has_closed_can_be_watched(bench):
    device, _end = bench.connect(watch=False)
    device.comm.close()
    bench.monitor.watch(device)
    assert not bench.ready()


def test_what_is_no_socket_is_not_watched(bench):
    device, _end = bench.connect(watch=False)
    device.comm, real = None, device.comm
    bench.monitor.watch(device)
    bench.monitor._register(weakref.ref(device), object())
    assert not bench.ready()
    real.close()


def test_many_devices_and_only_those_that_end_are_told(bench):
    pairs = [bench.connect() for _ in range(40)]
    for number, (_device, end) in enumerate(pairs):
        if number % 3 == 0:
            end.close()
    for _ in range(100):
        if sum(device.link.down for device, _end in pairs) == 14:
            break
        bench.turn()
    assert [device.link.down for device, _end in pairs] == [n % 3 == 0 for n in range(40)]


def test_a_number_that_is_used_again_belongs_to_the_new_socket(bench):
    first, _end = bench.connect()
    number = first.comm.fileno()
    first.comm.close()
    spare = [socket.socket()]       # the lowest free number is given first
    while spare[-1].fileno() < number:
        spare.append(socket.socket())
    assert spare[-1].fileno() == number
    spare.pop().close()
    second, end = bench.connect()
    assert second.comm.fileno() == number
    end.close()
    bench.turn()
    assert second.link.down
    for each in spare:
        each.close()


def test_the_end_of_a_socket_of_ours_is_no_loss(bench):
    device, _end = bench.connect()
    device.close()
    assert not bench.ready()
    assert device.link.state is LinkState.CLOSED


# while a call is under way


class Call:
    """A query in a thread of its own."""

    def __init__(self, device):
        self.outcome = None
        self._device = device
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            self.outcome = self._device.query("A")
        except ConnectionError as exc:
            self.outcome = exc

    def join(self):
        self._thread.join(10)
        assert not self._thread.is_alive()
        return self.outcome


def test_a_busy_device_is_looked_at_again(bench):
    device, end = bench.connect()
    held, release = threading.Event(), threading.Event()

    def hold():
        with device.reserve():
            held.set()
            release.wait(10)
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    end.close()
    bench.turn()
    assert not device.link.down
    bench.reactor.advance(RECHECK)
    assert not device.link.down and len(bench.reactor.getDelayedCalls()) == 1
    release.set()
    holder.join(10)
    bench.reactor.advance(RECHECK)
    assert device.link.down and bench.reactor.getDelayedCalls() == []


def test_a_reply_followed_at_once_by_the_end_is_a_reply_and_then_a_loss(bench):
    device, end = bench.connect()
    call = Call(device)
    assert end.recv(100) == b"A\r\n"
    end.sendall(b"reply\r\n")
    end.close()
    bench.turn()                # the call may be under way, or be over
    assert call.join() == b"reply"
    bench.reactor.advance(RECHECK)
    bench.reactor.advance(RECHECK)
    assert device.link.down and bench.reactor.getDelayedCalls() == []


def test_an_end_in_the_middle_of_a_call_is_told_once(bench):
    device, end = bench.connect()
    changes = []
    device.link.observe(lambda link, change: changes.append(change.new))
    call = Call(device)
    assert end.recv(100) == b"A\r\n"
    end.sendall(b"rep")
    end.close()
    if bench.ready(0.01):       # the call may have found out, and closed the socket
        bench.monitor.doRead()
    assert isinstance(call.join(), ConnectionError)
    bench.reactor.advance(RECHECK)
    bench.reactor.advance(RECHECK)
    assert changes == [LinkState.DOWN] and bench.reactor.getDelayedCalls() == []


def test_a_reading_thread_and_the_monitor_agree(bench):
    """Hang-ups at any moment of a call: in the end the link is down, told once each time."""
    device, end = bench.connect(min_interval=0.001)
    changes = []
    device.link.observe(lambda link, change: changes.append(change.down))
    for number in range(60):
        call = Call(device)
        if number:
            end = bench.accept()
        assert end.recv(100) == b"A\r\n"
        end.sendall(b"reply\r\n")
        if number % 2:
            assert call.join() == b"reply"
        end.close()
        assert call.join() == b"reply"
        bench.turn()
        bench.reactor.advance(RECHECK)
        assert device.link.down
    down_and_up = [change for change, before in zip(changes, [None, *changes], strict=False)
                   if change != before]
    assert down_and_up.count(True) == 60


# the end


def test_stop(bench):
    device, end = bench.connect()
    bench.monitor.stop()
    assert bench.reactor.getReaders() == [] and bench.monitor.fileno() == -1
    bench.monitor.watch(device)     # and connections that come later are left alone
    end.close()
    assert not device.link.down


def test_a_second_look_after_stop_is_the_last(bench):
    device, end = bench.connect()
    held, release = threading.Event(), threading.Event()

    def hold():
        with device.reserve():
            held.set()
            release.wait(10)
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    end.close()
    bench.turn()
    bench.monitor.stop()
    bench.reactor.advance(RECHECK)
    assert bench.reactor.getDelayedCalls() == []
    release.set()
    holder.join(10)


def test_the_end_of_the_reactor_ends_it(bench):
    device, _end = bench.connect()
    bench.monitor.connectionLost(None)
    assert bench.monitor.fileno() == -1
    bench.monitor._register(weakref.ref(device), device.comm)    # a worker that connects as we end


def test_connections_that_are_made_while_it_ends_do_not_fail(bench):
    device, _end = bench.connect(watch=False)
    problems = []

    def connect():
        try:
            for _ in range(3000):
                bench.monitor._register(weakref.ref(device), device.comm)
        except BaseException as exc:
            problems.append(exc)
    threads = [threading.Thread(target=connect) for _ in range(3)]
    for thread in threads:
        thread.start()
    bench.monitor.stop()
    for thread in threads:
        thread.join(30)
    assert problems == []


def test_in_a_running_reactor():
    """The epoll set as a reader of an epoll reactor, in a thread of its own."""
    reactor = EPollReactor()
    monitor = IdleMonitor(reactor)
    server = socket.create_server(("127.0.0.1", 0))
    device = TCPInterface("127.0.0.1", server.getsockname()[1], 5)
    end, _address = server.accept()
    told = threading.Event()
    device.link.observe(lambda link, change: told.set())
    monitor.watch(device)

    def run():
        for _ in range(200):
            if told.is_set():
                return
            reactor.iterate(0.05)
    thread = threading.Thread(target=run)
    thread.start()
    end.close()
    thread.join(30)
    assert device.link.down
    monitor.stop()
    device.close()
    server.close()
    for reader in reactor.removeAll():
        reader.connectionLost(None)


def test_a_device_that_is_not_watched_any_more(bench):
    device, end = bench.connect()
    bench.monitor.unwatch(device)
    assert bench.monitor._devices == {}
    end.close()
    assert not bench.ready(0.05) and not device.link.down
    device._reset()
    assert bench.monitor._devices == {}     # nor is its next connection


class Holder:
    """A device that keeps what it is given, as a real one does."""

    def tell_connections(self, callback):
        self.callback = callback
        callback(self.comm)


def test_a_device_is_not_kept_by_being_watched(bench):
    device, (ours, theirs) = Holder(), socket.socketpair()
    device.comm = ours
    bench.monitor.watch(device)
    gone = weakref.ref(device)
    del device
    assert gone() is None       # at once, without the collector
    theirs.close()
    bench.turn()                # and nobody is asked
    ours.close()
