"""No file, no reply and no value costs much, says much, or sends anything else than it may."""

import re
import time
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socs_tcp.description import DescriptionError, ParseError, load, loads, shipped
from socs_tcp.description.fields import Field, Packed, Whole
from socs_tcp.description.loader import MAX_ENTRIES
from socs_tcp.description.reading import connection_options
from socs_tcp.description.reply import Item
from socs_tcp.description.simulated import scripted_device

GOOD = """\
device: thing
port: 5025
framing: {terminator: "\\r\\n"}
queries:
  volts:
    send: "V?"
    fields:
      v: {unit: V}
"""


def problem(text):
    """The one error; found soon, told in one line, with nothing that a terminal obeys."""
    begun = time.process_time()
    with pytest.raises(DescriptionError) as caught:
        loads(text, "dev.yaml")
    assert time.process_time() - begun < 1
    message = str(caught.value)
    assert message.startswith("dev.yaml") and message.isprintable() and len(message) < 1500
    return message


# files

BOMB = "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]", *(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])


@pytest.mark.parametrize(("text", "expected"), [
    (GOOD.replace("v: {", "v: {'': 1, "), "dev.yaml:8: queries.volts.fields.v.: a key is empty"),
    (GOOD.replace("{unit: V}", "{'': }"), "a key is empty"),
    (GOOD + "raw_commands: !!bool maybe\n", "dev.yaml:9: a tag such as 'tag:yaml.org,2002:bool'"),
    (GOOD.replace("5025", "!!int ''"), "dev.yaml:2: a tag such as"),
    (GOOD.replace("thing", "!!python/object:os.system x"), "dev.yaml:1: a tag such as"),
    (GOOD.replace("thing", '"\\UFFFFFFFF"'), "dev.yaml:1: there is no character \\UFFFFFFFF"),
    (GOOD.replace("5025", '"\\U00110000"'), "dev.yaml:2: there is no character \\U00110000"),
    ("%YAML 1." + "9" * 5000 + "\n---\nx: 1", "dev.yaml:1: this is not YAML: "),
    (GOOD + "x: " + "[" * 5000, "dev.yaml:9: there are more than 20 levels"),
    (GOOD + "x: " + "{a: " * 5000, "more than 20 levels"),
    (GOOD + "\n".join(" " * n + "- " for n in range(5000)), "dev.yaml:"),
    (GOOD + "x: " + "- " * 5000, "dev.yaml:9"),
    (BOMB, "more than 50000 values, including those of aliases"),
    (BOMB + "\n? *a11\n: x\n", "more than 50000 values"),
    ("a: &a [*a]", "dev.yaml:1: the alias *a is part of what it stands for"),
    ("a: *b", "dev.yaml:1: this is not YAML: found undefined alias"),
    (GOOD + "? [a, b]\n: c\n", "a key must be a text or a number, not a list"),
    (GOOD + "? {a: b}\n: c\n", "a key must be a text or a number, not a mapping"),
    ("x: y\n" * 100_000, "has 500000 characters; a description has at most 131072"),
    ("[" + "x," * 20_000, "dev.yaml:1: this is more than 10000 values"),
    ("x: y\n" * 20_000, "dev.yaml:5000: this is more than 10000 values"),
    (GOOD + "k" * 100_000 + ": 1\n", "this is not YAML: "),
    (GOOD + "k" * 1000 + ": 1\n", "kkk...: there is no such key"),
    (GOOD.replace("thing", "9" * 100_000), "..."),
    (GOOD.replace('"V?"', "9" * 100_000), "..."),
    (GOOD + "%s: 1\n" % ("\\x1b[2J" * 9), "there is no such key"),
    (GOOD + '"\\e[2J\\n": 1\n', "\\x1b[2J\\n: there is no such key"),
    (GOOD + "feeds: {" + ", ".join(f"f{n}: {{}}" for n in range(3000)) + "}\n", "feed"),
    (GOOD.replace("  volts:", "  volts_{a}:\n    repeat: {a: [" + "1, " * 2000 + "]}"),
     "queries.volts_{a}.repeat.a: makes more than 1000 entries"),
    (GOOD + "---\na: b\n", "this is not YAML: "),
    (GOOD.replace("thing", '"\\e[2J"'), "must consist of printable characters"),
    (GOOD.replace("thing", "x" * 201), "device: what the device is has 201 characters"),
    (GOOD.replace("unit: V", 'unit: "\\u202e"'), r"a unit must consist of printable characters"),
    (GOOD.replace("unit: V", 'enum: {1: "\\x9b"}'), r"the name must consist of printable"),
    (GOOD + 'error: {match: "E(.)", says: {1: "\\a"}}\n', "what it means must consist of"),
    (GOOD + 'parameters: {p: {send: "P{value}", choices: {"\\e[m": 1}}}\n', "must consist of"),
    (GOOD + 'parameters: {p: {send: "P{value}", unit: "\\0"}}\n', "a unit must consist of"),
])
def test_files(text, expected):
    assert expected in problem(text)


@pytest.mark.parametrize(("name", "number", "good"), [
    ("f", 3900, True), ("f", 4200, False), ("f" * 200, 900, True), ("f" * 200, 1100, False)])
def test_a_router_carries_all_that_there_is_to_tell(name, number, good):
    text = GOOD + (f"  more_{{a}}:\n    repeat: {{a: 1..{number // 10}}}\n    send: Q\n"
                   f"    split: ','\n    fields:\n      '{name}{{a}}_{{b}}': "
                   "{repeat: {b: 0..9}, index: '{b}', type: str}\n")
    if good:
        loads(text)
    else:
        assert "has too many fields, or too long names" in problem(text)


def test_too_many_of_a_kind():
    def query(n):
        return (f"  q{n}_{{a}}:\n    repeat: {{a: 0..999}}\n"
                f'    send: "Q"\n    fields: {{"f{n}_{{a}}": {{}}}}\n')
    text = GOOD + "".join(query(n) for n in range(12))
    assert f"there are more than {MAX_ENTRIES}" in problem(text)


@pytest.mark.parametrize(("number", "expected"), [
    ("05025", "05025 is a number that YAML reads in base 8; write 5025"),
    ("12:30", "12:30 is a number that YAML reads in sixties, as hours and minutes"),
    ("1:30.5", "in sixties"), ("1_000", "write 1000"), ("0b101", "in a way of its own"),
    ("-010", "write -10"), ("1" * 50, "has more than 40 digits"), ("0_7", "in base 8"),
    ("1_0.5", "write 10.5"), ("190:20:30", "in sixties"),
])
def test_numbers_that_yaml_reads_in_ways_nobody_means(number, expected):
    assert expected in problem(GOOD.replace("5025", number))
    assert "dev.yaml:2: port: " in problem(GOOD.replace("5025", number))


@pytest.mark.parametrize(("number", "value"), [("1", 1.0), ("0.5", 0.5), ("1e-3", 0.001),
                                               ("1.5e+3", 1500.0), (".5", 0.5), ("0x10", 16.0),
                                               ("5.", 5.0), ("1E3", 1000.0)])
def test_numbers_as_people_write_them(number, value):
    assert loads(GOOD + f"timeout: {number}\n").timeout == value


def test_what_is_no_escape_is_text():
    for text in (r"'\UFFFFFFFF'", r'"\\UFFFFFFFF"', r"\UFFFFFFFF  # \UFFFFFFFF"):
        assert loads(GOOD.replace("thing", text)).device == r"\UFFFFFFFF"


@pytest.mark.parametrize("number", ["1e-400", "1e-999999", "1e-1000000", "1e-9999999999999",
                                    "1e-99999999999999999999999999", "4.9e-324", "-1e-301"])
@pytest.mark.parametrize("where", [
    GOOD.replace("unit: V", "scale: %s"), GOOD.replace("unit: V", "offset: %s"),
    GOOD.replace("unit: V", "missing: %s"), GOOD.replace("5025", "%s"),
    GOOD + 'parameters: {p: {send: "P{value:d}", scale: %s}}\n',
    GOOD + 'parameters: {p: {send: "P{value}", offset: %s, range: [0, 1]}}\n',
    GOOD + 'parameters: {p: {send: "P{value}", range: [0, %s]}}\n'])
def test_numbers_too_near_to_0(number, where):
    assert f"{number} is a number too near to 0; write 0, or 1e-300 at least" in problem(
        where % number)


def test_a_0_has_any_exponent():
    text = GOOD.replace("unit: V", "offset: 0e999999999999999999999, missing: 0e-99999999999999")
    assert loads(text).queries["volts"].parse(b"5")[0] == {"v": 5.0}


@pytest.mark.parametrize(("name", "text"), [
    ("x" * 300 + ".yaml", "cannot be read: File name too long"),
    ("a\0b.yaml", "there is no such file")])
def test_names_of_files_that_cannot_be(name, text):
    with pytest.raises(DescriptionError, match=text):
        load(name)


def test_a_file_in_a_folder_that_is_closed(monkeypatch):
    def closed(_path):
        raise PermissionError(13, "Permission denied")
    monkeypatch.setattr("pathlib.Path.is_file", closed)
    with pytest.raises(DescriptionError, match=r"^x/y\.yaml: cannot be read: Permission denied"):
        load("x/y.yaml")


@pytest.mark.parametrize("number", ["1e999", ".inf", ".nan", "-.inf", "1e7", "0.0"])
def test_numbers_that_are_no_seconds(number):
    assert "timeout: must be a number of seconds" in problem(GOOD + f"timeout: {number}\n")


# patterns

def with_regex(pattern, more=""):
    return (GOOD + f"  more:\n    send: 'W?'\n    regex: '{pattern}'\n    {more}\n"
            "    fields: {a: {type: str}}\n")


@pytest.mark.parametrize(("pattern", "expected"), [
    ("(?P<a>(x+)+)y", "can take unlimited time"),
    ("(?P<a>x)a{99999999999}", "is not a regular expression"),
    ("(?P<a>" + "(" * 3000 + ")" * 3001, "has more than 1000 characters"),
    ("(?P<a>" + "(" * 480 + "x" + ")" * 481, "too deep"),
    ("(?P<a>.*)(?P=a)", "refers back to a group"),
    ("(?P<a>x){500}{500}", "multiple repeat"),
    ("(?P<a>((x{50}){50}){50})", "has more than 400 characters"),
    ("(?P<a>ε)", "is not a single byte"),
])
def test_patterns_without_bound(pattern, expected):
    assert expected in problem(with_regex(pattern))
    framing = GOOD.replace('{terminator: "\\r\\n"}', f"{{prompt: '{pattern}'}}")
    assert "framing.prompt" in problem(framing)
    assert "identify.match" in problem(GOOD + f"identify: {{send: X, match: '{pattern}'}}\n")


def test_a_pattern_is_applied_to_replies_up_to_a_length():
    query = loads(with_regex("(?P<a>.*)x.*y.*z")).queries["more"]
    values, errors = query.parse(b"x" * 5000)
    assert not values
    assert "it has 5000 bytes, and its pattern is applied to" in str(errors["a"])
    assert len(str(errors["a"])) < 500
    more = loads(with_regex("(?P<a>[^;]*);", "max_length: 5000")).queries["more"]
    assert more.parse(b"x" * 4000 + b";")[0] == {"a": "x" * 4000}
    assert "5000 at most" in str(more.parse(b"x" * 5000 + b";")[1]["a"])


@pytest.mark.parametrize("pattern", [".*x.*y.*(?P<a>z)", ".*x(?P<a>.*)y", "a*a*a*a*a*(?P<a>c)",
                                     "(?P<a>[^;]*);"])
def test_a_length_that_a_pattern_cannot_afford_is_refused(pattern):
    text = with_regex(pattern, "max_length: 65536")
    most = int(re.search(r"takes too long with replies of 65536 bytes, as 'max_length' has it; "
                         r"(\d+) at most", problem(text))[1])
    query = loads(text.replace("65536", str(most))).queries["more"]
    begun = time.thread_time()
    query.parse((b"a" * most)[:most])
    query.parse((b"xy" * most)[:most])
    assert time.thread_time() - begun < 20      # (0.4 s; without the limit for hours)


def test_the_patterns_of_a_file_have_a_bound_together():
    text = (GOOD + "  more_{a}:\n    repeat: {a: 1..1000}\n    send: 'W?'\n"
            f"    regex: '(?P<x>{{a}}){'[a-z]+' * 150}'\n"
            "    fields: {'f_{a}': {type: str, group: x}}\n")
    begun = time.thread_time()
    with pytest.raises(DescriptionError, match=r"regex: this file has too many patterns"):
        loads(text)
    assert time.thread_time() - begun < 10      # (1 s; without the bound 30)
    loads(text.replace("[a-z]+" * 150, "[a-z]+"))


@pytest.mark.parametrize("kind", ["str", "float"])
def test_texts_that_stand_for_others_do_not_multiply(kind):
    more = ", ".join(f'{one}: "{other * 20}"' for one, other in pairwise("abcdefghijklmno"))
    query = loads(GOOD + f"  more: {{send: 'W?', fields: {{a: {{type: {kind}, "
                         f"replace: {{{more}}}}}}}}}\n").queries["more"]
    values, errors = query.parse(b"a" * 100)
    assert not values
    assert len(str(errors["a"])) < 500
    assert query.parse(b"o" * 5000)[0] == ({"a": "o" * 5000} if kind == "str" else {})


NASTY = [b"9", b"a", b",", b" ", b"+", b"1.", b"e", b"0,", b'"', b"\xff", b"\0", b"9,\"", b"\n"]


@pytest.mark.parametrize("name", shipped())
def test_no_reply_takes_long_to_read(name):
    for query in load(name).queries.values():
        for piece in NASTY:
            for count in (1000, 65536):
                reply = piece * (count // len(piece))
                begun = time.process_time()
                _, errors = query.parse(reply)
                for step in query.steps:
                    with_errors(step, reply)
                assert time.process_time() - begun < 0.5
                for error in errors.values():
                    assert len(str(error)) < 600 and str(error).isprintable()


@pytest.mark.parametrize("name", shipped())
def test_nothing_else_that_a_reply_is_held_against_takes_long(name):
    description = load(name)
    steps = [*description.on_connect, *(description.identify.steps if description.identify else ()),
             *(step for p in (*description.parameters.values(), *description.actions.values())
               for step in p.steps)]
    for piece in NASTY:
        reply = piece * (65536 // len(piece))
        begun = time.process_time()
        for step in steps:
            step.accepts(reply, Zeros())
        for message in description.messages.values():
            message.take(reply)
            message.query.parse(reply)
        if description.greeting is not None:
            connection_options(description)["greeting"](reply)
        assert time.process_time() - begun < 0.5


def test_a_greeting_of_any_length_is_looked_at_in_bounded_time():
    description = loads(GOOD + "greeting: '\\w*\\w*x\\.'\n")
    greets = connection_options(description)["greeting"]
    assert greets(b"boxx. 1") and not greets(b"boxx")
    begun = time.process_time()
    assert not greets(b"a" * 65536)
    assert time.process_time() - begun < 0.2


class Zeros(dict):
    """A value for each place."""

    def __missing__(self, _key):
        return 0


def with_errors(step, reply):
    try:
        step.check(reply, {}, "q")
    except ParseError as exc:
        assert len(str(exc)) < 900


@given(st.sampled_from(shipped()), st.lists(st.sampled_from(NASTY), max_size=300))
def test_no_reply_of_pieces_takes_long_to_read(name, pieces):
    reply = b"".join(pieces)
    begun = time.process_time()
    for query in load_once(name).queries.values():
        query.parse(reply)
    assert time.process_time() - begun < 0.5


def load_once(name, known={}):      # noqa: B006 (a cache)
    if name not in known:
        known[name] = load(name)
    return known[name]


class Splits(bytes):
    """A reply that counts how often it is split."""

    count = 0

    def split(self, *args, **kwargs):
        Splits.count += 1
        return super().split(*args, **kwargs)


def test_a_reply_is_split_once_however_many_fields_it_has():
    fields = ", ".join(f"f{n}: {{index: {n}}}" for n in range(1000))
    text = (f'device: x\nframing: {{terminator: "\\n"}}\nqueries:\n'
            f'  q: {{send: "Q", split: ",", fields: {{{fields}}}}}\n')
    Splits.count = 0
    values, _ = loads(text).queries["q"].parse(Splits(b",".join([b"1"] * 1000)))
    assert len(values) == 1000 and Splits.count == 1


# numbers

def test_the_bits_of_64():
    assert Field("b", Packed(0, ">Q"), "int", bits=(63, 63)).parse(b"\x80" + bytes(7)) == 1
    assert Field("b", Packed(0, ">Q"), "int", bits=(0, 0)).parse(b"\xff" * 8) == 1
    assert Field("b", Packed(0, ">Q"), "int", bits=(60, 63)).parse(b"\xa0" + bytes(7)) == 10


@given(st.integers(10 - 2 ** 63, 2 ** 63 - 1))
def test_a_scale_keeps_every_digit(number):
    data = str(number).encode()
    assert Field("n", Whole(), "int", scale=Decimal(1), offset=Decimal(0)).parse(data) == number
    small = number // 10
    assert Field("n", Whole(), "int", scale=Decimal(10)).parse(str(small).encode()) == small * 10
    assert Field("n", Whole(), scale=Decimal("0.001")).parse(data) == float(f"{number}e-3")


@pytest.mark.parametrize("data", [b"9" * 400, b"1e999", b"-1e999", b"1e-999999999", b"9" * 60000,
                                  b"1e" + b"9" * 60, b"0e" + b"9" * 30, b"1e-" + b"9" * 30,
                                  b"-0.0e-" + b"9" * 90, b"1e-400"])
@pytest.mark.parametrize("field", [Field("n", Whole(), scale=Decimal("1e200")),
                                   Field("n", Item(b",", 0), "int", scale=Decimal(10)),
                                   Field("n", Whole())])
def test_numbers_beyond_all_bounds(field, data):
    try:
        value = field.parse(data)
    except ValueError as exc:
        assert len(str(exc)) < 400
    else:
        assert value == 0 or data == b"1e-400"


# what is sent

SETTING = """\
device: x
framing: {terminator: "\\r\\n"}
queries: {q: {send: "Q", fields: {a: {}}}}
parameters:
  p: {send: %s, type: %s}
"""


def sent(send, value, type="int"):
    return next(loads(SETTING % (send, type)).parameters["p"].script(value)).data


HUGE = [10 ** 400, -10 ** 400, 0x1000000000310201, 4096, 256, -1, 2 ** 64]


@pytest.mark.parametrize("value", HUGE)
@pytest.mark.parametrize("send", ['{hex: "31 01 {value:02x} 00000000"}', '"\\x02{value:02x}"',
                                  '{hex: "{value:>B}"}', '"A{value:01d}"'])
def test_a_width_is_held_or_the_value_refused(send, value):
    with pytest.raises(ValueError, match="p: "):
        sent(send, value)


def test_what_fits_goes_out():
    assert sent('{hex: "31 01 {value:02x} 00"}', 255) == b"\x31\x01\xff\x00"
    assert sent('"A{value:02d}"', 7) == b"A07\r\n"
    assert sent('{hex: "01 {value:<i}"}', -2) == b"\x01\xfe\xff\xff\xff"
    assert sent('{hex: "01 {value:>f}"}', 1.0, "float") == b"\x01\x3f\x80\x00\x00"


@pytest.mark.parametrize("form", [":c", ":n", ":%", ":99999999999d", ":.99999999999f", ":999d",
                                  ":\n>5d", "!r", ":,d", ":_d"])
def test_formats_that_are_not_known(form):
    assert "p.send" in problem(SETTING % (f'"A{{value{form}}}"'.replace("\n", "\\n"), "int"))


def test_a_value_holds_no_terminator():
    text = SETTING.replace('"\\r\\n"', '"\\n"') % ('"A{value:<i}"', "int")
    parameter = loads(text).parameters["p"]
    assert next(parameter.script(5)).data == b"A\x05\0\0\0\n"
    with pytest.raises(ValueError, match=r"the terminator b'\\n' would be in the middle"):
        parameter.script(10)
    with pytest.raises(ValueError, match="the terminator"):
        parameter.script(0x0a0b0c0d)


@pytest.mark.parametrize(("end", "send", "kind", "value"), [
    ("##", "A{value}", "str", "#"), ("aa", "A{value:02x}", "int", 10),
    ("##", "A{value}###", "str", "#"), ("##", "A{value:>h}", "int", 0x4123),
    ("##", "{value}", "str", "#")])
def test_a_value_makes_no_terminator_together_with_what_follows(end, send, kind, value):
    text = SETTING.replace('"\\r\\n"', f'"{end}"') % (f'"{send}"', kind)
    parameter = loads(text).parameters["p"]
    with pytest.raises(ValueError, match="would be in the middle"):
        parameter.script(value)
    next(parameter.script("x" if kind == "str" else 11))


@pytest.mark.parametrize(("framing", "value"), [
    ('start: "$", terminator: "\\n"', 10), ('start: "$", terminator: "AB"', 0x4241)])
def test_a_value_makes_no_terminator_in_what_is_wrapped(framing, value):
    text = SETTING.replace('terminator: "\\r\\n"', framing) % ('"M{value:<i}"', "int")
    parameter = loads(text).parameters["p"]
    with pytest.raises(ValueError, match="would be in the middle"):
        parameter.script(value)
    next(parameter.script(5))


@pytest.mark.parametrize(("more", "codes", "expected"), [
    ("", '"\\x7e": "\\x5e", "\\x7d": "\\x7e"', "has a code that makes b'~' of a byte"),
    ('send_terminator: "\\n", ', '"\\x7e": "\\x5e", "\\x7d": "\\x5d"', r"must contain b'\n'"),
    ('send_terminator: "\\n", ', '"\\n": "\\x5e", "\\x7d": "\\n", "~": "a"',
     r"a code that makes b'\n'")])
def test_stuffing_leaves_no_terminator(more, codes, expected):
    framing = f'{{terminator: "~", {more}stuffing: {{escape: "\\x7d", codes: {{{codes}}}}}}}'
    assert expected in problem(GOOD.replace('{terminator: "\\r\\n"}', framing))


@pytest.mark.parametrize(("alphabet", "expected"), [
    ("'\ud800'", "the character"), ('"\\ud800"', "must be characters"), ("'a--b'", "Possible set"),
    ('"\\e"', "must be characters"), ("'z-a'", "bad character range"), ("'a&&b'", "Possible set")])
def test_what_is_no_alphabet(alphabet, expected):
    assert expected in problem(SETTING % ('"A{value}"', f"str, alphabet: {alphabet}"))


def test_an_alphabet_of_any_letters_can_be_simulated():
    text = (SETTING % ('"A{value}"', "str, read_back: a, alphabet: 'µΩ'")).replace(
        "device: x", "device: x\nencoding: utf-8").replace("a: {}", "a: {type: str}")
    device = scripted_device(loads(text))
    device.handle("AΩµ".encode())
    assert device.handle(b"Q") == ["Ωµ\r\n".encode()]
    device.handle("AΩx".encode())
    assert device.handle(b"Q") == ["Ωµ\r\n".encode()]


def test_a_width_is_one_of_bytes():
    text = (SETTING % ('"A{value:5}"', "str")).replace("device: x", "device: x\nencoding: utf-8")
    parameter = loads(text).parameters["p"]
    assert next(parameter.script("abc")).data == b"Aabc  \r\n"
    with pytest.raises(ValueError, match="which has 5 characters, and utf-8 needs 7 bytes"):
        parameter.script("\xb5V\xb5")


def test_a_text_is_not_cut_off_without_a_word():
    assert sent('"A{value:.3s}"', "abc", "str") == b"Aabc\r\n"
    with pytest.raises(ValueError, match=r"'abcd' is longer than \{value:.3s\} can be"):
        sent('"A{value:.3s}"', "abcd", "str")


def test_a_scale_makes_no_number_that_cannot_be_sent():
    text = SETTING % ('"A{value}"', "float, scale: 1.0e-290")
    parameter = loads(text).parameters["p"]
    assert next(parameter.script(1.0)).data == b"A1e+290\r\n"
    with pytest.raises(ValueError, match=r"p: 1e\+200 is too large to be sent"):
        parameter.script(1e200)


@given(st.sampled_from(['"A{value}"', '"{value:e}B"', '"{value:8.3f}"', '{hex: "01{value:08x}"}',
                        '"{value:>h}x"', '"{value:>12}"', '"{value:*^20}"']),
       st.sampled_from(["int", "float"]),
       st.one_of(st.integers(), st.floats(), st.text(max_size=5), st.booleans()))
def test_no_value_whatever_adds_a_message(send, kind, value):
    try:
        data = sent(send, value, kind)
    except (ValueError, DescriptionError):
        return
    assert data.count(b"\r\n") == ("hex" not in send)
    assert len(data) == 5 or "hex" not in send
    if "h}" in send:
        assert len(data) == 5
    elif "hex" not in send:
        assert data[:-2].isascii() and data[:-2].decode().isprintable()


DEEP = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize("value", [10 ** 400, -10 ** 400, 1e308, float("inf"), float("nan"),
                                   "9" * 10 ** 6, [1] * 10 ** 5, {"a": 1}, b"x",
                                   [10 ** 5000], {10 ** 5000: 1}, DEEP])
@pytest.mark.parametrize("name", ["volt", "output", "nothing_of_the_kind"])
def test_values_beyond_all_bounds(name, value):
    with pytest.raises(ValueError) as caught:
        load("kikusui_pmx").parameter_for(name).script(value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("form", ["01x", "03x", "0x", "2x", "00x"])
def test_among_hexadecimal_digits_a_place_is_whole_bytes(form):
    text = GOOD + f'parameters: {{p: {{send: {{hex: "31 {{value:{form}}}"}}, type: int}}}}\n'
    assert "must be whole bytes" in problem(text)
