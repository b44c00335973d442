"""The agent of the demonstration, with `socs_tcp`. Compare it with its neighbour."""

from __future__ import annotations

import argparse
import time
from typing import Any

from ocs import ocs_agent, site_config

from socs_tcp import DeviceAgentMixin, LineFramer, TCPInterface


class Thermometer(TCPInterface):
    """Asks numbered questions, so that everybody can see which answer belongs to which."""

    asked = 0

    def get_data(self) -> dict[str, Any]:
        """One reading."""
        self.asked += 1
        answer = self.query(f"READ {self.asked}")
        return {"asked": self.asked, "answer": answer.decode()}


class ThermometerAgent(DeviceAgentMixin):
    """Reads a thermometer and publishes the readings."""

    def __init__(self, agent: Any, device: Thermometer) -> None:
        self.agent = agent
        self.device = device
        self.watch(device)
        agent.register_feed("thermometer", record=True)

    def acq(self, session: Any, params: dict[str, Any]) -> tuple[bool, str]:
        """acq(period=0.25)

        **Process** - Read the thermometer.

        Parameters
        ----------
        period : float
            Seconds from one reading to the next.
        """
        period = params.get("period", 0.25)
        for reading in self.poll(session, self.device.get_data, period):
            session.data = reading
            self.agent.publish_to_feed("thermometer", {
                "block_name": "thermometer", "timestamp": time.time(), "data": reading})
        return True, "Acquisition ended."

    def stop_acq(self, session: Any, params: Any) -> tuple[bool, str]:
        """Stop `acq`."""
        session.set_status("stopping")
        return True, "Stopping acquisition."


def main(args: list[str] | None = None) -> None:
    """Run the agent; what ``ocs-agent-cli`` calls."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device-port", type=int, required=True)
    parser.add_argument("--timeout", type=float, default=1.0)
    options = site_config.parse_args("ThermometerAgent", parser=parser, args=args)
    agent, runner = ocs_agent.init_site_agent(options)
    device = Thermometer("127.0.0.1", options.device_port, options.timeout, framer=LineFramer())
    thermometer = ThermometerAgent(agent, device)
    agent.register_process("acq", thermometer.acq, thermometer.stop_acq)
    runner.run(agent, auto_reconnect=True)


if __name__ == "__main__":
    main()
