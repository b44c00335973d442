"""A process whose thread waits for ever ends all the same, soon after its reactor."""

import subprocess
import sys

CODE = """
import threading
from twisted.internet import reactor
from socs_tcp.agents.stopping import end_in_time
end_in_time(0.2)
if {hangs}:
    reactor.callInThread(threading.Event().wait)
reactor.callLater(0, reactor.stop)
reactor.run()
print("the reactor has ended")
"""


def run(hangs):
    return subprocess.run([sys.executable, "-c", CODE.format(hangs=hangs)], timeout=60,
                          capture_output=True, text=True, check=False)


def test_a_thread_that_hangs_is_not_waited_for():
    done = run(True)
    assert done.returncode == 0 and done.stdout == ""
    assert "ends now, without waiting any longer for its threads: PoolThread" in done.stderr


def test_otherwise_it_ends_as_ever():
    done = run(False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the reactor has ended\n", "")
