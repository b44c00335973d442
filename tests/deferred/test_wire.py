"""The connection under a DeviceClient."""

import select
import socket

import pytest
from memory_device import DONE, RESET, Transport, Watched
from twisted.internet.tcp import Server
from twisted.internet.testing import MemoryReactorClock

from socs_tcp import Disconnected, FramingError, LineFramer
from socs_tcp.deferred import wire as wire_module
from socs_tcp.deferred.frame_protocol import LONG_READ, READ_LIMIT, READ_SIZE
from socs_tcp.deferred.request import Request
from socs_tcp.deferred.wire import Wire


class Owner:
    """Writes down what it is told."""

    def __init__(self):
        self.told = []
        self.errors = []
        self.bytes_sent = self.bytes_discarded = 0

    def wire_connected(self, wire):
        self.told.append("connected")

    def wire_received(self, wire, data, frame):
        self.told.append(("received", len(data)))
        return False

    def wire_flushed(self, wire, request):
        self.told.append(("flushed", request.data))

    def wire_lost(self, wire, error):
        self.told.append("lost")
        self.errors.append(error)

    def sent(self, data):
        self.bytes_sent += len(data)

    def discarded(self, count):
        self.bytes_discarded += count


def make(owner, framer=None):
    return Wire(owner, LineFramer() if framer is None else framer, 20.0, host="bridge", port=7777)


def joined(owner, framer=None):
    wire = make(owner, framer)
    transport = Transport(MemoryReactorClock())
    transport.protocol = wire
    wire.makeConnection(transport)
    return wire


def request(data=b"A\r\n"):
    return Request("query", data, 1.0, 1.0, False)


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
def wire(owner):
    return joined(owner)


def test_the_owner_hears_of_it_from_beginning_to_end(owner, wire):
    wire.dataReceived(b"abc")
    wire.transport.lost(RESET)
    assert owner.told == ["connected", ("received", 3), "lost"]
    error, = owner.errors
    assert isinstance(error, Disconnected) and (error.host, error.port) == ("bridge", 7777)


def test_put_tells_when_the_system_has_taken_all(owner, wire):
    wire.transport.stuck = True
    assert wire.put(request()) is False
    assert owner.bytes_sent == 3 and ("flushed", b"A\r\n") not in owner.told
    wire.transport.drain()
    assert owner.told[-1] == ("flushed", b"A\r\n")


def test_a_put_that_is_lost_on_the_way_is_not_flushed(owner, wire):
    wire.transport.stuck = True
    wire.put(request())
    wire.transport.lost(RESET)
    assert owner.told == ["connected", "lost"]


def test_frames_are_given_one_by_one(wire):
    wire.dataReceived(b"one\r\ntwo\r\nth")
    assert wire.next_frame() == b"one"
    assert wire.next_frame() == b"two"
    assert wire.next_frame() is None
    assert wire.partial() == "b'th'"


def test_nothing_unfinished_is_shown_as_nothing(wire):
    assert wire.partial() == ""


def test_a_loss_in_the_middle_of_a_reply_says_so_and_shows_it(owner, wire):
    wire.dataReceived(b"+1.2\x00")
    wire.transport.lost(DONE)
    error, = owner.errors
    assert "in the middle of a reply, after b'+1.2\\x00'" in str(error)
    assert error.sent == "yes" and error.__cause__ is DONE


def test_an_endless_line_is_told_once(owner):
    wire = joined(owner, LineFramer(max_length=10))
    wire.dataReceived(b"x" * 100)
    assert wire.next_frame() is None
    assert wire.transport.aborted
    wire.transport.reactor.advance(0)
    assert owner.told == ["connected", ("received", 100), "lost"]
    assert isinstance(owner.errors[0], FramingError) and "bridge:7777" in str(owner.errors[0])


def test_after_letting_go_the_owner_hears_nothing(owner, wire):
    wire.let_go()
    assert wire.transport.disconnecting and not wire.transport.aborted
    wire.dataReceived(b"late\r\n")
    wire.transport.lost(DONE)
    assert owner.told == ["connected"]


def test_letting_go_does_not_wait_for_a_device_that_takes_nothing(owner, wire):
    wire.transport.stuck = True
    wire.put(request())
    wire.let_go()
    assert wire.transport.aborted
    wire.transport.reactor.advance(0)
    assert not wire.transport.connected
    assert owner.told == ["connected"]


def test_a_quiet_connection_is_settled_at_once(owner, wire):
    assert wire.settle(keep=False)
    assert owner.bytes_discarded == 0


def test_settling_discards_what_nobody_asked_for_and_counts_it(owner, wire):
    wire.dataReceived(b"unasked\r\nfragm")
    assert wire.settle(keep=False)
    assert owner.bytes_discarded == len(b"unasked\r\nfragm")
    wire.dataReceived(b"right\r\n")
    assert wire.next_frame() == b"right"


def test_settling_where_replies_are_matched_discards_whole_frames_and_keeps_a_beginning(
        owner, wire):
    wire.dataReceived(b"unasked\r\nlate\r\nfragm")
    assert wire.settle(keep=True)
    assert owner.bytes_discarded == len(b"unasked\r\nlate\r\n")
    wire.dataReceived(b"ent\r\n")
    assert wire.next_frame() == b"fragment"


def test_a_whole_frame_is_given_to_the_owner_and_kept_where_it_is_not_taken(owner, wire):
    taken = []
    owner.wire_received = lambda _wire, _data, frame: taken.append(frame) or frame == b"mine"
    for data in (b"mine\r\n", b"other\r\n", b"ha", b"lf\r\n", b"mine\r\n"):
        wire.dataReceived(data)
    # What comes behind bytes that wait is not taken by itself: it may be the end of a frame.
    assert taken == [b"mine", b"other", None, None, None]
    assert [wire.next_frame() for _ in range(4)] == [b"other", b"half", b"mine", None]


def test_a_device_that_sends_without_pause_is_read_in_longer_pieces(wire):
    wire.dataReceived(b"x" * READ_SIZE)
    assert wire.transport.bufferSize == LONG_READ
    wire.dataReceived(b"x\r\n")
    assert wire.transport.bufferSize == READ_SIZE


def test_a_flood_while_idle_does_not_keep_a_matching_device_paused(wire):
    wire.dataReceived(b"0123456789\r\n" * ((65536 + READ_LIMIT) // 12 + 1))
    assert wire.transport.producerState == "paused"
    assert wire.settle(keep=True)
    assert wire.transport.producerState == "producing"


def test_settling_resumes_a_paused_device(wire):
    wire.dataReceived(b"x" * (65536 + READ_LIMIT + 1))
    assert wire.transport.producerState == "paused"
    assert wire.settle(keep=False)
    assert wire.transport.producerState == "producing"


def test_settling_where_replies_are_matched_finds_what_makes_no_sense(owner):
    wire = joined(owner, LineFramer(max_length=10))
    wire.dataReceived(b"x" * 100)
    assert not wire.settle(keep=True)
    assert isinstance(owner.errors[0], FramingError)


def test_somebody_may_read_from_comm_directly(owner, wire):
    reader = Watched(wire.recv())
    wire.dataReceived(b"mine\r\n")
    assert reader.value == b"mine"
    assert owner.told == ["connected"]


# on a real socket, of which the reactor has not been told yet


@pytest.fixture
def real(owner):
    """A wire on a real socket, and the device's end; nobody turns a reactor."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        device = socket.create_connection(server.getsockname(), timeout=5)
        ours, address = server.accept()
    wire = make(owner)
    transport = Server(ours, wire, address, None, 0, MemoryReactorClock())
    wire.makeConnection(transport)
    yield wire, device, ours
    device.close()
    ours.close()


def wait_readable(sock):
    """Until what the other end did has come."""
    select.select([sock], [], [], 5)


def test_settling_finds_what_the_reactor_has_not_read_yet(owner, real):
    wire, device, ours = real
    device.sendall(b"unasked\r\n")
    wait_readable(ours)
    assert wire.settle(keep=False)
    assert owner.bytes_discarded == 9
    assert wire.settle(keep=False) and owner.bytes_discarded == 9


def test_settling_where_replies_are_matched_reads_what_has_come(owner, real):
    wire, device, ours = real
    device.sendall(b"late\r\nfra")
    wait_readable(ours)
    assert wire.settle(keep=True)
    assert owner.bytes_discarded == len(b"late\r\n")
    assert wire.partial() == "b'fra'"


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("last", [b"", b"bye\r\n"])
def test_settling_notices_a_hang_up_before_the_reactor_does(owner, real, keep, last):
    wire, device, ours = real
    device.sendall(last)
    device.close()
    wait_readable(ours)
    assert not wire.settle(keep=keep)
    error, = owner.errors
    assert isinstance(error, Disconnected) and error.phase == "send" and error.sent == "no"


@pytest.mark.parametrize("keep", [False, True])
def test_settling_notices_a_reset(owner, real, keep):
    wire, device, ours = real
    device.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    device.close()
    wait_readable(ours)
    assert not wire.settle(keep=keep)
    assert isinstance(owner.errors[0], Disconnected)


@pytest.mark.parametrize("keep", [False, True])
def test_a_device_that_sends_without_pause_is_given_up(owner, real, keep, monkeypatch):
    monkeypatch.setattr(wire_module, "MOST_UNASKED", 1000)
    wire, device, ours = real
    device.sendall(b"babble\r\n" * 200)
    wait_readable(ours)
    assert not wire.settle(keep=keep)
    assert isinstance(owner.errors[0], FramingError)
    assert "without pause" in str(owner.errors[0])
