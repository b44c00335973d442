"""The end of a reactor."""

import gc

from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock

from socs_tcp import DeviceClient, DeviceClientFactory
from socs_tcp.core.forking import inherited
from socs_tcp.deferred.ending import ending
from tests.storms.deferreds import own_reactor


class Listener:
    def __init__(self, heard, error=None):
        self.heard, self.error = heard, error

    def reactor_ended(self):
        self.heard.append(self)
        if self.error is not None:
            raise self.error


def end(reactor):
    """As the reactor does it at its end."""
    for call, args, kwargs in reactor.triggers.get("after", {}).get("shutdown", []):
        call(*args, **kwargs)


def test_all_who_listen_hear_of_it_and_no_others():
    reactor, heard = MemoryReactorClock(), []
    listeners = [Listener(heard, error) for error in (None, ValueError("no"), None, None)]
    ends = ending(reactor)
    for listener in listeners:
        ends.add(listener)
    assert ending(reactor) is ends
    ends.remove(listeners[3])
    ends.remove(listeners[3])
    end(reactor)
    assert {*heard} == {*listeners[:3]}


def test_one_that_listens_is_not_kept_alive():
    reactor, heard = MemoryReactorClock(), []
    ends = ending(reactor)
    ends.add(Listener(heard))
    gc.collect()
    end(reactor)
    assert heard == []


def test_a_clock_has_no_end():
    ending(Clock()).add(Listener([]))


def test_nothing_is_left_of_it_in_the_reactor():
    with own_reactor() as real:
        ends = ending(real.reactor)
        ends.add(Listener([]))
        event = real.reactor._eventTriggers["shutdown"]
        assert len(event.after) == 1
        del ends
        gc.collect()
        assert event.after == []


def test_at_the_end_of_a_real_reactor_all_hear_of_it():
    with own_reactor() as real:
        heard = []
        listener = Listener(heard)
        ends = ending(real.reactor)
        ends.add(listener)
        real.reactor.fireSystemEvent("shutdown")
        assert heard == [listener]
        assert ends is not None


def test_a_factory_tries_no_more():
    reactor = MemoryReactorClock()
    factory = DeviceClientFactory(reactor)
    connector = factory.connect("10.0.0.5", 7777)
    end(reactor)
    assert connector.state == "disconnected"
    assert not factory.continueTrying
    assert reactor.getDelayedCalls() == []


def test_a_factory_that_was_stopped_hears_nothing():
    reactor, heard = MemoryReactorClock(), []
    factory = DeviceClientFactory(reactor)
    factory.reactor_ended = lambda: heard.append(1)
    factory.connect("10.0.0.5", 7777)
    factory.stopTrying()
    end(reactor)
    assert not heard


def test_the_link_of_a_client_hears_of_a_fork_and_still_does_once_that_is_closed():
    """Another thread may have had its lock."""
    reactor = MemoryReactorClock()
    client = DeviceClient("10.0.0.5", 7777, reactor=reactor)
    lock = client.link._lock
    assert client.link not in inherited and ending(reactor) in inherited
    ending(reactor).forked()
    assert client.link._lock is client.link._log._lock is not lock
    client.close()
    assert client.link in inherited
