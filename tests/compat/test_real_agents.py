"""SOCS' own agents, unchanged, under the switch, through a real router: what a client sees.

One more, kikusui_pcr500ma, is in the demonstration: ``tests/e2e/test_e2e_demo.py``.
"""

import importlib.util
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from socs_drivers import DRIVERS, turbo_pump

from socs_tcp import FixedFramer, LineFramer
from socs_tcp.testing import DeviceServer, ScriptedDevice
from socs_tcp.testing.pytest_plugin import crossbar_router

__all__ = ["crossbar_router"]       # also where the plugin is not installed (yet)

PATIENCE = 20

#: Half a second, and as much again for a machine that has other things to do.
AT_ONCE = 5 * 0.5


@dataclass(frozen=True)
class Agent:
    """One of SOCS' agents: its command line, and how it comes to ask nothing for seconds."""

    module: str
    arguments: Callable[[DeviceServer], list[str]]
    idle: Callable[["Site"], None] | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    device: Callable[[], ScriptedDevice] | None = None
    says: str = r"127[.0-9]+:\d+ is down: "


def slowly(site):
    """Four seconds between two readings."""
    site.until(lambda s: s["status"] in ("running", "done"))
    site.client.acq.stop()
    site.until(lambda s: s["status"] == "done")
    heard = site.server.commands
    site.client.acq.start(sampling_frequency=0.25)
    site.server.wait_for_commands(heard + 1, timeout=PATIENCE)
    site.until(lambda s: s["status"] == "running" and not s["degraded"])


def another_channel(site):
    """The bridge scans on: its agent asks for the pause of the channel, and sits it out."""
    site.server.device.set_answer("SCAN?", "02,1")
    site.server.wait_for(lambda: site.server.received[-2:] == [b"INSET? 2"] * 2, PATIENCE)


def tilt_sensor():
    """-30 and 0 degrees; the first command, which sets it up, has no answer."""
    angles = bytes.fromhex("61 22 e0 93 04 00 00 00 00 00 00 00")
    return ScriptedDevice(lambda command: angles if command[:2] == b"\x06\x01" else None,
                          framer=FixedFramer(12))


def two_axes():
    """Its two axes are two devices on one line."""
    return ScriptedDevice({"!148:SYS?": "+1.234567890123", "!149:SYS?": "-1.234567890123"},
                          framer=LineFramer(b"\r"))


AGENTS = {
    "PTC": Agent("cryomech_cpa", lambda s: ["--ip-address", s.host, "--port", str(s.port),
                                            "--serial-number", "CPA1", "--mode", "acq"]),
    "TPG366": Agent("pfeiffer_tpg366", lambda s: ["--ip_address", s.host, "--port", str(s.port)],
                    slowly),
    "LS372": Agent("lakeshore372", lambda s: ["--ip-address", s.host, "--mode", "acq"],
                   another_channel, {"INSET? 2": "1,007,004,21,1", "KRDG? 2": "2.0",
                                     "SRDG? 1": "100.0", "SRDG? 2": "200.0"}, port=7777),
    # A serial port, and an agent that makes its driver anew after each failure.
    "DWL": Agent("wiregrid_tiltsensor", lambda s: ["--ip-address", s.host, "--port", str(s.port),
                                                   "--sensor-type", "DWL"],
                 device=tilt_sensor, says="was not sent: .* refused"),
    "sherborne": Agent("wiregrid_tiltsensor", lambda s: [
        "--ip-address", s.host, "--port", str(s.port), "--sensor-type", "sherborne"],
        device=two_axes),
    # A serial port that pyserial opens, at ``socket://``.
    "TC400": Agent("pfeiffer_tc400", lambda s: [
        "--ip-address", s.host, "--port-number", str(s.port), "--turbo-address", "94",
        "--mode", "acq"], device=turbo_pump),
}
#: An address of this process' own, for an agent that can be told no port.
OWN_HOST = f"127.77.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"


class Site:
    """One of SOCS' agents with its simulated instrument."""

    def __init__(self, router, name):
        self.kind = AGENTS[name]
        if self.kind.device is not None:
            device = self.kind.device()
        else:
            device = ScriptedDevice(DRIVERS[name].instrument(), **DRIVERS[name].framing)
        for command, answer in self.kind.answers.items():
            device.set_answer(command, answer)
        self.server = DeviceServer(device, host=OWN_HOST, port=self.kind.port)
        file = importlib.util.find_spec(f"socs.agents.{self.kind.module}.agent").origin
        self.agent = router.start_agent(file, f"socs-{name}",
                                        args=self.kind.arguments(self.server),
                                        under=["-m", "socs_tcp.compat"])
        self.client = router.client(f"socs-{name}")

    def until(self, condition, within=PATIENCE):
        give_up = time.monotonic() + within
        while True:
            session = self.client.acq.status().session
            if session and condition(session):
                return session
            assert time.monotonic() < give_up, f"{session}\n{self.agent.tail()}"
            time.sleep(0.02)

    def close(self):
        self.agent.kill()
        self.server.close()


@pytest.fixture(params=AGENTS)
def site(request, crossbar_router):
    made = Site(crossbar_router, request.param)
    yield made
    made.close()


def says(session, pattern):
    return any(re.search(pattern, text) for _, text in session["messages"])


def test_unplugged_while_polling_and_while_idle(site):
    site.until(lambda s: s["status"] == "running" and not s["degraded"])
    site.server.unplug()
    site.until(lambda s: s["degraded"], AT_ONCE)
    # (The flag is there first, the message a little later.)
    site.until(lambda s: says(s, site.kind.says))
    site.server.plug_in()
    session = site.until(lambda s: not s["degraded"] and says(s, " is up: "))
    assert session["status"] == "running"
    if site.kind.idle is None:
        return
    site.kind.idle(site)
    site.server.unplug()
    site.until(lambda s: s["degraded"], AT_ONCE)
    session = site.until(lambda s: says(s, "while idle"))
    assert "Check network connection" not in str(session["messages"])
    site.server.plug_in()
    site.until(lambda s: not s["degraded"])


@pytest.mark.parametrize("site", ["PTC"], indirect=True)
def test_unplugged_while_nothing_runs(site):
    """Between two operations nobody asks; the next one is degraded from its beginning."""
    site.until(lambda s: s["status"] == "running" and not s["degraded"])
    site.client.acq.stop()
    site.until(lambda s: s["status"] == "done")
    site.server.unplug()
    site.client.acq.start()
    site.until(lambda s: s["status"] == "running" and s["degraded"], AT_ONCE)
    site.until(lambda s: says(s, " is down"))
    site.server.plug_in()
    site.until(lambda s: not s["degraded"] and says(s, " is up: "))
