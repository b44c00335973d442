"""The same agent on socs_tcp."""

from socs_tcp import DeviceAgentMixin, LineFramer, TCPInterface


class Device(TCPInterface):
    def __init__(self, ip_address, port=501, timeout=10):
        super().__init__(ip_address, port, timeout,
                         framer=LineFramer("\r\n"))

    def get_data(self):
        return float(self.query("READ?"))


class DeviceAgent(DeviceAgentMixin):
    def __init__(self, agent, device):
        self.agent = agent
        self.device = device
        self.watch(device)

    def main(self, session, params):
        """Main data acquisition process."""
        for data in self.poll(session, self.device.get_data,
                              period=0.1):
            session.data = {"reading": data}

        return True, "Main process exited successfully."
