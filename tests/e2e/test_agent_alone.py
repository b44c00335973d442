"""What an agent does to its device, its container and its namesake, with a real router."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from socs_tcp import LineFramer
from socs_tcp.testing import DeviceServer

AGENTS = Path(__file__).parent / "agents"
#: Seconds; a container's is ten.
GRACE = 10.0
PATIENCE = 30.0
DESCRIPTION = """\
device: a power supply
timeout: 2
framing: {terminator: "\\n"}
queries:
  volt: {send: "V?", period: 0.2, fields: {volt: {unit: V}}}
"""


@pytest.fixture
def description(tmp_path):
    (tmp_path / "supply.yaml").write_text(DESCRIPTION)
    return str(tmp_path / "supply.yaml")


@pytest.fixture
def device():
    with DeviceServer({"V?": "1.5"}, framer=LineFramer("\n")) as server:
        yield server


@pytest.fixture
def start(crossbar_router, description):
    """Starts agents, and ends them after the test."""
    started = []

    def start(instance_id, server, agent="TCPDeviceAgent", host=None):
        # out of the router's sight: it would end the first of two with the same name
        crossbar_router.agents.pop(instance_id, None)
        started.append(crossbar_router.start_agent(agent, instance_id, args=[
            "--description", description, "--host", host or server.host,
            "--port", str(server.port)]))
        return started[-1]
    yield start
    for agent in started:
        agent.kill()


def wait_until_said(agent, text):
    give_up = time.monotonic() + PATIENCE
    while text not in agent.output():
        assert agent.running and time.monotonic() < give_up, agent.tail()
        time.sleep(0.02)


def test_a_second_agent_of_that_name_leaves_the_device_alone(crossbar_router, start, device):
    start("twin", device)
    client = crossbar_router.client("twin")
    device.wait_for(lambda: device.commands, timeout=PATIENCE)
    second = start("twin", device)
    wait_until_said(second, "Is this agent already running?")
    # it leaves the router and comes again; whatever it does, it does not reach the device
    wait_until_said(second, "transport disconnected")
    assert device.connections == 1
    assert client.acq.status().session["degraded"] is False


def test_an_idle_agent_is_connected_once_it_has_joined(crossbar_router, description, device):
    agent = crossbar_router.start_agent("TCPDeviceAgent", "idler", args=[
        "--description", description, "--host", device.host, "--port", str(device.port),
        "--mode", "idle"])
    try:
        device.wait_for(lambda: device.connections == 1, timeout=PATIENCE)
        assert "session joined" in agent.output()
    finally:
        agent.kill()


def test_one_that_is_stopped_with_dead_name_servers_ends_in_time(start, device):
    agent = start("nameless", device, AGENTS / "dead_names.py", host="nowhere.invalid")
    wait_until_said(agent, "looking the device up")
    os.kill(agent.pid, signal.SIGTERM)
    assert agent.wait(GRACE), agent.tail()
    assert agent.returncode == 0


def health(router, instance_id, *args):
    return subprocess.run(
        [sys.executable, "-m", "socs_tcp.agents.health", "--instance-id", instance_id, *args],
        env={**router.env, "SITE_HOST": "localhost"}, capture_output=True, text=True, timeout=60,
        check=False)


def test_the_health_check_tells_a_frozen_agent_from_a_living_one(crossbar_router, start, device):
    agent = start("patient", device)
    crossbar_router.client("patient")
    done = health(crossbar_router, "patient", "--timeout", "30")
    assert (done.returncode, done.stderr) == (0, "")
    os.kill(agent.pid, signal.SIGSTOP)
    try:
        done = health(crossbar_router, "patient", "--timeout", "3")
    finally:
        os.kill(agent.pid, signal.SIGCONT)
    assert done.returncode == 1
    assert done.stderr.startswith("patient does not answer: TimeoutError: no answer within 3 s")
    assert health(crossbar_router, "stranger").returncode == 1
