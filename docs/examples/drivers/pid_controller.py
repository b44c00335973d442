"""A PID controller that answers twice, and sometimes once, with an error.

It repeats the command, then comes the value; where it did not understand, there is but one line,
``?`` and a number. It drops what comes less than 0.1 s after its last answer.
"""

import re
import time

# driver
from socs_tcp import DeviceAgentMixin, Framer, TCPInterface

ERRORS = {b"?43": "command error", b"?46": "format error", b"?50": "parity error"}


class TwiceFramer(Framer):
    """Two lines, or one that begins with ``?``; ``replies=2`` would wait for a second one."""

    def find(self, buffer, start, stop, scanned):
        end = buffer.find(b"\r", start, stop)
        if end >= 0 and buffer[start:start + 1] != b"?":
            end = buffer.find(b"\r", end + 1, stop)
        if end < 0 and stop - start > self.max_length:
            raise self.too_long(buffer[start:stop])
        return None if end < 0 else (end, end + 1)


class PIDController(TCPInterface):
    def __init__(self, host, port, timeout=2):
        framer = TwiceFramer(100)
        framer.send_terminator = b"\r"
        super().__init__(host, port, timeout, framer=framer, gap=0.1)

    def ask(self, command, value="[-+.0-9A-F]*"):
        wanted = rf"(\?\d\d|{command[:3]}\r{command[:3]}({value}))".encode()
        reply = self.query(f"*{command}", match=re.compile(wanted))
        if reply in ERRORS:
            raise ValueError(f"{command}: {ERRORS[reply]}")
        return reply.partition(b"\r")[2][3:].decode()

    def get_data(self):
        return {"hz": float(self.ask("X01")), "target_hz": int(self.ask("R01")[1:], 16) / 1000}

    def set_target(self, hz):
        self.ask(f"W014{round(hz * 1000):05X}")
# end of driver


# agent
class PIDAgent(DeviceAgentMixin):
    def __init__(self, agent, host, port, timeout=2, period=1):
        self.agent, self.period = agent, period
        self.controller = PIDController(host, port, timeout)
        self.watch(self.controller)
        agent.register_feed("rotation", record=True)

    def acq(self, session, params):
        """acq()

        **Process** - Read how fast it turns and should turn, and publish that.
        """
        for reading in self.poll(session, self.controller.get_data, self.period):
            session.data = reading
            self.agent.publish_to_feed("rotation", {
                "block_name": "rotation", "timestamp": time.time(), "data": reading})
        return True, "Acquisition ended."

    def set_target(self, session, params):
        """set_target(hz)

        **Task** - Turn so fast.
        """
        self.controller.set_target(params["hz"])
        return True, f"The target is {params['hz']} Hz."
# end


class Simulated:
    """What the controller says; its target is that of a wave plate that turns twice a second."""

    def __init__(self):
        self.target = "407D0"

    def handle(self, command):
        code = command[1:4].decode()
        if code == "X01":
            return "X01\rX01+01.995"
        if code == "R01":
            return f"R01\rR01{self.target}"
        if code == "W01":
            self.target = command[4:].decode()
            return "W01\rW01"
        return "?43"


AGENT, TERMINATOR = PIDAgent, "\r"
FRAMER = TwiceFramer()
FRAMER.send_terminator = b"\r"
EXPECTED = {"hz": 1.995, "target_hz": 2.0}
