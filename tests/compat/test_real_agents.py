"""SOCS' own agents, unchanged, under the switch, through a real router: what a client sees."""

import importlib.util
import os
import re
import time

import pytest
from socs_drivers import DRIVERS

from socs_tcp.compat.command import python_path
from socs_tcp.testing import DeviceServer, ScriptedDevice
from socs_tcp.testing.pytest_plugin import crossbar_router

__all__ = ["crossbar_router"]       # also where the plugin is not installed (yet)

PATIENCE = 20

#: By driver: the agent, what it wants to be told of the device, how acquisition is started.
AGENTS = {
    "PTC": ("cryomech_cpa", lambda s: ["--ip-address", s.host, "--port", str(s.port),
                                       "--serial-number", "CPA1", "--mode", "acq"], {}),
    "PCR500MA": ("kikusui_pcr500ma", lambda s: ["--ip-address", s.host, "--port", str(s.port)],
                 {"sampling_frequency": 0.25}),
    "TPG366": ("pfeiffer_tpg366", lambda s: ["--ip_address", s.host, "--port", str(s.port)],
               {"sampling_frequency": 0.25}),
}


class Site:
    """One of SOCS' agents with its simulated instrument."""

    def __init__(self, router, name):
        self.name, (module, arguments, self.slowly) = name, AGENTS[name]
        spec = DRIVERS[name]
        device = ScriptedDevice(spec.instrument(), **spec.framing)
        if name == "PCR500MA":
            for command, answer in {"MEAS:CURR:AC?": "0.5", "MEAS:POW:AC?": "7.0",
                                    "MEAS:FREQ?": "60.0", "OUTP?": "1"}.items():
                device.set_answer(command, answer)
        self.server = DeviceServer(device)
        file = importlib.util.find_spec(f"socs.agents.{module}.agent").origin
        self.agent = router.start_agent(file, f"socs-{name}", args=arguments(self.server))
        self.client = router.client(f"socs-{name}")

    def until(self, condition):
        give_up = time.monotonic() + PATIENCE
        while True:
            session = self.client.acq.status().session
            if session and condition(session):
                return session
            assert time.monotonic() < give_up, f"{session}\n{self.agent.tail()}"
            time.sleep(0.02)

    def acquire(self, **params):
        """Start acquisition anew, and wait for a reading."""
        self.until(lambda s: s["status"] in ("running", "done"))
        self.client.acq.stop()
        self.until(lambda s: s["status"] == "done")
        self.client.acq.start(**params)
        heard = self.server.commands
        self.server.wait_for_commands(heard + 1, timeout=PATIENCE)
        self.until(lambda s: s["status"] == "running" and not s["degraded"])

    def close(self):
        self.agent.kill()
        self.server.close()


@pytest.fixture(params=AGENTS)
def site(request, crossbar_router, monkeypatch):
    # As `python -m socs_tcp.compat ocs-agent-cli ...` does for it and for its children.
    monkeypatch.setenv("PYTHONPATH", python_path(os.environ.get("PYTHONPATH")))
    made = Site(crossbar_router, request.param)
    yield made
    made.close()


def says(session, pattern):
    return any(re.search(pattern, text) for _, text in session["messages"])


def test_unplugged_while_polling_and_while_idle(site):
    site.until(lambda s: s["status"] == "running" and not s["degraded"])
    site.server.unplug()
    # (The flag is there first, the message a little later.)
    site.until(lambda s: s["degraded"] and says(s, r"127.0.0.1:\d+ is down: "))
    site.server.plug_in()
    session = site.until(lambda s: not s["degraded"] and says(s, " is up: "))
    assert session["status"] == "running"
    if not site.slowly:
        return
    # With four seconds between two readings: nobody asks anything.
    site.acquire(**site.slowly)
    site.server.unplug()
    session = site.until(lambda s: s["degraded"] and says(s, "while idle"))
    assert "Check network connection" not in str(session["messages"])
    site.server.plug_in()
    site.until(lambda s: not s["degraded"])
