"""The same driver on socs_tcp."""

from socs_tcp import LineFramer, TCPInterface


class PowerSupply(TCPInterface):
    def __init__(self, ip_address, port):
        super().__init__(ip_address, port, timeout=5, framer=LineFramer("\n"))

    def get_volt(self, ch):
        # one message: no other thread can select another channel in between
        return float(self.query(f"inst:nsel {ch};:meas:volt?"))

    def set_volt(self, ch, volt):
        self.send(f"inst:nsel {ch};:volt {volt}\n")
