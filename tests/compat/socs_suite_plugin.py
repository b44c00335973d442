"""A pytest plugin for SOCS' own tests: in the place of docker, and of fixed ports.

SOCS runs its integration tests beside a crossbar router in a docker container, with
emulated devices at fixed ports. Here the router is one that `test_socs_suite.py` has started,
each port is one that is free, and no test file is changed for it.
"""

import json
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import ocs.testing
import pytest
import socs.tcp
import yaml
from socs.testing import device_emulator

from socs_tcp.testing.router.config import free_port

#: Seconds until an agent must have asked its device; a busy machine takes a while.
PATIENCE = 60.0
SAID = "socs.tcp.TCPInterface is socs_tcp.TCPInterface from now on"
#: The agent that is interrupted at the end, as SOCS does with each; OCS takes 6 s for that.
INTERRUPTED = "pfeiffer_tpg366_agent"
#: The agent that asks its device nothing until a client starts its acquisition.
WAITS_FOR_A_CLIENT = "pfeiffer_tpg366_agent"
#: From the port that a test names to the one it gets.
ports = {}
#: Set as soon as the emulated device of the test has been asked.
asked = threading.Event()

create_device_emulator = device_emulator.create_device_emulator
new_runner = ocs.testing._AgentRunner.__init__
run = ocs.testing._AgentRunner.run
shutdown = ocs.testing._AgentRunner.shutdown
get_response = device_emulator.DeviceEmulator.get_response


def emulator_at_a_free_port(responses, relay_type, port=9001, **options):
    """`create_device_emulator`, at another port."""
    return create_device_emulator(responses, relay_type, ports.setdefault(port, free_port()),
                                  **options)


def runner_in_a_hurry(runner, agent_path, agent_name, args, kill_to_exit=False):
    """Start and end an agent as SOCS does, faster."""
    new_runner(runner, agent_path, agent_name, args, agent_name != INTERRUPTED)
    # Without "-m coverage run --rcfile=...", which takes a third of an agent's start.
    start = runner.cmd.index(agent_path)
    runner.cmd = ["python", "-u", *runner.cmd[start:]]


def run_until_it_acquires(runner, timeout):
    """Start an agent, and wait until it has asked its device.

    SOCS waits for one second. On a busy machine the agent has not got far by then: SOCS'
    agent of the PMX throws away the actions that came before it was connected.
    """
    asked.clear()
    run(runner, timeout)
    if runner.agent_name != WAITS_FOR_A_CLIENT:
        assert asked.wait(PATIENCE), f"{runner.agent_name} asked nothing in {PATIENCE} s"


def response_that_is_noticed(emulator, message):
    asked.set()
    return get_response(emulator, message)


def shutdown_of_an_agent_on_ours(runner):
    """End an agent as ever, and see in its output that it ran on our class."""
    told = []
    communicate = runner.proc.communicate

    def remember(**options):
        told.append("".join(communicate(**options)))
        return told[-1], ""
    runner.proc.communicate = remember
    shutdown(runner)
    assert SAID in told[0], f"{runner.agent_name} did not run on socs_tcp:\n{told[0]}"


def pytest_addoption(parser):
    parser.addoption("--every", type=int, default=1, help="take every N-th test only")
    parser.addoption("--first", type=int, default=0, help="... from this one on")


def pytest_configure(config):
    device_emulator.create_device_emulator = emulator_at_a_free_port
    # At the end it sleeps a second for a thread that looks every 10 ms.
    device_emulator.time = SimpleNamespace(sleep=lambda seconds: time.sleep(min(seconds, 0.05)))
    ocs.testing._AgentRunner.__init__ = runner_in_a_hurry
    ocs.testing._AgentRunner.run = run_until_it_acquires
    device_emulator.DeviceEmulator.get_response = response_that_is_noticed
    ocs.testing._AgentRunner.shutdown = shutdown_of_an_agent_on_ours
    ocs.testing.check_crossbar_connection = lambda: None


def pytest_report_header(config):
    return f"socs.tcp.TCPInterface is that of {socs.tcp.TCPInterface.__module__}"


def pytest_collection_modifyitems(config, items):
    items[:] = items[config.getoption("--first")::config.getoption("--every")]


@pytest.fixture(scope="session")
def docker_services():
    """A site configuration that leads to the router that is there, and to the emulators."""
    router = os.environ["SOCS_SUITE_ROUTER"]
    site = yaml.safe_load(Path("socs.yaml").read_text())
    site["hub"].update(wamp_server=f"ws://{router}/ws", wamp_http=f"http://{router}/call",
                       # a place of their own for the agents of this process
                       address_root=f"observatory{os.getpid()}")
    for instance in site["hosts"]["localhost"]["agent-instances"]:
        instance["arguments"] = [at_free_port(words) for words in instance["arguments"]]
    Path("default.yaml").write_text(json.dumps(site))


def at_free_port(words):
    if isinstance(words, list) and words[0] == "--port" and str(words[1]).isdigit():
        return ["--port", str(ports.get(int(words[1]), words[1]))]
    return words


@pytest.fixture
def cov():
    """What pytest-cov offers; OCS' agent runner asks for it."""
    return None
