"""An agent with two devices, a and b, on either face of the package."""

import argparse
import time

from autobahn.twisted.util import sleep as dsleep
from ocs import ocs_agent, site_config
from twisted.internet.defer import inlineCallbacks, succeed

from socs_tcp import DeviceAgentMixin, DeviceClient, LineFramer, TCPInterface

RUNNING = ("starting", "running")


class InstrumentAgent(DeviceAgentMixin):
    """What both faces have in common. Nothing in here knows that devices fail."""

    def __init__(self, agent, a, b):
        self.agent = agent
        self.a, self.b = a, b
        self.watch(a, ops=["acq", "idle", "measure", "both"])
        self.watch(b, ops=["acq_b", "both"])
        agent.register_feed("readings", record=True)
        self.asked = 0

    def question(self):
        """Numbered, so that an answer to another question shows."""
        self.asked += 1
        return f"READ {self.asked}"

    def note(self, session, question, answer):
        count = session.data.get("count", 0) + 1
        asked, answered = int(question.split()[1]), int(answer.split()[0])
        wrong = session.data.get("wrong", 0) + (asked != answered)
        session.data = {"count": count, "wrong": wrong, "asked": asked}
        self.agent.publish_to_feed("readings", {
            "block_name": "readings", "timestamp": time.time(), "data": {"count": count}})


class BlockingAgent(InstrumentAgent):
    """Operations in worker threads."""

    def read(self, device):
        question = self.question()
        return question, device.query(question)

    def acquire(self, device, session, params):
        for reading in self.poll(session, lambda: self.read(device), params["period"]):
            self.note(session, *reading)
        return True, "ended"

    def acq(self, session, params):
        return self.acquire(self.a, session, params)

    def acq_b(self, session, params):
        return self.acquire(self.b, session, params)

    def idle(self, session, params):
        while session.status in RUNNING:
            time.sleep(0.02)
        return True, "ended"

    def measure(self, session, params):
        for reading in self.poll(session, lambda: self.read(self.a), 0.05):
            self.note(session, *reading)
            if session.data["count"] == params["readings"]:
                break
        return True, "measured"

    def stop(self, session, params):
        session.set_status("stopping")
        return True, "stopping"


class TwistedAgent(InstrumentAgent):
    """Operations in the reactor."""

    def read(self, device):
        question = self.question()
        return device.query(question).addCallback(lambda answer: (question, answer))

    @inlineCallbacks
    def acquire(self, device, session, params):
        yield self.poll_deferred(session, lambda: self.read(device),
                                 lambda reading: self.note(session, *reading), params["period"])
        return True, "ended"

    def acq(self, session, params):
        return self.acquire(self.a, session, params)

    def acq_b(self, session, params):
        return self.acquire(self.b, session, params)

    @inlineCallbacks
    def idle(self, session, params):
        while session.status in RUNNING:
            yield dsleep(0.02)
        return True, "ended"

    @inlineCallbacks
    def measure(self, session, params):
        def note(reading):
            self.note(session, *reading)
            if session.data["count"] == params["readings"]:
                session.set_status("stopping")
        yield self.poll_deferred(session, lambda: self.read(self.a), note, 0.05)
        return True, "measured"

    def stop(self, session, params):
        session.set_status("stopping")
        return succeed((True, "stopping"))


def main(args=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--face", choices=["blocking", "twisted"], required=True)
    parser.add_argument("--device-ports", type=int, nargs=2, required=True)
    parser.add_argument("--timeout", type=float, required=True)
    parser.add_argument("--min-interval", type=float, required=True)
    options = site_config.parse_args("InstrumentAgent", parser=parser, args=args)
    agent, runner = ocs_agent.init_site_agent(options)
    blocking = options.face == "blocking"
    make = TCPInterface if blocking else DeviceClient
    a, b = (make("127.0.0.1", port, options.timeout, framer=LineFramer(),
                 min_interval=options.min_interval) for port in options.device_ports)
    instrument = (BlockingAgent if blocking else TwistedAgent)(agent, a, b)
    for name, op in [("acq", instrument.acq), ("acq_b", instrument.acq_b),
                     ("idle", instrument.idle), ("both", instrument.idle)]:
        agent.register_process(name, op, instrument.stop, blocking=blocking)
    agent.register_task("measure", instrument.measure, blocking=blocking)
    runner.run(agent, auto_reconnect=True)
