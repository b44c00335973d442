"""Each driver with its simulated device, a proxy that fails on purpose, and its agent."""

import importlib
from types import SimpleNamespace

import pytest

from socs_tcp import LineFramer
from socs_tcp.testing import ScriptedDevice

DRIVERS = ["turbo_pump", "tilt_sensor", "pid_controller", "stage", "weight_readout", "gripper",
           "gpib_instruments"]
TIMEOUT, PERIOD = 0.3, 0.02


@pytest.fixture
def make(device_server, fault_proxy, ocs_agent):
    """Makes all that belongs to one of the drivers; its acquisition runs already."""
    def make(name, timeout=TIMEOUT):
        module = importlib.import_module(name)
        framer = getattr(module, "FRAMER", None) or LineFramer(module.TERMINATOR)
        server = device_server(ScriptedDevice(
            getattr(module, "Simulated", None), framer=framer,
            reply_terminator=getattr(module, "TERMINATOR", ""),
            unsolicited=getattr(module, "SPEAKS", None), period=0.02))
        proxy = fault_proxy(*server.address, framer=framer)
        agent = module.AGENT(ocs_agent, *proxy.address, timeout=timeout, period=PERIOD)
        session = ocs_agent.run(agent.acq)
        rig = SimpleNamespace(
            module=module, server=server, proxy=proxy, agent=agent, session=session,
            wait_for=lambda condition: ocs_agent.wait_for(condition, timeout=30),
            readings=lambda: [message["data"] for _, message in ocs_agent.published],
            run=ocs_agent.run)
        rig.wait_for(lambda: len(rig.readings()) >= 2 and not session.degraded)
        return rig
    return make
