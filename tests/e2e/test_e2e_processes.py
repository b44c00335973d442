"""Children never outlive the program that started them, whatever ends it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from socs_tcp.testing.processes import ChildProcess, no_interruption

# A child that starts one of its own and tells its number, as crossbar and agents may.
WITH_A_CHILD = """
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
import time; time.sleep(60)
"""
PARENT = """
import sys, time
from pathlib import Path
from socs_tcp.testing.processes import ChildProcess
child = ChildProcess("sleeper", [sys.executable, "-c", sys.argv[1]], Path(sys.argv[2]))
print(child.pid, flush=True)
time.sleep(60)
"""


def until(condition, timeout=10.0):
    give_up = time.monotonic() + timeout
    while not (result := condition()):
        assert time.monotonic() < give_up, f"not true within {timeout:g} s"
        time.sleep(0.01)
    return result


def alive(pid):
    """Does it run? One that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def grandchild(child):
    return int(until(lambda: child.output().strip()))


@pytest.fixture
def sleeper(tmp_path):
    child = ChildProcess("sleeper", [sys.executable, "-c", WITH_A_CHILD], tmp_path / "log")
    yield child
    child.kill()


def test_killing_ends_what_the_child_started_too(sleeper):
    other = grandchild(sleeper)
    assert alive(sleeper.pid) and alive(other)
    sleeper.kill()
    until(lambda: not alive(other))
    assert not sleeper.running and sleeper.returncode == -signal.SIGKILL


def test_stop_interrupts_first(sleeper):
    other = grandchild(sleeper)
    assert sleeper.stop(timeout=10)
    assert "KeyboardInterrupt" in sleeper.output()
    until(lambda: not alive(other))


def test_stop_kills_who_does_not_listen(tmp_path):
    deaf = ("import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); "
            "print('deaf', flush=True); time.sleep(60)")
    child = ChildProcess("deaf", [sys.executable, "-c", deaf], tmp_path / "log")
    until(child.output)
    assert not child.stop(timeout=0.05)
    assert child.returncode == -signal.SIGKILL


def test_an_end_of_its_own_is_seen(tmp_path):
    child = ChildProcess("brief", [sys.executable, "-c", "print('bye'); raise SystemExit(3)"],
                         tmp_path / "log")
    assert child.wait(10)
    assert (child.running, child.returncode) == (False, 3)
    assert child.tail() == "    bye"
    child.kill()
    child.kill()
    assert child.returncode == 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_parent_is_killed(tmp_path, number):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, WITH_A_CHILD, tmp_path / "log"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    child = int(parent.stdout.readline())
    other = int(until(lambda: (tmp_path / "log").read_text().strip()))
    assert alive(child) and alive(other)
    os.kill(parent.pid, number)
    parent.wait(10)
    parent.stdout.close()
    until(lambda: not alive(child) and not alive(other))


def test_interrupted_while_it_starts_it_leaves_nothing(tmp_path, monkeypatch):
    started = []

    def start_and_interrupt(*args, **kwargs):
        started.append(start(*args, **kwargs))
        signal.raise_signal(signal.SIGINT)
        return started[-1]

    start = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", start_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        ChildProcess("sleeper", ["sleep", "60"], tmp_path / "log")
    assert len(started) == 2        # the second is what would end it, were we killed
    until(lambda: not any(alive(process.pid) for process in started))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_waits_until_a_child_is_noted(number):
    def interrupted(number, frame):
        raise InterruptedError

    before = signal.signal(number, interrupted)
    noted = False
    try:
        with pytest.raises(InterruptedError), no_interruption():
            signal.raise_signal(number)
            noted = True
    finally:
        assert signal.signal(number, before) is interrupted
    assert noted
