"""What may be set is checked before anything is sent."""

import pytest

from socs_tcp.description import ParseError, loads

TEXT = """\
device: x
framing: {terminator: "\\r\\n"}
queries:
  volt: {send: "V?", fields: {volt_set: {}}}
parameters:
  volt: {range: [0, 30], unit: V, send: "V {value:.2f}", read_back: volt_set}
  count: {type: int, send: "N {value}", expect: "N={value}"}
  output: {choices: {"off": 0, "on": 1}, send: "O {value}"}
  mode: {choices: [FAST, 2], send: "M {value}"}
  both: {send: [{send: "ARM", match: "OK"}, "GO {value}"]}
"""
PARAMETERS = loads(TEXT).parameters


def said(name, value, *answers):
    talk = PARAMETERS[name].script(value)
    sent, answer = [], None
    try:
        for given in (*answers, None):
            ask = talk.send(answer)
            sent.append((ask.data, ask.reads))
            answer = given
        talk.send(answer)
    except StopIteration:
        return sent
    raise AssertionError("it wants to go on")


@pytest.mark.parametrize(("name", "value", "data"), [
    ("volt", 1, b"V 1.00\r\n"), ("volt", 30, b"V 30.00\r\n"), ("output", "on", b"O 1\r\n"),
    ("mode", "FAST", b"M FAST\r\n"), ("mode", 2, b"M 2\r\n"),
])
def test_what_is_sent(name, value, data):
    assert said(name, value, b"") == [(data, False)]


@pytest.mark.parametrize(("name", "value", "problem"), [
    ("volt", 30.1, "volt: 30.1 is outside its range, 0 to 30 V"), ("volt", -1e-9, "outside"),
    ("volt", "5", "volt: must be a number, not '5'"), ("volt", True, "not True"),
    ("volt", float("nan"), "not nan"), ("volt", None, "not None"), ("volt", [1], "not [1]"),
    ("count", 1.5, "count: must be a whole number, not 1.5"),
    ("output", "onn", "output: 'onn' is not one of 'off', 'on' (did you mean 'on'?)"),
    ("output", 1, "output: 1 is not one of"), ("mode", True, "True is not one of"),
    ("mode", [2], "[2] is not one of"),
])
def test_what_may_not_be_set(name, value, problem):
    with pytest.raises(ValueError) as caught:
        PARAMETERS[name].script(value)
    assert problem in str(caught.value)


def test_an_answer_with_the_value_in_it():
    assert said("count", 3.0, b"N=3") == [(b"N 3\r\n", True)]
    with pytest.raises(ParseError, match=r"the answer to b'N 3.*must be b'N=3'; the reply was "
                       r"b'N=4'"):
        said("count", 3, b"N=4")


def test_a_wrong_answer_ends_the_conversation_before_the_next_message():
    assert said("both", 1, b"OK", b"") == [(b"ARM\r\n", True), (b"GO 1.0\r\n", False)]
    talk = PARAMETERS["both"].script(1)
    next(talk)
    with pytest.raises(ParseError, match="does not match 'OK'"):
        talk.send(b"BUSY")
    with pytest.raises(StopIteration):
        next(talk)


def test_names_are_looked_up():
    description = loads(TEXT)
    assert description.query_for("volt") is description.query_for("volt_set")
    with pytest.raises(ValueError, match=r"no query or field 'vlt' \(did you mean 'volt'"):
        description.query_for("vlt")
    with pytest.raises(ValueError, match=r"no parameter 'outptu' \(did you mean 'output'"):
        description.parameter_for("outptu")
