"""HostConnector: look-ups, addresses, and attempts that were abandoned."""

import gc
import socket
import threading
import weakref

import pytest
from memory_device import DONE, REFUSED
from twisted.internet import error
from twisted.internet.address import HostnameAddress, IPv4Address, IPv6Address
from twisted.internet.interfaces import IConnector, IHostnameResolver
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from socs_tcp.core.candidates import HEAD_START, STAGGER
from socs_tcp.deferred.connector import HostConnector
from tests.storms.deferreds import own_reactor


@implementer(IHostnameResolver)
class Resolver:
    """Answers when told to."""

    def __init__(self):
        self.asked = []     # (receiver, name, port)

    def resolveHostName(self, receiver, name, port=0, *args, **kwargs):
        self.asked.append((receiver, name, port))
        receiver.resolutionBegan(object())
        return object()

    def answer(self, *addresses, which=-1):
        receiver = self.asked[which][0]
        for address in addresses:
            kind = IPv6Address if ":" in address else IPv4Address
            receiver.addressResolved(kind("TCP", address, 7777))
        receiver.resolutionComplete()


class Recorder(ClientFactory):
    """Writes down all that a connector tells."""

    noisy = False
    protocol = Protocol

    def __init__(self):
        self.told = []

    def doStart(self):
        self.told.append("start")

    def doStop(self):
        self.told.append("stop")

    def startedConnecting(self, connector):
        self.told.append("connecting")

    def clientConnectionFailed(self, connector, reason):
        self.told.append(("failed", reason.type))

    def clientConnectionLost(self, connector, reason):
        self.told.append(("lost", reason.type))


class Bench:
    def __init__(self, host="lakeshore", timeout=5.0, factory=None):
        self.reactor = MemoryReactorClock()
        self.resolver = Resolver()
        self.reactor.nameResolver = self.resolver       # (to install it: Twisted 23.8)
        self.factory = Recorder() if factory is None else factory
        self.connector = HostConnector(self.reactor, host, 7777, self.factory, timeout)

    @property
    def tried(self):
        return [client[0] for client in self.reactor.tcpClients]

    def sub(self, which=-1):
        return self.reactor.tcpClients[which][2]

    def refuse(self, which=-1, reason=REFUSED):
        self.sub(which).clientConnectionFailed(self.reactor.connectors[which], Failure(reason))

    def accept(self, which=-1):
        return self.sub(which).buildProtocol(None)

    def lose(self, which=-1, reason=DONE):
        self.sub(which).clientConnectionLost(self.reactor.connectors[which], Failure(reason))


@pytest.fixture
def bench():
    return Bench()


def test_it_is_a_connector(bench):
    assert verifyObject(IConnector, bench.connector)


@pytest.mark.parametrize("address", ["10.0.0.5", "::1", "fe80::1"])
def test_an_address_is_not_looked_up(address):
    bench = Bench(address)
    bench.connector.connect()
    assert bench.resolver.asked == []
    assert bench.tried == [address]


def test_a_name_is_looked_up_at_every_attempt(bench):
    bench.connector.connect()
    bench.resolver.answer("10.0.0.5")
    bench.refuse()
    bench.connector.connect()
    bench.resolver.answer("10.0.0.6")
    assert [asked[1:] for asked in bench.resolver.asked] == [("lakeshore", 0)] * 2
    assert bench.tried == ["10.0.0.5", "10.0.0.6"]


def test_every_address_is_tried_in_order_and_once_and_the_factory_sees_one_attempt(bench):
    bench.connector.connect()
    bench.resolver.answer("::1", "127.0.0.1", "::1", "127.0.0.2")
    bench.refuse()
    bench.refuse()
    assert bench.tried == ["::1", "127.0.0.1", "127.0.0.2"]
    assert bench.factory.told == ["start", "connecting"]
    assert isinstance(bench.accept(), Protocol)
    assert bench.connector.state == "connected"
    assert bench.reactor.getDelayedCalls() == []


def test_when_all_addresses_fail_the_last_reason_is_told(bench):
    bench.connector.connect()
    bench.resolver.answer("::1", "127.0.0.1")
    bench.refuse(reason=error.NoRouteError())
    bench.refuse(reason=error.ConnectionRefusedError())
    assert bench.factory.told == ["start", "connecting",
                                  ("failed", error.ConnectionRefusedError), "stop"]
    assert bench.connector.state == "disconnected"
    assert bench.reactor.getDelayedCalls() == []


def test_a_name_without_an_address_fails(bench):
    bench.connector.connect()
    bench.resolver.answer()
    assert bench.factory.told[-2:] == [("failed", error.DNSLookupError), "stop"]
    assert bench.reactor.getDelayedCalls() == []


def test_a_look_up_that_takes_too_long_fails_and_its_late_answer_is_ignored(bench):
    bench.connector.connect()
    bench.reactor.advance(4.9)
    assert ("failed", error.TimeoutError) not in bench.factory.told
    bench.reactor.advance(0.2)
    assert bench.factory.told[-2:] == [("failed", error.TimeoutError), "stop"]
    bench.resolver.answer("10.0.0.5")
    assert bench.tried == []
    assert bench.connector.state == "disconnected"


def test_a_look_up_that_lasts_is_joined_by_the_next_attempts(bench):
    for _ in range(3):
        bench.connector.connect()
        bench.reactor.advance(5)
    other = HostConnector(bench.reactor, "lakeshore", 7778, bench.factory, 5.0)
    bench.connector.connect()
    other.connect()
    assert len(bench.resolver.asked) == 1
    bench.resolver.answer("10.0.0.5")
    assert [client[:2] for client in bench.reactor.tcpClients] == [("10.0.0.5", 7777),
                                                                   ("10.0.0.5", 7778)]


def test_the_answer_to_a_look_up_that_lasted_too_long_serves_the_next_attempt(bench):
    bench.connector.connect()
    bench.reactor.advance(5)
    bench.resolver.answer("10.0.0.5")
    assert bench.tried == []
    bench.connector.connect()
    assert bench.tried == ["10.0.0.5"]
    assert len(bench.resolver.asked) == 1


def test_the_timeout_is_for_the_look_up_and_all_addresses_together(bench):
    bench.connector.connect()
    bench.reactor.advance(2)
    bench.resolver.answer("10.0.0.5", "10.0.0.6")
    bench.refuse()
    assert bench.tried == ["10.0.0.5", "10.0.0.6"]
    assert bench.reactor.tcpClients[-1][3] is None      # the limit is ours
    bench.reactor.advance(2.9)
    assert not bench.reactor.connectors[-1].stoppedConnecting
    bench.reactor.advance(0.1)
    assert bench.factory.told[-2:] == [("failed", error.TimeoutError), "stop"]
    assert bench.reactor.connectors[-1].stoppedConnecting


def test_an_address_that_says_nothing_costs_the_next_one_little(bench):
    bench.connector.connect()
    bench.resolver.answer("10.0.0.5", "10.0.0.6", "10.0.0.7")
    assert bench.tried == ["10.0.0.5"]
    bench.reactor.advance(STAGGER)
    assert bench.tried == ["10.0.0.5", "10.0.0.6"]
    bench.refuse()
    assert bench.tried == ["10.0.0.5", "10.0.0.6", "10.0.0.7"]
    assert isinstance(bench.accept(0), Protocol)        # the first, after all
    assert bench.reactor.connectors[2].stoppedConnecting
    assert bench.accept(2) is None
    assert bench.reactor.getDelayedCalls() == []
    assert bench.factory.told == ["start", "connecting"]


def test_the_address_that_worked_last_is_tried_first(bench):
    bench.connector.connect()
    bench.resolver.answer("10.0.0.5", "10.0.0.6")
    bench.refuse()
    bench.accept()
    bench.lose()
    bench.connector.connect()
    bench.resolver.answer("10.0.0.5", "10.0.0.6")
    assert bench.tried == ["10.0.0.5", "10.0.0.6", "10.0.0.6"]


def test_the_address_that_worked_last_is_tried_while_the_look_up_lasts(bench):
    bench.connector.connect()
    bench.resolver.answer("10.0.0.5")
    bench.accept()
    bench.lose()
    bench.connector.connect()
    assert bench.tried == ["10.0.0.5"]
    bench.reactor.advance(HEAD_START)
    assert bench.tried == ["10.0.0.5"] * 2
    bench.resolver.answer("10.0.0.6")       # it has moved: who is there now, is another
    assert bench.reactor.connectors[1].stoppedConnecting
    assert bench.tried[2:] == ["10.0.0.6"]
    assert isinstance(bench.accept(), Protocol)
    assert bench.reactor.getDelayedCalls() == []


def test_a_zone_is_kept(bench):
    bench.connector.connect()
    receiver = bench.resolver.asked[0][0]
    receiver.addressResolved(IPv6Address("TCP", "fe80::1", 0, 0, 3))
    receiver.addressResolved(IPv6Address("TCP", "fe80::1", 0, 0, "gone0"))
    receiver.addressResolved(IPv6Address("TCP", "fe80::2", 0, 0, "lo"))
    receiver.resolutionComplete()
    bench.refuse()
    assert bench.tried == ["fe80::1%3", f"fe80::2%{socket.if_nametoindex('lo')}"]


def test_a_zone_whose_interface_is_gone_fails_and_not_at_once():
    bench = Bench("fe80::1%gone0")
    bench.connector.connect()
    assert bench.factory.told == ["start", "connecting"]
    assert bench.connector.state == "connecting"
    bench.reactor.advance(0)
    assert bench.factory.told[-2:] == [("failed", OSError), "stop"]
    assert bench.reactor.getDelayedCalls() == []


def test_where_connecting_raises_the_next_address_is_tried(bench):
    real = bench.reactor.connectTCP

    def connect_tcp(host, *args, **kwargs):
        if host == "10.0.0.5":
            raise OSError("no such thing")
        return real(host, *args, **kwargs)
    bench.reactor.connectTCP = connect_tcp
    bench.connector.connect()
    bench.resolver.answer("10.0.0.5", "10.0.0.6")
    assert bench.tried == ["10.0.0.6"]


def test_where_no_protocol_can_be_built_the_attempt_has_failed(bench):
    events = []
    globalLogPublisher.addObserver(events.append)

    def build(address):
        raise ZeroDivisionError
    bench.factory.buildProtocol = build
    try:
        bench.connector.connect()
        bench.resolver.answer("10.0.0.5")
        assert bench.accept() is None       # which makes Twisted hang up
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert bench.factory.told[-2:] == [("failed", ZeroDivisionError), "stop"]
    assert bench.connector.state == "disconnected"
    assert [e["log_failure"].type for e in events if "log_failure" in e] == [ZeroDivisionError]
    bench.lose()
    assert bench.factory.told[-2:] == [("failed", ZeroDivisionError), "stop"]
    bench.connector.connect()


def test_late_events_of_an_abandoned_attempt_are_ignored(bench):
    bench.connector.connect()
    bench.resolver.answer("10.0.0.5", "10.0.0.6")
    bench.reactor.advance(5)
    told = list(bench.factory.told)
    bench.connector.connect()
    told += ["start", "connecting"]
    assert bench.accept(0) is None      # which makes Twisted hang up
    bench.refuse(0)
    bench.lose(0)
    assert bench.factory.told == told
    assert bench.connector.state == "connecting"


def test_stop_connecting_in_the_look_up(bench):
    bench.connector.connect()
    bench.connector.stopConnecting()
    assert bench.factory.told[-2:] == [("failed", error.UserError), "stop"]
    bench.resolver.answer("10.0.0.5")
    assert bench.tried == []
    assert bench.reactor.getDelayedCalls() == []


def test_stop_connecting_in_the_connect(bench):
    bench.connector.connect()
    bench.resolver.answer("10.0.0.5", "10.0.0.6")
    bench.connector.stopConnecting()
    assert bench.reactor.connectors[0].stoppedConnecting
    bench.refuse(reason=error.UserError())      # what Twisted tells then
    assert bench.factory.told.count(("failed", error.UserError)) == 1
    assert bench.tried == ["10.0.0.5"]
    assert bench.reactor.getDelayedCalls() == []


def test_stop_connecting_when_there_is_no_attempt(bench):
    with pytest.raises(error.NotConnectingError):
        bench.connector.stopConnecting()
    bench.connector.connect()
    bench.resolver.answer("10.0.0.5")
    bench.accept()
    with pytest.raises(error.NotConnectingError):
        bench.connector.stopConnecting()


def test_a_loss_is_told_and_the_connector_may_connect_again(bench):
    bench.connector.connect()
    bench.resolver.answer("10.0.0.5")
    bench.accept()
    bench.lose()
    assert bench.factory.told == ["start", "connecting", ("lost", error.ConnectionDone), "stop"]
    assert bench.connector.state == "disconnected"
    bench.connector.connect()
    assert bench.factory.told[-2:] == ["start", "connecting"]


@pytest.mark.parametrize("accepted", [False, True])
def test_connect_while_it_is_connected_or_connecting_is_a_mistake(bench, accepted):
    bench.connector.connect()
    if accepted:
        bench.resolver.answer("10.0.0.5")
        bench.accept()
    with pytest.raises(RuntimeError):
        bench.connector.connect()


def test_disconnect_in_every_state(bench):
    bench.connector.disconnect()        # nothing to end
    assert bench.factory.told == []
    bench.connector.connect()
    bench.connector.disconnect()
    assert bench.factory.told[-2:] == [("failed", error.UserError), "stop"]
    bench.connector.connect()
    bench.resolver.answer("10.0.0.5")
    bench.accept()
    bench.connector.disconnect()
    assert bench.reactor.connectors[-1]._disconnected


def test_a_factory_may_reconnect_as_it_hears_of_a_failure(bench):
    def failed(connector, reason):
        if len(bench.resolver.asked) < 3:
            connector.connect()
    bench.factory.clientConnectionFailed = failed
    bench.connector.connect()
    for _ in range(3):
        bench.resolver.answer()
    assert bench.factory.told == ["start"] + ["connecting"] * 3 + ["stop"]
    assert bench.connector.state == "disconnected"


def test_an_attempt_that_fails_while_it_is_made():
    bench = Bench("10.0.0.5")

    def connect_tcp(host, port, factory, timeout=30, bindAddress=None):
        factory.clientConnectionFailed(None, Failure(REFUSED))
        return "of no more use"
    bench.reactor.connectTCP = connect_tcp
    bench.connector.connect()
    assert bench.factory.told == ["start", "connecting"]    # not before `connect` is over
    bench.reactor.advance(0)
    assert bench.factory.told[-2:] == [("failed", error.ConnectionRefusedError), "stop"]
    assert bench.reactor.getDelayedCalls() == []
    bench.connector.disconnect()


def test_a_factory_that_refuses_the_connection_hears_of_its_end(bench):
    bench.factory.buildProtocol = lambda address: None
    bench.connector.connect()
    bench.resolver.answer("10.0.0.5")
    assert bench.accept() is None
    bench.lose()
    assert bench.factory.told[-2:] == [("lost", error.ConnectionDone), "stop"]


def test_the_destination_is_what_was_asked_for(bench):
    assert bench.connector.getDestination() == HostnameAddress(b"lakeshore", 7777)


# what is left behind, on a real reactor


@pytest.fixture
def real():
    """A reactor of its own, with Python's cyclic garbage collector off."""
    with own_reactor() as turner:
        gc.disable()
        yield turner
        gc.enable()


def attempt(turner, port):
    """A connector that has begun an attempt, and what there is for it, of ours and of Twisted."""
    factory = Recorder()
    connector = HostConnector(turner.reactor, "127.0.0.1", port, factory, 5.0)
    connector.connect()
    [step] = connector._attempt._steps.values()
    return connector, factory, [weakref.ref(one) for one in (step._client, step.connector, step)]


def test_a_failed_attempt_leaves_nothing_for_the_garbage_collector(real):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        connector, factory, parts = attempt(real, free.getsockname()[1])
        assert all(part() is not None for part in parts)
        assert real.until(lambda: connector.state == "disconnected", 5)
    assert ("failed", error.ConnectionRefusedError) in factory.told
    assert [part() for part in parts] == [None, None, None]


def test_nor_does_a_lost_connection(real):
    with socket.create_server(("127.0.0.1", 0)) as server:
        connector, factory, parts = attempt(real, server.getsockname()[1])
        assert real.until(lambda: connector.state == "connected", 5)
        server.accept()[0].close()
        assert real.until(lambda: connector.state == "disconnected", 5)
    assert ("lost", error.ConnectionDone) in factory.told
    assert [part() for part in parts] == [None, None, None]


def test_a_connection_to_oneself_is_refused_and_the_port_is_free_at_once(real):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    connect = real.reactor.connectTCP
    # As the system does it, once in some thousand times.
    real.reactor.connectTCP = lambda *args, **kwargs: connect(
        *args, bindAddress=address, **kwargs)
    factory = Recorder()
    connector = HostConnector(real.reactor, *address, factory, 5.0)
    connector.connect()
    assert real.until(lambda: connector.state == "disconnected", 5)
    assert factory.told[-2:] == [("failed", error.ConnectionRefusedError), "stop"]
    real.turn(0)
    real.turn(0)
    with socket.socket() as server:
        server.bind(address)
    assert real.left_over() == []


class Hanging:
    """In the place of the system's look-up: it answers when the test says so."""

    def __init__(self, monkeypatch, port):
        self.asked = threading.Semaphore(0)
        self.go = threading.Event()
        self.count = 0
        self.port = port
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host, port, *args, **kwargs):
        self.count += 1
        self.asked.release()
        assert self.go.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]


def test_a_name_needs_no_thread_of_the_reactor_and_one_look_up(real, monkeypatch):
    """The pool may be full of blocking operations, and is not even started here."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        hanging = Hanging(monkeypatch, port)
        factories = [Recorder() for _ in range(5)]
        connectors = [HostConnector(real.reactor, "lakeshore", port, factory, 0.05)
                      for factory in factories]
        for connector in connectors:
            connector.connect()
        assert real.until(lambda: all(("failed", error.TimeoutError) in f.told
                                      for f in factories), 10)
        connectors = [HostConnector(real.reactor, "lakeshore", port, factory, 10)
                      for factory in factories]
        for connector in connectors:
            connector.connect()
        assert real.until(lambda: hanging.count, 10)
        hanging.go.set()
        assert real.until(lambda: all(c.state == "connected" for c in connectors), 10)
        assert hanging.count == 1
        assert real.reactor.threadpool is None or not real.reactor.threadpool.working
        for connector in connectors:
            connector.disconnect()
        assert real.until(lambda: all(c.state == "disconnected" for c in connectors), 10)
