"""TLS between a protocol and its TCP transport: in memory, and once for real."""

import contextlib
import os
import queue
import socket
import ssl
import threading

import pytest
from twisted.internet import error
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from socs_tcp import LineProtocol
from socs_tcp.deferred.connector import HostConnector
from socs_tcp.deferred.tls import LEAVING, TlsHandshake
from tests.storms.deferreds import own_reactor

BOUND = 10


class Above(Protocol):
    """Writes down what it is told."""

    def __init__(self):
        self.heard = b""
        self.lost = []

    def dataReceived(self, data):
        self.heard += data

    def connectionLost(self, reason):
        self.lost.append(reason.type)


class Bench:
    def __init__(self, certificate, trusted=True):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = certificate.server().wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.clock = Clock()
        self.above = Above()
        self.failed = []
        self.server_error = ""
        self.made = 0
        context = certificate.client() if trusted else ssl.create_default_context()
        self.handshake = TlsHandshake(self.clock, context, "device.test", self.done,
                                      lambda reason: self.failed.append(reason.value))
        self.below = self.handshake.protocol
        self.tcp = StringTransport()

    def done(self):
        self.made += 1
        return self.above

    def sent(self):
        """What went out over TCP comes to the device."""
        self.incoming.write(self.tcp.value())
        self.tcp.clear()

    def arrives(self):
        data = self.outgoing.read()
        if data:
            self.below.dataReceived(data)

    def shake_hands(self):
        self.below.makeConnection(self.tcp)
        for _ in range(5):
            self.sent()
            try:
                self.server.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as exc:
                self.server_error = self.server_error or str(exc)
            self.arrives()
        return self

    def say(self, data):
        self.server.write(data)
        self.arrives()

    def hear(self):
        self.sent()
        return self.server.read(65536)


@pytest.fixture
def bench(certificate):
    return Bench(certificate)


@pytest.fixture
def up(bench):
    return bench.shake_hands()


def test_the_protocol_is_built_after_the_handshake(bench):
    bench.below.makeConnection(bench.tcp)
    assert not bench.made
    assert bench.above.transport is None


def test_what_is_said_is_heard(up):
    assert up.made == 1
    assert up.server.version() == "TLSv1.3"
    assert up.above.heard == b""            # the tickets are no data
    up.above.transport.write(b"T?")
    up.above.transport.writeSequence([b"V", b"?"])
    up.sent()
    assert up.server.read(99) == b"T?"
    assert up.server.read(99) == b"V?"
    up.say(b"4.2\n")
    assert up.above.heard == b"4.2\n"
    assert up.above.transport.getPeer() == up.tcp.getPeer()


def test_a_farewell_without_the_end_of_the_connection_is_a_hang_up(up):
    up.server.write(b"4.2\n")
    with pytest.raises(ssl.SSLWantReadError):
        up.server.unwrap()
    up.arrives()
    assert up.above.heard == b"4.2\n"
    assert up.above.lost == [error.ConnectionDone]
    assert up.tcp.disconnecting
    up.below.connectionLost(Failure(error.ConnectionDone()))
    assert up.above.lost == [error.ConnectionDone]
    assert up.clock.getDelayedCalls() == []


def test_a_device_that_takes_nothing_after_its_farewell_is_left(up):
    with pytest.raises(ssl.SSLWantReadError):
        up.server.unwrap()
    up.arrives()
    aborted = []
    up.clock.getDelayedCalls()[0].func = lambda: aborted.append(True)
    up.clock.advance(LEAVING)
    assert aborted


def test_the_end_of_the_connection_is_told_with_its_reason(up):
    up.below.connectionLost(Failure(error.ConnectionLost()))
    assert up.above.lost == [error.ConnectionLost]


@pytest.mark.parametrize("end", ["loseConnection", "loseWriteConnection", "stopProducing"])
def test_our_end_is_a_farewell(up, end):
    getattr(up.above.transport, end)()
    assert up.tcp.disconnecting and up.above.transport.disconnecting
    farewell = up.tcp.value()
    up.above.transport.loseConnection()
    up.above.transport.write(b"too late")
    assert up.tcp.value() == farewell
    assert up.hear() == b""


def test_nonsense_ends_the_connection(up):
    up.below.dataReceived(b"\x17\x03\x03\x00\x05hello")
    assert up.above.lost == [ConnectionError]
    up.below.dataReceived(b"more")
    assert up.above.lost == [ConnectionError]


def test_a_certificate_that_is_not_trusted_ends_the_handshake(certificate):
    bench = Bench(certificate, trusted=False).shake_hands()
    [reason] = bench.failed
    assert "not trusted: self-signed" in str(reason)
    assert not bench.made
    assert bench.tcp.disconnecting
    assert "unknown ca" in bench.server_error       # the device is told why


@pytest.mark.parametrize("data, text", [(b"HELLO\r\n", "does the device speak TLS"),
                                        (None, "closed")])
def test_a_handshake_that_fails_is_told_once(bench, data, text):
    bench.below.makeConnection(bench.tcp)
    if data is not None:
        bench.below.dataReceived(data)
    bench.below.connectionLost(Failure(error.ConnectionDone("closed")))
    assert len(bench.failed) == 1
    assert text in str(bench.failed[0])


def test_a_handshake_that_cannot_begin_is_told(certificate):
    bench = Bench(certificate)
    context = certificate.client()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    below = TlsHandshake(bench.clock, context, "device.test", bench.done,
                         lambda reason: bench.failed.append(reason.value)).protocol
    below.makeConnection(bench.tcp)
    [reason] = bench.failed
    assert "no protocols available" in str(reason)
    assert bench.tcp.disconnecting


def test_a_handshake_that_was_given_up_says_nothing(bench):
    bench.below.makeConnection(bench.tcp)
    bench.tcp.abortConnection = lambda: bench.failed.append("aborted")
    bench.handshake.stop()
    bench.below.dataReceived(b"HELLO\r\n")
    bench.below.connectionLost(Failure(error.ConnectionAborted()))
    assert bench.failed == ["aborted"]


def test_where_nobody_wants_the_connection_it_is_given_up(bench):
    bench.done = lambda: None
    aborted = []
    bench.below._done = bench.done
    bench.tcp.abortConnection = lambda: aborted.append(True)
    bench.shake_hands()
    assert aborted == [True]
    assert not bench.failed


# for real

class Factory(ClientFactory):
    noisy = False

    def __init__(self):
        self.told = []
        self.protocol = None

    def buildProtocol(self, addr):
        self.told.append("protocol")
        self.protocol = LineProtocol(keepalive=6)
        return self.protocol

    def clientConnectionFailed(self, connector, reason):
        self.told.append(reason.value)

    def clientConnectionLost(self, connector, reason):
        self.told.append("lost")


class Server(threading.Thread):
    """The device: does its handshake, and then what the test says."""

    def __init__(self, listener, context, then):
        super().__init__(daemon=True)
        self.listener, self.context, self.then = listener, context, then
        self.start()

    def run(self):
        sock = self.listener.accept()[0]
        sock.settimeout(BOUND)
        with contextlib.suppress(OSError), self.context.wrap_socket(sock, server_side=True) as far:
            self.then(far)


@pytest.fixture
def real():
    with own_reactor() as turner:
        yield turner


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(BOUND)
        yield listener


class Holding:
    """A `TlsStream` that can say nothing now."""

    holding = True

    def write(self, data):
        pass

    def take(self):
        return b""

    def farewell(self):
        pass


def connect(real, listener, context, timeout=BOUND):
    factory = Factory()
    connector = HostConnector(real.reactor, *listener.getsockname(), factory, timeout,
                              tls=context)
    connector.connect()
    return factory, connector


def test_a_device_behind_tls(real, listener, certificate):
    def answer(far):
        far.sendall(far.recv(99) + b"4.2\r\n")
    server = Server(listener, certificate.server(), answer)
    factory, connector = connect(real, listener, certificate.client())
    assert real.until(lambda: factory.told, BOUND)
    assert factory.told == ["protocol"]
    assert connector.state == "connected"
    protocol = factory.protocol
    assert verifyObject(ITCPTransport, protocol.transport)
    handle = protocol.transport.getHandle()
    assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 3
    frames = []
    protocol.send(b"T?")
    for _ in range(2):
        protocol.recv().addCallback(frames.append)
    assert real.until(lambda: "lost" in factory.told, BOUND)
    assert frames == [b"T?", b"4.2"]
    assert connector.state == "disconnected"
    server.join(BOUND)
    assert real.left_over() == []


def test_a_command_goes_out_at_once_and_not_in_the_next_turn(real, listener, certificate):
    heard, over, sent = queue.SimpleQueue(), threading.Event(), []

    def listen(far):
        heard.put(far.recv(99))
        heard.put(far.recv(99))
        over.wait(BOUND)
    server = Server(listener, certificate.server(), listen)
    factory, connector = connect(real, listener, certificate.client())
    assert real.until(lambda: factory.protocol, BOUND)
    first = factory.protocol.send(b"A?")                # waits behind the end of the handshake
    assert real.until(lambda: first.called, BOUND)
    assert heard.get(timeout=BOUND) == b"A?\r\n"
    assert factory.protocol.send(b"B?").called
    assert heard.get(timeout=BOUND) == b"B?\r\n"        # while the reactor does nothing
    factory.protocol.transport._stream = Holding()
    assert not factory.protocol.send(b"C?").called      # the device renews the keys
    over.set()
    connector.disconnect()
    assert real.until(lambda: "lost" in factory.told, BOUND)
    factory.protocol.send(b"T?").addErrback(lambda failure: sent.append(failure.value))
    assert real.until(lambda: sent, BOUND)
    server.join(BOUND)


def test_a_command_is_sent_when_the_system_has_taken_it(real, listener, certificate):
    go = threading.Event()
    size = (8 << 20) + 6
    got = []

    def read(far):
        go.wait(BOUND)
        count, end = 0, b""
        while count < size:
            data = far.recv(65536)
            count, end = count + len(data), (end + data)[-6:]
        got.append(end)
    server = Server(listener, certificate.server(), read)
    factory, connector = connect(real, listener, certificate.client())
    assert real.until(lambda: factory.protocol, BOUND)
    sent = []
    for command in (os.urandom(size - 8).replace(b"\n", b"x") + b"\r\n", b"last"):
        factory.protocol.send(command).addCallback(sent.append)
    assert not real.until(lambda: sent, 0.2)
    go.set()
    assert real.until(lambda: len(sent) == 2 and got, BOUND)
    assert got == [b"last\r\n"]                         # behind what waited before it
    connector.disconnect()
    assert real.until(lambda: "lost" in factory.told, BOUND)
    server.join(BOUND)


def test_a_device_that_says_nothing_in_the_handshake(real, listener, certificate):
    factory, connector = connect(real, listener, certificate.client(), timeout=0.1)
    assert real.until(lambda: factory.told, BOUND)
    assert [type(reason) for reason in factory.told] == [error.TimeoutError]
    assert connector.state == "disconnected"
    with listener.accept()[0] as far:
        far.settimeout(BOUND)
        assert real.until(lambda: not real.left_over(), BOUND)


def test_a_connection_may_be_ended_in_the_handshake(real, listener, certificate):
    factory, connector = connect(real, listener, certificate.client())
    assert real.until(lambda: connector._handshake is not None, BOUND)
    connector.stopConnecting()
    assert [type(reason) for reason in factory.told] == [error.UserError]
    assert real.until(lambda: not real.left_over(), BOUND)
