"""The feed that tells of the health of a device."""

import pytest
from ocs_stub import Agent, Device, Reactor, Session

from socs_tcp import DeviceAgentMixin
from socs_tcp.agent.link_feed import LINK_PERIOD


class PublishingAgent(Agent):
    def __init__(self, *sessions):
        super().__init__(*sessions)
        self.feeds, self.published, self.realm_joined = {}, [], True

    def register_feed(self, name, **kwargs):
        self.feeds[name] = kwargs

    def publish_to_feed(self, name, message):
        self.published.append((name, message))

    def values(self, field, feed="link"):
        return [m["data"][field] for name, m in self.published
                if name == feed and field in m["data"]]


class Fridge(DeviceAgentMixin):
    def __init__(self, agent):
        self.agent = agent


@pytest.fixture
def reactor(monkeypatch):
    made = Reactor()
    monkeypatch.setattr("twisted.internet.reactor", made, raising=False)
    return made


@pytest.fixture
def agent():
    return PublishingAgent(Session())


@pytest.fixture
def fridge(agent, reactor):
    return Fridge(agent)


def test_it_is_published_at_each_change_and_now_and_then(fridge, agent, reactor):
    device = Device()
    fridge.watch(device, feed="link")
    assert agent.feeds == {"link": {"record": True, "agg_params": {"frame_length": 600}}}
    assert agent.values("link_up") == [1]
    device.succeed()
    assert agent.values("link_rtt") == [0.1]
    device.fail()
    assert agent.values("link_up") == [1, 1, 0]
    for _ in range(3):
        reactor.advance(LINK_PERIOD)
    assert agent.values("link_up") == [1, 1, 0, 0, 0, 0]
    assert agent.values("link_rtt") == [0.1]        # a gap, not the last value for ever
    assert {m["block_name"] for _, m in agent.published} == {"link", "link_rtt"}


def test_round_trips_are_those_since_the_last_message(fridge, agent, reactor):
    device = Device()
    fridge.watch(device, feed="link")
    device.succeed()
    for rtt in (0.5, 0.2):
        device.link.good(rtt)
    reactor.advance(LINK_PERIOD)
    assert (agent.values("link_rtt")[-1], agent.values("link_worst_rtt")[-1]) == (0.2, 0.5)
    device.fail()
    device.link.connected()
    device.link.good()              # it was identified: no exchange of this agent's yet
    count = len(agent.values("link_rtt"))
    reactor.advance(LINK_PERIOD)
    assert len(agent.values("link_rtt")) == count       # not that of before the outage
    device.link.good(0.3)
    reactor.advance(LINK_PERIOD)
    assert agent.values("link_worst_rtt")[-1] == 0.3    # and not the longest for ever
    assert agent.values("link_outages")[-1] == 1


def test_a_feed_for_each_device(fridge, agent):
    one, two = Device("one:1"), Device("two:2")
    fridge.watch(one, feed="link_one")
    fridge.watch(two, feed="link_two")
    two.fail()
    assert agent.values("link_up", "link_one") == [1]
    assert agent.values("link_up", "link_two") == [1, 0]
    with pytest.raises(ValueError, match="'link_one' already shows one:1: three:3 needs a feed"):
        fridge.watch(Device("three:3"), feed="link_one")


def test_the_same_device_again_is_the_same_feed(fridge, agent):
    device = Device()
    fridge.watch(device, feed="link")
    fridge.watch(device, ops=["acq"], feed="link")
    device.fail()
    assert agent.values("link_up") == [1, 0]


def test_unwatch_ends_it(fridge, agent, reactor):
    device = Device()
    fridge.watch(device, feed="link")
    fridge.unwatch(device)
    device.fail()
    reactor.advance(100)
    assert agent.values("link_up") == [1] and device.link._observers == ()
    assert reactor.getDelayedCalls() == []


def test_a_new_device_takes_over_the_feed_of_a_closed_one(fridge, agent):
    old, new = Device("one:1"), Device("two:2")
    fridge.watch(old, feed="link")
    old.link.closed()
    old.link.tell()
    fridge.watch(new, feed="link")
    new.succeed()
    new.fail()
    assert agent.values("link_up")[-1] == 0


def test_an_agent_that_is_on_no_router_yet_publishes_when_it_is(fridge, agent):
    agent.realm_joined, ready = False, []
    agent.sessions.clear()      # nobody could start one
    agent.on = lambda event, call: ready.append((event, call))
    fridge.watch(device := Device(), feed="link")
    device.fail()
    assert agent.published == []
    (event, call), = ready
    assert event == "ready"
    call(agent)
    assert agent.values("link_up") == [0]
    call(agent)                 # joined again
    assert agent.values("link_up") == [0]
    fridge.unwatch(device)
    call(agent)
    assert agent.values("link_up") == [0]


@pytest.mark.parametrize("name", ["", 1, True])
def test_a_feed_must_have_a_name(fridge, name):
    with pytest.raises(TypeError, match="feed"):
        fridge.watch(Device(), feed=name)
