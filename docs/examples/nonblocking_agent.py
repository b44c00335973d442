"""A non-blocking agent: its operation runs in the reactor, and needs no thread.

    python nonblocking_agent.py                     a simulated thermometer, no router needed
    python nonblocking_agent.py 10.10.10.5 7777     three readings of a real one
"""

import argparse
import sys
import time
from contextlib import closing

# agent
from twisted.internet.defer import inlineCallbacks, succeed

from socs_tcp import DeviceAgentMixin, DeviceClient


class ThermometerAgent(DeviceAgentMixin):
    def __init__(self, agent, device):
        self.agent = agent
        self.device = device            # a DeviceClient
        self.watch(device)
        agent.register_feed("temperatures", record=True)

    @inlineCallbacks
    def acq(self, session, params):
        """acq()

        **Process** - Read the thermometer twice a second, and publish.
        """
        def read():
            return self.device.query("KRDG? 1").addCallback(float)

        def publish(kelvin):
            session.data = {"kelvin": kelvin}
            self.agent.publish_to_feed("temperatures", {
                "block_name": "temperatures", "timestamp": time.time(), "data": session.data})

        yield self.poll_deferred(session, read, publish, period=0.5)
        return True, "Acquisition ended."

    def stop_acq(self, session, params):
        """Stop `acq`."""
        session.set_status("stopping")
        return succeed((True, "Stopping."))


def main(args=None):
    """Run the agent; what ocs-agent-cli calls."""
    from ocs import ocs_agent, site_config

    parser = argparse.ArgumentParser()
    parser.add_argument("--ip-address", required=True)
    parser.add_argument("--port", type=int, default=7777)
    options = site_config.parse_args("ThermometerAgent", parser=parser, args=args)
    agent, runner = ocs_agent.init_site_agent(options)
    device = DeviceClient(options.ip_address, options.port, timeout=2)
    thermometer = ThermometerAgent(agent, device)
    agent.register_process("acq", thermometer.acq, thermometer.stop_acq, blocking=False)
    runner.run(agent, auto_reconnect=True)
# end


def try_it(words):
    """Run the agent without a router. It is the real OCSAgent; only nobody can call it."""
    from socs_tcp.testing import DeviceServer
    from socs_tcp.testing.local_agent import LocalAgent

    if words:
        host, port = words[0], int(words[1])
    else:
        simulated = DeviceServer({"KRDG? 1": "+4.2E+00"})
        host, port = simulated.address
    with closing(LocalAgent()) as ocs_agent:
        device = DeviceClient(host, port, timeout=2)
        agent = ThermometerAgent(ocs_agent, device)
        session = ocs_agent.run(agent.acq, blocking=False, stop=agent.stop_acq)
        count = 3 if words else 1
        ocs_agent.wait_for(lambda: len(ocs_agent.published) >= count, timeout=10)
        print(f"data: {session.data}; degraded: {session.degraded}")
        if not words:
            simulated.faults.black_hole()       # nothing hangs up; there is only silence
            ocs_agent.wait_for(lambda: session.degraded and session.messages)
            print(f"silent; degraded: {session.degraded}; reason: {session.messages[-1][1]}")
            simulated.faults.heal()
            ocs_agent.wait_for(lambda: not session.degraded)
            print(f"healed; degraded: {session.degraded}; {session.messages[-1][1]}")
        ocs_agent.stop_and_wait(session)
        closed = []
        device.close().addCallback(closed.append)
        ocs_agent.wait_for(lambda: closed)
    if not words:
        simulated.close()
    return 0


if __name__ == "__main__":
    sys.exit(try_it(sys.argv[1:]))
