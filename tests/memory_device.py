"""A device in memory for the tests of the Twisted face: no sockets, no waiting.

Connections are lost as Twisted loses them: the protocol hears of it first, then the factory,
and both at the next turn of the reactor where we were the ones who closed.
"""

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from socs_tcp import DeviceClient

DONE = error.ConnectionDone()
RESET = error.ConnectionLost("Connection reset by peer")
REFUSED = error.ConnectionRefusedError(111, "Connection refused")


class Watched:
    """What became of a Deferred: every firing of it is written down."""

    def __init__(self, deferred):
        self.deferred = deferred
        self.outcomes = []
        deferred.addBoth(self._fired)

    def _fired(self, result):
        self.outcomes.append(result.value if isinstance(result, Failure) else result)

    @property
    def fired(self):
        return bool(self.outcomes)

    @property
    def value(self):
        """The one outcome there is."""
        assert len(self.outcomes) == 1, self.outcomes
        return self.outcomes[0]

    def cancel(self):
        self.deferred.cancel()


class Transport(StringTransport):
    """A transport whose other end a test holds.

    `stuck` is a device that takes no more bytes, until `drain` is called.
    """

    def __init__(self, reactor):
        super().__init__(peerAddress=IPv4Address("TCP", "10.0.0.5", 7777))
        self.reactor = reactor
        self.protocol = None
        self.gone = None            # called after the protocol heard of the loss
        self.stuck = False
        self.kernel = b""           # what came while the transport was paused
        self.aborted = False

    def registerProducer(self, producer, streaming):
        assert not streaming
        super().registerProducer(producer, streaming)
        if self.stuck:      # otherwise all is taken at once
            producer.resumeProducing()      # as Twisted does with a pull producer

    def drain(self):
        """The device takes all that was written."""
        self.producer.resumeProducing()

    def deliver(self, data):
        """The device sends."""
        if self.producerState == "paused":
            self.kernel += data
        elif self.connected and not self.disconnecting:
            self.protocol.dataReceived(data)

    def resumeProducing(self):
        super().resumeProducing()
        if self.kernel:
            self.reactor.callLater(0, self._deliver_held)

    def _deliver_held(self):
        data, self.kernel = self.kernel, b""
        if data:
            self.deliver(data)

    def loseConnection(self):
        if self.disconnecting or not self.connected:
            return
        super().loseConnection()
        if self.producer is None:
            self.reactor.callLater(0, self.lost, DONE)

    def abortConnection(self):
        self.aborted = True
        if self.connected:
            self.disconnecting = True
            self.reactor.callLater(0, self.lost, error.ConnectionAborted())

    def lost(self, reason=DONE):
        """The connection is over."""
        if not self.connected:
            return
        self.connected = False
        if self.producer is not None:
            self.producer.stopProducing()
            self.producer = None
        self.protocol.connectionLost(Failure(reason))
        if self.gone is not None:
            self.gone(reason)


def joined(protocol, reactor=None):
    """`protocol` with a transport in memory."""
    transport = Transport(MemoryReactorClock() if reactor is None else reactor)
    transport.protocol = protocol
    protocol.makeConnection(transport)
    return transport


def look_finds(connection, happens):
    """The next look at the socket of `connection` finds something, and this comes of it."""
    connection._poll = lambda _timeout: ["something"]
    connection.look = happens


class Bench:
    """A `DeviceClient` and its device, by hand."""

    def __init__(self, timeout=10, *, settle=0, **options):
        self.reactor = MemoryReactorClock()
        self.transport = None
        self._handled = 0
        self.client = DeviceClient("10.0.0.5", 7777, timeout, settle=settle,
                                   reactor=self.reactor, **options)

    @property
    def link(self):
        return self.client.link

    @property
    def attempts(self):
        """So often the client tried to connect."""
        return len(self.reactor.tcpClients)

    @property
    def connecting(self):
        """Is an attempt under way?"""
        state = self.client._manager.dialer._connector.state
        return self.attempts > self._handled and state == "connecting"

    def advance(self, *seconds):
        for step in seconds or (0,):
            self.reactor.advance(step)

    def run_until_attempt(self, limit=40.0, step=0.05):
        """Let time pass until the client tries to connect; returns how long that took."""
        waited = 0.0
        while not self.connecting:
            assert waited < limit, "no attempt"
            self.advance(step)
            waited += step
        return waited

    def accept(self, stuck=False):
        """The device accepts the attempt that is under way."""
        assert self.connecting
        self._handled = self.attempts
        factory, connector = self.reactor.tcpClients[-1][2], self.reactor.connectors[-1]
        self.transport = transport = Transport(self.reactor)
        transport.stuck = stuck
        protocol = factory.buildProtocol(transport.getPeer())
        if protocol is None:
            return None
        transport.protocol = protocol
        transport.gone = lambda reason: factory.clientConnectionLost(connector, Failure(reason))
        protocol.makeConnection(transport)
        return transport

    def refuse(self, reason=REFUSED):
        """The attempt that is under way fails."""
        assert self.connecting
        self._handled = self.attempts
        factory, connector = self.reactor.tcpClients[-1][2], self.reactor.connectors[-1]
        factory.clientConnectionFailed(connector, Failure(reason))

    def reply(self, data):
        self.transport.deliver(data)

    def take(self):
        """What the device got since the last call."""
        data = self.transport.value()
        self.transport.clear()
        return data

    def query(self, msg, *args, **kwargs):
        return Watched(self.client.query(msg, *args, **kwargs))

    def send(self, msg, *args):
        return Watched(self.client.send(msg, *args))

    def recv(self, *args):
        return Watched(self.client.recv(*args))

    def close(self):
        """Close, and see to it that nothing is left."""
        closing = Watched(self.client.close())
        self.advance(0, 0)
        assert closing.value is None
        assert self.reactor.getDelayedCalls() == []


def connected(**options):
    """A bench whose client is connected."""
    bench = Bench(**options)
    bench.accept()
    return bench


def proven(**options):
    """A bench whose client has had a good exchange."""
    bench = connected(**options)
    first = bench.query("first")
    bench.advance(0)
    bench.take()
    bench.reply(b"ok\r\n")
    assert first.value == b"ok"
    assert bench.link.state.value == "up"
    return bench
