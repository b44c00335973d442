"""What the commands say to somebody for whom nothing works yet."""

from __future__ import annotations

import subprocess
import sys

import pytest
from test_cli import Served, run

from socs_tcp import LineFramer
from socs_tcp.cli import serve
from socs_tcp.cli.simulate import LINES, Told
from socs_tcp.testing import DeviceServer

HINT = "commands ended with CR LF; the device may want another end (--send-terminator)"
REGEX = """device: x
framing: {terminator: "\\n"}
queries:
  out1:
    send: "OUT1?"
    regex: '(?P<a>.)'
    fields: {a: {}}
parameters:
  p: {send: "P {value}", range: [0, 1]}
"""


@pytest.fixture
def port():
    with DeviceServer({"A": "1"}, framer=LineFramer("\n")) as server:
        yield server.port


# another terminator

def test_query_without_a_reply_tells_what_ended_the_command(port):
    done = run(f"query 127.0.0.1:{port} 'volt?' --timeout 0.2")
    assert (done.returncode, done.stderr.splitlines()[1:]) == (4, [f"socs-tcp: {HINT}"])


@pytest.mark.parametrize("options", [
    r"--terminator '\n'", r"--send-terminator '\n'", "--raw", "--length 3"])
def test_query_gives_no_advice_to_those_who_said_what_to_send(port, options):
    done = run(f"query 127.0.0.1:{port} 'volt?' --timeout 0.2 {options}")
    assert done.returncode == 4
    assert "no reply within" in done.stderr
    assert "CR LF" not in done.stderr


def test_console_tells_it_once(port):
    done = run(f"console 127.0.0.1:{port} --timeout 0.2", input="volt?\ncurr?\n")
    assert done.stderr.count("no reply within") == 2
    assert done.stderr.splitlines().count(HINT) == 1


# simulate

def test_simulate_tells_of_what_it_does_not_answer():
    with Served("simulate kikusui_pmx --port 0") as served:
        address = f"127.0.0.1:{served.port}"
        for command in ("MEAS:VOLT?", "MEAS:VOLT?", r"\x1b[2J"):
            run(rf"query {address} '{command}' --send-terminator '\n' --timeout 0.2")
        run(rf"query {address} 'volt?' --send-terminator ';' --timeout 0.2")
        assert served.process.stdout.readline() == "not described, not answered: MEAS:VOLT?\n"
        assert served.process.stdout.readline() == "not described, not answered: \\x1b[2J\n"
        assert served.process.stdout.readline() == "unfinished, not answered: b'volt?;'\n"
        assert served.stop() == (0, "")


def test_simulate_does_not_go_on_about_it_for_ever(capsys):
    told = Told()
    for number in range(1000):
        told.unknown(b"%d" % number + b"x" * 1000)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == LINES
    assert max(map(len, lines)) < 100


def test_simulated_supply_says_who_it_is():
    with Served("simulate kikusui_pmx --port 0") as served:
        done = run(rf"query 127.0.0.1:{served.port} '*IDN?' --send-terminator '\n'")
    assert done.stdout.startswith("KIKUSUI,PMX35-3A,")


@pytest.mark.parametrize("typed, told", [
    ("late", "late needs: seconds; for example: late 2"),
    ("unplug 1", "unplug needs nothing more"),
    ("black_hole 1 2", "black_hole can have: seconds; for example: black_hole 2"),
    ("reboot A B C", "reboot can have: identity; for example: reboot ACME"),
    ("glue 1", "glue: it takes 2 replies to glue them together, not 1; "
               "glue can have: count; for example: glue 2"),
])
def test_wrong_arguments_of_a_fault(typed, told):
    with DeviceServer({}) as server:
        name, *words = typed.split()
        assert serve._do(server, name, words) == told


@pytest.mark.parametrize("name", serve.FAULTS)
def test_the_example_of_each_fault_works(name):
    with DeviceServer({}) as server:
        told = serve._needs(name, serve.commands(server)[name])
        words = told.partition("for example: ")[2].split()[1:]
        assert serve._do(server, name, words) == f"{name}: done"


# check, replay

def test_check_says_that_it_cannot_be_simulated(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(REGEX)
    done = run(f"check {file}")
    assert done.returncode == 0
    assert "1 query with 1 field, 1 parameter; cannot be simulated: simulate.out1: the answer " \
        "is missing" in done.stdout
    file.write_text(REGEX + 'simulate: {out1: "5"}\n')
    assert run(f"check {file}").stdout.endswith(" 1 parameter\n")


def test_replay_of_a_file_that_is_not_there(tmp_path):
    done = run(f"replay {tmp_path}/nofile.txt")
    assert done.returncode == 2
    assert done.stderr == f"socs-tcp: {tmp_path}/nofile.txt: there is no such file\n"


def test_replay_says_when_the_difference_is_shown():
    assert "a diff at\nthe end" in run("replay --help").stdout


# Ctrl-C

INTERRUPTED = """
import runpy, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "socs_tcp.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Finder())
runpy.run_module("socs_tcp", run_name="__main__")
"""


def test_ctrl_c_while_it_starts():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], check=False, capture_output=True,
                          timeout=30)
    assert (done.returncode, done.stderr) == (130, b"")
