"""The connection under a DeviceClient."""

import contextlib
import os
import select
import socket

import pytest
from memory_device import DONE, RESET, Transport, Watched
from twisted.internet.tcp import Server
from twisted.internet.testing import MemoryReactorClock

from socs_tcp import Disconnected, FramingError, LineFramer
from socs_tcp.core.conversation import DROP, SPEAK
from socs_tcp.core.link import Link
from socs_tcp.core.turn import Turn
from socs_tcp.deferred import connection as module
from socs_tcp.deferred.connection import Connection
from socs_tcp.deferred.device import Device
from socs_tcp.deferred.frame_protocol import LONG_READ, LOOK_AGAIN, READ_LIMIT, READ_SIZE
from socs_tcp.deferred.request import Request

FLOOD = b"0123456789\r\n" * ((65536 + READ_LIMIT) // 12 + 1)


class Owner:
    """Makes a connection, and writes down what it is told."""

    def __init__(self, **options):
        self.clock = MemoryReactorClock()
        self.link = Link("bridge:7777", self.clock.seconds)
        options = {"framer": LineFramer(), "late_replies": "drop", "settle": 0.0, "telnet": False,
                   "alarms": None, **options}
        self.device = Device(
            "bridge", 7777, self.link, self.clock, timeout=10.0, max_in_flight=1, keepalive=20.0,
            gap=0.0, greeting=None, identity=None, on_connect=None, closes_after_reply=False,
            tls=None, **options)
        self.connected, self.errors, self.answered = [], [], []

    def replied(self, turn, reply):
        self.answered.append((turn, reply))

    def heard(self, answered):
        self.answered.extend(answered)

    def made(self, connection):
        self.connected.append(connection)

    def lost(self, _connection, error):
        self.errors.append(error)

    def new(self):
        connection = Connection(self.device, self)
        connection.hearer = self
        connection.conversation.prepared()
        return connection

    def joined(self):
        connection = self.new()
        transport = Transport(self.clock)
        transport.protocol = connection
        connection.makeConnection(transport)
        return connection


def ask(connection, now=0.0):
    turn = Turn("query", b"A\r\n")
    connection.conversation.ask(turn, now)
    return turn


def say(connection, data):
    return connection.say(Request("send", data, None, 0.0))


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
def connection(owner):
    return owner.joined()


def test_the_owner_hears_of_it_from_beginning_to_end(owner, connection):
    assert owner.connected == [connection]
    turn = ask(connection)
    connection.dataReceived(b"one\r\n")
    assert owner.answered == [(turn, b"one")]
    connection.transport.lost(RESET)
    error, = owner.errors
    assert isinstance(error, Disconnected) and (error.host, error.port) == ("bridge", 7777)


def test_say_tells_when_the_system_has_taken_all(owner, connection):
    connection.transport.stuck = True
    rest = Watched(say(connection, b"A\r\n"))
    assert owner.link.bytes_sent == 3 and not rest.fired
    connection.transport.drain()
    assert rest.value is None
    connection.transport.stuck = False
    assert say(connection, b"B\r\n") is None


def test_what_is_lost_on_the_way_was_not_taken(owner, connection):
    connection.transport.stuck = True
    rest = Watched(say(connection, b"A\r\n"))
    connection.transport.lost(RESET)
    assert isinstance(rest.value, Disconnected) and len(owner.errors) == 1


def test_what_is_said_is_kept_in_the_trace(owner, connection):
    owner.link.keep_trace(5)
    say(connection, b"A\r\n")
    connection.dataReceived(b"b\r\n")
    shown = [line.split(" ", 1)[1].strip() for line in owner.link.trace.lines()[-2:]]
    assert shown == ["> b'A\\r\\n'", "< b'b\\r\\n'"]


def test_a_loss_in_the_middle_of_a_reply_says_so_and_shows_it(owner, connection):
    ask(connection)
    connection.dataReceived(b"+1.2\x00")
    connection.transport.lost(DONE)
    error, = owner.errors
    assert "in the middle of a reply, after b'+1.2\\x00'" in str(error)
    assert error.sent == "yes" and error.__cause__ is DONE


@pytest.mark.parametrize("said", [b"Port already in use\r\n", b"Port already in use"])
@pytest.mark.parametrize("discarded", [False, True])
def test_what_a_server_says_that_refuses_us_stands_in_the_error(owner, connection, said,
                                                                discarded):
    connection.dataReceived(said)
    if discarded:
        connection.next_step(0.0, 10.0)
    connection.transport.lost(DONE)
    error, = owner.errors
    assert "the device closed the connection; it said b'Port already in use" in str(error)


def test_what_a_device_said_that_has_answered_is_no_reason(owner, connection):
    ask(connection)
    connection.dataReceived(b"one\r\nalarm\r\n")
    connection.transport.lost(DONE)
    assert "alarm" not in str(owner.errors[0])
    assert connection.unread == [b"alarm"]


def test_an_endless_line_is_told_once(owner):
    owner = Owner(framer=LineFramer(max_length=10))
    connection = owner.joined()
    ask(connection)
    connection.dataReceived(b"x" * 100)
    assert connection.transport.aborted
    connection.transport.reactor.advance(0)
    error, = owner.errors
    assert isinstance(error, FramingError) and "bridge:7777" in str(error)


def test_replies_in_front_of_what_makes_no_sense_are_given(owner):
    owner = Owner(framer=LineFramer(max_length=10), late_replies="drain")
    connection = owner.joined()
    first, _second = ask(connection), ask(connection)
    connection.dataReceived(b"one\r\n" + b"x" * 100)
    assert owner.answered == [(first, b"one")]
    assert isinstance(owner.errors[0], FramingError)


def test_after_letting_go_the_owner_hears_nothing(owner, connection):
    ask(connection)
    connection.let_go()
    assert connection.transport.disconnecting and not connection.transport.aborted
    connection.dataReceived(b"late\r\n")
    connection.transport.lost(DONE)
    assert owner.errors == [] and owner.answered == []


def test_letting_go_does_not_wait_for_a_device_that_takes_nothing(owner, connection):
    connection.transport.stuck = True
    say(connection, b"A\r\n").addErrback(lambda _failure: None)
    connection.let_go()
    assert connection.transport.aborted
    connection.transport.reactor.advance(0)
    assert not connection.transport.connected
    assert owner.errors == []


def test_somebody_may_read_from_comm_directly(owner, connection):
    reader = Watched(connection.recv())
    connection.dataReceived(b"mine\r\n")
    assert reader.value == b"mine" and owner.answered == []


def test_a_device_that_sends_without_pause_is_read_in_longer_pieces(connection):
    connection.dataReceived(b"x" * READ_SIZE)
    assert connection.transport.bufferSize == LONG_READ
    connection.dataReceived(b"x\r\n")
    assert connection.transport.bufferSize == READ_SIZE


# telnet


def test_telnet_is_taken_out_of_what_comes_and_refused():
    owner = Owner(telnet=True)
    connection = owner.joined()
    turn = ask(connection)
    connection.dataReceived(b"o\xff\xfb")           # IAC WILL, and the option
    connection.dataReceived(b"\x01ne\xff\xff\r\n")
    assert owner.answered == [(turn, b"one\xff")]
    assert connection.transport.value() == b"\xff\xfe\x01"
    connection.transport.clear()
    say(connection, b"\xff\r\n")
    assert connection.transport.value() == b"\xff\xff\r\n"


def test_without_telnet_bytes_are_what_they_are(owner, connection):
    turn = ask(connection)
    connection.dataReceived(b"\xff\xfb\x01\r\n")
    assert owner.answered == [(turn, b"\xff\xfb\x01")]


# a device that sends what nobody reads


def test_a_flood_is_made_to_wait_and_the_next_question_ends_that(owner, connection):
    connection.dataReceived(FLOOD)
    assert connection.transport.producerState == "paused"
    assert connection.next_step(0.0, 10.0) == SPEAK
    assert connection.transport.producerState == "producing"


def test_a_listener_ends_the_pause(owner, connection):
    connection.dataReceived(FLOOD)
    turn = Turn("listen")
    connection.listen(turn)
    assert owner.answered == [(turn, b"0123456789")]
    while connection.transport.producerState == "paused":
        connection.listen(Turn("listen"))
    assert len(owner.answered) > 100


def test_a_long_reply_with_a_framer_of_its_own_is_never_made_to_wait(owner, connection):
    turn = ask(connection)
    turn.framer = LineFramer(max_length=1 << 20)
    connection.dataReceived(b"x" * 300_000)
    assert connection.transport.producerState == "producing"
    connection.dataReceived(b"\r\n")
    assert len(owner.answered[0][1]) == 300_000


# on a real socket, of which the reactor has not been told yet


def real_connection(owner):
    with socket.create_server(("127.0.0.1", 0)) as server:
        device = socket.create_connection(server.getsockname(), timeout=5)
        ours, address = server.accept()
    connection = owner.new()
    connection.makeConnection(Server(ours, connection, address, None, 0, MemoryReactorClock()))
    return connection, device, ours


@pytest.fixture
def real(owner):
    """A connection on a real socket, and the device's end; nobody turns a reactor."""
    connection, device, ours = real_connection(owner)
    yield connection, device, ours
    device.close()
    ours.close()


def wait_readable(sock):
    """Until what the other end did has come."""
    assert select.select([sock], [], [], 5)[0]


def test_a_quiet_connection_may_be_spoken_on_at_once(owner, real):
    connection, _device, _ours = real
    assert connection.next_step(0.0, 10.0) == SPEAK
    assert owner.link.bytes_discarded == 0


def test_a_look_finds_what_the_reactor_has_not_read_yet(owner, real):
    connection, device, ours = real
    device.sendall(b"unasked\r\n")
    wait_readable(ours)
    assert connection.next_step(0.0, 10.0) == SPEAK
    assert owner.link.bytes_discarded == 9


def test_a_look_gives_the_reply_that_the_reactor_was_kept_from_reading(owner, real):
    connection, device, ours = real
    turn = ask(connection)
    device.sendall(b"reply\r\n")
    wait_readable(ours)
    connection.look()
    assert owner.answered == [(turn, b"reply")]


@pytest.mark.parametrize("last", [b"", b"bye\r\n"])
def test_a_look_notices_a_hang_up_before_the_reactor_does(owner, real, last):
    connection, device, ours = real
    device.sendall(last)
    device.close()
    wait_readable(ours)
    connection.look()
    error, = owner.errors
    assert isinstance(error, Disconnected) and error.phase == "send" and error.sent == "no"


def test_a_look_notices_a_reset(owner, real):
    connection, device, ours = real
    device.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    device.close()
    wait_readable(ours)
    connection.look()
    assert isinstance(owner.errors[0], Disconnected)


def test_what_cannot_be_read_at_will_is_not_looked_at(owner):
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"x\r\n")
        for lent in ({"getHandle": lambda: near, "fileno": near.fileno},
                     {"doRead": lambda: None}):
            connection, transport = owner.new(), Transport(owner.clock)
            vars(transport).update(lent)
            connection.makeConnection(transport)
            connection.look()
            assert owner.answered == owner.errors == []


def test_a_connection_that_was_given_up_is_not_looked_at(owner, real):
    connection, device, ours = real
    connection.let_go()
    device.sendall(b"late\r\n")
    wait_readable(ours)
    connection.look()
    assert ours.recv(100) == b"late\r\n"


def test_a_device_sees_the_end_of_a_connection_that_is_given_up_while_it_takes_nothing(real):
    """A forked child may have it, too: to close our descriptor would not be the end."""
    connection, device, ours = real
    assert say(connection, b"x" * 10_000_000) is not None
    with socket.socket(fileno=os.dup(ours.fileno())):       # as a child that lives has it
        connection.let_go()
        with contextlib.suppress(ConnectionResetError):
            while device.recv(1 << 20):
                pass


def test_a_device_that_sends_without_pause_is_given_up(owner, real, monkeypatch):
    monkeypatch.setattr(module, "MOST_UNASKED", 1000)
    monkeypatch.setattr("socs_tcp.core.hearing.MOST_UNASKED", 1000)
    connection, device, ours = real
    device.sendall(b"babble\r\n" * 200)
    wait_readable(ours)
    assert connection.next_step(0.0, 10.0) == DROP
    assert "without pause" in connection.conversation.useless


def test_the_end_behind_a_flood_that_nobody_listens_to_is_found(owner, real):
    connection, device, _ours = real
    device.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:             # until neither side's system takes any more
            sent += device.send(FLOOD)
    device.close()
    connection.dataReceived(FLOOD)
    assert connection._paused
    for _ in range(200):
        owner.clock.advance(LOOK_AGAIN)
        if owner.errors:
            break
        connection.dataReceived(FLOOD)      # (nobody turns a reactor that reads)
    assert isinstance(owner.errors[0], Disconnected)
    assert owner.link.bytes_discarded > sent / 2


def test_a_device_that_is_made_to_wait_is_seen_to_hang_up(owner, real):
    connection, device, ours = real
    connection.listen(Turn("listen"))
    connection.dataReceived(FLOOD)
    connection.dataReceived(FLOOD)
    assert connection._paused
    owner.clock.advance(LOOK_AGAIN)
    assert owner.errors == []
    device.sendall(b"behind which it hangs up\r\n")
    device.close()
    wait_readable(ours)
    owner.clock.advance(LOOK_AGAIN)
    assert isinstance(owner.errors[0], Disconnected)
    assert connection.unread[1] == b"0123456789"
    assert owner.clock.getDelayedCalls() == []


def test_nobody_looks_any_more_after_the_end_of_the_pause(owner, real):
    connection, _device, _ours = real
    connection.dataReceived(FLOOD)
    assert len(owner.clock.getDelayedCalls()) == 1
    connection.let_go()
    assert owner.clock.getDelayedCalls() == []


def test_a_server_that_has_hung_up_is_not_answered():
    """It would answer with a reset, and why it refuses us would be lost with it."""
    connection, device, ours = real_connection(Owner(telnet=True))
    with device, ours:
        device.sendall(b"unread")
        device.shutdown(socket.SHUT_WR)
        wait_readable(ours)
        connection.dataReceived(b"\xff\xfb\x01Port already in use\r\n")
        assert connection.conversation.decoder.peek() == b"Port already in use\r\n"
        assert not select.select([device], [], [], 0)[0]


def test_a_server_that_has_not_hung_up_is_answered():
    connection, device, ours = real_connection(Owner(telnet=True))
    with device, ours:
        device.sendall(b"unread")
        wait_readable(ours)
        connection.dataReceived(b"\xff\xfb\x01")
        assert device.recv(9) == b"\xff\xfe\x01"
