"""`degraded` in whatever order things happen: two mixins, several devices, operations and polls."""

import gc
import itertools
import random

import pytest
from ocs_stub import Agent, Device, Reactor, Session

from socs_tcp import DeviceAgentMixin
from socs_tcp.agent.degraded import Degraded
from socs_tcp.agent.polling import Poll
from socs_tcp.core.errors import Disconnected
from socs_tcp.core.policy import UNREADABLE

NAMES = ("a:1", "b:1", "c:1", "d:1")
OPS = ("acq", "monitor", "task")


class World:
    """Does things at random, and knows what `degraded` has to be."""

    def __init__(self, chance, reactor):
        self.chance = chance
        self.agent = Agent()
        self.view = Degraded.of(self.agent, reactor)
        self.mixins = [DeviceAgentMixin(), DeviceAgentMixin()]
        for mixin in self.mixins:
            mixin.agent = self.agent
        self.devices, self.ops, self.polls = {}, {}, {}
        self.numbers = itertools.count(1)

    def device(self):
        name = self.chance.choice(NAMES)
        if name not in self.devices:
            self.devices[name] = Device(name)
            self.devices[name].reconnect()
        return name, self.devices[name]

    def watch(self):
        name, device = self.device()
        ops = self.chance.choice([None, {"acq"}, {"acq", "monitor"}, {"task"}])
        self.chance.choice(self.mixins).watch(device, ops)
        before = self.ops.get(name, set())
        self.ops[name] = None if ops is None or before is None else ops | before

    def unwatch(self):
        name, device = self.device()
        self.chance.choice(self.mixins).unwatch(device)
        self.ops.pop(name, None)

    def fail(self):
        self.device()[1].fail()

    def reconnect(self):
        self.device()[1].reconnect()

    def succeed(self):
        self.device()[1].succeed()

    def delete(self):
        name, _device = self.device()
        del self.devices[name], _device
        self.ops.pop(name, None)
        gc.collect(0)

    def start(self):
        session = Session(self.chance.choice(OPS), next(self.numbers))
        self.agent.sessions[session.op_name] = session
        self.view.begin(session)

    def end(self):
        for session in list(self.running())[:1]:
            session.status = "done"

    def poll(self):
        for session in list(self.running())[-1:]:
            poll = Poll(self.view, session, UNREADABLE)
            self.polls[poll] = session, False

    def poll_fails(self):
        for poll, (session, _failing) in list(self.polls.items())[:1]:
            poll.failed(self.chance.choice([Disconnected("gone"), ValueError("rubbish"),
                                            ConnectionResetError()]))
            self.polls[poll] = session, True

    def poll_reads(self):
        for poll, (session, _failing) in list(self.polls.items())[:2]:
            poll.good()
            self.polls[poll] = session, False

    def poll_ends(self):
        for poll in list(self.polls)[:1]:
            poll.end()
            del self.polls[poll]

    def running(self):
        return (s for s in self.agent.sessions.values() if s.status == "running")

    def degraded(self, session):
        return (any(self.devices[name].link.down and (ops is None or session.op_name in ops)
                    for name, ops in self.ops.items())
                or (session, True) in self.polls.values())


EVENTS = (World.watch, World.watch, World.unwatch, World.fail, World.fail, World.reconnect,
          World.succeed, World.succeed, World.delete, World.start, World.end, World.poll,
          World.poll_fails, World.poll_reads, World.poll_ends)


@pytest.mark.parametrize("seed", range(50))
def test_degraded_is_what_it_has_to_be(seed, monkeypatch):
    reactor = Reactor()
    monkeypatch.setattr("twisted.internet.reactor", reactor, raising=False)
    world, happened = World(random.Random(seed), reactor), []
    for _ in range(80):
        event = world.chance.choice(EVENTS)
        happened.append(event.__name__)
        event(world)
        reactor.run_calls()
        for session in world.running():
            assert session.degraded == world.degraded(session), happened
