"""Whatever is wrong with a file: one message with the line, the key, and what to write."""

import pytest

from socs_tcp.description import DescriptionError, load, loads

GOOD = """\
device: thing
framing: {terminator: "\\r\\n"}
queries:
  volts:
    send: "V?"
    fields:
      v: {unit: V}
"""


def message(text):
    with pytest.raises(DescriptionError) as caught:
        loads(text, "dev.yaml")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


def with_query(*lines):
    return "\n".join(["device: x", 'framing: {terminator: "\\n"}', "queries:", "  q:",
                      *("    " + line for line in lines)])


def with_parameter(*lines):
    return GOOD + "\n".join(["parameters:", "  p:", *("    " + line for line in lines)])


def test_the_smallest_description():
    description = loads(GOOD)
    assert description.device == "thing"
    assert description.queries["volts"].parse(b"1.5") == ({"v": 1.5}, {})


FILES = [
    ("", "dev.yaml: the file is empty"),
    ("a: [1", "dev.yaml:1: this is not YAML: "),
    ("device: x\n\tport: 1", "dev.yaml:2: this is not YAML: "),
    ("\tdevice: x", "indent with spaces, not with tabs"),
    ("device: 'a\x01b'", "dev.yaml:1: the character '\\x01' is not allowed"),
    ("[1, 2]", "dev.yaml:1: must be a mapping, such as {device: ...}, not a list"),
    ('device: "\\d"', "in single quotes"),
    (GOOD.replace("device:", "devise:"),
     "dev.yaml:1: devise: there is no such key (did you mean 'device'?)"),
    (GOOD + "port: 1\nport: 2\n", "dev.yaml:9: port: is given twice, here and in line 8"),
    (GOOD + "zebra: 1\n", "the keys here are device, port, timeout"),
    ("device: x\nframing: {length: 1}\n", "dev.yaml:1: the key 'queries' is missing"),
    (GOOD.replace("thing", "372"), 'dev.yaml:1: device: what the device is must be text, not the '
     'number 372; write "372" in quotes'),
    (GOOD.replace("thing", "on"), "not 'on', which YAML reads as a yes/no value; write \"on\""),
    (GOOD.replace("thing", "2024-01-01"), "which YAML reads as timestamp"),
    (GOOD.replace("thing", ""), "dev.yaml:1: device: must be what the device is, not empty"),
    (GOOD + "port: 70000\n", "dev.yaml:8: port: must be a TCP port from 1 to 65535, not the "
     "number 70000"),
    (GOOD + "timeout: 0\n", "dev.yaml:8: timeout: must be a number of seconds, more than 0, not 0"),
    (GOOD + "timeout: fast\n", "timeout: must be a number of seconds, not the text 'fast'"),
    (GOOD + "timeout: .inf\n", "timeout: must be a number of seconds, not the number .inf"),
    (GOOD + 'raw_commands: "yes"\n', "raw_commands: must be true or false, not the text 'yes'"),
]


@pytest.mark.parametrize(("text", "expected"), FILES)
def test_files(text, expected):
    assert expected in message(text)


FRAMING = [
    ("{}", "must have exactly one of terminator, length, header, prompt"),
    ('{terminator: "\\n", length: 3}', "it has terminator and length"),
    ("{terminator: '\\r\\n'}", "framing.terminator: \\r is a backslash and letters here"),
    ('{terminator: ""}', "framing.terminator: must not be empty"),
    ("{terminator: CRLF}", """'CRLF' would be these letters; write "\\r\\n\""""),
    ('{terminator: ["\\n", "cr lf"]}', """'cr lf' would be these letters; write "\\r\\n\""""),
    ('{terminator: "\\n", send_terminator: LF}', "framing.send_terminator: 'LF' would be these"),
    ("{terminator: 13}", "write \"13\" in quotes for these characters, or for bytes {hex"),
    ("{length: 0}", "framing.length: must be a number of bytes from 1 to 65536, not the number 0"),
    ("{prompt: '$'}", "framing.prompt: the prompt b'$' matches an empty text"),
    ("{prompt: '('}", "framing.prompt: the pattern is not a regular expression: "),
    ("{header: {size: 6}}", "framing.header: the key 'at' is missing"),
    ('{header: {size: 6, at: 5, struct: ">H"}}', "framing.header.at: must be the byte where the "
     "length stands from 0 to 4"),
    ('{header: {size: 6, at: 4, struct: ">f"}}', "one letter of BHI, such as \">I\", not '>f'"),
]


@pytest.mark.parametrize(("framing", "expected"), FRAMING)
def test_framing(framing, expected):
    assert expected in message(GOOD.replace('{terminator: "\\r\\n"}', framing))


QUERIES = [
    (['fields: {a: {}}'], "dev.yaml:5: queries.q: the key 'send' is missing"),
    (['send: "X"'], "dev.yaml:5: queries.q: the key 'fields' is missing"),
    (["send: 5", "fields: {a: {}}"], "queries.q.send: a message must be text, not the number 5"),
    (["send: 05", "fields: {a: {}}"], 'for bytes {hex: "05"}'),
    (["send: 0x05", "fields: {a: {}}"], "not the number 0x05"),
    (["send: '\\x05'", "fields: {a: {}}"], 'as a byte only in double quotes: write "\\x05"'),
    (["send: \\x05", "fields: {a: {}}"], "is a backslash and letters here, not one byte"),
    (['send: "Ω?"', "fields: {a: {}}"], "'Ω' is not a single byte"),
    (["send: {hex: 05}", "fields: {a: {}}"], "queries.q.send.hex: hexadecimal digits in quotes"),
    (['send: {hex: "5"}', "fields: {a: {}}"], "'5' is not hexadecimal; expected two digits a byte"),
    (['send: {hexa: "05"}', "fields: {a: {}}"], "(did you mean 'hex'?)"),
    (['send: "A{x}"', "fields: {a: {}}"], "the placeholder {x} has no value here"),
    (['send: "A}"', "fields: {a: {}}"], "the brace '}' at character 2 stands alone"),
    (["send: []", "fields: {a: {}}"], "queries.q.send: is an empty list"),
    (['send: "X"', "fields: {}"], "queries.q.fields: is empty"),
    (['send: "X"', "fields: {a: {}, b: {}}"], "a and b would all be the whole reply"),
    (['send: "X"', "fields: {9a: {}}"], "dev.yaml:6: queries.q.fields.9a: '9a' cannot "
     "name a field"),
    (['send: "X"', "fields: {time: {}}"], "InfluxDB uses this name itself"),
    (['send: "X"', "fields: {a: {typ: int}}"], "queries.q.fields.a.typ: there is no such key "
     "(did you mean 'type'?)"),
    (['send: "X"', "fields: {a: {type: integer}}"], "must be one of float, int, str, not 'integer'"
     " (did you mean 'int'?)"),
    (['send: "X"', "fields: {a: {index: 1}}"], "is only for queries with 'split'"),
    (['send: "X"', "fields: {a: {group: g}}"], "is only for queries with 'regex'"),
    (['send: "X"', 'split: ","', "fields: {a: {}}"], "the key 'index' is missing"),
    (['send: "X"', 'split: ""', "fields: {a: {index: 0}}"], "queries.q.split: must have at least"),
    (['send: "X"', 'split: ","', "regex: x", "fields: {a: {}}"], "by 'split' or by 'regex'"),
    (['send: "X"', "regex: '(?P<volt>.*)'", "fields: {vlt: {}}"],
     "has no group 'vlt' (did you mean 'volt'?)"),
    (['send: "X"', "regex: '('", "fields: {a: {}}"],
     "queries.q.regex: the pattern is not a regular expression"),
    (['send: "X"', "regex: 'Ω'", "fields: {a: {}}"], "has a character that is not a single byte"),
    (['send: "X"', "fields: {a: {at: 0}}"], "needs both 'at'"),
    (['send: "X"', 'fields: {a: {struct: ">H"}}'], "needs both 'at'"),
    (['send: "X"', 'fields: {a: {struct: ">H", base: 8}}'], "must be 16 together with 'struct'"),
    (['send: "X"', 'fields: {a: {struct: "4s", base: 16}}'], "must be 16 together with 'struct'"),
    (['send: "X"', 'fields: {a: {at: 0, struct: ">H", base: 16}}'], "is for bytes, not for hexa"),
    (['send: "X"', "fields: {a: {at: 0, struct: f}}"], "must be the byte order (> or <)"),
    (['send: "X"', 'fields: {a: {at: 0, struct: ">H", word_swap: true}}'], "does not have two"),
    (['send: "X"', 'split: ","', 'fields: {a: {at: 0, struct: ">H"}}'], "together with 'split' or"),
    (['send: "X"', "fields: {a: {word_swap: true}}"], "is only for fields with 'struct'"),
    (['send: "X"', 'fields: {a: {at: 0, struct: ">H", type: str}}'], "are a number, not a text"),
    (['send: "X"', "fields: {a: {bit: 1, type: float}}"], "only a field of type int has bits"),
    (['send: "X"', "fields: {a: {scale: 0}}"], "must be a number other than 0"),
    (['send: "X"', "fields: {a: {enum: {0: off}}}"],
     "queries.q.fields.a.enum.0: the name must be text, not 'off', which YAML reads as a yes/no"),
    (['send: "X"', 'fields: {a: {enum: {off: "x"}}}'], 'write "off" in quotes'),
    (['send: "X"', 'fields: {a: {enum: {0: "x", "1": "y"}}}'], "quote all of them, or none"),
    (['send: "X"', 'fields: {a: {enum: {0: "x"}, type: int}}'], "used together with 'enum'"),
    (['send: "X"', "fields: {a: {enum: [x]}}"], "must be a mapping of values to names"),
    (['send: "X"', "period: often", "fields: {a: {}}"], "must be a number of seconds, or never"),
    (['send: "X"', "period: -1", "fields: {a: {}}"], "more than 0, not -1"),
    (['send: "X"', "period: 1e-9", "fields: {a: {}}"], "from 0.01 to 1e+06, not the number 1e-9"),
    (['send: "X"', "feed: other", "fields: {a: {}}"], "must be one of readings, not 'other'"),
    (['send: [{send: "A", length: 3}, "B"]', "fields: {a: {}}"], "but no answer is read here"),
    (['repeat: {ch: [1, 2]}', 'send: "X"', "fields: {a: {}}"],
     "its name needs {ch}, such as q_{ch}"),
    (['repeat: {ch: [1]}', 'send: "X"', "fields: {a: {}}"], "its name needs {ch}"),
    (['repeat: [1]', 'send: "X"', "fields: {a: {}}"], "must be a mapping of variables"),
    (['repeat: {ch: []}', 'send: "X"', "fields: {a: {}}"], "queries.q.repeat.ch: is an empty list"),
    (['repeat: {value: [1]}', 'send: "X"', "fields: {a: {}}"], "none of value, checksum, now"),
    # texts that need quotes
    (["send: *IDN?", "fields: {a: {}}"], "undefined alias 'IDN'; a text with one of *&!"),
    (["send: @253PR?", "fields: {a: {}}"], "cannot start any token; a text with one of *&!"),
    (["send: MEAS: VOLT?", "fields: {a: {}}"], "needs quotes"),
    (["repeat: {n: 1..2}", "send: {n}?", "fields: {a: {}}"], "needs quotes"),
    (["repeat: {n: 1..2}", 'send: "Q"', "fields: {a_{n}: {}}"], "needs quotes"),
    (["send: #01", "fields: {a: {}}"], "must be a message, not empty; a text that begins with #"),
    (["send: !REMOTE", "fields: {a: {}}"], "put a text that begins with ! in quotes"),
    (["send: >1", "fields: {a: {}}"], "queries.q.send: a message must stand in quotes"),
    (["send: |", "  Q?", "fields: {a: {}}"], "queries.q.send: a message must stand in quotes"),
    # what no reply has room for
    (['send: "X"', "length: 4", 'fields: {a: {at: 3, struct: ">H"}}'],
     "queries.q.fields: a does not lie within the 4 bytes of the reply"),
    (['send: "X"', "length: 4", 'fields: {a: {at: -5, struct: ">B"}}'], "does not lie within"),
    (['send: "X"', "length: 4", 'fields: {a: {at: -1, struct: ">H"}}'], "does not lie within"),
    (['send: "X"', "length: 4", 'fields: {a: {at: 0, struct: ">H", bit: 16}}'],
     "queries.q.fields.a.bit: '>H' has 16 bits, counted from 0"),
    (['send: "X"', "length: 4", 'fields: {a: {at: 0, struct: ">f", bits: [0, 3]}}'],
     "queries.q.fields.a.bits: '>f' is no whole number"),
    (['send: "X"', "max_length: 9", "fields: {a: {}}"], "is only for queries with 'regex'"),
    (['send: "X"', "fields: {a: V}"], "must be a mapping (key: value), not the text 'V'"),
    (['send: "X"', 'fields: {a: {enum: {1.5: "x"}}}'], "must be a whole number from"),
    (['send: "X"', "period: off", "fields: {a: {}}"],
     "must be a number of seconds, or never, not 'off', which YAML reads as a yes/no value"),
    (['send: "X"', "fields: {a: {base: 36}}"], "must be 2, 8, 10 or 16, not the number 36"),
]


@pytest.mark.parametrize(("lines", "expected"), QUERIES)
def test_queries(lines, expected):
    assert expected in message(with_query(*lines))


PARAMETERS = [
    (['range: [0, 1]'], "parameters.p: the key 'send' is missing"),
    (["send: 'V{value}'", "match: 'OK {value:.1f}'"],
     "parameters.p.match: cannot contain the value that is set, {value}; 'expect' can"),
    (["send: 'V{value}'", "match: 'OK {value}'"], "cannot contain the value that is set"),
    (['send: "X"'], "dev.yaml:10: parameters.p.send: must contain {value}"),
    (['send: "X {vale}"'], "the placeholder {vale} has no value here (did you mean 'value'?)"),
    (['send: "X {value:d}"'], "cannot be filled with the value 0: Unknown format code 'd'"),
    (['send: {hex: "31 {value}"}'], "must be whole bytes: {value:02x} is one"),
    (['send: {hex: "31 {value:02x}"}', "type: int", "range: [0, 256]"],
     "cannot be filled with the value 256"),
    (['send: {hex: "31 {value:02x}"}', "type: int", "range: [-1, 1]"], "with the value -1"),
    (['send: "X {value}"', "range: [1]"], "parameters.p.range: must be [lowest, highest]"),
    (['send: "X {value}"', "range: [2, 1]"], "must begin with the lowest value: [1, 2]"),
    (['send: "X {value}"', "type: bool"], "must be one of float, int, str, not 'bool'"),
    (['send: "X {value}"', "choices: [on, off]"], "write \"on\" in quotes"),
    (['send: "X {value}"', "choices: {off: 0}"], "write \"off\" in quotes"),
    (['send: "X {value}"', "choices: []"], "is empty; expected at least one choice"),
    (['send: "X {value}"', "choices: [1]", "range: [0, 1]"], "used together with 'choices'"),
    (['send: "X {value}"', "read_back: v", "tolerance: -1"], "must be at least 0, not -1"),
    (['send: "X {value}"', "tolerance: 1"], "tolerance: is only for a value with 'read_back'"),
    (['send: "X {value}"', "verify: false"], "verify: is only for a value with 'read_back'"),
    (['send: "X {value}"', "read_back: volt"], "there is no field 'volt'"),
    (['send: "X {value}"', 'expect: "{valu}"'], "parameters.p.expect: the placeholder {valu}"),
    (['send: "X {value}"', "unt: V"], "parameters.p.unt: there is no such key (did you "
     "mean 'unit'?)"),
]


@pytest.mark.parametrize(("lines", "expected"), PARAMETERS)
def test_parameters(lines, expected):
    assert expected in message(with_parameter(*lines))


SECTIONS = [
    ("identify: {send: '*IDN?'}", "dev.yaml:8: identify: needs 'match' (or 'expect')"),
    ("identify: '*IDN?'", "identify: must be a mapping, such as {send: ...}"),
    ("greeting: true", "greeting: must be a regular expression, not 'true', which YAML reads as"),
    ("on_connect: 'X'", "on_connect: must be a list of messages"),
    ("on_connect: [5]", "on_connect[0]: a message must be text"),
    ("feeds: {}", "feeds: has no feed"),
    ("feeds: {Temp: {}}", "'Temp' cannot name a feed; OCS requires small letters"),
    ("feeds: {link: {}}", "'link' cannot name a feed; the agent already has one"),
    ("feeds: {a: {frame_length: 0}}", "feeds.a.frame_length: must be a number of seconds, more"),
    ("feeds: {a: {exclude_influx: 1}}", "must be true or false, not the number 1"),
    ("feeds: {a: {}, b: {}}", "queries.volts: the key 'feed' is missing; it must be one of a, b"),
    ("simulate: {volt: '1'}", "there is no query 'volt' (did you mean 'volts'?)"),
    ("simulate: {volts: 'x'}", "dev.yaml:8: simulate.volts: the description cannot read this "
     "answer: volts: v: b'x' is not a number; the reply was b'x'"),
    ("simulate: {volts: []}", "simulate.volts: is an empty list"),
    ("simulate: {volts: 1}", 'simulate.volts: an answer must be text, not the number 1; write "1"'),
]


@pytest.mark.parametrize(("line", "expected"), SECTIONS)
def test_sections(line, expected):
    assert expected in message(GOOD + line + "\n")


def test_the_same_field_in_two_queries():
    text = GOOD + '  more:\n    send: "W?"\n    fields: {v: {}}\n'
    assert "the field 'v' is already in the query 'volts'" in message(text)


def test_a_query_may_not_be_called_as_a_section_is():
    assert "cannot name a query" in message(GOOD.replace("volts:", "identify:"))


def test_answers_must_match_the_identity():
    text = GOOD + "identify: {send: '*IDN?', match: ACME}\nsimulate: {identify: 'LSCI'}\n"
    assert "dev.yaml:9: simulate.identify: identify: the answer to" in message(text)


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.delenv("OCS_CONFIG_DIR", raising=False)
    with pytest.raises(DescriptionError, match=r"^no/such.yaml: there is no such file$"):
        load("no/such.yaml")
    with pytest.raises(DescriptionError, match=r"did you mean 'lakeshore372'.*there are aerotech"):
        load("lakeshore327")
    (tmp_path / "a.yaml").write_bytes(b"device: \xff")
    with pytest.raises(DescriptionError, match=r"a\.yaml: is not UTF-8 \(byte 8\)"):
        load(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text(GOOD)
    monkeypatch.setenv("OCS_CONFIG_DIR", str(tmp_path))
    assert load("b.yaml").file == str(tmp_path / "b.yaml")
    with pytest.raises(DescriptionError, match="neither here nor in"):
        load("c.yaml")
