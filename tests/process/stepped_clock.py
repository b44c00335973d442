"""Run in a process of its own: the wall clock is stepped while a device is used.

    python stepped_clock.py SCENARIO SECONDS preload|patch

Prints a line of JSON: for how long what was waited for lasted, by a clock that is not stepped.
"""

import contextlib
import ctypes
import json
import random
import sys
import time

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from socs_tcp import DeviceAgentMixin, DeviceClient
from socs_tcp.deferred.clock import steady
from socs_tcp.testing import listen as listen_as_a_device

STEP = float(sys.argv[2])
clock = steady(reactor)


def step():
    """Step the clock, and see that Twisted believes it."""
    before = reactor.seconds()
    if sys.argv[3] == "preload":
        ctypes.c_long.in_dll(ctypes.CDLL(None), "clock_step").value += int(STEP)
    else:
        real = reactor.seconds
        reactor.seconds = lambda: real() + STEP
    assert abs(reactor.seconds() - before - STEP) < 60, "the clock was not stepped"


class Device(Protocol):
    """It answers each line with ``ok``, or, if it is mute, with nothing."""

    mute = False
    connections = []

    def connectionMade(self):
        self.connections.append(self)

    def dataReceived(self, data):
        if not self.mute:
            self.transport.write(b"ok\r\n" * data.count(b"\n"))


def hang_up():
    while Device.connections:
        Device.connections.pop().transport.abortConnection()


@inlineCallbacks
def reconnect(client):
    """The device hangs up as the clock is stepped; how soon is it used again?"""
    step()
    hang_up()
    yield deferLater(clock, 0.05)
    began = time.monotonic()
    yield client.query("T?")
    return time.monotonic() - began


@inlineCallbacks
def while_it_waits(client):
    """The clock is stepped while the client waits for its next attempt."""
    port = listening.getHost().port
    yield listening.stopListening()
    hang_up()
    yield deferLater(clock, 0.5)
    step()
    again = reactor.listenTCP(port, Factory.forProtocol(Device), interface="127.0.0.1")
    began = time.monotonic()
    yield client.when_connected()
    again.stopListening()
    return time.monotonic() - began


@inlineCallbacks
def timeout(client):
    """A query to a mute device, and the clock is stepped while it waits."""
    Device.mute = True
    began = time.monotonic()
    waiting = client.query("T?", timeout=1.0)
    yield deferLater(clock, 0.1)
    step()
    with contextlib.suppress(TimeoutError):
        yield waiting
    return time.monotonic() - began


@inlineCallbacks
def simulated(_client):
    """The clock is stepped while a device in this reactor is late."""
    with contextlib.closing(listen_as_a_device(reactor, {"T?": "ok"})) as device:
        client = DeviceClient(device.host, device.port, 30.0)
        yield client.query("T?")
        device.faults.late(1.0)
        began = time.monotonic()
        waiting = client.query("T?")
        yield deferLater(clock, 0.1)
        step()
        yield waiting
        yield client.close()
    return time.monotonic() - began


class Session:
    status, op_name, session_id, degraded, data = "running", "acq", 1, False, None

    def add_message(self, *args, **kwargs):
        pass


class Agent:
    def __init__(self, session):
        self.sessions = {"acq": session}


class Driver(DeviceAgentMixin):
    def __init__(self, agent, client):
        self.agent = agent
        self.watch(client)


@inlineCallbacks
def polls(client):
    """The clock is stepped in the middle of a poll: ten more readings, 0.1 s apart."""
    session = Session()
    driver, readings = Driver(Agent(session), client), []

    def handle(reading):
        readings.append(reading)
        if len(readings) == 3:
            step()
        if len(readings) == 13:
            session.status = "stopping"
    began = time.monotonic()
    yield driver.poll_deferred(session, lambda: client.query("T?"), handle, 0.1)
    return time.monotonic() - began


@inlineCallbacks
def main():
    client = DeviceClient("127.0.0.1", listening.getHost().port, 5.0)
    try:
        yield client.query("T?")
        seconds = yield globals()[sys.argv[1]](client)
        print(json.dumps({"seconds": seconds}), flush=True)
    finally:
        yield client.close()
        reactor.callFromThread(reactor.stop)


def listen():
    """At a port that the system gives to no client while nobody listens there."""
    while True:
        try:
            return reactor.listenTCP(random.randrange(10000, 30000), Factory.forProtocol(Device),
                                     interface="127.0.0.1")
        except CannotListenError:
            pass


listening = listen()
reactor.callWhenRunning(main)
reactor.run()
