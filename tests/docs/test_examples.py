"""The examples do what they say, by themselves and as real agents."""

import importlib.util
import subprocess
import sys
import threading

import pytest
from docs_pages import DOCS

from socs_tcp import LineFramer, TCPInterface
from socs_tcp.testing import DeviceServer, ScriptedDevice

EXAMPLES = DOCS / "examples"
FILES = sorted(EXAMPLES.glob("*.py"))


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(path, *args):
    done = subprocess.run([sys.executable, str(path), *args], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_they_are_all_there():
    assert {path.stem for path in FILES} >= {
        "blocking_agent", "twisted_driver", "nonblocking_agent", "several_devices",
        "modbus_device", "prologix_box", "streaming_device"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_runs_by_itself(path):
    assert run(path)


@pytest.mark.parametrize("name, script, terminator, said", [
    ("blocking_agent", {"KRDG? 1": "77"}, "\r\n", "77.0"),
    ("nonblocking_agent", {"KRDG? 1": "77"}, "\r\n", "77.0"),
    ("twisted_driver", {"*IDN?": "X", "MEAS:VOLT?": "7", "MEAS:CURR?": "8"}, "\n", "7.0"),
])
def test_it_takes_the_address_of_a_device(device_server, name, script, terminator, said):
    server = device_server(ScriptedDevice(script, framer=LineFramer(terminator)))
    assert said in run(EXAMPLES / f"{name}.py", server.host, str(server.port))


def test_several_devices_take_addresses(device_server):
    servers = device_server({"T?": "77"}), device_server({"P?": "88"})
    words = [str(word) for server in servers for word in server.address]
    assert "77.0" in run(EXAMPLES / "several_devices.py", *words)


@pytest.mark.parametrize("name", ["blocking_agent", "nonblocking_agent"])
def test_it_is_an_agent(device_server, crossbar_router, name):
    server = device_server({"KRDG? 1": "+4.2E+00"})
    instance = name.replace("_", "-")
    agent = crossbar_router.start_agent(
        EXAMPLES / f"{name}.py", instance,
        args=["--ip-address", server.host, "--port", str(server.port)])
    client = crossbar_router.client(instance)
    try:
        client.acq.start()
        server.wait_for_commands(2)
        server.unplug()
        server.wait_for_clients(0)
        # each look is an exchange with the router: that is the pace
        server.wait_for(lambda: client.acq.status().session["degraded"])
        assert any("is down" in text for _, text in client.acq.status().session["messages"])
        server.plug_in()
        server.wait_for(lambda: not client.acq.status().session["degraded"])
        client.acq.stop()
        assert client.acq.wait(timeout=10).session["success"]
    finally:
        agent.stop()


# porting

def test_two_threads_share_a_prologix_box():
    example = load(EXAMPLES / "prologix_box.py")
    wrong = []

    def ask(instrument):
        for _ in range(50):
            said = instrument.query("*IDN?")
            if said != b"ACME,INSTRUMENT,%d" % instrument.address:
                wrong.append(said)

    with example.simulated() as server, example.PrologixBox(*server.address, timeout=5) as box:
        threads = [threading.Thread(target=ask, args=(example.Instrument(box, address),))
                   for address in (4, 6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert wrong == []


def test_the_ported_agent(device_server, ocs_agent):
    after = load(EXAMPLES / "porting" / "after.py")
    server = device_server({"READ?": "4.2"})
    device = after.Device(server.host, server.port, timeout=1)
    session = ocs_agent.run(after.DeviceAgent(ocs_agent, device).main)
    ocs_agent.wait_for(lambda: session.data == {"reading": 4.2})
    server.unplug()
    ocs_agent.wait_for(lambda: session.degraded)
    server.plug_in()
    ocs_agent.wait_for(lambda: not session.degraded)
    assert ocs_agent.stop_and_wait(session)
    device.close()


def test_what_it_was_ported_from(device_server, ocs_agent):
    pytest.importorskip("socs.tcp")
    before = load(EXAMPLES / "porting" / "before.py")
    server = device_server({"READ?": "4.2"})
    device = before.Device(server.host, server.port, timeout=1)
    session = ocs_agent.run(before.DeviceAgent(ocs_agent, device).main)
    ocs_agent.wait_for(lambda: session.data == {"reading": 4.2})
    assert ocs_agent.stop_and_wait(session)


def test_a_constructor_that_asks_the_device(device_server):
    server = device_server({"*IDN?": "LSCI,MODEL336,LSA1234,1.0", "KRDG? A": "+4.2E+00"})
    server.unplug()
    with load(EXAMPLES / "porting" / "lakeshore336.py").LS336(*server.address, timeout=9) as bridge:
        assert bridge.id is None
        with pytest.raises(ConnectionError):
            bridge.get_temp("A")
        server.plug_in()
        assert bridge.get_temp("A") == 4.2
        assert bridge.id == "LSCI,MODEL336,LSA1234,1.0"


@pytest.mark.parametrize("name", ["own_socket_before", "own_socket_after"])
def test_the_driver_with_a_socket_of_its_own(name):
    answers = {"meas:volt?": "1.5", "inst:nsel 2;:meas:volt?": "1.5"}
    with DeviceServer(ScriptedDevice(answers, framer=LineFramer("\n"))) as server:
        supply = load(EXAMPLES / "porting" / f"{name}.py").PowerSupply(*server.address)
        supply.set_volt(2, 3)
        assert supply.get_volt(2) == 1.5
        told = b";".join(server.received).replace(b":", b"")
        assert told == b"inst:nsel 2;volt 3;inst:nsel 2;meas:volt?".replace(b":", b"")
        (supply.close if isinstance(supply, TCPInterface) else supply.sock.close)()
