"""The commands, as a person or a script calls them: real processes, a simulated device."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time

import pytest

from socs_tcp import LineFramer
from socs_tcp.cli import common, main
from socs_tcp.cli.common import plot
from socs_tcp.cli.watch import number_in
from socs_tcp.testing import DeviceServer, ScriptedDevice

BOUND = 30      # seconds; a process takes most of one to start on a busy machine
COMMANDS = ["query", "console", "watch", "simulate", "proxy", "replay", "check", "demo"]


@pytest.fixture
def device():
    answers = {"*IDN?": "LSCI,MODEL372", "meas:volt?": ["1.0", "2.0", "3.0"],
               "evil?": b"\x1b[2Jgone\x07"}
    with DeviceServer(ScriptedDevice(answers, framer=LineFramer())) as server:
        yield server


def command_line(text):
    return [sys.executable, "-m", "socs_tcp", *shlex.split(text)]


def run(text, **kwargs):
    return subprocess.run(command_line(text), check=False, capture_output=True, text=True,
                          timeout=BOUND, **kwargs)


class Served:
    """A command that listens, with what it prints and what is typed to it."""

    def __init__(self, text):
        self.process = subprocess.Popen(command_line(text), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, bufsize=1)
        self.first = self.process.stdout.readline()
        match = re.search(r" on (.+):(\d+);", self.first)
        assert match, self.first + self.process.stdout.read()
        self.host, self.port = match[1], int(match[2])

    def type(self, line):
        self.process.stdin.write(line + "\n")
        return self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.process.kill()
        self.process.communicate()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=BOUND)
        return self.process.returncode, rest


# query

def test_query_prints_the_reply_and_nothing_else(device):
    done = run(f"query 127.0.0.1:{device.port} '*IDN?'")
    assert (done.returncode, done.stdout, done.stderr) == (0, "LSCI,MODEL372\n", "")


def test_query_shows_control_characters_escaped(device):
    done = run(f"query 127.0.0.1:{device.port} 'evil?'")
    assert done.stdout == "\\x1b[2Jgone\\x07\n"


def test_query_shows_hexadecimal(device):
    done = run(f"query 127.0.0.1:{device.port} 'evil?' --hex")
    assert done.stdout == ("000000  1b 5b 32 4a 67 6f 6e 65 07                      "
                           " .[2Jgone.\n")


def test_query_sends_what_the_escapes_say():
    with DeviceServer(ScriptedDevice({b"\x05a": b"ok"}, framer=LineFramer(b"\n"))) as server:
        done = run(rf"query 127.0.0.1:{server.port} '\x05a' --terminator '\n'")
    assert done.stdout == "ok\n"


@pytest.mark.parametrize("arguments, code, words", [
    ("127.0.0.1:1 x", 3, "cannot connect: Connection refused"),
    ("{address} nonsense --timeout 0.2", 4, "no reply within 0.2 s"),
    ("{address} x --prompt '('", 2, "is no regular expression"),
    ("{address} x --terminator ''", 2, "at least one byte"),
    ("nowhere x", 2, "is not HOST:PORT"),
    ("{address} x --timeout -1", 2, "not a number of seconds above 0"),
    ("127.0.0.1:99999 x", 2, "1 to 65535"),
])
def test_query_tells_a_script_what_went_wrong(device, arguments, code, words):
    done = run("query " + arguments.format(address=f"127.0.0.1:{device.port}"))
    assert done.returncode == code
    assert words in done.stderr
    assert done.stdout == ""


# console

def test_console_in_a_pipe_does_one_command_a_line(device):
    done = run(f"console 127.0.0.1:{device.port}", input="*IDN?\n:link\nevil?\n")
    assert done.returncode == 0
    first, second, third = done.stdout.splitlines()
    assert (first, third) == ("LSCI,MODEL372", "\\x1b[2Jgone\\x07")
    assert " is up: " in second
    assert "1 exchanges" in second


def test_console_in_a_pipe_fails_when_a_command_fails(device):
    done = run(f"console 127.0.0.1:{device.port} --timeout 0.2", input="what?\n*IDN?\n")
    assert done.returncode == 1
    assert "no reply within 0.2 s" in done.stderr
    assert done.stdout == "LSCI,MODEL372\n"


def test_console_without_a_device_ends_at_once():
    done = run("console 127.0.0.1:1", input="x\n")
    assert done.returncode == 3
    assert "Connection refused" in done.stderr


def on_terminal(text, *typed, environment=None):
    """What a command shows on a terminal on which these lines are typed."""
    process, terminal = pty.fork()
    if process == 0:
        os.environ.update({"TERM": "xterm", "COLUMNS": "80", **(environment or {})})
        arguments = command_line(text)
        os.execv(arguments[0], arguments)
    shown, lines, give_up = b"", list(typed), time.monotonic() + BOUND
    while time.monotonic() < give_up:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            shown += os.read(terminal, 4096)
        except OSError:         # the end of a terminal
            break
        if lines and shown.endswith(b"> "):
            os.write(terminal, lines.pop(0).encode() + b"\n")
    os.close(terminal)
    return os.waitpid(process, 0)[1], shown.decode()


def test_console_on_a_terminal(device, tmp_path):
    state = {"XDG_STATE_HOME": str(tmp_path)}
    code, shown = on_terminal(f"console 127.0.0.1:{device.port}", "evil?", ":nonsense", ":quit",
                              environment=state)
    assert code == 0
    assert "\\x1b[2Jgone\\x07" in shown
    assert "\x1b[2J" not in shown
    assert ":nonsense is not known here" in shown
    assert "evil?" in (tmp_path / "socs-tcp" / "history").read_text()


# watch

def test_watch_in_a_pipe_prints_a_line_a_question(device):
    done = run(f"watch 127.0.0.1:{device.port} 'meas:volt?' --period 0.01 --count 3")
    assert done.returncode == 0
    assert [line.split("\t")[2] for line in done.stdout.splitlines()] == ["1.0", "2.0", "3.0"]
    assert "\x1b" not in done.stdout


def test_watch_on_a_terminal_draws_values_and_losses(device):
    code, shown = on_terminal(
        f"watch 127.0.0.1:{device.port} 'meas:volt?' --period 0.01 --count 3")
    assert code == 0
    assert "values      ▁▅█" in shown
    assert "asked 3, failed 0, lost 0, timeouts 0" in shown


@pytest.mark.parametrize(("reply", "value"), [
    (b"1.5 V", 1.5), (b"T=-2e3", -2000.0), (b"none", None), (b"1e999", None), (b"-1e999", None),
    (b"9" * 60000, None), (b"x" * 2000 + b"1", None)])
def test_what_watch_plots_of_a_reply(reply, value):
    assert number_in(reply) == value


@pytest.mark.parametrize("values", [[1.7e308, -1.7e308, None], [0.0], [None], [5e-324, 0.0]])
def test_plots_of_any_numbers(values):
    assert len(plot(values, 10)) == len(values)


def test_watch_ends_with_the_code_of_the_last_question(device):
    device.faults.black_hole()
    done = run(f"watch 127.0.0.1:{device.port} x --period 0.01 --count 2 --timeout 0.1")
    assert done.returncode == 4
    assert done.stdout.count("no reply within 0.1 s") == 2


# simulate, proxy, replay, check

def test_simulate_is_the_device_of_a_description_and_can_be_tormented():
    with Served("simulate kikusui_pmx --port 0 --host 127.0.0.1") as served:
        address = f"127.0.0.1:{served.port}"
        assert run(f"query {address} 'volt?' --terminator '\\n'").stdout == "1.000000\\r\n"
        assert served.type("black_hole") == "black_hole: done"
        assert run(f"query {address} 'volt?' --timeout 0.2").returncode == 4
        assert served.type("unplug") == "unplug: done"
        assert run(f"query {address} 'volt?'").returncode == 3
        assert "there is no 'explode'" in served.type("explode")
        needs = "late needs: seconds; for example: late 2"
        assert served.type("late a lot of words") == served.type("late") == needs
        assert served.stop() == (0, "")


def test_simulate_listens_on_this_machine_only_unless_told():
    with Served("simulate kikusui_pmx --port 0") as served:
        assert served.host == "127.0.0.1"
        assert served.stop(signal.SIGINT)[0] == 0


def test_simulate_says_what_is_wrong_with_a_description(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("device: x\nfields: 3\n")
    done = run(f"simulate {bad}")
    assert done.returncode == 2
    assert f"{bad}:2" in done.stderr


def test_proxy_records_and_replay_answers_as_the_device_did(device, tmp_path):
    record = tmp_path / "session.txt"
    with Served(f"proxy 127.0.0.1:{device.port} --record {record}") as proxy:
        assert run(f"query 127.0.0.1:{proxy.port} '*IDN?'").stdout == "LSCI,MODEL372\n"
        assert proxy.stop()[0] == 0
    with Served(f"replay {record}") as replay:
        assert run(f"query 127.0.0.1:{replay.port} '*IDN?'").stdout == "LSCI,MODEL372\n"
        assert replay.stop()[0] == 0
    with Served(f"replay {record}") as replay:
        run(f"query 127.0.0.1:{replay.port} 'other?' --timeout 0.2")
        code, shown = replay.stop()
    assert code == 1
    assert "-b'*IDN?'" in shown
    assert "+b'other?'" in shown


def test_proxy_does_not_write_over_a_recording(device, tmp_path):
    record = tmp_path / "session.txt"
    record.write_text("precious")
    assert run(f"proxy 127.0.0.1:{device.port} --record {record}").returncode == 2
    assert record.read_text() == "precious"


def test_check_says_what_is_in_a_description_and_asks_the_device():
    with Served("simulate kikusui_pmx --port 0") as served:
        done = run(f"check kikusui_pmx 127.0.0.1:{served.port}")
    assert done.returncode == 0
    assert "11 queries with 12 fields" in done.stdout
    assert "measured: volt = 2.0 V" in done.stdout


def test_check_fails_where_the_device_does_not_agree(device):
    done = run(f"check kikusui_pmx 127.0.0.1:{device.port}")
    assert done.returncode in (1, 4)
    assert "socs-tcp: " in done.stderr


# all of them

@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_of_the_command(command, capsys):
    with pytest.raises(SystemExit) as end:
        main.main([command, "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    if command != "demo":       # it needs no arguments
        assert f"  socs-tcp {command} " in shown.split("example:")[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_of_the_help_can_be_parsed(command, capsys):
    with pytest.raises(SystemExit):
        main.main([command, "--help"])
    parser = main.make_parser()
    examples = re.findall(r"^  (?:printf .* \| )?socs-tcp (.*)$", capsys.readouterr().out, re.M)
    for example in examples:
        assert parser.parse_args(shlex.split(example)).run is not None


@pytest.mark.parametrize("command, shown", [
    ("query", "1.000000\n"), ("console", "1.000000\n"), ("watch", "\t1.000000\n")])
def test_the_example_of_the_help_works_with_the_simulated_device(command, shown, capsys):
    with pytest.raises(SystemExit):
        main.main([command, "--help"])
    example = re.search(rf"^  socs-tcp ({command} 127.0.0.1:5025 .*)$", capsys.readouterr().out,
                        re.M)[1].replace("--count 10", "--count 1")
    with Served("simulate kikusui_pmx --port 0") as served:
        done = run(example.replace(":5025", f":{served.port}"), input="volt?\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(shown)


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    class Terminal:
        def isatty(self):
            return True
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert common.Style(Terminal())("bad", "x") == "\x1b[31;1mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert common.Style(Terminal())("bad", "x") == "x"


@pytest.mark.parametrize("text, data", [
    (r"a\r\n", b"a\r\n"), (r"\x05", b"\x05"), ('say "x"', b'say "x"'), ("µ", "µ".encode())])
def test_escapes(text, data):
    assert common.escaped(text) == data


def test_nothing_printable_can_drive_a_terminal():
    shown = common.printable(bytes(range(256)))
    assert all(" " <= c <= "~" for c in shown)


@pytest.mark.parametrize("text, parsed", [
    ("host:5025", ("host", 5025)), ("[::1]:5025", ("::1", 5025)), ("10.0.0.1:1", ("10.0.0.1", 1))])
def test_addresses(text, parsed):
    assert common.address(text) == parsed
