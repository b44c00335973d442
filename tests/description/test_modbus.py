"""Modbus/TCP as such, against servers that others wrote, and against our own simulated device."""

# ruff: noqa: E501 (an entry of a description is a line)

import asyncio
import struct
import threading
from contextlib import contextmanager

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pyModbusTCP.client import ModbusClient
from pyModbusTCP.server import ModbusServer

from socs_tcp.description import DescriptionError, ParseError, loads
from socs_tcp.description.client import read_all
from socs_tcp.description.modbus_wire import Block
from socs_tcp.description.simulated import ModbusDevice, scripted_device
from socs_tcp.tcp import TCPInterface
from socs_tcp.testing import DeviceServer

TEXT = """\
device: PLC
timeout: 5
modbus: {unit: 1}
queries:
  all:
    fields:
      state: {input: 0, enum: {0: "ready", 3: "running"}}
      oil: {input: 2, format: float32, unit: degC}
      helium: {input: 4, format: int16, scale: 0.1}
      low: {input: 5, bits: [0, 3]}
      high: {input: 5, bit: 15}
      swapped: {input: 6, format: uint32, word_swap: true}
      large: {input: 8, format: uint64}
      far: {input: 100, bcd: true}
      valve_{n}: {repeat: {n: [1, 2, 3]}, coil: "{n} + 8"}
      door: {discrete: 0, enum: {0: "open", 1: "closed"}}
  set: {fields: {setpoint: {holding: 20, format: float32}, mode_now: {holding: 22, format: int16, scale: 0.1}}}
parameters:
  setpoint: {holding: 20, format: float32, range: [0, 100], read_back: setpoint}
  mode: {holding: 22, format: int16, scale: 0.1, range: [-100, 100], read_back: mode_now}
  power: {holding: 23, choices: {"on": 1, "off": 0xff}}
  valve_{n}: {repeat: {n: [1, 2, 3]}, coil: "{n} + 8", read_back: "valve_{n}"}
simulate: {state: running, oil: 40.5, helium: -1.5, low: 10, high: 1, swapped: 70000, large: 5000000000,
           far: 1234, valve_2: 1, door: closed}
"""

EXPECTED = {"state": "running", "oil": 40.5, "helium": -1.5, "low": 10, "high": 1,
            "swapped": 70000, "large": 5000000000, "far": 1234, "valve_1": 0, "valve_2": 1,
            "valve_3": 0, "door": "closed", "setpoint": 1.0, "mode_now": 1.0}

WORDS = [3, 0, *struct.unpack(">2H", struct.pack(">f", 40.5)), 0xfff1, 0x800a, 70000 & 0xffff, 1,
         *struct.unpack(">4H", struct.pack(">Q", 5000000000))]
HOLDING = [*struct.unpack(">2H", struct.pack(">f", 1.0)), 10, 0]


@contextmanager
def ours():
    with DeviceServer(scripted_device(loads(TEXT))) as server:
        yield server.port


@contextmanager
def py_modbus_tcp():
    server = ModbusServer("127.0.0.1", 0, no_block=True)
    server.start()
    bank = server.data_bank
    bank.set_input_registers(0, WORDS)
    bank.set_input_registers(100, [0x1234])
    bank.set_holding_registers(20, HOLDING)
    bank.set_coils(10, [True])
    bank.set_discrete_inputs(0, [True])
    try:
        yield server._service.server_address[1]
    finally:
        server.stop()


@contextmanager
def pymodbus():
    def words(at, values):
        return SimData(at, values=values, datatype=DataType.REGISTERS)
    coils = [bool(n == 10) for n in range(16)]
    device = SimDevice(id=1, simdata=(
        [SimData(0, values=coils, datatype=DataType.BITS)],
        [SimData(0, values=[True] + [False] * 15, datatype=DataType.BITS)],
        [words(0, [0] * 20 + HOLDING)], [words(0, WORDS + [0] * (100 - len(WORDS)) + [0x1234])]))
    loop, ready, ports = asyncio.new_event_loop(), threading.Event(), []

    async def serve():
        server = ModbusTcpServer(device, address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        ports.append(server.transport.sockets[0].getsockname()[1])
        ready.set()
        servers.append(server)
        await ended.wait()
        await server.shutdown()
    servers, ended = [], asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(20)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(20)
        loop.close()


@pytest.fixture(params=[ours, py_modbus_tcp, pymodbus], ids=lambda server: server.__name__)
def port(request):
    with request.param() as port:
        yield port


def everything(port):
    values = {}
    for reading in read_all(loads(TEXT), "127.0.0.1", port):
        assert reading.errors == {}
        values.update(reading.values)
    return values


def put(port, name, value):
    description = loads(TEXT)
    with TCPInterface("127.0.0.1", port, 5, framer=description.framer) as device:
        talk, reply = description.parameters[name].script(value), None
        try:
            while True:
                reply = device.query(talk.send(reply).data)
        except StopIteration as end:
            return end.value


def test_all_that_can_be_read(port):
    assert everything(port) == EXPECTED


def test_all_that_can_be_set(port):
    put(port, "setpoint", 12.5)
    put(port, "mode", -2.5)
    put(port, "power", "off")
    put(port, "valve_1", "on")
    put(port, "valve_2", "off")
    assert everything(port) == {**EXPECTED, "setpoint": 12.5, "mode_now": -2.5, "valve_1": 1,
                                "valve_2": 0}


def test_an_exception_is_told_by_name(port):
    text = TEXT.replace("input: 100", "input: 65535")
    readings = [r for r in read_all(loads(text), "127.0.0.1", port) if r.query.name == "all"]
    problem = readings[0].errors.get("far")
    # (One of them has all registers that can be, and no exception for any.)
    assert problem is None or "the device answers with exception 2, illegal data address" in str(
        problem)


def test_a_client_that_others_wrote():
    with ours() as port:
        client = ModbusClient("127.0.0.1", port, unit_id=1, auto_close=True)
        assert client.read_input_registers(0, len(WORDS)) == WORDS
        assert client.read_coils(9, 3) == [False, True, False]
        assert client.read_discrete_inputs(0, 1) == [True]
        assert client.write_single_register(22, 77) and client.write_single_coil(9, True)
        assert client.write_multiple_registers(20, [1, 2])
        assert client.read_holding_registers(20, 3) == [1, 2, 77]
        assert client.read_coils(9, 1) == [True]
        assert client.read_holding_registers(500, 1) is None
        assert client.last_except == 2


def test_neighbours_are_read_together():
    blocks = loads(TEXT).queries["all"].blocks
    assert blocks == (Block("coil", 9, 3), Block("discrete", 0, 1), Block("input", 0, 12),
                      Block("input", 100, 1))
    many = ", ".join(f"r{n}: {{holding: {n}}}" for n in range(300))
    apart = loads(f"device: x\nmodbus: {{join: 0}}\nqueries: {{q: {{fields: {{{many}}}}}}}\n")
    assert [block.count for block in apart.queries["q"].blocks] == [125, 125, 50]


def reply(change, function=4):
    """What the script says of a reply of five registers that `change` has changed."""
    description = loads("device: x\nmodbus: {}\nqueries: {q: {fields: {a: {input: 4}, "
                        "b: {input: 0}}}}\n")
    talk = description.queries["q"].script()
    sent = next(talk).data
    assert sent[2:] == bytes.fromhex("0000 0006 01 04 0000 0005")
    good = bytearray(sent[:4] + b"\x00\x0d\x01" + bytes([function, 10]) + bytes(range(10)))
    change(good)
    try:
        talk.send(bytes(good))
    except StopIteration as end:
        return description.queries["q"].parse(end.value)[0]
    raise AssertionError


def test_a_good_reply():
    assert reply(lambda data: None) == {"a": 0x0809, "b": 0x0001}


@pytest.mark.parametrize(("change", "expected", "in_step"), [
    (lambda d: d.__setitem__(1, d[1] + 1), "it has the transaction number", False),
    (lambda d: d.__setitem__(3, 1), "it has the transaction number", False),
    (lambda d: d.__setitem__(6, 2), "it is from unit 2, not 1", False),
    (lambda d: d.__setitem__(7, 3), "it is for function 3, not 4", False),
    (lambda d: d.__setitem__(8, 9), "it should contain 10 bytes", False),
    (lambda d: d.__delitem__(slice(12, None)), "it should contain 10 bytes, and contains 3", False),
    (lambda d: d.__delitem__(slice(8, None)), "too few for a Modbus reply", False),
    (lambda d: d.__setitem__(slice(7, None), b"\x84\x02"), "exception 2, illegal data", True),
    (lambda d: d.__setitem__(slice(7, None), b"\x84\x63"), "exception 99, which is unknown", True),
])
def test_replies_that_are_none(change, expected, in_step):
    with pytest.raises(ParseError, match=expected) as caught:
        reply(change)
    assert caught.value.in_step == in_step


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("input: 0,", "", "queries.all.fields.state: needs one of coil, discrete, holding, input"),
    ("input: 0,", "input: 0, coil: 1,", "needs one of"), ("input: 0,", "input: 65536,", "from 0 to 65535"),
    ("format: float32, unit", "format: float, unit", "must be one of int16"),
    ("discrete: 0,", "discrete: 0, scale: 2,", "is only for registers"),
    ("modbus: {unit: 1}", "modbus: {unit: 256}", "from 0 to 255"),
    ("modbus: {unit: 1}", "modbus: {unit: 1}\nerror: {match: x}", "cannot be used with 'modbus'"),
    ("modbus: {unit: 1}", "modbus: {unit: 1}\nframing: {length: 1}", "both 'framing' and 'modbus'"),
    ("range: [0, 100]", "type: str", "a register holds a number"),
    ("range: [-100, 100]", "range: [-100, 4000]", "does not fit into the register"),
    ("setpoint: {holding: 20, format: float32, range", "setpoint: {input: 20, range", "no such key"),
    ("oil: 40.5", "oil: hot", "simulate.oil: must be a number, not the text 'hot'"),
    ("state: running,", "state: runing,", "must be one of ready, running, not 'runing'"),
    ("simulate: {state", "simulate: {stat", "there is no field 'stat' (did you mean 'state'?)"),
])
def test_what_is_wrong_is_told(old, new, expected):
    assert old in TEXT
    with pytest.raises(DescriptionError) as caught:
        loads(TEXT.replace(old, new, 1))
    assert expected in str(caught.value)


def test_what_no_register_can_hold():
    with pytest.raises(DescriptionError, match=r"f.yaml: simulate.helium: no register can hold"):
        scripted_device(loads(TEXT.replace("helium: -1.5", "helium: 99999999"), "f.yaml"))


def test_what_is_no_request_has_no_answer():
    device = ModbusDevice(loads(TEXT))
    assert device.handle(b"") is None and device.handle(b"1234567") is None
    assert device.handle(b"\0\1\0\0\0\2\1\x2b") == b"\0\1\0\0\0\3\1\xab\1"
    assert device.handle(b"\0\1\0\0\0\2\1\x04\0")[7:] == b"\x84\x03"
