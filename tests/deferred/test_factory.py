"""DeviceClientFactory: when it tries again."""

import gc

import pytest
from memory_device import DONE, REFUSED, Watched
from twisted.internet import error
from twisted.internet.protocol import ReconnectingClientFactory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from socs_tcp import DeviceClientFactory, LineProtocol
from socs_tcp.deferred.factory import BURST, SPACING

pytestmark = pytest.mark.usefixtures("no_spread")


@pytest.fixture
def reactor():
    return MemoryReactorClock()


@pytest.fixture
def factory(reactor):
    made = DeviceClientFactory(reactor)
    made.jitter = 0
    return made


def outcome(reactor, failure=REFUSED):
    """The newest attempt fails."""
    reactor.tcpClients[-1][2].clientConnectionFailed(reactor.connectors[-1], Failure(failure))


def accept(reactor):
    """The newest attempt succeeds; returns the protocol."""
    protocol = reactor.tcpClients[-1][2].buildProtocol(None)
    protocol.makeConnection(StringTransport())
    return protocol


def lose(reactor):
    reactor.tcpClients[-1][2].clientConnectionLost(reactor.connectors[-1], Failure(DONE))


def wait(reactor):
    """Until the next attempt; returns the seconds."""
    began, made = reactor.seconds(), len(reactor.tcpClients)
    while len(reactor.tcpClients) == made:
        reactor.advance(reactor.getDelayedCalls()[0].getTime() - reactor.seconds())
    return reactor.seconds() - began


def delays(reactor, count):
    """The waits after `count` failures in a row."""
    found = []
    for _ in range(count):
        outcome(reactor)
        found.append(wait(reactor))
    return found


def test_it_is_a_reconnecting_factory(factory):
    assert isinstance(factory, ReconnectingClientFactory)


@pytest.mark.parametrize("clock", [None, object(), "reactor"])
def test_a_clock_must_be_given(clock):
    with pytest.raises(TypeError, match="reactor"):
        DeviceClientFactory(clock)


def test_a_bare_clock_will_do_for_connectors_of_others():
    clock = Clock()
    made = DeviceClientFactory(clock)

    class Connector:
        connects = 0

        def connect(self):
            self.connects += 1
    connector = Connector()
    made.clientConnectionFailed(connector, Failure(REFUSED))
    clock.advance(1)
    assert connector.connects == 1


@pytest.mark.parametrize("interval", [0, -1, float("inf"), "1", None])
def test_a_min_interval_that_makes_no_sense(reactor, interval):
    with pytest.raises((TypeError, ValueError), match="min_interval"):
        DeviceClientFactory(reactor, min_interval=interval)


@pytest.mark.parametrize(("port", "timeout"), [(0, 1.0), (65536, 1.0), (7777, 0), (7777, None)])
def test_a_connect_that_makes_no_sense(factory, reactor, port, timeout):
    with pytest.raises((TypeError, ValueError)):
        factory.connect("10.0.0.5", port, timeout)
    assert reactor.tcpClients == []


def test_it_makes_its_protocol(factory, reactor):
    factory.connect("10.0.0.5", 7777)
    protocol = accept(reactor)
    assert isinstance(protocol, LineProtocol) and protocol.factory is factory
    protocol.send("A")
    assert protocol.transport.value() == b"A\r\n"


def test_quick_first_retry_growth_and_cap(factory, reactor):
    factory.connect("10.0.0.5", 7777)
    found = delays(reactor, 10)
    assert found[0] == pytest.approx(0.2)
    assert found[1] == pytest.approx(1.0)       # 0.4, but not faster than min_interval
    assert found[2:8] == pytest.approx([1, 1.6, 3.2, 6.4, 12.8, 25.6])
    assert found[8:] == pytest.approx([30, 30])
    assert len(reactor.tcpClients) == 11


def test_jitter_never_makes_a_delay_negative_or_longer_than_the_cap(reactor):
    made = DeviceClientFactory(reactor)
    made.jitter = 50.0      # most of the chance is far outside
    made.connect("10.0.0.5", 7777)
    found = delays(reactor, 60)
    assert min(found) >= 0.1
    assert max(found) <= 30 + 1e-9      # as the clock adds
    assert len(set(found)) > 3


def test_an_outage_of_days_does_not_overflow(factory, reactor):
    factory.connect("10.0.0.5", 7777)
    factory.retries = 100_000
    assert delays(reactor, 1) == [30]


def test_a_mere_connection_does_not_reset_the_delay(factory, reactor):
    factory.connect("10.0.0.5", 7777)
    found = []
    for _ in range(5):
        accept(reactor)
        lose(reactor)
        found.append(wait(reactor))
    assert found == pytest.approx([0.2, 1, 1, 1.6, 3.2])


def test_reset_delay_starts_over(factory, reactor):
    factory.connect("10.0.0.5", 7777)
    delays(reactor, 5)
    accept(reactor)
    factory.resetDelay()
    assert factory.delay == factory.initialDelay
    lose(reactor)
    assert wait(reactor) == pytest.approx(0.2)


def test_max_retries(factory, reactor):
    factory.maxRetries = 3
    factory.connect("10.0.0.5", 7777)
    delays(reactor, 3)
    outcome(reactor)
    assert reactor.getDelayedCalls() == []
    assert len(reactor.tcpClients) == 4


def test_the_last_retry_leaves_no_timer_where_it_was_made_early(factory, reactor):
    factory.maxRetries = 1
    factory.connect("10.0.0.5", 7777)
    outcome(reactor)
    factory.retry_now()
    reactor.advance(0)
    outcome(reactor)
    assert len(reactor.tcpClients) == 2
    assert reactor.getDelayedCalls() == []


def test_it_works_with_connect_tcp(factory, reactor):
    class Connector:
        state = "connecting"
        connects = 0

        def connect(self):
            self.connects += 1

        def stopConnecting(self):
            raise error.NotConnectingError
    connector = Connector()
    reactor.connectTCP("10.0.0.5", 7777, factory)
    assert reactor.tcpClients[0][2] is factory
    factory.clientConnectionFailed(connector, Failure(REFUSED))
    reactor.advance(0.2)
    assert connector.connects == 1
    protocol = factory.buildProtocol(None)
    protocol.makeConnection(StringTransport())
    reader = Watched(protocol.recv())
    protocol.dataReceived(b"x\r\n")
    assert reader.value == b"x"
    factory.clientConnectionLost(connector, Failure(DONE))
    reactor.advance(1)
    assert connector.connects == 2
    factory.clientConnectionFailed(connector, Failure(REFUSED))
    factory.stopTrying()
    reactor.advance(60)
    assert connector.connects == 2


# stopTrying


def test_stop_trying_before_there_is_anything_to_stop(factory, reactor):
    factory.stopTrying()
    assert reactor.getDelayedCalls() == []


def test_stop_trying_while_connecting(factory, reactor):
    connector = factory.connect("10.0.0.5", 7777)
    factory.stopTrying()
    assert connector.state == "disconnected"
    assert reactor.getDelayedCalls() == []
    assert reactor.connectors[0].stoppedConnecting


def test_stop_trying_while_waiting(factory, reactor):
    factory.connect("10.0.0.5", 7777)
    outcome(reactor)
    factory.stopTrying()
    assert reactor.getDelayedCalls() == []
    factory.stopTrying()        # again does no harm
    reactor.advance(60)
    assert len(reactor.tcpClients) == 1


def test_stop_trying_while_connected_keeps_the_connection_but_not_after_its_loss(factory,
                                                                                 reactor):
    connector = factory.connect("10.0.0.5", 7777)
    protocol = accept(reactor)
    factory.stopTrying()
    assert connector.state == "connected" and not protocol.transport.disconnecting
    lose(reactor)
    assert reactor.getDelayedCalls() == []


def test_retry_without_a_connector_is_a_mistake(factory):
    with pytest.raises(ValueError, match="connector"):
        factory.retry()


def test_one_retry_at_a_time(factory, reactor):
    factory.connect("10.0.0.5", 7777)
    outcome(reactor)
    factory.retry()
    assert factory.retries == 1
    wait(reactor)
    reactor.advance(5)
    assert len(reactor.tcpClients) == 2


# demand


def test_the_first_retry_is_made_at_once_for_somebody_who_needs_the_device(factory, reactor):
    factory.connect("10.0.0.5", 7777)
    reactor.advance(5)
    outcome(reactor)
    factory.retry_now()
    reactor.advance(0)
    assert len(reactor.tcpClients) == 2


def test_later_retries_on_demand_keep_the_min_interval_between_the_starts(factory, reactor):
    factory.connect("10.0.0.5", 7777)
    delays(reactor, 7)
    reactor.advance(0.25)       # so long the attempt took
    outcome(reactor)            # 12.8 s to wait
    reactor.advance(0.25)
    factory.retry_now()
    reactor.advance(0.499)
    assert len(reactor.tcpClients) == 8
    reactor.advance(0.002)
    assert len(reactor.tcpClients) == 9


def test_demand_never_puts_a_retry_off(factory, reactor):
    factory.connect("10.0.0.5", 7777)
    delays(reactor, 2)
    outcome(reactor)
    before = factory.delay
    factory.retry_now()
    assert wait(reactor) <= before + 1e-6


def test_demand_after_the_time_for_which_it_may_ask_is_met_at_once(factory, reactor):
    factory.connect("10.0.0.5", 7777)
    delays(reactor, 7)
    outcome(reactor)            # 12.8 s to wait, and nobody asks for a while
    reactor.advance(5)
    assert len(reactor.tcpClients) == 8
    factory.retry_now()
    reactor.advance(0)
    assert len(reactor.tcpClients) == 9


def test_an_attempt_that_took_longer_than_the_min_interval_is_repeated_on_demand_only(factory,
                                                                                      reactor):
    factory.connect("10.0.0.5", 7777, 30)
    delays(reactor, 7)
    reactor.advance(2)
    outcome(reactor)
    assert wait(reactor) == pytest.approx(25.6)


def test_an_outage_leaves_neither_cancelled_timers_nor_cycles(factory, reactor):
    """Python's collector would look at them while hundreds of other devices wait."""
    calls, later = [], reactor.callLater

    def noted(*args):
        calls.append(later(*args))
        return calls[-1]
    factory.connect("10.0.0.5", 7777)
    accept(reactor)
    reactor.callLater = noted
    lose(reactor)
    for attempt in range(40):
        factory.retry_now()                 # somebody polls the device
        if attempt == 8:
            gc.collect()
            gc.disable()                    # (the reactor of the test keeps all these)
        reactor.tcpClients.clear()
        reactor.connectors.clear()
        wait(reactor)
        outcome(reactor)
    try:
        assert gc.collect() == 0
    finally:
        gc.enable()
    assert [call for call in calls if call.cancelled] == []
    assert len(calls) <= 41 + 5             # for each its time; the first turn; and the limits
    factory.stopTrying()
    assert reactor.getDelayedCalls() == []


def test_demand_while_connecting_or_stopped_does_nothing(factory, reactor):
    factory.connect("10.0.0.5", 7777)
    factory.retry_now()
    assert len(reactor.tcpClients) == 1
    factory.stopTrying()
    factory.retry_now()
    reactor.advance(60)
    assert len(reactor.tcpClients) == 1


# many devices that fail at once


def all_fail(reactor, count):
    """So many devices were there for a while, and fail in the same moment."""
    factories = [DeviceClientFactory(reactor) for _ in range(count)]
    for number, made in enumerate(factories):
        made.connect(f"10.0.0.{number}", 7777)
    reactor.advance(60)
    for number in range(count):
        reactor.tcpClients[number][2].clientConnectionLost(reactor.connectors[number],
                                                           Failure(DONE))
    return factories


def attempts(reactor):
    """The addresses, in order, that were tried since all of them failed."""
    return [host for host, *_ in reactor.tcpClients[50:]]


def test_of_many_devices_that_fail_at_once_a_few_are_tried_at_once_and_the_others_in_turn(reactor):
    factories = all_fail(reactor, 50)
    for made in factories:
        made.retry_now()
    reactor.advance(0)
    assert len(attempts(reactor)) == BURST
    for expected in range(BURST + 1, 51):
        for made in factories:
            made.retry_now()            # whoever asks in line gets no other place in it
        reactor.advance(SPACING * 1.001)      # (rounding)
        assert len(attempts(reactor)) == expected
    assert attempts(reactor) == [f"10.0.0.{number}" for number in range(50)]
    reactor.advance(SPACING * 1.001)
    assert len(attempts(reactor)) == 50
    assert not any(made.retries > 1 for made in factories)


def test_who_is_in_line_is_not_tried_twice(reactor):
    made = [one for one in all_fail(reactor, 50) if one.retry_now() is None][-1]
    reactor.advance(0)
    made.retry()
    for _ in range(60):
        reactor.advance(SPACING * 1.001)
    reactor.advance(2)
    assert attempts(reactor).count("10.0.0.49") == 1


def test_a_device_that_is_closed_in_line_is_not_tried(reactor):
    factories = all_fail(reactor, 50)
    for made in factories:
        made.retry_now()
    reactor.advance(0)
    factories[-1].stopTrying()
    for _ in range(60):
        reactor.advance(SPACING * 1.001)
    assert attempts(reactor) == [f"10.0.0.{number}" for number in range(49)]
    for made in factories:
        made.stopTrying()
    assert reactor.getDelayedCalls() == []


def test_who_was_in_line_is_tried_early_again_like_any_other(reactor):
    factories = all_fail(reactor, 50)
    for made in factories:
        made.retry_now()
    for _ in range(60):
        reactor.advance(SPACING)
    assert len(attempts(reactor)) == 50
    reactor.tcpClients[-1][2].clientConnectionFailed(reactor.connectors[-1], Failure(REFUSED))
    factories[-1].resetDelay()          # a good exchange with it would do that
    factories[-1].retry_now()
    reactor.advance(0)
    assert len(attempts(reactor)) == 51


def test_who_was_stopped_in_line_may_be_started_again(reactor):
    made = [one for one in all_fail(reactor, 50) if one.retry_now() is None][-1]
    reactor.advance(0)
    made.stopTrying()
    made.continueTrying = 1
    made.resetDelay()
    made.retry()
    made.retry_now()
    for _ in range(60):
        reactor.advance(SPACING)
    assert attempts(reactor)[-1] == "10.0.0.49"


def test_devices_of_another_reactor_are_not_in_the_way(reactor):
    for made in all_fail(reactor, 50):
        made.retry_now()
    reactor.advance(0)
    other = MemoryReactorClock()
    other.advance(reactor.seconds())
    made = DeviceClientFactory(other)
    made.connect("10.0.0.5", 7777)
    outcome(other)
    made.retry_now()
    other.advance(0)
    assert len(other.tcpClients) == 2


def test_the_longest_wait_is_half_a_minute_and_not_twisteds_hour():
    assert DeviceClientFactory.maxDelay == 30.0
