"""A turbo pump behind a serial server: a driver that holds what was a serial object before.

The telegrams are those of Pfeiffer Vacuum: an address, an action, a parameter, the length of the
data, the data, and the sum of all that.
"""

import re
import time

# driver
from socs_tcp import DeviceAgentMixin, LineFramer, TCPInterface


def telegram(address, action, parameter, data):
    body = f"{address:03d}{action}{parameter:03d}{len(data):02d}{data}".encode()
    return body + b"%03d" % (sum(body) % 256)


class TurboPump:
    def __init__(self, host, port, timeout=3, address=94):
        self.ser = TCPInterface(host, port, timeout, framer=LineFramer("\r"))
        self.address = address

    def ask(self, parameter, action="00", data="=?"):
        reply = self.ser.query(telegram(self.address, action, parameter, data),
                               match=re.compile(b"%03d10%03d" % (self.address, parameter)))
        data = reply[10:-3].decode()
        if reply != telegram(self.address, "10", parameter, data):
            raise ValueError(f"the sum of {reply!r} is wrong")
        return data

    def get_data(self):
        return {"speed_hz": int(self.ask(309)), "bearing_c": int(self.ask(342)),
                "drive_v": int(self.ask(313)) * 0.01}

    def switch(self, on):
        return self.ask(23, "10", "111111" if on else "000000") == "111111"
# end of driver


# agent
class PumpAgent(DeviceAgentMixin):
    def __init__(self, agent, host, port, timeout=3, period=1):
        self.agent, self.period = agent, period
        self.pump = TurboPump(host, port, timeout)
        self.watch(self.pump.ser)
        agent.register_feed("pump", record=True)

    def acq(self, session, params):
        """acq()

        **Process** - Read speed, temperature and voltage, and publish them.
        """
        for reading in self.poll(session, self.pump.get_data, self.period):
            session.data = reading
            self.agent.publish_to_feed("pump", {
                "block_name": "pump", "timestamp": time.time(), "data": reading})
        return True, "Acquisition ended."

    def switch(self, session, params):
        """switch(on)

        **Task** - Switch the motor on or off.
        """
        return True, f"The motor is {'on' if self.pump.switch(params['on']) else 'off'}."
# end


class Simulated:
    """What the controller says."""

    def __init__(self):
        self.values = {309: "001500", 342: "000038", 313: "002350", 23: "000000"}

    def handle(self, command):
        parameter, action = int(command[5:8]), command[3:5]
        if command != telegram(94, action.decode(), parameter, command[10:-3].decode()):
            return None             # a wrong sum: not for us
        if action == b"10":
            self.values[parameter] = command[10:-3].decode()
        return telegram(94, "10", parameter, self.values[parameter])


AGENT, TERMINATOR = PumpAgent, "\r"
EXPECTED = {"speed_hz": 1500, "bearing_c": 38, "drive_v": 23.5}
