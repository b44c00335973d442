"""A reactor, an agent and sessions for the tests of the mixin, where OCS itself is not needed."""

import threading
import time

from twisted.internet.testing import MemoryReactorClock

from socs_tcp.core.errors import Disconnected
from socs_tcp.core.link import Link


class Reactor(MemoryReactorClock):
    """What is called from other threads is kept until `run_calls`."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def callFromThread(self, function, *args, **kwargs):
        self.calls.append((function, args, kwargs))

    def run_calls(self):
        while self.calls:
            function, args, kwargs = self.calls.pop(0)
            function(*args, **kwargs)


class Session:
    """As much of an OpSession as the mixin may use, each write to `degraded` noted."""

    def __init__(self, op_name="acq", session_id=0, status="running"):
        self.op_name, self.session_id, self.status = op_name, session_id, status
        self.start_time = time.time()
        self.messages = []
        self.threads = set()
        self.writes = []
        self._degraded = False

    @property
    def degraded(self):
        return self._degraded

    @degraded.setter
    def degraded(self, value):
        self.writes.append(value)
        self._degraded = value

    def add_message(self, message, timestamp=None):
        self.threads.add(threading.current_thread())
        self.messages.append(message)


class Agent:
    """As much of an OCSAgent as the mixin may use."""

    def __init__(self, *sessions):
        self.sessions = {session.op_name: session for session in sessions}


class Device:
    """Anything with a link."""

    def __init__(self, name="10.0.0.5:7777"):
        self.link = Link(name)

    def fail(self, text="no reply within 1 s"):
        self.link.failed(Disconnected(f"{self.link.name}: {text}"))
        self.link.tell()

    def reconnect(self):
        self.link.connected()
        self.link.tell()

    def succeed(self):
        self.link.good(0.1)
        self.link.tell()
