"""The simulator: what is set comes back, and what is not known is not answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socs_tcp.description import DescriptionError, load, loads
from socs_tcp.description.simulated import CommandFramer, DescribedDevice, scripted_device
from socs_tcp.tcp import TCPInterface
from socs_tcp.testing import DeviceServer


def set_and_read(name, parameter, value):
    description = load(name)
    device = DescribedDevice(description)
    chosen = description.parameters[parameter]
    for data in [ask.data for ask in [next(chosen.script(value))]]:
        device.handle(data)
    query = description.query_for_field(chosen.field)
    talk, reply = query.script(), None
    try:
        while True:
            reply = device.handle(talk.send(reply).data)
    except StopIteration as end:
        values, errors = query.parse(end.value)
    assert not errors
    return values[chosen.field]


@pytest.mark.parametrize(("name", "parameter", "value", "read"), [
    ("kikusui_pmx", "volt", 12.5, 12.5),
    ("kikusui_pmx", "output", "on", "on"),
    ("kikusui_pmx", "source", "VOLT", "VOLT"),
    ("lakeshore372", "sample_heater_range", "3.16 mA", "3.16 mA"),
    ("lakeshore372", "scan_channel", 7, 7),
    ("keithley_2230g", "voltage_2", 4.25, 4.25),
    ("keithley_2230g", "output_3", "on", 1),
    ("devantech_ds378", "relay_8", "on", 1),
])
def test_what_is_set_comes_back(name, parameter, value, read):
    assert set_and_read(name, parameter, value) == read


@pytest.mark.parametrize("name", ["kikusui_pmx", "lakeshore372", "keithley_2230g",
                                  "devantech_ds378"])
def test_every_parameter_that_can_be_read_back_is(name):
    for parameter in load(name).parameters.values():
        if not parameter.field:
            continue
        value = parameter.single.trials()[0 if parameter.single.choices else 1]
        read = set_and_read(name, parameter.name, value)
        assert read == (parameter.check(value) if read != value else value)


def test_setting_one_relay_leaves_the_others():
    description = load("devantech_ds378")
    device = DescribedDevice(description)
    for relay in ("relay_1", "relay_3"):
        assert device.handle(next(description.parameters[relay].script("on")).data) == b"\x00"
    values, _ = description.queries["relays"].parse(device.handle(b"\x33\x01"))
    assert [values[f"Relay_{n}"] for n in range(1, 9)] == [1, 0, 1, 0, 0, 0, 0, 0]


def test_what_may_not_be_set_is_not_answered_and_not_kept():
    device = DescribedDevice(load("kikusui_pmx"))
    for bad in (b"volt 99.0", b"volt x", b"output 7", b"nonsense"):
        assert device.handle(bad) is None
    assert device.values == {}
    assert DescribedDevice(load("devantech_ds378")).handle(b"\x31\x01\x07" + bytes(4)) is None


def test_a_reboot_forgets():
    device = scripted_device(load("kikusui_pmx"))
    device.handle(b"volt 5")
    assert device.handle(b"volt?") == [b"5\r\n"]
    device.reboot()
    assert device.handle(b"volt?") == [b"1.000000\r\n"]


def test_answers_are_given_in_turn():
    device = DescribedDevice(load("kikusui_pmx"))
    assert [device.handle(b"meas:volt?") for _ in range(4)] == [b"2", b"2.01", b"1.99", b"2"]


def test_enq_belongs_to_the_mnemonic_before_it():
    device = DescribedDevice(load("pfeiffer_tpg366"))
    assert device.handle(b"\x05") == b"0000"        # of on_connect: nothing was asked yet
    assert device.handle(b"UNI") == b"\x06"
    assert device.handle(b"\x05") == b"0"
    assert device.handle(b"PRX") == b"\x06"
    assert device.handle(b"\x05").startswith(b"0,+1.2345E+01")


FRAMING = CommandFramer(load("pfeiffer_tpg366"))


@given(st.lists(st.sampled_from([b"PRX", b"\x05", b"UNI", b"WHAT"]), max_size=8), st.data())
def test_commands_however_their_bytes_are_cut(commands, data):
    wire = b"".join(c if c == b"\x05" else c + b"\r\n" for c in commands)
    decoder, found = FRAMING.decoder(), []
    while wire:
        count = data.draw(st.integers(1, len(wire)))
        decoder.feed(wire[:count])
        wire = wire[count:]
        while (frame := decoder.next_frame()) is not None:
            found.append(frame)
    assert found == commands


def test_binary_commands_that_arrive_together():
    decoder = CommandFramer(load("devantech_ds378")).decoder()
    decoder.feed(b"\x30\x33\x01\x31\x02\x01\x00\x00\x00\x00\x30")
    assert [decoder.next_frame() for _ in range(5)] == [
        b"\x30", b"\x33\x01", b"\x31\x02\x01\x00\x00\x00\x00", b"\x30", None]


MADE_UP = """\
device: x
framing: {length: 6}
queries:
  listed: {send: {hex: "01"}, split: ";", fields: {a: {index: 2}, b: {index: 0, type: str}}}
  packed: {send: {hex: "02"}, fields: {c: {at: 1, struct: "<h"}, d: {at: 3, struct: ">B",
           enum: {7: "seven", 8: "eight"}}}}
  long: {send: {hex: "03"}, length: 9, fields: {e: {at: 0, struct: ">d"}}}
  plain: {send: {hex: "04"}, fields: {f: {type: int}}}
parameters:
  p: {send: {hex: "05 {value:02x}"}, type: int, range: [40, 50], read_back: f}
"""


def test_answers_are_made_up_where_none_are_given():
    description = loads(MADE_UP)
    device = DescribedDevice(description)
    parsed = {}
    for number, query in enumerate(description.queries.values(), 1):
        values, errors = query.parse(device.handle(bytes([number])))
        assert not errors
        parsed.update(values)
    assert parsed == {"a": 1.0, "b": "simulated", "c": 0, "d": "seven", "e": 1.0, "f": 40}
    assert len(device.handle(b"\x02")) == 6 and len(device.handle(b"\x03")) == 9


UNKNOWN = """\
device: x
framing: {header: {size: 2, at: 0, struct: ">H"}}
queries:
  q: {send: {hex: "01"}, match: '(?=y)', fields: {a: {at: 2, struct: ">H"}}}
  r: {send: {hex: "02"}, match: '(?=x)', fields: {b: {at: 2, struct: ">H"}}}
"""


def test_what_cannot_be_made_up_is_told_at_once():
    with pytest.raises(DescriptionError, match=r"f.yaml: simulate.q: the answer is missing.*q, r"):
        scripted_device(loads(UNKNOWN, "f.yaml"))


@pytest.mark.parametrize(("how", "answer"), [
    ("regex: '(?P<a>\\d+),\"[^\"]*\"'", b'1.0,"0"'), ('match: "1"', b"1.0"),
    ("regex: 'T=(?P<a>[-+]?[0-9]+\\.[0-9]{3}) K'", b"T=0.000 K"),    # (1.0 would not match)
    ("regex: '^(?:A|B)(?P<a>.*)$'", b"A1.0")])
def test_an_answer_to_a_pattern_is_made_up(how, answer):
    description = loads('device: x\nframing: {terminator: "\\n"}\nqueries:\n  q:\n'
                        f'    send: "Q"\n    {how}\n    fields: {{a: {{}}}}\n', "f.yaml")
    assert DescribedDevice(description).handle(b"Q") == answer


def test_a_device_with_a_prompt():
    text = ("device: x\nframing: {prompt: '> ', send_terminator: \"\\r\"}\nqueries:\n"
            '  q: {send: "Q", fields: {a: {}}}\n')
    description = loads(text)
    with DeviceServer(scripted_device(description)) as server, \
            TCPInterface(server.host, server.port, 5, framer=description.framer) as device:
        ask = next(description.queries["q"].script())
        assert description.queries["q"].parse(device.query(ask.data)) == ({"a": 1.0}, {})
    variants = scripted_device(loads(text.replace("'> '", "'[a-z]> '")))
    assert variants.handle(b"Q") == [b"1.0a> "]


def test_messages_that_are_only_read():
    text = (MADE_UP + '  s: {send: {hex: "06 {value:02x}"}, choices: [1], match: "WHICH"}\n')
    assert DescribedDevice(loads(text)).handle(b"\x06\x01") == b"WHICH\0"
    device = DescribedDevice(loads(text.replace("WHICH", "")))
    assert device.handle(b"\x06\x01") == bytes(6)      # (a reply has six bytes)


def test_what_is_not_described_is_remembered_and_told():
    told = []
    device = scripted_device(load("kikusui_pmx"), told.append)
    assert device.handle(b"MEAS:VOLT?") == [] and device.handle(b"volt?")
    assert list(device.unknown) == told == [b"MEAS:VOLT?"]


def test_a_device_that_says_the_name_of_what_it_is_sent_as_a_number():
    device = DescribedDevice(loads("""
device: x
framing: {terminator: "\\r"}
queries:
  gas: {send: "G?", fields: {gas: {type: str}}}
  raw: {send: "R?", fields: {raw: {type: str}}}
parameters:
  gas: {choices: {Air: 0, N2: 8}, send: "G{value}", read_back: gas}
  raw: {choices: {Air: 0, N2: 8}, send: "R{value}", read_back: raw}
simulate: {gas: "Air", raw: "0"}
"""))
    device.handle(b"G8\r"), device.handle(b"R8\r")
    assert (device.handle(b"G?\r"), device.handle(b"R?\r")) == (b"N2", b"8")
