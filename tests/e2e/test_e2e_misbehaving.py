"""A device that misbehaves all day, in a minute: its agent answers as before, through a router."""

import json
import os
import time

import pytest

from socs_tcp.description import load
from socs_tcp.description.simulated import scripted_device
from socs_tcp.testing import DeviceServer

PATIENCE = 20
DESCRIPTION = """\
device: a thermometer
timeout: 2
framing: {terminator: "\\n"}
raw_commands: true
queries:
  temperature: {send: "T?", period: 0.01, fields: {temperature: {unit: K}}}
  pair: {send: "P?", split: ",", period: 0.02, fields: {a: {index: 0}, b: {index: 1}}}
simulate: {temperature: "4.2", pair: "1,2"}
"""
#: Seconds that each fault lasts.
FAULT = 3.0
#: What a device says that wants to see what is not for it.
EVIL = "{log_logger.emit.__globals__[currentframe].__globals__[os].environ[PATH]}"
#: Bytes: the router refuses a message of 1 MiB; at this rate an hour must not come near.
MOST_OF_A_SESSION = 40_000
MOST_OF_THE_LOG = 400_000


class Thermometer:
    """A device whose answers are made by whoever tests."""

    def __init__(self, folder):
        (folder / "thermometer.yaml").write_text(DESCRIPTION)
        self.file = folder / "thermometer.yaml"
        self.script = scripted_device(load(self.file))
        self.count = 0
        self.heal()

    def heal(self):
        self.script.set_answer("T?", "4.2")
        self.script.set_answer("P?", "1,2")

    def answer(self, wrong, every=1):
        def reply(*_groups):
            self.count += 1
            return wrong if self.count % every == 0 else "4.2"
        for command in ("T?", "P?"):
            self.script.set_answer(command, reply)


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    thermometer = Thermometer(tmp_path_factory.mktemp("misbehaving"))
    with DeviceServer(thermometer.script) as server:
        yield thermometer, server


@pytest.fixture(scope="module")
def agent(crossbar_router, device):
    thermometer, server = device
    process = crossbar_router.start_agent(
        "TCPDeviceAgent", "misbehaving", args=[
            "--description", str(thermometer.file), "--ip-address", server.host,
            "--port", str(server.port)])
    yield process
    process.kill()


@pytest.fixture(scope="module")
def client(crossbar_router, agent):
    return crossbar_router.client("misbehaving")


def until(client, condition):
    give_up = time.monotonic() + PATIENCE
    while True:
        session = client.acq.status().session
        if session and condition(session):
            return session
        assert time.monotonic() < give_up, session
        time.sleep(0.02)


def is_well(session):
    return not session["degraded"] and session["data"]["fields"] == {
        "temperature": 4.2, "a": 1.0, "b": 2.0}


def hang_up_after_each_reply(server):
    end = time.monotonic() + FAULT
    while time.monotonic() < end:
        server.wait_for_commands(server.commands + 1, timeout=PATIENCE)
        server.faults.hang_up()


FAULTS = {
    "every second reply wrong": lambda t, s: t.answer("OVER", every=2),
    "60 kB of garbage": lambda t, s: t.answer("{" + "\0" * 60_000),
    "formats": lambda t, s: t.answer(EVIL),
    "a lone brace": lambda t, s: t.answer("{", every=2),
    "no line in one piece": lambda t, s: t.answer(("\x1b[2J", "}")),
    "hangs up all the time": lambda t, s: hang_up_after_each_reply(s),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_agent_answers_as_before(crossbar_router, device, agent, client, fault):
    thermometer, server = device
    until(client, is_well)
    FAULTS[fault](thermometer, server)
    end = time.monotonic() + FAULT
    while time.monotonic() < end:
        assert client.acq.status().session["status"] == "running"
        time.sleep(0.1)
    thermometer.heal()
    session = until(client, is_well)
    assert len(json.dumps(session)) < MOST_OF_A_SESSION, len(session["messages"])
    assert crossbar_router.client("misbehaving").query(name="temperature").session["success"]
    assert os.environ["PATH"] not in agent.output()
    assert len(agent.output()) < MOST_OF_THE_LOG


@pytest.mark.parametrize("name", [EVIL, "{", "x" * 500_000, "\x1b[2J"])
def test_what_a_client_sends_comes_back_as_text(agent, client, name):
    for reply in (client.query(name=name), client.set(name=name, value=1),
                  client.query(command=name[:1000], reply=False)):
        told = json.dumps(reply.session)
        assert reply.session["status"] == "done" and len(told) < 10_000
        assert os.environ["PATH"] not in told
    assert os.environ["PATH"] not in agent.output()
    assert len(agent.output()) < MOST_OF_THE_LOG
    until(client, is_well)
