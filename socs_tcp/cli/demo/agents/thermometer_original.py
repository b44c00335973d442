"""The same agent on the original pattern: a plain socket that is reset when it fails.

It does what the documentation of the original interface describes, in our own words:
it connects when instantiated and goes on without a connection where that fails; ``send``
makes the connection anew and tries a second time; ``recv`` is what one ``recv`` of the
socket gives, or a ``ConnectionError`` after the timeout. The loop is that of its example.
"""

from __future__ import annotations

import argparse
import socket
import time
from typing import Any

from ocs import ocs_agent, site_config


class Thermometer:
    """Asks numbered questions, so that everybody can see which answer belongs to which."""

    asked = 0

    def __init__(self, ip_address: str, port: int, timeout: float) -> None:
        self.address = (ip_address, port)
        self.timeout = timeout
        self.comm: socket.socket | None = None
        self._reset()

    def _reset(self) -> None:
        if self.comm is not None:
            self.comm.close()
        try:
            self.comm = socket.create_connection(self.address, self.timeout)
        except OSError as exc:
            print(f"Cannot connect to {self.address}: {exc}")
            self.comm = None

    def send(self, message: bytes) -> None:
        """Send all of it; after a failure, once more on a new connection."""
        try:
            if self.comm is None:
                raise ConnectionError("not connected")
            self.comm.sendall(message)
        except OSError:
            self._reset()
            if self.comm is None:
                raise ConnectionError("cannot connect") from None
            self.comm.sendall(message)

    def recv(self, bufsize: int = 4096) -> bytes:
        """What one ``recv`` of the socket gives."""
        if self.comm is None:
            raise ConnectionError("not connected")
        try:
            return self.comm.recv(bufsize)
        except TimeoutError:
            raise ConnectionError("no answer within the timeout") from None

    def get_data(self) -> dict[str, Any]:
        """One reading."""
        self.asked += 1
        self.send(f"READ {self.asked}\r\n".encode())
        return {"asked": self.asked, "answer": self.recv().decode().strip()}


class ThermometerAgent:
    """Reads a thermometer and publishes the readings."""

    def __init__(self, agent: Any, device: Thermometer) -> None:
        self.agent = agent
        self.device = device
        self.log = agent.log
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
        while session.status in ["starting", "running"]:
            try:
                reading = self.device.get_data()
                if session.degraded:
                    self.log.info("Connection re-established.")
                    session.degraded = False
            except ConnectionError:
                self.log.error("Failed to get data from the device. Check the network.")
                session.degraded = True
                time.sleep(1)  # between attempts
                continue
            session.data = reading
            self.agent.publish_to_feed("thermometer", {
                "block_name": "thermometer", "timestamp": time.time(), "data": reading})
            next_reading = time.monotonic() + period
            while session.status == "running" and time.monotonic() < next_reading:
                time.sleep(min(0.1, max(0.0, next_reading - time.monotonic())))
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
    device = Thermometer("127.0.0.1", options.device_port, options.timeout)
    thermometer = ThermometerAgent(agent, device)
    agent.register_process("acq", thermometer.acq, thermometer.stop_acq)
    runner.run(agent, auto_reconnect=True)


if __name__ == "__main__":
    main()
