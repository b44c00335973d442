"""What a simulated device says of itself: it is what the framing and the description want.

Each of these was met when protocol files of other people were described.
"""

# ruff: noqa: E501 (an entry of a description is a line)

import pytest

from socs_tcp.description import loads
from socs_tcp.description.asking import converse
from socs_tcp.description.client import read_all
from socs_tcp.description.reading import connection_options
from socs_tcp.description.simulated import DescribedDevice, scripted_device
from socs_tcp.tcp import TCPInterface
from socs_tcp.testing import DeviceServer

#: Kinds of descriptions for which a simulated device once made up what nobody could read.
KINDS = {
    "a length, with a checksum": """
framing: {length: 9}
checksum: {type: sum8_inverted, skip: 1}
queries:
  t: {send: {hex: "CA 00 01 20 00"}, fields: {t: {at: 6, struct: ">h"}}}
  u: {send: {hex: "CA 00 01 21 00"}, length: 11, match: '\\x00', fields: {u: {at: 7, struct: ">B"}}}
""",
    "a length, and a setting that is acknowledged": """
framing: {length: 1}
queries: {s: {send: {hex: "55"}, fields: {s: {at: 0, struct: ">B"}}}}
parameters: {p: {type: int, range: [0, 9], send: {hex: "22 {value:02x}"}, match: ''}}
""",
    "stuffing, as SMDP does it, with its checksum": """
framing: {terminator: "\\r", start: "\\x02",
          stuffing: {escape: "\\x07", codes: {"\\x02": "0", "\\r": "1", "\\x07": "2"}}}
checksum: {type: sum8, form: nibbles}
queries:
  t: {send: "\\x10\\x02\\x0d", match: '\\x10\\x02', fields: {t: {at: 2, struct: ">h"}}}
parameters: {p: {type: int, range: [0, 300], send: "\\x10\\x07{value:>h}", match: '\\x10', read_back: t}}
actions: {a: {send: "\\x10\\r", expect: "\\x10\\r\\x07\\x24??"}}
""",
    "stuffing, as HDLC does it": """
framing: {terminator: "\\x7e", start: "\\x7e", stuffing: {escape: "\\x7d", codes: {"\\x7e": "^", "\\x7d": "]"}}}
checksum: {type: crc16_x25, order: little}
queries: {q: {send: "~}}~~", match: '~', fields: {q: {at: 1, struct: ">H"}}}}
parameters: {p: {type: int, range: [0, 0x7e7e], send: "}}{value:>H}", match: '', read_back: q}}
simulate: {q: "~~~"}
""",
    "stuffing, as SLIP does it": """
framing: {terminator: "\\xc0", stuffing: {escape: "\\xdb", codes: {"\\xc0": "\\xdc", "\\xdb": "\\xdd"}}}
queries: {q: {send: "\\xc0", fields: {q: {at: 0, struct: ">H"}}}}
simulate: {q: "\\xc0\\xdb"}
""",
    "stuffing, by DLE": """
framing: {terminator: "\\x10\\x03", start: "\\x10\\x02", stuffing: {escape: "\\x10", codes: {"\\x10": "\\x10"}}}
queries: {q: {send: "\\x10\\x03\\x10", fields: {q: {at: 0, struct: ">I"}}}}
parameters: {p: {type: int, range: [0, 0x100310], send: "\\x10{value:>I}", match: '', read_back: q}}
simulate: {q: "\\x10\\x03\\x10\\x10"}
""",
    "several answers to one message": """
framing: {terminator: "\\r"}
on_connect: ["REM", {expect: "OK"}, {match: "READY"}]
queries:
  t: {send: ["T?", {expect: "T?"}, {match: ""}], fields: {t: {}}}
  n: {send: [{send: "N?", terminator: ";", expect: "N?"}, {match: "N="}],
      regex: 'N=(?P<n>.*)', fields: {n: {}}}
parameters: {p: {type: int, send: ["P{value}", {expect: "P{value}"}, {match: 'ok|fail'}]}}
actions: {a: {send: ["A", {match: "1"}, {match: "2"}, "B", {expect: "3"}]}}
""",
    "a prompt that stays": """
framing: {prompt: '\\r\\n[><:]', keep_prompt: true, send_terminator: "\\r"}
queries:
  m: {send: "m?", regex: '\\r\\n(?P<m>[^\\r\\n]+)\\r\\n', fields: {m: {type: str}}}
  run: {send: "run?", regex: '\\r\\n(?P<run>[><:])$', fields: {run: {type: str}}}
parameters: {p: {type: int, send: "p {value:d}", match: '\\r\\n'}}
actions: {stop: {send: "stop", match: '\\r\\n[><:]'}}
""",
    "a prompt that stays, and a checksum in it": """
framing: {prompt: '\\x03[0-9A-F]{2}', keep_prompt: true}
checksum: {type: xor, form: HEX, skip: 1}
variables: {a: "\\x80"}
queries: {q: {send: "\\x02{a}81\\x03", regex: '^\\x02.81(?P<q>.{6})', fields: {q: {}}}}
""",
    "a prompt that stays, of one query": """
framing: {terminator: "\\r"}
queries:
  a: {send: "A", prompt: ',[01]{2}', keep_prompt: true, regex: '(?P<a>.)(?P<b>.)$',
      fields: {a: {type: int}, b: {type: int}}}
""",
    "a header, with a checksum, and texts that grow": """
framing: {header: {size: 2, at: 1, struct: ">B", extra: -32}}
checksum: {type: crc16_arc, skip: 1, order: little}
queries:
  name: {send: "!\\x23@", match: '!', regex: '^!.A(?P<name>.*)$', fields: {name: {type: str}}}
  speed: {send: "!\\x23V", fields: {speed: {at: 3, struct: "<i"}}}
parameters:
  p: {type: int, range: [0, 9], send: {hex: "21 27 42 {value:<i}"}, match: '!', read_back: speed}
""",
    "bytes in groups, in lists, and as digits": """
framing: {terminator: "\r"}
queries:
  w: {send: "W", regex: '^(?P<w>[0-9.]+)kg(?P<s>..)', fields: {w: {}, s: {struct: ">H", bit: 3}}}
  h: {send: "H", split: ",", fields: {h: {index: 1, base: 16, struct: ">f"}, k: {index: 0}}}
parameters: {p: {send: "P{value:.1f}", range: [0, 9], read_back: h}}
""",
    "groups that allow no other value": """
framing: {terminator: "\\r"}
queries:
  run: {send: "#", regex: '>(?P<a0>[-+][0-9.]+)(?P<a1>[-+][0-9.]+)', fields: {a0: {}, a1: {}}}
  digits: {send: "D", regex: '^(?P<d>[0-9]{4}) DONE', fields: {d: {type: str}}}
  more: {send: "M", regex: '^(?P<m>[0-9a-f]{4})(?P<n>[0-9a-f]{4})?$',
         fields: {m: {base: 16}, n: {base: 16, optional: true}}}
""",
    "one that says another word than it takes": """
framing: {terminator: "\\n"}
queries: {out: {send: "OUTP?", fields: {out: {enum: {0: "OFF", 1: "ON"}}}}}
parameters: {out: {choices: ["OFF", "ON"], send: "OUTP {value}", read_back: out}}
""",
    "values of which one is called value": """
framing: {terminator: "\\n"}
queries: {r: {send: "R?", split: ",", fields: {r: {index: 0}, u: {index: 1, type: str}}}}
parameters:
  r: {send: "R {value:.1f},{unit}",
      values: {value: {read_back: r}, unit: {type: str, read_back: u}}}
""",
    "nothing but a parameter": """
framing: {length: 8}
checksum: {type: crc16_modbus, order: little}
queries: {}
parameters:
  p:
    type: int
    send:
      - {send: {hex: "01 06 03 00 00 05"}, match: '\\x01\\x06\\x03\\x00\\x00\\x05'}
      - {send: {hex: "01 06 00 7f {value:>h}"}, match: '\\x01\\x06\\x00\\x7f'}
""",
}


def last_of(parameter):
    values = {name: setting.trials()[-1] for name, setting in parameter.settings.items()}
    return values if parameter.single is None else values["value"]


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_is_described_can_be_asked_and_done(kind):
    description = loads(f"device: {kind}\ntimeout: 5{KINDS[kind]}")
    with DeviceServer(scripted_device(description)) as server:
        for reading in read_all(description, server.host, server.port):
            assert reading.errors == {}
        with TCPInterface(server.host, server.port, 5, **connection_options(description)) as tcp:
            for parameter in description.parameters.values():
                value = last_of(parameter)
                converse(tcp, description, parameter.script(value))
                for field in parameter.fields.values():
                    query = description.query_for_field(field)
                    said, errors = query.parse(converse(tcp, description, query.script()))
                    assert not errors and parameter.disagrees(value, said) == ""
            for action in description.actions.values():
                converse(tcp, description, action.script())


def test_what_goes_on_with_one_conversation_may_begin_another():
    device = DescribedDevice(loads("""
device: x
framing: {terminator: "\\r"}
queries: {}
parameters:
  control: {type: int, send: [{send: "C3", match: 'C'}, {send: "C{value:d}", match: 'C'}]}
actions: {remote: {send: "C3", match: 'C'}, quiet: {send: [{send: "C3", match: 'C'}, "Q0"]}}
"""))
    unknown = []
    device.on_unknown = unknown.append
    for command in (b"C3", b"C3", b"Q0"):       # remote, then quiet; or control, and Q0 of nobody
        device.handle(command + b"\r")
    assert unknown == []
