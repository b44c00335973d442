"""A linear stage that answers a move when it is over, and can be told to stop meanwhile.

``%`` is a good answer, with a value where there is one; ``!`` is an error.
"""

import time

# driver
from socs_tcp import DeviceAgentMixin, LineFramer, TCPInterface


class Stage(TCPInterface):
    def __init__(self, host, port, timeout=2):
        super().__init__(host, port, timeout, framer=LineFramer("\n"),
                         on_connect=lambda stage: stage.ask("ENABLE X"))

    def ask(self, command, timeout=None):
        reply = self.query(command, timeout)
        if not reply.startswith(b"%"):
            raise ValueError(f"{command} was answered {reply!r}")
        return reply[1:]

    def get_data(self):
        return {"mm": float(self.ask("CMDPOS X"))}

    def move_to(self, mm, timeout=60):
        """Until it is there. `abort` in another thread ends it."""
        self.ask(f"MOVEABS X{mm:.2f} F25", timeout)

    def abort(self):
        self.send("ABORT X\n", urgent=True)     # its answer belongs to nobody
# end of driver


# agent
class StageAgent(DeviceAgentMixin):
    def __init__(self, agent, host, port, timeout=2, period=0.5):
        self.agent, self.period = agent, period
        self.stage = Stage(host, port, timeout)
        self.watch(self.stage)
        agent.register_feed("position", record=True)

    def acq(self, session, params):
        """acq()

        **Process** - Read the position, and publish it. The stage does not answer while it moves.
        """
        for reading in self.poll(session, self.stage.get_data, self.period):
            session.data = reading
            self.agent.publish_to_feed("position", {
                "block_name": "position", "timestamp": time.time(), "data": reading})
        return True, "Acquisition ended."

    def move(self, session, params):
        """move(mm)

        **Task** - Go there.
        """
        try:
            self.stage.move_to(params["mm"])
        except (ConnectionError, ValueError) as exc:
            return False, f"It is not there: {exc}"
        return True, f"It is at {params['mm']} mm."

    def abort_move(self, session, params):
        """What stops `move`, from another thread."""
        self.stage.abort()
        return True, "Told to stop."
# end


class Simulated:
    """What the controller says. A move to 100 mm never ends by itself."""

    def __init__(self):
        self.mm, self.moving, self.enabled = 0.0, False, False

    def handle(self, command):
        verb, _, words = command.decode().partition(" ")
        if verb == "ENABLE":
            self.enabled = True
        elif verb == "ABORT":
            moved, self.moving = self.moving, False
            return ("!", "%") if moved else "%"
        elif not self.enabled or self.moving:
            return "!"
        elif verb == "CMDPOS":
            return f"%{self.mm:.3f}"
        else:
            mm = float(words.split()[0][1:])
            if mm == 100:
                self.moving = True
                return None
            self.mm = mm
        return "%"


AGENT, TERMINATOR = StageAgent, "\n"
EXPECTED = {"mm": 0.0}
