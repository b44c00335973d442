"""A gripper whose messages are JSON behind their length, four bytes, both ways.

Each answer repeats the number of its command, so that a late one is passed over.
"""

import itertools
import json
import time

# driver
from socs_tcp import DeviceAgentMixin, LengthFramer, TCPInterface


def framed(message):
    data = json.dumps(message).encode()
    return len(data).to_bytes(4, "big") + data


def same_number(command, reply):
    return json.loads(command[4:])["number"] == json.loads(reply[4:])["number"]


class Gripper(TCPInterface):
    def __init__(self, host, port, timeout=2):
        super().__init__(
            host, port, timeout, late_replies=same_number,
            framer=LengthFramer(4, lambda header: int.from_bytes(header, "big")))
        self._numbers = itertools.count(1)

    def ask(self, command, timeout=None, **arguments):
        message = {"number": next(self._numbers), "command": command, **arguments}
        answer = json.loads(self.query(framed(message), timeout)[4:])
        if not answer["result"]:
            raise ValueError(f"{command}: {answer['log']}")
        return answer["data"]

    def get_data(self):
        state = self.ask("state")
        return {f"actuator_{number}_mm": mm for number, mm in enumerate(state["mm"], 1)}

    def move(self, actuator, mm):
        self.ask("move", timeout=30, actuator=actuator, mm=mm)
# end of driver


# agent
class GripperAgent(DeviceAgentMixin):
    def __init__(self, agent, host, port, timeout=2, period=1):
        self.agent, self.period = agent, period
        self.gripper = Gripper(host, port, timeout)
        self.watch(self.gripper)
        agent.register_feed("gripper", record=True)

    def acq(self, session, params):
        """acq()

        **Process** - Read where the actuators are, and publish that.
        """
        for reading in self.poll(session, self.gripper.get_data, self.period):
            session.data = reading
            self.agent.publish_to_feed("gripper", {
                "block_name": "gripper", "timestamp": time.time(), "data": reading})
        return True, "Acquisition ended."

    def move(self, session, params):
        """move(actuator, mm)

        **Task** - Move one of the three actuators.
        """
        try:
            self.gripper.move(params["actuator"], params["mm"])
        except (ConnectionError, ValueError) as exc:
            return False, str(exc)
        return True, f"Actuator {params['actuator']} is at {params['mm']} mm."
# end


class Simulated:
    """What the controller says."""

    def __init__(self):
        self.mm = [0.0, 0.0, 0.0]

    def handle(self, command):
        message = json.loads(command[4:])
        answer = {"number": message["number"], "result": True, "log": "", "data": None}
        if message["command"] == "state":
            answer["data"] = {"mm": self.mm}
        elif message["command"] == "move" and message["actuator"] in (1, 2, 3):
            self.mm[message["actuator"] - 1] = message["mm"]
        else:
            answer.update(result=False, log="no such command")
        return framed(answer)


AGENT = GripperAgent
FRAMER = LengthFramer(4, lambda header: int.from_bytes(header, "big"))
EXPECTED = {f"actuator_{number}_mm": 0.0 for number in (1, 2, 3)}
