"""A described device in memory: a `DescribedClient`, Twisted's fake reactor, no socket."""

from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock, StringTransportWithDisconnection
from twisted.python.failure import Failure

from socs_tcp.description.client import DescribedClient
from socs_tcp.description.simulated import scripted_device


class MemoryDevice:
    """A simulated device, the wire to it, and the time.

    Parameters
    ----------
    description : Description
    settle : float
        As in `DescribedClient`.
    """

    def __init__(self, description, settle=0):
        self.reactor = MemoryReactorClock()
        self.device = scripted_device(description)
        self.there = True
        self.silent = False
        #: Commands that came, and those that the device hangs up on in place of an answer.
        self.heard = []
        self.hang_up_on = set()
        self._transport = self._protocol = self._decoder = None
        self._attempts = 0
        self.client = DescribedClient(description, "127.0.0.1", 7777, reactor=self.reactor,
                                      settle=settle)
        self.pump()

    def pump(self):
        """Connect what wants to connect, and carry bytes until nobody has any."""
        for _ in range(100):
            if not (self._connect() or self._carry()):
                return
        raise AssertionError("they never stop talking")

    def advance(self, seconds, step=0.05):
        """Let time go by, in small steps."""
        for _ in range(round(seconds / step)):
            self.reactor.advance(step)
            self.pump()

    def unplug(self):
        """The device hangs up, and refuses connections."""
        self.there = False
        self.hang_up()

    def hang_up(self):
        if self._protocol is not None:
            protocol, self._protocol = self._protocol, None
            protocol.connectionLost(Failure(ConnectionDone()))
            self._factory.clientConnectionLost(self._connector, Failure(ConnectionDone()))

    def plug_in(self):
        self.there = True

    def say(self, data):
        """The device says something unasked."""
        self._protocol.dataReceived(data)

    @property
    def connections(self):
        return self._attempts

    def _connect(self):
        if self._attempts == len(self.reactor.tcpClients):
            return False
        self._factory = self.reactor.tcpClients[self._attempts][2]
        self._connector = self.reactor.connectors[self._attempts]
        self._attempts += 1
        if not self.there:
            self._factory.clientConnectionFailed(self._connector,
                                                 Failure(ConnectionRefusedError()))
            return True
        protocol = self._factory.buildProtocol(None)
        transport = StringTransportWithDisconnection()
        transport.protocol = self._protocol = protocol
        transport.loseConnection = transport.abortConnection = self.hang_up
        self._transport, self._decoder = transport, self.device.decoder()
        protocol.makeConnection(transport)
        if self.device.greeting():
            self.say(self.device.greeting())
        return True

    def _carry(self):
        if self._protocol is None or not self._transport.value():
            return False
        self._decoder.feed(self._transport.value())
        self._transport.clear()
        while (command := self._decoder.next_frame()) is not None:
            self.heard.append(command)
            if command in self.hang_up_on:
                self.hang_up()
                break
            for reply in self.device.handle(command):
                if self._protocol is not None and not self.silent:
                    self._protocol.dataReceived(reply)
        return True
