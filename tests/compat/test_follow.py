"""Under the switch `session.degraded` is right, though nothing in an agent sets it."""

import gc
from contextlib import closing

import pytest
import serial
from socs_processes import compat, run

from socs_tcp import LineFramer
from socs_tcp import compat as compat_module
from socs_tcp.compat import follow
from socs_tcp.testing import DeviceServer


@pytest.fixture
def local_agent():
    from socs_tcp.testing.local_agent import LocalAgent
    with closing(LocalAgent()) as agent:
        yield agent


@pytest.fixture
def server():
    answers = {"MEAS:CURR:AC?": "0.5", "OUTP?": "1"}
    with DeviceServer(answers, framer=LineFramer(b"\n")) as running:
        yield running


def driver(server):
    from socs.agents.kikusui_pcr500ma.drivers import PCR500MA
    return PCR500MA(ip_addr=server.host, port=server.port)


def idle_session(agent):
    return agent.new_session("idle")


@pytest.mark.usefixtures("ours")
def test_an_idle_operation_of_an_agent_that_was_there_before(local_agent, server):
    session = idle_session(local_agent)
    device = driver(server)
    assert not session.degraded
    server.unplug()
    local_agent.wait_for(lambda: session.degraded)
    server.plug_in()
    # (What a device says in the first moment may be a server that refuses us.)
    local_agent.wait_for(lambda: device.meas_current_ac() == 0.5 and not session.degraded)
    assert [text.split(" ", 2)[1:] for _, text in session.messages if "is down" in text]


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize("kind", ["moxa", "socket"])
def test_an_agent_follows_its_serial_ports(local_agent, server, kind):
    session = idle_session(local_agent)
    if kind == "moxa":
        from socs.common.moxa_serial import Serial_TCPServer
        port = Serial_TCPServer((server.host, server.port), timeout=5.0, encoded=False)
        port.serial.device.min_interval = 0.05
    else:
        port = serial.serial_for_url(f"socket://{server.host}:{server.port}", timeout=5)
        port.device.min_interval = 0.05
    server.unplug()
    local_agent.wait_for(lambda: session.degraded)
    server.plug_in()

    def answers():
        port.write(b"OUTP?\n")
        return port.readline() in (b"1", b"1\n")       # (SOCS' class takes the end off)
    local_agent.wait_for(lambda: answers() and not session.degraded)


@pytest.mark.usefixtures("ours")
def test_an_agent_that_comes_after_the_device_and_a_device_that_is_replaced(local_agent, server):
    from socs_tcp.testing.local_agent import LocalAgent
    device = driver(server)
    with closing(LocalAgent("another")) as other:
        sessions = [idle_session(local_agent), idle_session(other)]
        server.unplug()
        for agent, session in zip((local_agent, other), sessions, strict=True):
            agent.wait_for(lambda session=session: session.degraded)
        server.plug_in()
        del device
        device = driver(server)
        assert [session.degraded for session in sessions] == [True, True]
        for agent, session in zip((local_agent, other), sessions, strict=True):
            agent.wait_for(lambda session=session: device.meas_current_ac() == 0.5
                           and not session.degraded)


@pytest.mark.usefixtures("ours")
def test_what_the_agent_sets_holds_too(local_agent, server):
    session = idle_session(local_agent)
    device = driver(server)
    session.degraded = True
    device.meas_current_ac()
    assert session.degraded
    session.degraded = False
    assert not session.degraded


@pytest.mark.usefixtures("ours")
def test_an_agent_that_watches_for_some_operations_is_taken_at_its_word(local_agent, server):
    from socs_tcp import DeviceAgentMixin
    mixin = DeviceAgentMixin()
    mixin.agent = local_agent
    idle, acq = idle_session(local_agent), local_agent.new_session("acq")
    device = driver(server)
    mixin.watch(device, ops=["acq"])
    server.unplug()
    local_agent.wait_for(lambda: acq.degraded)
    assert not idle.degraded


@pytest.mark.usefixtures("ours")
def test_a_device_is_not_kept(local_agent, server):
    device = driver(server)
    assert len(follow._devices) == 1
    del device
    gc.collect()
    assert len(follow._devices) == 0


def test_it_is_off_by_one_option(local_agent, server, monkeypatch):
    session = idle_session(local_agent)
    compat_module.install(degraded=False)
    try:
        device = driver(server)
        server.unplug()
        server.wait_for_clients(0)
        with pytest.raises(ConnectionError):
            device.meas_current_ac()
        assert not session.degraded and device.link.down
    finally:
        compat_module.uninstall()


@pytest.mark.usefixtures("ours")
def test_what_goes_wrong_in_it_is_no_reason_to_fail_a_driver(server, monkeypatch, capfd):
    monkeypatch.setattr(follow, "_find_agents", lambda: 1 / 0)
    assert driver(server).meas_current_ac() == 0.5


def test_uninstall_leaves_nothing(monkeypatch):
    from ocs.ocs_agent import OCSAgent

    from socs_tcp import TCPInterface
    before = TCPInterface.__init__, OCSAgent.__init__
    compat_module.install(degraded=True)
    assert TCPInterface.__init__ is not before[0]
    compat_module.uninstall()
    assert (TCPInterface.__init__, OCSAgent.__init__) == before


FOLLOWS = "import socs.tcp; from socs_tcp.compat import follow; print(bool(follow._unwrapped))"


@pytest.mark.parametrize(("options", "variable", "follows"), [
    ((), "", "True"), (("--keep-degraded",), "", "False"), ((), "off", "False"),
])
def test_the_option_reaches_children(script, options, variable, follows):
    path = script(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {FOLLOWS!r}])")
    environment = {follow.VARIABLE: variable} if variable else {}
    done = run("-m", "socs_tcp.compat", *options, path, **environment)
    assert done.stdout.split() == [follows], done.stderr


def test_the_option_alone_is_no_command():
    done = compat("--keep-degraded")
    assert done.returncode == 2 and "usage:" in done.stderr
