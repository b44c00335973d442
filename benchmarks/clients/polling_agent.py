"""An OCS agent that polls a device in one of several ways, which `production` compares."""

from __future__ import annotations

import argparse
import time

from ocs import ocs_agent, site_config
from twisted.internet.defer import inlineCallbacks, succeed

from socs_tcp import DeviceAgentMixin, DeviceClient

QUESTION, COMMAND = b"KRDG? 1", b"RANGE 1 2"
TIMEOUT = 5.0
GAP = 0.001
#: The first has none of what the others have.
WAYS = ("nothing of these", "settle", "gap", "reserve", "trace", "link feed", "a command",
        "a command, settle")


class PollingAgent(DeviceAgentMixin):
    """One device, one process; its session tells how often it asked, and how long that took."""

    def __init__(self, agent, port: int, way: str, period: float) -> None:
        self.agent = agent
        more = {} if "settle" in way else {"settle": 0}
        self.device = DeviceClient("127.0.0.1", port, TIMEOUT, gap=GAP if way == "gap" else 0,
                                   **more)
        if way == "trace":
            self.device.link.keep_trace()
        self.watch(self.device, feed="link" if way == "link feed" else None)
        self._period = period
        self._read = (self._reserved if way == "reserve" else
                      self._commanded if way.startswith("a command") else
                      lambda: self.device.query(QUESTION))
        agent.register_feed("readings", record=True, buffer_time=1)
        agent.register_process("acq", self.acq, self._stop, blocking=False, startup=True)

    @inlineCallbacks
    def _reserved(self):
        talk = yield self.device.reserve()
        try:
            return (yield talk.query(QUESTION))
        finally:
            talk.release()

    @inlineCallbacks
    def _commanded(self):
        yield self.device.send(COMMAND)
        return (yield self.device.query(QUESTION))

    @inlineCallbacks
    def _timed(self):
        began = time.monotonic()
        reply = yield self._read()
        return float(reply), time.monotonic() - began

    @inlineCallbacks
    def acq(self, session, params=None):
        session.data = {"asked": 0, "seconds": 0.0}

        def take(reading) -> None:
            value, seconds = reading
            session.data = {"asked": session.data["asked"] + 1,
                            "seconds": session.data["seconds"] + seconds}
            self.agent.publish_to_feed("readings", {
                "block_name": "readings", "timestamp": time.time(), "data": {"value": value}})
        yield self.poll_deferred(session, self._timed, take, self._period)
        return True, "ended"

    def _stop(self, session, params=None):
        session.set_status("stopping")
        return succeed((True, "stopping"))


def main(args=None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--period", type=float)
    opts = site_config.parse_args(agent_class="polling_agent", parser=parser, args=args)
    agent, runner = ocs_agent.init_site_agent(opts)
    PollingAgent(agent, opts.port, opts.way, opts.period)
    runner.run(agent, auto_reconnect=True)
