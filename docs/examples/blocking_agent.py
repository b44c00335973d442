"""A blocking driver and its agent, and what a client sees when the cable is pulled.

    python blocking_agent.py                     a simulated thermometer, no router needed
    python blocking_agent.py 10.10.10.5 7777     three readings of a real one

As an agent, from a site config: ocs-agent-cli --agent blocking_agent.py --entrypoint main
"""

import argparse
import sys
import time
from contextlib import closing

# driver
from socs_tcp import DeviceAgentMixin, LineFramer, TCPInterface


class Thermometer(TCPInterface):
    def __init__(self, ip_address, port=7777, timeout=2):
        super().__init__(ip_address, port, timeout, framer=LineFramer("\r\n"))

    def get_data(self):
        return {"kelvin": float(self.query("KRDG? 1"))}
# end of driver


# agent
class ThermometerAgent(DeviceAgentMixin):
    def __init__(self, agent, device):
        self.agent = agent
        self.device = device
        self.watch(device)              # from now on session.degraded follows the device
        agent.register_feed("temperatures", record=True)

    def acq(self, session, params):
        """acq()

        **Process** - Read the thermometer twice a second, and publish.
        """
        for reading in self.poll(session, self.device.get_data, period=0.5):
            session.data = reading
            self.agent.publish_to_feed("temperatures", {
                "block_name": "temperatures", "timestamp": time.time(), "data": reading})
        return True, "Acquisition ended."

    def stop_acq(self, session, params):
        """Stop `acq`."""
        session.set_status("stopping")
        return True, "Stopping."


def main(args=None):
    """Run the agent; what ocs-agent-cli calls."""
    from ocs import ocs_agent, site_config

    parser = argparse.ArgumentParser()
    parser.add_argument("--ip-address", required=True)
    parser.add_argument("--port", type=int, default=7777)
    options = site_config.parse_args("ThermometerAgent", parser=parser, args=args)
    agent, runner = ocs_agent.init_site_agent(options)
    thermometer = ThermometerAgent(agent, Thermometer(options.ip_address, options.port))
    agent.register_process("acq", thermometer.acq, thermometer.stop_acq)
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
    with closing(LocalAgent()) as ocs_agent, closing(Thermometer(host, port)) as device:
        agent = ThermometerAgent(ocs_agent, device)
        session = ocs_agent.run(agent.acq, stop=agent.stop_acq)
        count = 3 if words else 1
        ocs_agent.wait_for(lambda: len(ocs_agent.published) >= count, timeout=10)
        print(f"data: {session.data}; degraded: {session.degraded}")
        if not words:
            simulated.unplug()
            told = told_next(ocs_agent, session)
            print(f"unplugged; degraded: {session.degraded}; reason: {told}")
            simulated.plug_in()
            told = told_next(ocs_agent, session)
            print(f"plugged in; degraded: {session.degraded}; reason: {told}")
        ocs_agent.stop_and_wait(session)
    if not words:
        simulated.close()
    return 0


def told_next(ocs_agent, session):
    """The next message of the session."""
    count = len(session.messages)
    ocs_agent.wait_for(lambda: len(session.messages) > count)
    return session.messages[-1][1]


if __name__ == "__main__":
    sys.exit(try_it(sys.argv[1:]))
