"""An agent with its two simulated devices, as a client sees it. All waits are bounded."""

import time
from pathlib import Path

from socs_tcp.cli.demo.device import NumberedThermometer

AGENTS = Path(__file__).parent / "agents"

#: Seconds that a device may take to answer, and between two readings. The devices here answer
#: in a millisecond; on a machine that is busy with other things their process has to wait.
TIMEOUT = 1.0
PERIOD = 0.1
#: Seconds between two attempts to connect; shorter than by default, as is all else here.
MIN_INTERVAL = 0.3
#: Seconds: five times what is promised of `degraded`. The promise itself is kept or broken by
#: the clock of a busy machine, too; it is tested on clocks that a test moves. What these tests
#: would find takes longer: another timeout after another, or for ever.
AT_ONCE = 5 * 0.5
AFTER_SILENCE = TIMEOUT + AT_ONCE
AFTER_ANSWER = PERIOD + AT_ONCE
#: Seconds for whatever is not promised in seconds.
PATIENCE = 10.0

OPS = ["acq", "acq_b", "idle", "both", "measure"]


class Instrument:
    """One agent on one face. `a` and `b` are its devices."""

    def __init__(self, router, face):
        self.router = router
        self.face = face
        self.instance_id = f"instrument-{face}"
        self.a, self.b = NumberedThermometer(), NumberedThermometer()
        self.agent = router.start_agent(AGENTS / "instrument.py", self.instance_id, args=[
            "--face", face, "--device-ports", str(self.a.server.port), str(self.b.server.port),
            "--timeout", str(TIMEOUT), "--min-interval", str(MIN_INTERVAL),
            "--crossbar-timeout", "60"])
        self._client = None

    @property
    def client(self):
        if self._client is None:
            self._client = self.router.client(self.instance_id)
        return self._client

    def start(self, op, **params):
        reply = getattr(self.client, op).start(**params)
        assert reply.session.get("status") in ("starting", "running"), reply

    def stop(self, op):
        """Tell it to stop, and wait; the seconds that took."""
        began = time.monotonic()
        getattr(self.client, op).stop()
        self.until(op, lambda session: session["status"] == "done", PATIENCE)
        return time.monotonic() - began

    def session(self, op):
        return getattr(self.client, op).status().session

    def until(self, op, condition, within):
        """The time when a client sees it of the session of `op`; fails if not in time."""
        give_up = time.monotonic() + within
        while True:
            session = self.session(op)
            now = time.monotonic()
            if condition(session):
                return now
            assert now < give_up, f"not seen within {within:g} s: {session}\n{self.agent.tail()}"
            time.sleep(0.01)

    def until_degraded(self, op, within):
        return self.until(op, lambda session: session["degraded"], within)

    def until_well(self, op, since, device=None):
        """Wait until it is not degraded; the seconds since the first good answer."""
        device = device or self.a
        seen = self.until(op, lambda session: not session["degraded"], PATIENCE)
        answered = device.first_answer_since(since)
        assert answered is not None and answered <= seen, "not degraded before a good answer"
        return seen - answered

    def until_reading_well(self, op):
        """As `until_well`, for a device that took questions all the time."""
        asked = self.session(op)["data"]["asked"]
        seen = self.until(op, lambda session: not session["degraded"], PATIENCE)
        self.until(op, lambda session: session["data"]["asked"] != asked, PATIENCE)
        return seen - self.a.when_answered(self.session(op)["data"]["asked"])

    def start_well(self, op="acq", period=PERIOD):
        """Start it and wait for readings."""
        self.start(op, period=period)
        self.until(op, lambda session: session["data"].get("count", 0) >= 2, PATIENCE)
        assert not self.session(op)["degraded"]

    def messages(self, op, word):
        """Messages of the session with that word."""
        return [text for _, text in self.session(op)["messages"] if word in text]

    def readings(self, op):
        """How many there were. None of them may belong to another question."""
        data = self.session(op)["data"]
        assert data.get("wrong", 0) == 0
        return data.get("count", 0)

    def mend(self):
        """Devices well, operations ended, links up: as the next test expects it."""
        for device in (self.a, self.b):
            device.server.faults.heal()
            device.server.plug_in()
        for op in OPS:
            session = self.session(op)
            if session and session["status"] in ("starting", "running"):
                if op == "measure":
                    self.until(op, lambda session: session["status"] == "done", PATIENCE)
                else:
                    self.stop(op)
        for op in ("acq", "acq_b"):
            self.start(op, period=PERIOD)
        for op in ("acq", "acq_b"):
            self.until(op, lambda session: session["data"].get("count"), PATIENCE)
            self.stop(op)

    def close(self):
        for device in (self.a, self.b):
            device.server.close()
