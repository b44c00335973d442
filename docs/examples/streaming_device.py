"""A device that is not asked: it sends a line whenever it has something to say.

    python streaming_device.py                    with a simulated weather station
    python streaming_device.py 10.10.10.5 4001    ten lines of a real device
"""

import sys

# driver
from twisted.internet.defer import Deferred

from socs_tcp import DeviceClientFactory, LineFramer, LineProtocol


class Station(LineProtocol):
    def connectionMade(self):
        super().connectionMade()
        self.read_on()

    def read_on(self):
        self.recv().addCallbacks(self.got_line, self.lost)

    def got_line(self, line):
        self.factory.resetDelay()       # it works: if it is lost now, retry at once
        self.factory.handle(line.decode())
        self.read_on()

    def lost(self, failure):
        print(f"lost: {failure.value}")


class StationFactory(DeviceClientFactory):
    def __init__(self, reactor, handle):
        super().__init__(reactor)
        self.handle = handle

    def buildProtocol(self, addr):
        station = Station(LineFramer("\n"), keepalive=20)
        station.factory = self
        return station
# end


def talk(reactor, host, port, count, server=None):
    done = Deferred()
    lines = []

    def handle(line):
        print(line)
        lines.append(line)
        if len(lines) == 2 and server is not None:
            server.faults.hang_up()     # it connects again by itself
        if len(lines) == count:
            factory.stopTrying()
            connector.disconnect()
            done.callback(None)

    factory = StationFactory(reactor, handle)
    connector = factory.connect(host, port)
    return done


def try_it(words):
    from twisted.internet.task import react

    from socs_tcp.testing import DeviceServer, ScriptedDevice

    if words:
        react(talk, (words[0], int(words[1]), 10))
    station = ScriptedDevice(unsolicited="wind 4.2 m/s", period=0.05, framer=LineFramer("\n"))
    with DeviceServer(station) as server:
        react(talk, (*server.address, 4, server))


if __name__ == "__main__":
    try_it(sys.argv[1:])
