"""``check``: a description, and whether the device agrees."""

from __future__ import annotations

from cli_run import Served, Terminal, run

from socs_tcp import LineFramer
from socs_tcp.description import loads
from socs_tcp.description.asking import read_all
from socs_tcp.testing import DeviceServer, ScriptedDevice

REGEX = """device: x
framing: {terminator: "\\n"}
queries:
  out1:
    send: "OUT1?"
    regex: '(?P<a>(?=5).)'
    fields: {a: {}}
parameters:
  p: {send: "P {value}", range: [0, 1]}
"""


def test_it_says_what_is_in_a_description_and_asks_the_device():
    with Served("simulate kikusui_pmx --port 0") as served:
        done = run(f"check kikusui_pmx 127.0.0.1:{served.port}")
    assert done.returncode == 0
    assert "11 queries with 12 fields" in done.stdout
    assert "measured: volt = 2.0 V" in done.stdout


def test_it_says_that_it_cannot_be_simulated(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(REGEX)
    done = run(f"check {file}")
    assert done.returncode == 0
    assert "1 query with 1 field, 1 parameter; cannot be simulated: simulate.out1: the answer " \
        "is missing" in done.stdout
    file.write_text(REGEX + 'simulate: {out1: "5"}\n')
    assert run(f"check {file}").stdout.endswith(" 1 parameter\n")


def test_actions_and_messages_are_counted():
    assert run("check and_balance").stdout.endswith(
        "0 queries with 0 fields, 0 parameters, 4 actions, 1 message\n")


def test_what_the_device_said_is_shown(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(REGEX.replace("(?=5)", "") + 'simulate: {out1: "5"}\n')
    with DeviceServer(ScriptedDevice({"OUT1?": "garbage"}, framer=LineFramer("\n"))) as server:
        done = run(f"check {file} 127.0.0.1:{server.port}")
    assert "out1: a = b'g' is not a number; the reply was b'garbage'" in done.stdout


def test_one_that_is_not_answered_does_not_hide_the_others(tmp_path):
    path = tmp_path / "d.yaml"
    path.write_text('device: x\ntimeout: 0.3\nframing: {terminator: "\\n"}\nqueries:\n' + "".join(
        f'  {name}: {{send: "{name}?", fields: {{{name}: {{}}}}}}\n' for name in "abcdefg"))
    with DeviceServer({"b?": "2", "g?": "7"}, framer=LineFramer("\n")) as server:
        done = run(f"check {path} 127.0.0.1:{server.port}")
        assert done.returncode == 4
        lines = done.stdout.splitlines()[1:]
        assert lines[1] == "b: b = 2.0" and lines[6] == "g: g = 7.0"
        assert all(line.endswith("no reply within 0.3 s") for line in lines if "= " not in line)
    with DeviceServer({}, framer=LineFramer("\n")) as server:
        done = run(f"check {path} 127.0.0.1:{server.port}")
        assert done.returncode == 4 and "socs-tcp: 127.0.0.1" in done.stderr
        assert len(server.received) == 3        # enough is enough


def test_on_a_terminal():
    with Terminal("check kikusui_pmx", columns=200) as shown:
        assert shown.end() == 0
    assert "good: Kikusui PMX" in shown.lines[0]


def test_a_device_that_does_not_identify_itself(tmp_path):
    path = tmp_path / "d.yaml"
    path.write_text('device: x\ntimeout: 0.3\nframing: {terminator: "\\n"}\n'
                    'identify: {send: "*IDN?", match: "A"}\n'
                    'queries: {a: {send: "a?", fields: {a: {}}}}\n')
    with DeviceServer({"a?": "2"}, framer=LineFramer("\n")) as server:
        done = run(f"check {path} 127.0.0.1:{server.port}")
    assert done.returncode == 4
    assert "no reply within 0.3 s" in done.stderr
    assert r"the device was asked to identify itself: b'*IDN?\n'" in done.stderr


def test_a_file_whose_ending_was_left_out(tmp_path):
    (tmp_path / "mine.yaml").write_text(REGEX)
    done = run("check mine", cwd=tmp_path)
    assert done.returncode == 2 and "(did you mean 'mine.yaml'?)" in done.stderr


def test_it_waits_for_the_messages_of_a_device():
    with Served("simulate and_balance --port 0") as served:
        done = run(f"check and_balance 127.0.0.1:{served.port}")
    assert done.returncode == 0, done.stderr
    assert "weight: mass = " in done.stdout and "no such message" not in done.stdout


def test_the_first_message_of_each_kind_and_no_wait_for_ever():
    description = loads(REGEX.partition("queries:")[0] + "queries: {}\nmessages:\n"
                        "  a: {match: A, fields: {a: {type: str}}}\n"
                        "  b: {match: B, fields: {b: {type: str}}}\n")

    def names(seconds, *lines):
        with DeviceServer(ScriptedDevice({}, framer=LineFramer("\n"), unsolicited=lines or None,
                                         period=0.01 if lines else 0.0)) as server:
            return [reading.query.name for reading in read_all(
                description, server.host, server.port, listen=seconds)]
    assert names(30, "A1", "C", "A2", "B") == ["a", "b"]
    assert names(0.05) == []
