"""The whole process is stopped for longer than a timeout, with the replies in the kernel."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

BOUND = 20
TIMEOUT = 1.0
BLOCKING = """
import sys
from socs_tcp import LineFramer, TCPInterface
device = TCPInterface("127.0.0.1", int(sys.argv[1]), 5, framer=LineFramer("\\n"), settle=0)
print(device.query("A", timeout=float(sys.argv[2])), device.query("B"), device.link.losses)
"""
TWISTED = """
import sys
from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from socs_tcp import DeviceClient, LineFramer

@inlineCallbacks
def main():
    client = DeviceClient("127.0.0.1", int(sys.argv[1]), 5, framer=LineFramer("\\n"), settle=0)
    yield client.when_connected()
    print((yield client.query("A", timeout=float(sys.argv[2]))), (yield client.query("B")),
          client.link.losses)

reactor.callWhenRunning(lambda: main().addErrback(
    lambda failure: print(failure.value)).addBoth(lambda _none: reactor.stop()))
reactor.run()
"""


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


class Asking:
    """A process that has asked a device, which is us."""

    def __init__(self, program, stack):
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        server.settimeout(BOUND)
        self.process = stack.enter_context(subprocess.Popen(
            [sys.executable, "-c", program, str(server.getsockname()[1]), str(TIMEOUT)],
            stdout=subprocess.PIPE, text=True))
        stack.callback(self.process.kill)
        self.device = stack.enter_context(server.accept()[0])
        self.device.settimeout(BOUND)

    def stop(self):
        assert self.device.recv(99) == b"A\n"
        os.kill(self.process.pid, signal.SIGSTOP)
        while state(self.process.pid) != "T":
            time.sleep(0.01)
        self.device.sendall(b"a\n")

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)
        assert self.device.recv(99) == b"B\n"
        self.device.sendall(b"b\n")
        return self.process.communicate(timeout=BOUND)[0]


def test_the_reply_is_given_and_not_the_timeout():
    with ExitStack() as stack:
        stopped = []
        for program in (BLOCKING, TWISTED):
            stopped.append(Asking(program, stack))
            stopped[-1].stop()
        time.sleep(1.5 * TIMEOUT)
        assert [each.go_on() for each in stopped] == ["b'a' b'b' 0\n"] * 2
