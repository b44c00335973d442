"""What real devices need: each construct is loaded, simulated, read, set, and cut off."""

# ruff: noqa: E501 (an entry of a description is a line)

import pytest
from described_device import MemoryDevice

from socs_tcp.description import DescriptionError, ParseError, loads
from socs_tcp.description.simulated import scripted_device

HEAD = 'device: x\nframing: {terminator: "\\r\\n"}\n'


def result(deferred):
    out = []
    deferred.addBoth(out.append)
    assert out, "it has not fired"
    if hasattr(out[0], "raiseException"):
        out[0].raiseException()
    return out[0]


def device(text):
    return MemoryDevice(loads(text))


def ask(m, name, seconds=1):
    reading = m.client.read(m.client.description.queries[name])
    m.advance(seconds)
    return result(reading)


def values(m, name):
    reading = ask(m, name)
    assert not reading.errors, reading.errors
    return reading.values


def put(m, name, value, seconds=1):
    done = m.client.set(m.client.description.parameters[name], value)
    m.advance(seconds)
    return result(done)


def said(m, query, reply):
    """What a reply of the device says."""
    return loads_once(m).queries[query].parse(reply)


def loads_once(m):
    return m.client.description


def problem(text):
    with pytest.raises(DescriptionError) as caught:
        loads(text, "f.yaml")
    return str(caught.value)


# commands without a value

ACTIONS = HEAD + """\
queries: {q: {send: "Q", fields: {a: {}}}}
actions:
  reset: {send: "*RST"}
  zero: "ZERO"
  beep: {send: {hex: "07"}, expect: {hex: "06"}}
  home_{axis}: {repeat: {axis: [1, 2]}, send: ["{axis}EN", {send: "{axis}HO", match: "OK", wait: 2}]}
"""


def test_actions():
    m = device(ACTIONS)
    assert list(m.client.description.actions) == ["reset", "zero", "beep", "home_1", "home_2"]
    for name in ("reset", "zero", "beep"):
        done = m.client.run(m.client.description.action_for(name))
        m.pump()
        assert result(done) == (b"\x06" if name == "beep" else b"")
    assert m.heard == [b"*RST", b"ZERO", b"\x07"]
    done = m.client.run(m.client.description.actions["home_2"])
    m.advance(1.5)
    assert m.heard[3:] == [b"2EN"]
    m.advance(1)
    assert result(done) == b"OK" and m.heard[3:] == [b"2EN", b"2HO"]
    with pytest.raises(ValueError, match=r"no action 'rest' \(did you mean 'reset'\?\)"):
        m.client.description.action_for("rest")


# several values in one command

PID = HEAD + """\
queries:
  pid: {send: "PID?", split: ",", fields: {p_now: {index: 1}, i_now: {index: 2}}}
parameters:
  pid:
    send: "PID 1,{p:.1f},{i:.1f},{d}"
    values:
      p: {range: [0, 1000], read_back: p_now}
      i: {range: [0, 100], read_back: i_now}
      d: {type: int, range: [0, 9]}
simulate: {pid: "1,50.0,20.0,0"}
"""


def test_several_values_in_one_command():
    m = device(PID)
    put(m, "pid", {"p": 75, "i": 2.5, "d": 1})
    assert values(m, "pid") == {"p_now": 75.0, "i_now": 2.5}
    put(m, "pid", {"i": 9, "d": 0})             # p is read before
    assert m.heard[-2:] == [b"PID?", b"PID 1,75.0,9.0,0"]
    assert values(m, "pid") == {"p_now": 75.0, "i_now": 9.0}


@pytest.mark.parametrize(("value", "expected"), [
    (5, "must be a mapping of p, i, d to values, not 5"),
    ({"p": 1, "i": 2, "x": 3}, "there is no 'x'; there are p, i, d"),
    ({"p": 1001, "i": 2, "d": 3}, "p: 1001 is outside its range"), ({"p": 1, "i": 2}, "d must be given, too"),
])
def test_several_values_are_checked(value, expected):
    m = device(PID)
    with pytest.raises(ValueError) as caught:
        put(m, "pid", value)
    assert expected in str(caught.value)


# texts

TEXT = HEAD + """\
encoding: utf-8
queries: {name: {send: "NAME?", fields: {name: {type: str}}}}
parameters:
  name: {type: str, max_length: 8, send: "NAME '{value}'", read_back: name}
  tag: {type: str, alphabet: "A-Z0-9", send: "TAG {value:<6}"}
"""


def test_texts():
    m = device(TEXT)
    put(m, "name", "20 µA °")
    assert "NAME '20 µA °'".encode() in m.heard
    assert values(m, "name") == {"name": "20 µA °"}
    put(m, "tag", "AB1")
    assert m.heard[-1] == b"TAG AB1   "


@pytest.mark.parametrize(("name", "value", "expected"), [
    ("name", "123456789", "has 9 characters; at most 8 are allowed"), ("name", "a\r\nb", "control character"),
    ("name", "\x1b", "control character"), ("name", 5, "must be a text"),
    ("tag", "ab", "has characters other than A-Z0-9"), ("tag", "ABCDEFG", "does not fit"),
])
def test_texts_are_checked(name, value, expected):
    with pytest.raises(ValueError, match=expected):
        put(device(TEXT), name, value)


# alternative and missing replies, error messages

MISSING = HEAD + """\
error: {match: 'E(?P<code>\\d\\d)', says: {3: "sensor open", "07": "no such channel"}}
queries:
  level: {send: "L?", missing: ["---.--", "OFF"], fields: {level: {}}}
  pressure:
    send: "P?"
    regex: '(?P<p>(LO<|HI>)?[-+0-9.eE]+)( (?P<state>\\w+))?'
    fields:
      p: {missing: ["LO<E-11"]}
      state: {type: str, optional: true}
simulate: {pressure: "1.5E-07"}
"""


@pytest.mark.parametrize(("query", "reply", "expected"), [
    ("level", b"1.5", {"level": 1.5}), ("level", b"---.--", {}), ("level", b" OFF ", {}),
    ("pressure", b"1.5E-07 OK", {"p": 1.5e-7, "state": "OK"}), ("pressure", b"1.5E-07", {"p": 1.5e-7}),
    ("pressure", b"LO<E-11", {}),
])
def test_what_is_missing_is_no_error(query, reply, expected):
    assert loads(MISSING).queries[query].parse(reply) == (expected, {})


@pytest.mark.parametrize(("reply", "expected"), [
    ("E03", "the device says b'E03': sensor open"), ("E07", "no such channel"), ("E99", "the device says b'E99'")])
def test_an_error_message_is_told_as_such(reply, expected):
    m = device(MISSING)
    m.device.set_answer("L?", reply)
    reading = ask(m, "level")
    assert expected in str(reading.errors["level"])
    assert m.connections == 1       # an answer all the same: nothing is out of step


@pytest.mark.parametrize(("field", "reply", "expected"), [
    ("{missing: 9999}", b"9999.0", None), ("{missing: 9999}", b"+9.999E+03", None),
    ("{missing: [-999.9]}", b"-999.90", None), ("{missing: 9999}", b"9999.1", 9999.1),
    ("{missing: 99, type: int, scale: 10}", b"099", None), ("{missing: 9999, type: str}", b"9999", None),
    ("{missing: -999.9, at: 0, struct: '>f'}", b"\xc4\x79\xf9\x9a", None),
    ("{missing: 1e300, at: 0, struct: '>f'}", b"\x3f\x80\0\0", 1.0),
    ("{missing: -32768, at: 0, struct: '>h', scale: 0.1}", b"\x80\0", None),
    ("{missing: NONE, at: 0, struct: '6s'}", b"NONE\0\0", None)])
def test_a_number_is_missing_however_it_is_written(field, reply, expected):
    query = loads(HEAD + f'queries: {{q: {{send: "Q", fields: {{f: {field}}}}}}}').queries["q"]
    assert query.parse(reply) == ({} if expected is None else {"f": expected}, {})


# bytes and bits within a text

WITHIN = HEAD + """\
queries:
  status: {send: "S?", fields: {ready: {base: 16, bit: 0}, mode: {base: 16, bits: [4, 7]}, status: {base: 16}}}
  scale: {send: "W", regex: '(?P<w>[0-9.]+)kg(?P<s>..)', fields: {w: {}, s: {struct: ">H", bit: 3}}}
  digits: {send: "D", split: ",", fields: {t: {index: 0, base: 16, struct: ">h", scale: 0.1}, p: {index: 1, base: 16, struct: ">f"}}}
  whole: {send: "R", fields: {r: {base: 16, struct: "<i"}}}
"""


@pytest.mark.parametrize(("query", "reply", "expected"), [
    ("status", b"A1", {"ready": 1, "mode": 10, "status": 161}),
    ("scale", b"12.5kg\x00\x08", {"w": 12.5, "s": 1}),
    ("digits", b"FFFE,41200000", {"t": -0.2, "p": 10.0}), ("digits", b"000a, 3f800000", {"t": 1.0, "p": 1.0}),
    ("whole", b"feffffff", {"r": -2}),
])
def test_bytes_and_bits_within_a_text(query, reply, expected):
    assert loads(WITHIN).queries[query].parse(reply) == (expected, {})


@pytest.mark.parametrize("reply", [b"FFFE0,41200000", b"FF,41200000", b"FF E,41200000", b"-FFF,41200000"])
def test_other_digits_are_told(reply):
    values, errors = loads(WITHIN).queries["digits"].parse(reply)
    assert values == {"p": 10.0} and "is not the 4 hexadecimal digits of the field" in str(errors["t"])


def test_decimal_digits_go_out_in_half_bytes():
    text = HEAD + 'queries: {}\nparameters: {v: {range: [0, 99.99], scale: 0.01, send: {hex: "05 {value:04d}"}}}'
    m = device(text)
    put(m, "v", 12.34)
    assert m.heard == [b"\x05\x12\x34"]


@pytest.mark.parametrize(("reply", "meaning"), [
    ("-17,oops", "out of range"), ("-017,", "out of range"), ("+5,", "late"), ("0005,", "late"),
    ("-5,", ""), ("0,1", None),
])
def test_error_codes_are_numbers_however_they_are_written(reply, meaning):
    errors = loads(HEAD + "error: {match: '(?P<code>[-+]?0*[1-9][0-9]*),', "
                   'says: {-17: "out of range", 5: "late"}}\n'
                   'queries: {q: {send: "Q", fields: {a: {}}}}\n').queries["q"].steps[0].errors
    told = errors.told(reply.encode())
    assert told.partition(": ")[2] == (meaning or "") and bool(told) == (meaning is not None)


# checksums

SUMS = """\
device: behind a serial server
framing: {terminator: "\\r"}
variables: {address: 7}
checksum: {type: sum8, form: HEX}
queries:
  temperature: {send: "#{address:02d}T", match: '>', regex: '>(?P<t>[-+0-9.]+)', fields: {t: {}}}
  plain: {send: "P", checksum: false, fields: {p: {}}}
parameters:
  limit: {send: "#{address:02d}L{value:05.1f}", expect: "!{address:02d}"}
"""


def test_a_checksum_goes_out_and_is_taken_off():
    m = device(SUMS)
    assert values(m, "temperature") == {"t": 1.0}
    assert m.heard[-1] == b"#07T%02X" % (sum(b"#07T") & 0xff)
    assert values(m, "plain") == {"p": 1.0}
    assert m.heard[-1] == b"P"
    assert put(m, "limit", 23.5) == b"!07"
    assert m.heard[-1].startswith(b"#07L023.5")


def test_a_wrong_checksum_is_unreadable_and_resynchronises():
    m = device(SUMS)
    m.device.set_answer(b"#07T%02X" % (sum(b"#07T") & 0xff), ">+25.00C")
    reading = ask(m, "temperature")
    assert "its checksum is b'0C' and should be b'" in str(reading.errors["t"])
    m.advance(3)
    assert m.connections == 2
    m = device(SUMS)
    assert m.device.handle(b"#07T00") == []     # the device does not answer one, either


EUROTHERM = """\
device: Eurotherm, EI-Bisynch
framing: {prompt: '\\x03.', keep_prompt: true}
checksum: {type: xor, skip: 1}
queries:
  value:
    send: {hex: "04 30303131 5056 05"}
    checksum: false
    match: '\\x02PV'
    regex: 'PV(?P<pv>[-0-9.]+)\\x03'
    fields: {pv: {}}
parameters:
  setpoint: {send: {hex: "04 30303131 02 534c {value:>H} 03 {checksum}"}, length: 1, expect: "\\x06"}
simulate: {value: "\\x02PV12.5\\x03"}
"""


def test_a_checksum_in_the_middle_and_a_reply_without():
    text = EUROTHERM.replace('checksum: {type: xor, skip: 1}',
                             "checksum: {type: xor, skip: 5, replies: false}")
    m = device(text.replace("simulate", "#").replace(
        "#: {value: \"\\x02PV12.5\\x03\"}", "simulate: {value: \"\\x02PV12.5\\x03\\x1e\"}"))
    assert values(m, "value") == {"pv": 12.5}
    assert put(m, "setpoint", 25) == b"\x06"
    data = m.heard[-1]
    total = 0
    for byte in data[5:-1]:
        total ^= byte
    assert data[-1] == total and data[:5] == b"\x040011"


# numbers in other forms

NUMBERS = HEAD + """\
queries:
  hexa: {send: "H?", fields: {h: {base: 16}}}
  state: {send: "S?", split: ",", fields: {low: {index: 0, base: 16, bits: [0, 3]}, high: {index: 0, base: 16, bit: 7}}}
  signs: {send: "N?", fields: {n: {replace: {"N": "-", "P": "+", ",": "."}}}}
  power: {send: "E?", regex: '(?P<m>\\d{4})(?P<x>[+-]\\d)', fields: {m: {exponent: x, scale: 0.001}}}
  blanks: {send: "B?", split: whitespace, fields: {b1: {index: 0}, b2: {index: 1}}}
  scaled: {send: "C?", fields: {c: {scale: 0.1, offset: -100}}}
parameters:
  h: {type: int, range: [0, 255], send: "H {value:02X}", read_back: h}
  c: {range: [-100, 899.9], scale: 0.1, offset: -100, send: "L{value:04d}", read_back: c}
"""


@pytest.mark.parametrize(("query", "reply", "expected"), [
    ("hexa", b"1F", {"h": 31}), ("hexa", b"0x1f", {"h": 31}), ("state", b"8A", {"low": 10, "high": 1}),
    ("signs", b"N12,5", {"n": -12.5}), ("signs", b"P1", {"n": 1.0}), ("power", b"1234-7", {"m": 1.234e-7}),
    ("blanks", b"  1  2.5 ", {"b1": 1.0, "b2": 2.5}), ("scaled", b"1235", {"c": 23.5}),
])
def test_numbers_in_other_forms(query, reply, expected):
    assert loads(NUMBERS).queries[query].parse(reply) == (expected, {})


def test_numbers_in_other_forms_go_out():
    m = device(NUMBERS)
    put(m, "h", 31)
    put(m, "c", 23.5)
    assert m.heard == [b"H 1F", b"L1235"]
    assert values(m, "hexa") == {"h": 31} and values(m, "scaled") == {"c": 23.5}


BINARY = """\
device: x
framing: {header: {size: 2, at: 1, struct: ">B", extra: 1}}
queries:
  all:
    send: {hex: "01 00"}
    fields:
      name: {at: 2, struct: "4s"}
      mode: {at: 6, struct: ">B", bits: [4, 6]}
      day: {at: 7, struct: ">H", bcd: true}
      last: {at: -1, struct: ">B"}
      Relay_{n}: {repeat: {n: [1, 2, 3]}, at: 6, struct: ">B", bit: "{n} - 1"}
parameters:
  position: {type: int, send: {hex: "02 04 {value:<i} 0d"}, range: [-9, 9]}
  speed: {send: {hex: "03 04 {value:<f} 0d"}}
simulate: {all: {hex: "01 07 41420000 25 1234 ff"}}
"""


def test_binary():
    m = device(BINARY)
    assert values(m, "all") == {"name": "AB", "mode": 2, "day": 1234, "last": 255,
                                "Relay_1": 1, "Relay_2": 0, "Relay_3": 1}
    put(m, "position", -2)
    put(m, "speed", 1.5)
    assert m.heard[-2:] == [b"\x02\x04\xfe\xff\xff\xff\x0d", b"\x03\x04\0\0\xc0\x3f\x0d"]


# where replies end

ENDS = HEAD + """\
queries:
  table: {send: "T?", lines: 3, regex: 'a=(?P<a>\\d+)\\r\\nb=(?P<b>\\d+)\\r\\nOK', fields: {a: {}, b: {}}}
  semi: {send: "S?", terminator: ";", fields: {s: {}}}
  shell: {send: "P?", prompt: '[>:] ?$$|# ', fields: {p: {}}}
  usual: {send: "U?", timeout: 7, fields: {u: {}}}
simulate: {table: "a=1\\r\\nb=2\\r\\nOK"}
""".replace("[>:] ?$$|# ", "# ")


def test_replies_end_in_several_ways():
    m = device(ENDS)
    assert values(m, "table") == {"a": 1.0, "b": 2.0}
    assert [values(m, name) for name in ("semi", "shell", "usual")] == [{"s": 1.0}, {"p": 1.0}, {"u": 1.0}]
    assert m.connections == 1


def test_the_timeout_of_a_query():
    m = device(ENDS)
    m.silent = True
    reading = m.client.read(m.client.description.queries["usual"])
    m.advance(6.5)
    assert not reading.called
    m.advance(1)
    with pytest.raises(ConnectionError):
        result(reading)


PUMP = """\
device: a pump that says whether it runs
framing: {prompt: '[>:]', keep_prompt: true, send_terminator: "\\r"}
queries:
  state: {send: "ver", regex: '(?P<version>[0-9.]+)\\s(?P<state>[>:])$',
          fields: {version: {type: str}, state: {enum: {">": "running", ":": "stopped"}}}}
simulate: {state: "1.5\\r:"}
"""


def test_the_prompt_as_a_field():
    m = device(PUMP)
    assert values(m, "state") == {"version": "1.5", "state": "stopped"}


# loops, variables

LOOPS = HEAD + """\
variables: {addr: "A1"}
queries:
  ch_{ch}_{q}:
    repeat: {ch: [1, 2], q: [V, I]}
    send: "{addr}:{q}{ch}?"
    match: '{addr}:{q}{ch}='
    regex: '=(?P<x_{ch}_{q}>[0-9.]+)$'
    fields: {"x_{ch}_{q}": {}}
  all: {send: "ALL?", split: ",", fields: {"T_{n}": {repeat: {n: [1, 2, 3]}, index: "{n} * 2 - 1"}}}
"""


def test_loops_and_variables():
    m = device(LOOPS)
    names = list(m.client.description.queries)
    assert names == ["ch_1_V", "ch_1_I", "ch_2_V", "ch_2_I", "all"]
    query = m.client.description.queries["ch_2_I"]
    assert query.parse(b"A1:I2=5") == ({"x_2_I": 5.0}, {})
    assert [place.index for place in (f.place for f in m.client.description.queries["all"].fields)] == [1, 3, 5]
    with pytest.raises(ParseError):
        query.steps[-1].check(b"A1:I1=5", {}, "q")


@pytest.mark.parametrize(("listed", "numbers"), [("1..3", [1, 2, 3]), ("0..0", [0]), ('"9..11"', [9, 10, 11])])
def test_a_run_of_numbers(listed, numbers):
    text = HEAD + f'queries: {{"q{{n}}": {{repeat: {{n: {listed}}}, send: "Q{{n}}", fields: {{"a{{n}}": {{}}}}}}}}\n'
    queries = loads(text).queries
    assert [query.steps[0].send.fill({}) for query in queries.values()] == [b"Q%d\r\n" % n for n in numbers]


@pytest.mark.parametrize(("listed", "expected"), [
    ("3..1", "repeat.n: must begin with the smaller number: 1..3"),
    ("0..1000", "repeat.n: makes more than 1000 entries"), ("0..999999999999", "makes more than 1000"),
    ("a..c", "must be a list of values, such as [a, b], or a run of numbers such as 1..8, not the text 'a..c'"),
    ("1.5", "or a run of numbers such as 1..8, not the number 1.5")])
def test_what_is_no_run_of_numbers(listed, expected):
    text = HEAD + f'queries: {{"q{{n}}": {{repeat: {{n: {listed}}}, send: "Q{{n}}", fields: {{"a{{n}}": {{}}}}}}}}\n'
    assert expected in problem(text)


# settings

RESTORE = HEAD + """\
timeout: 2
queries: {volt: {send: "V?", fields: {volt_set: {}}}}
parameters:
  volt: {range: [0, 30], send: "V {value:.2f}", read_back: volt_set, restore: true}
"""


def test_what_was_set_is_set_again_after_a_power_cycle():
    m = device(RESTORE)
    put(m, "volt", 12)
    m.hang_up()
    m.advance(5)
    assert m.heard.count(b"V 12.00") == 1       # a mere loss
    m.device.reboot()
    m.hang_up()
    m.advance(5)
    assert m.heard.count(b"V 12.00") == 2
    assert values(m, "volt") == {"volt_set": 12.0}


def test_what_the_device_has_refused_is_not_set_again():
    m = device(RESTORE.replace('"V {value:.2f}"', '"V {value:.2f}", expect: "OK"'))
    put(m, "volt", 3)
    m.device.set_answer("V 12.00", "NO")
    with pytest.raises(ParseError):
        put(m, "volt", 12)
    m.device.reboot()
    m.hang_up()
    m.advance(5)
    assert m.heard.count(b"V 12.00") == 1 and m.heard.count(b"V 3.00") == 2


@pytest.mark.parametrize(("value", "said_", "agrees"), [
    (12, 12.0, True), (12.004, 12.0, True), (12, 12.01, True), (12, 12.5, False), (12, 0.0, False)])
def test_a_read_back_that_disagrees(value, said_, agrees):
    told = loads(RESTORE).parameters["volt"].disagrees(value, {"volt_set": said_})
    assert (told == "") == agrees
    if told:
        assert told == f"afterwards volt_set is {said_}, not {value}"


# how a connection begins and ends

LOGIN = """\
device: a controller with a password and a prompt
framing: {prompt: '(> |word: )', send_terminator: "\\r\\n"}
greeting: 'Pass'
on_connect: [{send: "secret", match: "Welcome"}]
queries: {t: {send: "T?", regex: '(?P<t>[-0-9.]+) K', fields: {t: {}}}}
simulate: {greeting: "Password: ", on_connect: "Welcome\\r\\n", t: "4.2 K\\r\\n"}
"""


def test_a_greeting_a_password_and_a_prompt():
    text = LOGIN.replace('"Password: "', '"Pass"').replace("(> |word: )", "> ")
    m = device(text)
    assert values(m, "t") == {"t": 4.2} and m.heard == [b"secret", b"T?"]
    m.hang_up()
    m.advance(3)
    assert values(m, "t") == {"t": 4.2} and m.heard.count(b"secret") == 2


def test_another_greeting():
    m = device(LOGIN.replace("greeting: \"Password: \"", 'greeting: "Passport: "').replace("(> |word: )", "> "))
    m.device.banner = b"Port already in use> "
    m.hang_up()
    m.advance(3)
    assert m.client.link.down


CLOSES = HEAD + """\
closes_after_reply: true
queries: {a: {send: "A?", fields: {a: {}}}, b: {send: ["X", "B?"], fields: {b: {}}}}
"""


def test_a_device_that_hangs_up_after_each_reply():
    m = device(CLOSES)
    handle = m.device.handle
    for name in "aaba":
        reading = m.client.read(m.client.description.queries[name])
        m.advance(0.2)
        assert result(reading).values == {name: 1.0}
        m.hang_up()
        m.advance(1)
        assert not m.client.link.down
    assert handle is not None and m.connections >= 4


STREAM = HEAD + """\
queries: {q: {send: "Q?", match: 'q', regex: 'q(?P<q>\\d+)', fields: {q: {}}}}
messages:
  weight: {match: "ST", split: ",", fields: {stable: {index: 0, type: str}, mass: {index: 1}}}
checksum: {type: xor, form: HEX}
simulate: {weight: "ST,+12.5"}
"""


def test_what_is_said_unasked():
    heard = []
    m = device(STREAM)
    m.client.on_message = heard.append
    assert values(m, "q") == {"q": 1.0}
    m.advance(1)
    said_ = m.client.description.answers["weight"][0] + b"\r\n"
    m.say(said_)
    m.say(b"ST,+9999\r\n")               # a wrong checksum
    m.say(b"US,+1\r\n" + said_)
    m.advance(1)
    assert [reading.values for reading in heard] == [{"stable": "ST", "mass": 12.5}] * 2
    assert values(m, "q") == {"q": 1.0}
    assert m.device.period and m.device.unsolicited == (b"ST,+12.5" + said_[8:-2],)


UNDECLARED = HEAD + """\
queries:
  t: {send: "T", fields: {t: {}}}
  u: {send: "U", fields: {u: {}}}
parameters: {p: {send: "P {value:.0f}"}}
simulate: {t: "1.5", u: "2.5"}
"""


def test_one_undeclared_answer_shifts_nothing_and_is_told_once():
    m = MemoryDevice(loads(UNDECLARED), settle=0.05)
    m.device = scripted_device(loads(UNDECLARED.replace('.0f}"', '.0f}", expect: "OK"')))
    remarks = []
    m.client.link.hear_remarks(lambda _link, text: remarks.append(text))
    for _ in range(5):
        put(m, "p", 3)
        assert [values(m, name) for name in "tutu"] == [{"t": 1.5}, {"u": 2.5}] * 2
    m.advance(1)
    assert len(remarks) == 1 and m.connections == 1
    assert "the device said b'OK\\r\\n' after a command that expects no answer" in remarks[0]


@pytest.mark.parametrize(("encoding", "reply"), [
    ("", b"3.5 \xb5A"), ("encoding: latin-1\n", b"3.5 \xb5A"), ("encoding: utf-8\n", "3.5 µA".encode())])
def test_a_unit_that_is_not_ascii(encoding, reply):
    text = HEAD + encoding + 'queries: {q: {send: "Q", fields: {q: {type: str}}}}\nactions: {a: "°"}\n'
    description = loads(text)
    assert description.queries["q"].parse(reply) == ({"q": "3.5 µA"}, {})
    sent = next(description.actions["a"].script()).data
    assert sent == "°\r\n".encode("utf-8" if "utf" in encoding else "latin-1")


# the simulator does not let one thing be taken for another

SHADOW = HEAD + """\
queries: {t: {send: "T", fields: {t: {}}}, u: {send: "ON?", fields: {u: {type: str}}}}
parameters:
  bare: {send: "{value}", read_back: t}
  name: {type: str, send: "{value}"}
  mode: {choices: ["ON", "OFF"], send: "{value}", match: "OK"}
"""


def test_a_parameter_does_not_shadow_the_queries():
    m = device(SHADOW)
    assert values(m, "t") == {"t": 1.0}
    put(m, "bare", 25)
    assert values(m, "t") == {"t": 25.0}
    assert values(m, "u") == {"u": "simulated"}
    assert put(m, "mode", "OFF") == b"OK"


def test_any_byte_is_a_byte_in_patterns():
    text = HEAD + "queries: {q: {send: \"Q\", match: '..x', fields: {q: {type: str}}}}\n"
    step = loads(text).queries["q"].steps[-1]
    assert step.check(b"\n\nx", {}, "q") == b"\n\nx"


@pytest.mark.parametrize(("text", "expected"), [
    (ACTIONS.replace('zero: "ZERO"', "zero: {sent: X}"), "actions.zero.sent: there is no such key (did you mean 'send'?)"),
    (PID.replace("d: {type: int, range: [0, 9]}", "e: {}"), "parameters.pid.send: the placeholder {d} has no value here"),
    (PID.replace("{d}", "0"), "must contain {d}"),
    (PID.replace("    values:", "    type: int\n    values:"), "parameters.pid.type: belongs to each of the 'values'"),
    (TEXT.replace("A-Z0-9", "A-Z\\\\d"), "without brackets, backslashes"),
    (TEXT.replace("A-Z0-9", "Z-A"), "is not a set of characters"),
    (TEXT.replace("max_length: 8", "range: [0, 1]"), "is only for numbers"),
    (SUMS.replace("sum8", "sum9"), "checksum.type: there is no checksum 'sum9' (did you mean 'sum8'"),
    (SUMS.replace("checksum: {type: sum8, form: HEX}\n", "").replace('"P"', '"P{checksum}"').replace(", checksum: false", ""),
     "contains {checksum}, but the description has no 'checksum'"),
    (NUMBERS.replace("base: 16}}", "base: 12}}"), "must be 2, 8, 10 or 16"),
    (NUMBERS.replace("exponent: x", "exponent: y"), "has no group 'y'"),
    (NUMBERS.replace("bits: [0, 3]", "bits: [3, 0]"), "must be [first, last]"),
    (BINARY.replace('"{n} - 1"', '"{m} - 1"'), "{m} is not a variable with whole numbers"),
    (BINARY.replace('"{n} - 1"', '"{n} - 2"'), "must be the number of a bit from 0 to 63, not -1"),
    (ENDS.replace('terminator: ";"', 'terminator: ";", length: 3'), "terminator: cannot be used together with 'length'"),
    (ENDS.replace('send: "U?", timeout: 7', 'send: [{send: "A", timeout: 3}, "U?"]'), "is for an answer, but no answer"),
    (PUMP.replace("prompt: '[>:]', keep", "terminator: 'x', keep"), "is only for a framing with 'prompt'"),
    (LOOPS.replace("variables: {addr", "variables: {value"), "consists of small letters and underscores"),
    (LOOPS.replace("ch_{ch}_{q}:", "ch_{ch}:"), "its name needs {q}, such as ch_{ch}_{q}"),
    (RESTORE.replace("read_back: volt_set, ", ""), "needs 'read_back'"),
    (MISSING.replace("says: {3", "says: {x: on, 3"), "write \"on\" in quotes"),
    (HEAD.replace("framing", "#") + "queries: {q: {send: Q, fields: {q: {}}}}", "needs 'framing' (or 'modbus')"),
    (HEAD + "closes_after_reply: true\nidentify: {send: I, match: x}\nqueries: {q: {send: Q, fields: {q: {}}}}\n",
     "f.yaml:4: identify: cannot be used with 'closes_after_reply'"),
    (HEAD + "closes_after_reply: true\nqueries: {q: {send: Q, fields: {q: {}}}}\n"
     "parameters: {p: {send: 'P{value}', read_back: q, restore: true}}\n", "f.yaml:5: parameters: 'restore' of p is not"),
    (HEAD + "encoding: utf-16\nqueries: {}\n", "must be one of ascii, latin-1, utf-8"),
])
def test_what_is_wrong_is_told(text, expected):
    if expected == "...":
        assert "is no single" not in problem(text) and "f.yaml" in problem(text)
    else:
        assert expected in problem(text)


@pytest.mark.parametrize("text", [ACTIONS, PID, TEXT, MISSING, SUMS, NUMBERS, BINARY, ENDS, PUMP, LOOPS, RESTORE, SHADOW])
def test_all_of_it_is_simulated_and_read(text):
    m = device(text)
    for name in m.client.description.queries:
        if name.startswith("ch_"):
            continue
        assert not ask(m, name).errors
    assert not m.device.unknown
    assert scripted_device(m.client.description)


def test_a_variable_of_the_file_may_be_any_byte():
    description = loads(LOOPS.replace('"A1"', r'"\x80"'))
    assert description.queries["ch_2_I"].steps[-1].match.match(b"\x80:I2=5")
    text = LOOPS.replace('"A1"', r"'\x80'")
    assert problem(text).startswith("f.yaml:3: variables.addr: \\x80 is a backslash and letters")


def test_a_prompt_is_kept_where_there_is_one():
    text = HEAD + 'queries: {q: {send: "Q", keep_prompt: true, fields: {a: {}}}}\n'
    assert "q.keep_prompt: is only for an answer with 'prompt'" in problem(text)


def test_a_description_says_something():
    assert "has no query; expected at least one, or 'messages', 'parameters'" in problem(
        HEAD + "queries: {}\n")


# several answers to one message

ANSWERS = HEAD + """\
timeout: 2
error: {match: 'ERR (?P<code>\\d)', says: {3: "no such axis"}}
queries:
  echo: {send: ["T?", {expect: "T?"}, {match: '[0-9.]+$'}], fields: {t: {}}}
parameters:
  move:
    range: [0, 9]
    send: [{send: "MOVE {value:.0f}", expect: "OK"}, {expect: "AT {value:.0f}", timeout: 60}]
actions:
  home: {send: ["HOME", {expect: "OK"}, {match: 'DONE'}, "LOCK"]}
"""


def test_several_answers_to_one_message():
    m = device(ANSWERS)
    assert values(m, "echo") == {"t": 1.0}
    assert put(m, "move", 5) == b"AT 5"
    done = m.client.run(m.client.description.actions["home"])
    m.advance(1)
    assert result(done) == b"" and m.heard == [b"T?", b"MOVE 5", b"HOME", b"LOCK"]
    assert m.connections == 1


def test_a_further_answer_may_take_its_time_and_must_be_right():
    m = device(ANSWERS)
    m.device.set_answer("MOVE 5", "OK")
    done = m.client.set(m.client.description.parameters["move"], 5)
    m.advance(50)
    m.say(b"AT 5\r\n")
    m.pump()
    assert result(done) == b"AT 5" and m.connections == 1
    m.device.set_answer("MOVE 6", ("OK", "AT 5"))
    with pytest.raises(ParseError, match=r"must be b'AT 6'; the reply was b'AT 5'"):
        put(m, "move", 6)
    m.device.set_answer("MOVE 7", "ERR 3")      # which is all that it says
    with pytest.raises(ParseError, match="no such axis"):
        put(m, "move", 7)


@pytest.mark.parametrize(("send", "expected"), [
    ('[{expect: "A"}, "B"]', "f.yaml:4: actions.a.send[0]: the key 'send' is missing: the first "
     "step must send something"),
    ('["B", {timeout: 3}]', "send[1]: must have 'send', or 'expect' or 'match' for a further"),
    ('["B", {match: "C", length: 3}]', "send[1].length: belongs to the step with 'send'"),
    ('["B", {match: "C", wait: 3}]', "send[1].wait: belongs to the step with 'send'"),
])
def test_what_is_no_further_answer(send, expected):
    assert expected in problem(HEAD + 'queries: {q: {send: "Q", fields: {a: {}}}}\n'
                               f"actions: {{a: {{send: {send}}}}}\n")


# a checksum with a separator

NMEA = HEAD + """\
checksum: {type: xor, form: HEX, skip: 1, separator: "*"}
queries: {}
messages:
  gga: {match: '\\$G.GGA', split: ",", fields: {sats: {index: 7, type: int}, alt: {index: 9, unit: m}}}
actions: {cold: "$PMTK103"}
"""
GGA = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"


def test_a_checksum_behind_a_separator():
    m = device(NMEA)
    heard = []
    m.client.on_message = heard.append
    m.say(f"{GGA}*48\r\n{GGA}*47\r\n".encode())
    m.pump()
    assert [reading.values for reading in heard] == [{"sats": 8, "alt": 545.4}]
    done = m.client.run(m.client.description.actions["cold"])
    m.advance(1)
    result(done)
    assert m.heard[-1] == b"$PMTK103*30"


def test_an_answer_under_simulate_whose_checksum_is_wrong_is_refused():
    text = NMEA + f'simulate: {{gga: "{GGA}*48"}}\n'
    assert "simulate.gga: its checksum is b'*48' and should be b'*47'" in problem(text)
    assert loads(text.replace("*48", "*47")).answers == loads(text.replace("*48", "")).answers


def test_sdi12_is_for_16_bits():
    assert "checksum.form: sdi12 is only for checksums of 16 bits" in problem(
        NMEA.replace("form: HEX", "form: sdi12"))
