"""The page that compares libraries says what they do: each of them, through each failure."""

import importlib.metadata
import importlib.util
import logging
import re
import struct
import time
from types import SimpleNamespace

import pytest
from docs_pages import DOCS

from socs_tcp import LengthFramer, LineFramer, TCPInterface
from socs_tcp.testing import DeviceServer

SPEC = importlib.util.spec_from_file_location("modbus_device", DOCS / "examples/modbus_device.py")
modbus_device = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(modbus_device)

TIMEOUT = 0.5
#: A client of frappy looks at its timeout once a second.
REALLY = {"frappy": 1.0}


def socs_tcp(host, port):
    device = TCPInterface(host, port, timeout=TIMEOUT, framer=LineFramer("\n"))
    return device.query, device.close


def socs(host, port):
    from socs.tcp import TCPInterface as Original
    device = Original(host, port, TIMEOUT)

    def ask(question):
        device.send(question + b"\n")
        return device.recv()
    return ask, lambda: device.comm and device.comm.close()


def sockio(host, port):
    from sockio.sio import TCP
    device = TCP(host, port, timeout=TIMEOUT)
    return (lambda question: device.write_readline(question + b"\n")), device.close


def pyvisa(host, port):
    import pyvisa
    manager = pyvisa.ResourceManager("@py")
    device = manager.open_resource(f"TCPIP::{host}::{port}::SOCKET", read_termination="\n",
                                   write_termination="\n", timeout=1000 * TIMEOUT)
    return (lambda question: device.query(question.decode()).encode()), manager.close


def frappy(host, port):
    from frappy.io import StringIO
    server = SimpleNamespace(secnode=None, dispatcher=SimpleNamespace(
        announce_update=lambda *_args, **_kwargs: None))
    device = StringIO("io", logging.getLogger("frappy"), {
        "uri": {"value": f"tcp://{host}:{port}"}, "description": "a device",
        "timeout": {"value": TIMEOUT}, "end_of_line": {"value": "\n"}}, server)
    device.earlyInit()
    return (lambda question: device.communicate(question.decode()).encode()), \
        device.closeConnection


CLIENTS = {"socs.tcp": socs, "pyvisa-py": pyvisa, "sockio": sockio, "frappy": frappy,
           "socs_tcp": socs_tcp}


def lines():
    """A device that answers "0" with "to 0"."""
    return DeviceServer(lambda question: b"to " + question, framer=LineFramer("\n"))


# a device whose register n has n, asked for register 0, 1, 2

def pymodbus(host, port):
    from pymodbus.client import ModbusTcpClient
    device = ModbusTcpClient(host, port=port, timeout=TIMEOUT)
    assert device.connect()
    return (lambda question: b"to %d" % device.read_input_registers(
        int(question), count=1).registers[0]), device.close


def flow_meter(host, port):
    device = modbus_device.FlowMeter(host, port, timeout=TIMEOUT)
    return (lambda question: b"to %d" % device.registers(int(question), 1)), device.close


def registers():
    header = modbus_device.HEADER

    def answer(request):
        transaction, protocol, _, unit = header.unpack(request[:header.size])
        function, first, _count = struct.unpack(">BHH", request[header.size:])
        body = struct.pack(">BBH", function, 2, first)
        return header.pack(transaction, protocol, 1 + len(body), unit) + body
    return DeviceServer(answer, framer=LengthFramer(6, modbus_device.bytes_that_follow))


MODBUS = {"pymodbus": pymodbus, "FlowMeter": flow_meter}


def late(server, client):
    """Half a timeout late: the second question is under way then."""
    server.faults.late(REALLY.get(client, TIMEOUT) + TIMEOUT / 2)


def pieces(server, _client):
    server.faults.split(at=3, pause=0.1)


def hang_up(server, _client):
    server.faults.hang_up()
    server.wait_for(lambda: not server.clients)
    time.sleep(0.05)        # the client's system has heard of it, too


FAILURES = {"the first reply is late": late, "reply in two pieces": pieces,
            "hang-up before the first": hang_up}


def tables():
    """What the page says: (failure, client, the two words)."""
    clients = []
    for line in (DOCS / "comparison.rst").read_text().splitlines():
        first, *rest = re.split(r" {2,}", line)
        if first == "what goes wrong":
            clients = rest
        elif first in FAILURES:
            yield from ((first, client, said) for client, said in zip(clients, rest, strict=True))


@pytest.mark.parametrize("failure, client, said", list(tables()))
def test_it_does_what_the_page_says(failure, client, said):
    logging.disable(logging.CRITICAL)
    with registers() if client in MODBUS else lines() as server:
        ask, close = {**CLIENTS, **MODBUS}[client](server.host, server.port)
        try:
            assert ask(b"0").strip() == b"to 0"
            FAILURES[failure](server, client)
            assert ", ".join(outcome(ask, b"%d" % number) for number in (1, 2)) == said
        finally:
            close()
            logging.disable(logging.NOTSET)


def outcome(ask, question):
    try:
        return "right" if ask(question).strip() == b"to " + question else "wrong"
    except Exception:   # whatever it calls it
        return "error"


def test_the_whole_tables_are_tried():
    assert {row[:2] for row in tables()} == {(failure, client) for failure in FAILURES
                                             for client in (*CLIENTS, *MODBUS)}


def test_what_the_page_says_of_purposes():
    assert not [need for need in importlib.metadata.requires("sockio") or ()
                if re.match("twisted|ocs", need, re.IGNORECASE)]
    assert importlib.util.find_spec("sockio.aio") and importlib.util.find_spec("sockio.sio")
    import pyvisa
    told = str(pyvisa.ResourceManager("@py").visalib.get_debug_info())
    assert all(kind in told for kind in ("USB", "GPIB", "ASRL", "TCPIP SOCKET"))
