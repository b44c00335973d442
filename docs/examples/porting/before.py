"""An agent on socs.tcp, as the documentation of SOCS shows it."""

import time

from socs.tcp import TCPInterface


class Device(TCPInterface):
    def __init__(self, ip_address, port=501, timeout=10):
        super().__init__(ip_address, port, timeout)

    def get_data(self):
        self.send(b"READ?\r\n")
        data = self.recv()
        return float(data)


class DeviceAgent:
    def __init__(self, agent, device):
        self.agent = agent
        self.log = agent.log
        self.device = device

    def main(self, session, params):
        """Main data acquisition process."""
        while session.status in ["starting", "running"]:
            try:
                data = self.device.get_data()
                if session.degraded:
                    self.log.info("Connection re-established.")
                    session.degraded = False
            except ConnectionError:
                self.log.error("Failed to get data from device.")
                session.degraded = True
                time.sleep(1)  # between attempts
                continue
            session.data = {"reading": data}
            time.sleep(0.1)

        return True, "Main process exited successfully."
