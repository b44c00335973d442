"""`TCPDeviceAgent` as a site runs it: ocs-agent-cli, a site config, a router, a client."""

import time

import pytest

from socs_tcp.description import load
from socs_tcp.description.simulated import scripted_device
from socs_tcp.testing import DeviceServer

PATIENCE = 20
DESCRIPTION = """\
device: a power supply
timeout: 2
framing: {terminator: "\\n"}
identify: {send: "*IDN?", match: "ACME"}
raw_commands: true
queries:
  volt: {send: "V?", period: 0.2, fields: {volt: {unit: V}}}
  state: {send: "S?", period: 0.2, fields: {state: {enum: {0: "off", 1: "on"}}}}
parameters:
  volt: {range: [0, 30], unit: V, send: "V {value}", read_back: volt}
simulate: {identify: "ACME,PSU", volt: "1.5", state: "1"}
"""


@pytest.fixture(scope="module")
def supply(crossbar_router, tmp_path_factory):
    """A simulated device, and a client of the agent that acquires it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "supply.yaml").write_text(DESCRIPTION)
    device = scripted_device(load(folder / "supply.yaml"))
    with DeviceServer(device) as server:
        crossbar_router.start_agent(
            "TCPDeviceAgent", "supply",
            args=["--description", str(folder / "supply.yaml"),
                  "--ip-address", server.host, "--port", str(server.port)])
        yield server, crossbar_router.client("supply")
        crossbar_router.agents["supply"].kill()


def until(client, condition):
    """The session of acq as soon as it is so; with what it was where it never is."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        session = client.acq.status().session
        if session and condition(session):
            return session
        time.sleep(0.05)
    raise AssertionError(f"it did not come to pass: {session}")


def test_readings_and_tasks(supply):
    _, client = supply
    session = until(client, lambda s: len(s["data"].get("fields", ())) == 2)
    assert session["data"]["fields"] == {"volt": 1.5, "state": "on"}
    assert session["data"]["units"] == {"volt": "V", "state": ""}
    assert not session["degraded"]

    done = client.set(name="volt", value=12)
    assert done.session["success"] and done.session["data"]["fields"] == {"volt": 12.0}
    refused = client.set(name="volt", value=31)
    assert refused.session["success"] is False
    assert "volt: 31 is outside its range, 0 to 30 V" in refused.session["messages"][-2][1]
    until(client, lambda s: s["data"]["fields"]["volt"] == 12.0)

    assert client.query(name="state").session["data"]["fields"] == {"state": "on"}
    assert client.query(command="*IDN?").session["data"]["reply"] == "ACME,PSU"
    assert client.reconnect().session["success"]
    assert client.set(name="volt", value=1.5).session["success"]


def test_unplugged_and_plugged_in_again(supply):
    server, client = supply
    until(client, lambda s: not s["degraded"] and s["data"]["fields"])
    server.unplug()
    session = until(client, lambda s: s["degraded"])
    assert not session["data"]["link"]["up"] and session["status"] == "running"
    assert client.query(name="volt").session["success"] is False
    server.plug_in()
    back = time.time()
    session = until(client, lambda s: not s["degraded"] and s["data"]["timestamp"] > back)
    assert session["data"]["fields"]["volt"] == 1.5
    assert session["data"]["link"]["losses"] >= 1
    assert any("is down" in text for _, text in session["messages"])
    assert any("is up" in text for _, text in session["messages"])


def test_stop_and_start(supply):
    _, client = supply
    client.acq.stop()
    assert client.acq.wait(timeout=PATIENCE).session["success"]
    client.acq.start()
    until(client, lambda s: s["status"] == "running" and s["data"].get("fields"))


def test_a_bad_description_ends_it_before_it_joins(crossbar_router, tmp_path):
    (tmp_path / "bad.yaml").write_text(DESCRIPTION.replace("period", "perido", 1))
    agent = crossbar_router.start_agent(
        "TCPDeviceAgent", "bad",
        args=["--description", str(tmp_path / "bad.yaml"), "--host", "localhost", "--port", "1"])
    give_up = time.monotonic() + PATIENCE
    while agent.running and time.monotonic() < give_up:
        time.sleep(0.02)
    assert agent.returncode == 2
    assert "bad.yaml:7: queries.volt.perido: there is no such key (did you mean 'period'?)" \
        in agent.output()
    assert "Traceback" not in agent.output() and "joined" not in agent.output()
