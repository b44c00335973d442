"""OCS' access control with its real access director: who looks need not be allowed to set."""

import time

import pytest
from ocs.ocs_client import OCSClient

from socs_tcp.description import load
from socs_tcp.description.simulated import scripted_device
from socs_tcp.testing import DeviceServer

PATIENCE = 30.0
RULES = """\
distrib_hashfunc: md5
passwords:
  - default: true
    password_1: ""
    password_2: "operator"
    password_3: "expert"
"""
DESCRIPTION = """\
device: a power supply
timeout: 2
framing: {terminator: "\\n"}
raw_commands: true
queries:
  volt: {send: "V?", period: 0.2, fields: {volt: {unit: V}}}
parameters:
  volt: {range: [0, 30], unit: V, send: "V {value}", read_back: volt}
simulate: {volt: "1.5"}
"""


@pytest.fixture(scope="module")
def site(crossbar_router, tmp_path_factory):
    """Clients of one agent: without a password, an operator's, an expert's; and its device."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "supply.yaml").write_text(DESCRIPTION)
    (folder / "access.yaml").write_text(RULES)
    device = scripted_device(load(folder / "supply.yaml"))
    crossbar_router.start_agent("AccessDirector", "access-dir",
                                args=["--config-file", str(folder / "access.yaml")])
    director = crossbar_router.client("access-dir")
    with DeviceServer(device) as server:
        def start(instance_id, *args):
            crossbar_router.start_agent(
                "TCPDeviceAgent", instance_id,
                args=["--description", str(folder / "supply.yaml"), "--ip-address", server.host,
                      "--port", str(server.port), "--access-policy", "director:access-dir",
                      *args])
            crossbar_router.client(instance_id)
            clients = [OCSClient(instance_id, privs=password, args=crossbar_router.site_args())
                       for password in (None, "operator", "expert")]
            until_granted(clients[0])
            return clients
        yield server, start
    for instance_id in list(crossbar_router.agents):
        if instance_id in ("access-dir", "guarded", "strict"):
            crossbar_router.agents[instance_id].kill()
    del director


def until_granted(client):
    """Until the director has told the agent its rules: before, it refuses everybody."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        reply = client.query(name="volt")
        if reply.session.get("success"):
            return
        time.sleep(0.1)
    raise AssertionError(f"the director never let anybody in: {reply}")


def refused(reply):
    return not reply.session and "requires credential level" in reply.msg


def test_to_look_needs_no_password_and_to_set_the_operators(site):
    server, start = site
    anybody, operator, expert = start("guarded")
    commands = []
    server.wait_for(lambda: server.commands > 2, timeout=PATIENCE)
    assert anybody.acq.status().session["status"] == "running"
    assert anybody.query(name="volt").session["success"]
    assert refused(anybody.set(name="volt", value=12))
    raw = anybody.query(command="V 13")
    assert raw.session["success"] is False
    assert any("requires credential level 2" in text for _, text in raw.session["messages"])
    commands = [c for c in server.received if c.startswith(b"V 1")]
    assert commands == [], "something was set all the same"

    assert operator.set(name="volt", value=12).session["data"]["fields"] == {"volt": 12.0}
    assert operator.query(command="V?").session["data"]["reply"] == "12.0"
    assert expert.set(name="volt", value=1.5).session["success"]
    assert anybody.reconnect().session["success"]


def test_the_levels_are_the_sites_to_choose(site):
    _, start = site
    anybody, operator, expert = start("strict", "--min-privs", "set=3,acq=2,reconnect=2")
    assert refused(operator.set(name="volt", value=2))
    assert expert.set(name="volt", value=2).session["success"]
    assert refused(anybody.reconnect())
    assert refused(anybody.acq.stop())
    assert operator.acq.stop().status == 0      # it could begin by itself, all the same
