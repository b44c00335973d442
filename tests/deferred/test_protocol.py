"""LineProtocol and RawProtocol by themselves."""

import contextlib
import socket

import pytest
from memory_device import DONE, RESET, Transport, Watched, joined
from twisted.internet import error
from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure

from socs_tcp import (
    Disconnected,
    FixedFramer,
    FramingError,
    LengthFramer,
    LineFramer,
    LineProtocol,
    RawProtocol,
)
from socs_tcp.deferred.frame_protocol import LONG_READ, READ_LIMIT, READ_SIZE


@pytest.fixture
def line():
    protocol = LineProtocol()
    joined(protocol)
    return protocol


@pytest.fixture
def raw():
    protocol = RawProtocol()
    joined(protocol)
    return protocol


def turn(protocol):
    """One turn of the reactor."""
    protocol.transport.reactor.advance(0)


def outcome(protocol, deferred):
    """What comes of it, at the next turn of the reactor at the latest."""
    watched = Watched(deferred)
    turn(protocol)
    return watched.value


# sending


def test_send_adds_the_terminator_where_it_is_missing(line):
    line.send("*IDN?")
    line.send(b"*RST\r\n")
    assert line.transport.value() == b"*IDN?\r\n*RST\r\n"


def test_raw_send_adds_nothing(raw):
    raw.send(b"\x01\x02")
    assert raw.transport.value() == b"\x01\x02"


def test_send_fires_only_when_the_system_has_taken_all(line):
    line.transport.stuck = True
    sent = Watched(line.send("A"))
    later = Watched(line.send("B"))
    turn(line)
    assert not sent.fired and not later.fired
    line.transport.drain()
    assert sent.value is None and later.value is None
    assert line.transport.producer is None      # and another producer may register


def test_each_wave_of_sends_is_drained_by_itself(line):
    line.transport.stuck = True
    first = Watched(line.send("A"))
    line.transport.drain()
    second = Watched(line.send("B"))
    assert first.fired and not second.fired
    line.transport.drain()
    assert second.value is None


def test_send_with_a_transport_that_knows_no_producers_succeeds_at_once():
    protocol = LineProtocol()
    transport = StringTransport()
    protocol.makeConnection(transport)
    assert Watched(protocol.send("A")).value is None
    assert Watched(protocol.send("B")).value is None
    assert transport.value() == b"A\r\nB\r\n"
    assert transport.producer is None


def test_send_that_is_not_text_is_a_mistake_of_the_caller(line):
    with pytest.raises(TypeError):
        line.send(12)


def test_send_before_the_connection_fails():
    failed = Watched(LineProtocol().send("A")).value
    assert isinstance(failed, Disconnected) and failed.sent == "no"


def test_send_after_the_loss_fails_and_was_not_sent(line):
    line.transport.lost(RESET)
    sent = Watched(line.send("A"))
    assert not sent.fired           # who tries for ever does not keep the reactor from all else
    turn(line)
    failed = sent.value
    assert isinstance(failed, Disconnected)
    assert (failed.host, failed.port, failed.sent) == ("10.0.0.5", 7777, "no")


def test_a_send_that_waits_fails_with_the_connection(line):
    line.transport.stuck = True
    sent = Watched(line.send("A"))
    line.transport.lost(RESET)
    assert isinstance(sent.value, Disconnected) and sent.value.sent == "maybe"
    assert isinstance(sent.value.__cause__, error.ConnectionLost)


def test_a_cancelled_send_leaves_the_others_alone(line):
    line.transport.stuck = True
    sends = [Watched(line.send(text)) for text in "ABC"]
    sends[1].cancel()
    line.transport.drain()
    assert sends[0].value is None and sends[2].value is None
    assert isinstance(sends[1].value, CancelledError)


def test_a_callback_of_a_drained_send_may_cancel_another(line):
    line.transport.stuck = True
    first = line.send("A")
    others = [Watched(line.send(text)) for text in "BC"]
    first.addCallback(lambda _none: others[0].cancel())
    problems = []
    first.addErrback(problems.append)
    line.transport.drain()
    assert problems == []
    assert isinstance(others[0].value, CancelledError)
    assert others[1].value is None


def test_a_send_of_a_callback_that_cancels_another_waits_for_its_own_bytes(line):
    line.transport.stuck = True
    first, second, late = line.send("A"), Watched(line.send("B")), []
    first.addCallback(lambda _none: (second.cancel(), late.append(Watched(line.send("C")))))
    line.transport.drain()
    assert not late[0].fired


def test_a_callback_of_a_drained_send_may_send(line):
    line.transport.stuck = True
    again = []
    line.send("A").addCallback(lambda _none: again.append(Watched(line.send("B"))))
    line.transport.drain()
    assert line.transport.value() == b"A\r\nB\r\n"
    assert not again[0].fired
    line.transport.drain()
    assert again[0].value is None


# receiving


def test_lines_are_given_to_readers_in_order(line):
    readers = [Watched(line.recv()) for _ in range(3)]
    line.dataReceived(b"one\r\ntw")
    assert readers[0].value == b"one" and not readers[1].fired
    line.dataReceived(b"o\r\nthree\r\n")
    assert readers[1].value == b"two" and readers[2].value == b"three"


def test_lines_that_came_before_are_there_at_once(line):
    line.dataReceived(b"one\r\ntwo\r\n")
    assert Watched(line.recv()).value == b"one"
    assert Watched(line.recv()).value == b"two"
    assert not Watched(line.recv()).fired


def test_many_lines_at_once(line):
    line.dataReceived(b"one\r\ntwo\r\nthree\r\nfo")
    assert outcome(line, line.recv_frames(2)) == [b"one", b"two"]
    assert outcome(line, line.recv_frames(2)) == [b"three"]
    first, second = Watched(line.recv_frames(2)), Watched(line.recv())
    assert not first.fired
    line.dataReceived(b"ur\r\nfive\r\nsix\r\n")
    assert (first.value, second.value) == ([b"four", b"five"], b"six")
    line.connectionLost(RESET)
    assert isinstance(outcome(line, line.recv_frames(2)), Disconnected)
    with pytest.raises(ValueError, match="most must be at least 1 frame"):
        line.recv_frames(0)


def test_what_makes_no_sense_is_told_behind_the_lines_before_it():
    protocol = LineProtocol(LineFramer(max_length=4))
    joined(protocol)
    protocol.dataReceived(b"one\r\ntwo\r\ntoo long\r\n")
    assert outcome(protocol, protocol.recv_frames(9)) == [b"one", b"two"]
    assert isinstance(outcome(protocol, protocol.recv_frames(9)), FramingError)


def test_another_framer(line):
    protocol = LineProtocol(FixedFramer(3))
    joined(protocol)
    protocol.dataReceived(b"abcdef")
    assert Watched(protocol.recv()).value == b"abc"
    assert Watched(protocol.recv()).value == b"def"


def test_raw_gives_what_came_up_to_bufsize(raw):
    waiting = Watched(raw.recv(4))
    raw.dataReceived(b"abcdefgh")
    assert waiting.value == b"abcd"
    assert Watched(raw.recv(3)).value == b"efg"
    assert Watched(raw.recv()).value == b"h"
    assert not Watched(raw.recv()).fired


def test_raw_readers_each_get_at_least_one_byte(raw):
    readers = [Watched(raw.recv()) for _ in range(2)]
    raw.dataReceived(b"abc")
    assert readers[0].value == b"abc" and not readers[1].fired


@pytest.mark.parametrize("bufsize", [0, -1])
def test_raw_recv_of_nothing_is_a_mistake_of_the_caller(raw, bufsize):
    with pytest.raises(ValueError, match="bufsize"):
        raw.recv(bufsize)


def test_recv_before_the_connection_fails():
    assert isinstance(Watched(LineProtocol().recv()).value, Disconnected)


def test_a_cancelled_reader_gives_its_place_to_the_next(line):
    first, second = Watched(line.recv()), Watched(line.recv())
    first.cancel()
    line.dataReceived(b"one\r\n")
    assert isinstance(first.value, CancelledError)
    assert second.value == b"one"


def test_every_reader_is_released_by_the_loss(line):
    readers = [Watched(line.recv()) for _ in range(3)]
    line.transport.lost(DONE)
    assert [type(r.value) for r in readers] == [Disconnected] * 3
    assert readers[0].value is not readers[1].value     # each has its own to keep
    assert "closed the connection" in str(readers[0].value)


def test_lines_left_at_the_loss_are_readable_and_then_it_is_told(line):
    line.dataReceived(b"one\r\ntwo\r\nfragm")
    line.transport.lost(DONE)
    assert Watched(line.recv()).value == b"one"
    assert Watched(line.recv()).value == b"two"
    failed = Watched(line.recv())
    assert not failed.fired
    turn(line)
    assert isinstance(failed.value, Disconnected)       # and never the fragment
    assert isinstance(outcome(line, line.recv()), Disconnected)


def test_bytes_left_at_the_loss_are_readable_and_then_it_is_told(raw):
    raw.dataReceived(b"abc")
    raw.transport.lost(RESET)
    assert Watched(raw.recv(2)).value == b"ab"
    assert Watched(raw.recv(2)).value == b"c"
    assert isinstance(outcome(raw, raw.recv()), Disconnected)


# callbacks that do things


def test_a_reader_may_read_again_in_its_callback(line):
    got = []

    def read(text):
        got.append(text)
        line.recv().addCallbacks(read, lambda _failure: None)
    line.recv().addCallback(read)
    line.dataReceived(b"one\r\ntwo\r\nthree\r\n")
    assert got == [b"one", b"two", b"three"]


def test_a_reader_that_reads_again_comes_behind_those_who_wait(line):
    order = []
    line.recv().addCallback(lambda text: (order.append(("first", text)), line.recv().addCallback(
        lambda text: order.append(("again", text)))))
    line.recv().addCallback(lambda text: order.append(("second", text)))
    line.dataReceived(b"1\r\n2\r\n3\r\n")
    assert order == [("first", b"1"), ("second", b"2"), ("again", b"3")]


def test_what_comes_while_a_reader_is_served_is_for_when_it_is_done(line):
    order = []

    def first(_text):
        line.dataReceived(b"2\r\n")
        order.append("first")
    line.recv().addCallback(first)
    line.recv().addCallback(lambda _text: order.append("second"))
    line.dataReceived(b"1\r\n")
    assert order == ["first", "second"]


def test_a_reader_may_cancel_the_next_reader(line):
    first, second, third = line.recv(), Watched(line.recv()), Watched(line.recv())
    first.addCallback(lambda _text: second.cancel())
    line.dataReceived(b"one\r\ntwo\r\n")
    assert isinstance(second.value, CancelledError)
    assert third.value == b"two"


def test_a_reader_that_raises_does_not_harm_the_next(line):
    first, second = line.recv(), Watched(line.recv())
    first.addCallback(lambda _text: 1 / 0)
    problems = Watched(first)
    line.dataReceived(b"one\r\ntwo\r\n")
    assert isinstance(problems.value, ZeroDivisionError)
    assert second.value == b"two"


def test_a_reader_may_close_the_connection(line):
    first, second = line.recv(), Watched(line.recv())
    first.addCallback(lambda _text: line.transport.lost(DONE))
    line.dataReceived(b"one\r\n")
    assert isinstance(second.value, Disconnected)


@pytest.mark.parametrize("kind", ["reader", "sender"])
def test_an_errback_at_the_loss_may_cancel_the_others(line, kind):
    line.transport.stuck = True
    make = line.recv if kind == "reader" else (lambda: line.send("A"))
    first, second, third = make(), Watched(make()), Watched(make())
    problems = []
    first.addErrback(lambda _failure: second.cancel()).addErrback(problems.append)
    line.transport.lost(RESET)
    assert problems == []
    assert isinstance(second.value, CancelledError)
    assert isinstance(third.value, Disconnected)


def test_an_errback_at_the_loss_finds_the_connection_lost(line):
    found = []
    line.recv().addErrback(lambda _failure: (found.append(Watched(line.recv())),
                                             found.append(Watched(line.send("A")))))
    line.transport.lost(RESET)
    turn(line)
    assert [type(w.value) for w in found] == [Disconnected] * 2


# what makes no sense


def test_an_endless_line_drops_the_connection_and_memory_stays_bounded():
    protocol = LineProtocol(LineFramer(max_length=100))
    transport = joined(protocol)
    readers = [Watched(protocol.recv()) for _ in range(2)]
    transport.stuck = True
    sent = Watched(protocol.send("A"))
    protocol.dataReceived(b"x" * 200)
    assert [type(r.value) for r in readers] == [FramingError] * 2
    assert isinstance(sent.value, FramingError)
    assert transport.aborted
    protocol.dataReceived(b"y" * 500 + b"\r\n")     # what TLS may still deliver
    assert protocol._decoder.waiting == 0
    turn(protocol)      # the connection ends, and nothing fires again
    assert isinstance(readers[0].value, FramingError)
    later = outcome(protocol, protocol.recv())
    assert isinstance(later, FramingError) and later.host == "10.0.0.5"
    assert isinstance(outcome(protocol, protocol.send("A")), FramingError)


def test_what_makes_no_sense_is_told_to_a_reader_who_comes_later():
    protocol = LineProtocol(LengthFramer(2, lambda header: -1))
    transport = joined(protocol)
    protocol.dataReceived(b"abc")
    failed = outcome(protocol, protocol.recv())
    assert isinstance(failed, FramingError)
    assert str(failed).startswith("10.0.0.5:7777: ")
    assert transport.aborted


# back-pressure


def test_a_device_that_nobody_reads_is_made_to_wait(line):
    transport = line.transport
    chunk = b"x" * 98 + b"\r\n"
    sent = 0
    while transport.producerState == "producing" and sent < 100:
        transport.deliver(chunk * 100)
        sent += 1
    assert transport.producerState == "paused"
    assert line._decoder.waiting <= 65536 + READ_LIMIT + 10000
    read = 0
    while transport.producerState == "paused":
        assert outcome(line, line.recv()) == chunk[:-2]
        read += 1
    assert read < sent * 100            # resumed before all was read
    transport.deliver(chunk)
    for _ in range(sent * 100 - read + 1):
        assert outcome(line, line.recv()) == chunk[:-2]
    assert not Watched(line.recv()).fired


def test_a_raw_device_that_nobody_reads_is_made_to_wait(raw):
    raw.dataReceived(b"x" * (65536 + READ_LIMIT))
    assert raw.transport.producerState == "producing"
    raw.dataReceived(b"x")
    assert raw.transport.producerState == "paused"
    Watched(raw.recv(65536))
    assert raw.transport.producerState == "paused"
    Watched(raw.recv(65536))
    assert raw.transport.producerState == "producing"


def test_a_reader_that_waits_is_never_kept_waiting_by_a_pause(raw):
    raw.dataReceived(b"x" * (65536 + READ_LIMIT + 1))
    while Watched(raw.recv(1 << 20)).fired:
        pass
    assert raw.transport.producerState == "producing"


def test_a_reader_gets_a_long_frame_whose_rest_is_held_back_by_a_pause():
    protocol = LineProtocol(LineFramer(max_length=1 << 20))
    transport = joined(protocol)
    transport.deliver(b"x" * 300_000 + b"\r\n" + b"y" * 1_000_000)
    transport.deliver(b"z\r\n")
    assert transport.producerState == "paused"
    assert len(Watched(protocol.recv()).value) == 300_000
    reader = Watched(protocol.recv())
    turn(protocol)
    assert reader.value == b"y" * 1_000_000 + b"z"


def test_a_cancelled_reader_lets_the_device_be_paused_again(raw):
    reader = Watched(raw.recv())
    reader.cancel()
    raw.dataReceived(b"x" * (65536 + READ_LIMIT + 1))
    assert raw.transport.producerState == "paused"


def test_a_pause_is_over_with_the_connection(raw):
    raw.dataReceived(b"x" * (65536 + READ_LIMIT + 1))
    raw.transport.lost(RESET)
    total = 0
    while isinstance(got := outcome(raw, raw.recv(65536)), bytes):
        total += len(got)
    assert total == 65536 + READ_LIMIT + 1
    assert isinstance(got, Disconnected)


# who calls again in each callback


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("begun", ["before", "after"])
def test_a_reader_that_reads_again_does_not_recurse(line, lost, begun):
    expected, seen = [b"%d" % number for number in range(2000)], []

    def again(text):
        seen.append(text)
        if len(seen) < 2000:
            line.recv().addCallback(again)
    if begun == "before":
        line.recv().addCallback(again)
    line.dataReceived(b"".join(text + b"\r\n" for text in expected))
    if lost:
        line.transport.lost(DONE)
    if begun == "after":
        line.recv().addCallback(again)
        assert len(seen) < 100
    turn(line)
    assert seen == expected
    assert line.transport.reactor.getDelayedCalls() == []


def test_a_sender_that_sends_again_does_not_recurse(line):
    sent = []

    def again(_none):
        sent.append(None)
        if len(sent) < 2000:
            line.send("A").addCallback(again)
    line.send("A").addCallback(again)
    assert len(sent) < 100
    turn(line)
    assert len(sent) == 2000


def test_readers_who_wait_for_the_next_turn_are_not_forgotten_at_the_loss(line):
    line.dataReceived(b"x\r\n" * 100)
    readers = [Watched(line.recv()) for _ in range(101)]
    assert not readers[60].fired
    line.transport.lost(RESET)
    assert [reader.value for reader in readers[:100]] == [b"x"] * 100
    assert isinstance(readers[100].value, Disconnected)


def test_in_each_turn_of_the_reactor_some_readers_are_served_at_once(line):
    line.dataReceived(b"x\r\n" * 200)
    for _ in range(3):
        while (reader := Watched(line.recv())).fired:
            pass
        turn(line)
        assert reader.value == b"x"
        assert Watched(line.recv()).fired


def test_a_reader_who_waits_for_the_next_turn_may_be_cancelled(line):
    line.dataReceived(b"".join(b"%d\r\n" % number for number in range(100)))
    readers = [Watched(line.recv()) for _ in range(61)]
    readers[59].cancel()
    turn(line)
    assert readers[60].value == b"59"


def test_a_reader_who_never_gives_up_does_not_keep_the_reactor_from_all_else(line):
    tried = []

    def again(_failure):
        tried.append(None)
        if len(tried) < 1000:
            line.recv().addErrback(again)
    line.recv().addErrback(again)
    line.transport.lost(RESET)
    assert len(tried) == 1


# with what Twisted has


def test_it_works_with_an_endpoint():
    reactor = MemoryReactorClock()
    protocol = LineProtocol()
    done = Watched(connectProtocol(TCP4ClientEndpoint(reactor, "10.0.0.5", 7777), protocol))
    made = reactor.tcpClients[0][2].buildProtocol(None)
    made.makeConnection(StringTransport())
    assert done.value is protocol
    reader = Watched(protocol.recv())
    made.dataReceived(b"hello\r\n")
    assert reader.value == b"hello"
    made.connectionLost(Failure(DONE))
    assert isinstance(Watched(protocol.recv()).value, Disconnected)


def test_it_works_as_a_server_of_any_factory():
    protocol = Factory.forProtocol(LineProtocol).buildProtocol(None)
    joined(protocol)
    protocol.recv().addCallback(protocol.send)
    protocol.dataReceived(b"echo\r\n")
    assert protocol.transport.value() == b"echo\r\n"


class Pair:
    """A protocol on a real socket of a private reactor, and the device's end."""

    def __init__(self, protocol, wrap=lambda factory: factory):
        self.reactor = EPollReactor()
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.device = socket.socket()
            self.device.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.device.connect(server.getsockname())
            ours, _address = server.accept()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        ours.setblocking(False)
        self.device.settimeout(5)
        self.protocol = protocol
        factory = Factory()
        factory.buildProtocol = lambda _address: protocol
        self.factory = wrap(factory)
        self.reactor.adoptStreamConnection(ours.fileno(), socket.AF_INET, self.factory)
        ours.close()

    def turns(self, until, limit=2000):
        for _ in range(limit):
            if until():
                return
            self.reactor.iterate(0.01)
        raise AssertionError("it never came to that")

    def close(self):
        self.device.close()
        if self.protocol.transport is not None and self.protocol._lost is None:
            self.protocol.transport.abortConnection()
            self.turns(lambda: self.protocol._lost is not None)
        for reader in self.reactor.removeAll():
            if reader in self.reactor._internalReaders:
                reader.connectionLost(None)


@pytest.fixture
def pair():
    pairs = []

    def make(protocol, **options):
        pairs.append(Pair(protocol, **options))
        return pairs[-1]
    yield make
    for each in pairs:
        each.close()


def test_a_short_send_on_a_real_socket_is_done_at_once(pair):
    real = pair(LineProtocol())
    assert Watched(real.protocol.send("A")).value is None
    assert real.device.recv(100) == b"A\r\n"
    assert real.protocol.transport.getHandle().getsockopt(
        socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_send_on_a_real_socket_waits_for_a_slow_reader(pair):
    real = pair(RawProtocol())
    data = bytes(range(256)) * 8000
    sent = Watched(real.protocol.send(data))
    after = Watched(real.protocol.send(b"end"))
    for _ in range(20):
        real.reactor.iterate(0)
    assert not sent.fired and not after.fired
    got = b""
    while len(got) < len(data) + 3:
        real.reactor.iterate(0)
        got += real.device.recv(65536)
        if len(got) < len(data) // 2:
            assert not sent.fired
    assert got == data + b"end"
    real.turns(lambda: sent.fired)
    assert sent.value is None and after.value is None
    assert Watched(real.protocol.send(b"x")).value is None      # at once again


def test_a_send_on_a_real_socket_that_is_just_full_waits(pair):
    real = pair(RawProtocol())
    handle = real.protocol.transport.getHandle()
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:         # until the system takes no more, which Twisted does not know
            count += handle.send(b"x" * 65536)
    sent = Watched(real.protocol.send(b"end"))
    assert not sent.fired
    got = b""
    while len(got) < count + 3:
        real.reactor.iterate(0)
        got += real.device.recv(65536)
    assert got[count:] == b"end"
    real.turns(lambda: sent.fired)
    assert sent.value is None


def test_a_send_on_a_real_socket_whose_loss_is_not_known_yet_fails(pair):
    real = pair(RawProtocol())
    real.device.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    real.device.close()
    sent = Watched(real.protocol.send(b"x"))
    real.turns(lambda: sent.fired)
    assert isinstance(sent.value, Disconnected)


def test_a_send_on_a_real_socket_fails_when_the_device_resets(pair):
    real = pair(RawProtocol())
    sent = Watched(real.protocol.send(b"x" * 4_000_000))
    real.reactor.iterate(0)
    real.device.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    real.device.close()
    real.turns(lambda: sent.fired)
    assert isinstance(sent.value, Disconnected)


def test_a_device_that_sends_without_pause_is_read_in_longer_pieces(pair):
    real = pair(LineProtocol())
    transport = real.protocol.transport
    assert transport.bufferSize == READ_SIZE            # Twisted's own
    for text, expected in [(b"x\r\n" * (READ_SIZE // 3 + 1), LONG_READ), (b"y\r\n", READ_SIZE)]:
        real.device.sendall(text)
        readers = [Watched(real.protocol.recv()) for _ in range(len(text) // 3)]
        real.turns(lambda readers=readers: readers[-1].fired)
        real.protocol.dataReceived(text)                # (in one piece)
        assert transport.bufferSize == expected
        for again in [Watched(real.protocol.recv()) for _ in readers]:
            real.turns(lambda again=again: again.fired)
            assert again.value == text[:1]


@pytest.mark.parametrize("bufsize, expected", [(4096, LONG_READ), (READ_SIZE, LONG_READ),
                                               (READ_SIZE + 1, LONG_READ), (1 << 20, LONG_READ)])
def test_raw_bytes_are_read_in_longer_pieces_where_the_reader_takes_them(raw, bufsize, expected):
    raw.transport.bufferSize = READ_SIZE
    reader = Watched(raw.recv(bufsize))
    raw.dataReceived(b"x" * READ_SIZE)
    assert len(reader.value) == min(bufsize, READ_SIZE)
    assert raw.transport.bufferSize == expected


def test_a_paused_real_socket_fills_the_device_up(pair):
    real = pair(LineProtocol())
    real.device.setblocking(False)
    line, sent = b"x" * 998 + b"\r\n", 0
    for _ in range(3000):
        try:
            sent += real.device.send(line * 20)
        except BlockingIOError:
            if real.protocol._paused:
                break
        real.reactor.iterate(0)
    assert real.protocol._paused
    assert real.protocol._decoder.waiting < 65536 + READ_LIMIT + LONG_READ
    count = 0
    while (count + 1) * 1000 <= sent:
        reader = Watched(real.protocol.recv())
        real.turns(lambda reader=reader: reader.fired)
        assert reader.value == line[:-2]
        count += 1
    assert not real.protocol._paused


def test_the_transport_of_a_wrapping_factory_is_not_passed_by(pair):
    real = pair(LineProtocol(), wrap=WrappingFactory)
    logged = []
    real.protocol.transport.write = logged.append
    real.protocol.send("A")
    assert logged == [b"A\r\n"]


def test_bytes_never_pass_by_tls_that_began_later(pair):
    real = pair(LineProtocol())
    written = []
    transport = real.protocol.transport
    transport.TLS = True
    transport.write = written.append
    transport.registerProducer = lambda producer, streaming: None
    transport.unregisterProducer = lambda: None
    real.protocol.send("secret")
    assert written == [b"secret\r\n"]


class TLSTransport(Transport):
    """Pushes back as Twisted's TLS does: only while its buffer is full."""

    TLS = True
    full = False

    def registerProducer(self, producer, streaming):
        assert streaming        # a pull producer would be wrapped, with the global reactor
        StringTransport.registerProducer(self, producer, streaming)

    def write(self, data):
        super().write(data)
        if self.full:
            self.producer.pauseProducing()


def test_a_send_over_tls_waits_while_its_buffer_is_full():
    protocol = LineProtocol()
    transport = TLSTransport(MemoryReactorClock())
    transport.protocol = protocol
    protocol.makeConnection(transport)
    assert Watched(protocol.send("A")).value is None
    transport.full = True
    sent = Watched(protocol.send("B"))
    assert not sent.fired
    transport.producer.resumeProducing()
    assert sent.value is None
    assert transport.producer is None


def test_the_peer_gives_the_name_in_messages():
    protocol = LineProtocol()
    joined(protocol)
    assert (protocol.host, protocol.port) == ("10.0.0.5", 7777)
