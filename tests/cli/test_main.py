"""What all commands have in common: help, exit codes, what people type and see."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from importlib import import_module

import pytest
from cli_run import Served, run

import socs_tcp
from socs_tcp import LineFramer
from socs_tcp.cli import arguments, main, show
from socs_tcp.cli.main import COMMANDS
from socs_tcp.testing import DeviceServer


@pytest.fixture(autouse=True)
def the_log_goes_on(monkeypatch):
    """A command silences the log of its process, which here is that of all other tests."""
    monkeypatch.setattr("socs_tcp.core.log._silent", False)


def test_version():
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"socs_tcp {socs_tcp.__version__}\n")


def test_help_names_each_command():
    shown = run("--help").stdout
    assert re.findall(r"^    (\w+)(?: +\w|$)", shown, re.M) == list(COMMANDS)


def test_help_waits_for_nothing_that_it_does_not_need():
    code = ("import sys; from socs_tcp.cli.main import main\n"
            "try: main(['--help'])\nexcept SystemExit: pass\n"
            "print([m for m in ('twisted', 'asyncio', 'yaml', 'rich', 'prompt_toolkit') "
            "if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True,
                          text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_query_needs_no_twisted():
    with DeviceServer({"A": "1"}, framer=LineFramer()) as device:
        code = (f"import sys; from socs_tcp.cli.main import main\n"
                f"assert main(['query', '127.0.0.1:{device.port}', 'A']) == 0\n"
                "assert main(['query', '127.0.0.1:1', 'A']) == 3\n"
                "print([m for m in ('twisted', 'txaio', 'asyncio', 'yaml') if m in sys.modules])")
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True,
                              text=True)
    assert done.stdout.splitlines() == ["1", "[]"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_waits_for_no_other(command):
    code = (f"import sys; from socs_tcp.cli.main import main\n"
            f"try: main([{command!r}, '--help'])\nexcept SystemExit: pass\n"
            "print([m for m in sys.modules if m == 'twisted' or m.startswith('socs_tcp.cli.')])")
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True,
                          text=True)
    loaded = done.stdout.splitlines()[-1]
    assert "twisted" not in loaded
    assert not [other for other in COMMANDS if other != command
                and f"'socs_tcp.cli.{other}'" in loaded]


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
    examples = re.findall(r"^  (?:printf .* \| )?socs-tcp (.*?)(?: > .*)?$",
                          capsys.readouterr().out, re.M)
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


@pytest.mark.parametrize("text", ["nonsense", "", "query"])
def test_a_command_line_that_makes_no_sense(text):
    assert run(text).returncode == 2


INTERRUPTED = """
import runpy, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "socs_tcp.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Finder())
runpy.run_module("socs_tcp", run_name="__main__")
"""


def test_an_option_that_a_command_does_not_have_is_told_with_its_usage(capsys):
    with pytest.raises(SystemExit) as ended:
        main.main(["query", "127.0.0.1:1", "volt?", "-t", "3"])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("usage: socs-tcp query ")
    assert told.endswith("socs-tcp query: error: unrecognized arguments: -t 3\n")


def test_ctrl_c_while_it_starts():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], check=False, capture_output=True,
                          timeout=30)
    assert (done.returncode, done.stderr) == (130, b"")


# the package is lazy

def test_each_name_of_the_package_is_where_the_package_says():
    assert sorted(socs_tcp._HOMES) == sorted(socs_tcp.__all__)
    for name in socs_tcp.__all__:
        home = import_module(f"socs_tcp.{socs_tcp._HOMES[name]}")
        assert getattr(socs_tcp, name) is getattr(home, name)
    assert set(socs_tcp.__all__) <= set(dir(socs_tcp))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        socs_tcp.nonsense  # noqa: B018


# what people see

def test_colours_are_for_terminals_that_want_them(monkeypatch):
    class Terminal:
        def isatty(self):
            return True
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert show.Style(Terminal())("bad", "x") == "\x1b[31;1mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert show.Style(Terminal())("bad", "x") == "x"


@pytest.mark.parametrize("encoding", [None, "utf-8", "latin-1", "utf-16"])
def test_nothing_printable_can_drive_a_terminal(encoding):
    for text in ("\x1b[2J\x07\x9b2J\u202e\u2066\ufeff\u200b", "\ud800", "a\nb\rc\x08"):
        data = text.encode(encoding or "latin-1", "surrogatepass" if encoding != "latin-1"
                           else "replace") if encoding else text.encode("utf-8", "replace")
        assert show.printable(data, encoding).isprintable()
    assert show.printable(bytes(range(256)), encoding).isprintable()


# what people type

@pytest.mark.parametrize("text, data", [
    (r"a\r\n", b"a\r\n"), (r"\x05", b"\x05"), ('say "x"', b'say "x"'), ("µ", "µ".encode()),
    (r"\\n", b"\\n"), (r"\0\377", b"\0\xff"), (r"\"\'", b"\"'"), ("", b""), ("'", b"'"),
    (r"\x00ff", b"\0ff"), ("*IDN?", b"*IDN?")])
def test_escapes(text, data):
    assert arguments.escaped(text) == data


@pytest.mark.parametrize("text", [r"\q", r"\x", r"\x0", "\\", r"\400", r"\xg0", r"ok\u0041"])
def test_bad_escapes(text):
    with pytest.raises(argparse.ArgumentTypeError, match="has a bad escape"):
        arguments.escaped(text)


def test_text_that_the_encoding_does_not_have():
    with pytest.raises(argparse.ArgumentTypeError, match="as latin-1: it has no 'Ω'"):
        arguments.escaped("1 kΩ", "latin-1")


@pytest.mark.parametrize("text, data", [
    ("CRLF", b"\r\n"), ("cr lf", b"\r\n"), ("CR+LF", b"\r\n"), ("LF", b"\n"), ("NUL", b"\0"),
    (r"\r", b"\r"), (";", b";"), ("none", b"")])
def test_terminators(text, data):
    assert arguments.terminator(text) == data


@pytest.mark.parametrize("data, name", [(b"\r\n", "CRLF"), (b";", "';'"), (b"", "nothing")])
def test_names_of_terminators(data, name):
    assert arguments.terminator_name(data) == name


@pytest.mark.parametrize("text, parsed", [
    ("host:5025", ("host", 5025)), ("[::1]:5025", ("::1", 5025)), ("10.0.0.1:1", ("10.0.0.1", 1))])
def test_addresses(text, parsed):
    assert arguments.address(text) == parsed


HOSTILE = "ev\x1b[2J\u202e\nil"


@pytest.mark.parametrize("words", [
    ["check", f"{HOSTILE}.yaml"], ["simulate", f"{HOSTILE}.yaml"], ["simulate", HOSTILE],
    ["dashboard", f"{HOSTILE}.yaml"], ["replay", f"{HOSTILE}.record"],
    ["proxy", "127.0.0.1:1", "--record", f"{HOSTILE}/record"],
    ["query", "127.0.0.1:1", "-f", HOSTILE], ["query", "127.0.0.1:1", "x", "--tls-ca", HOSTILE],
    ["query", "127.0.0.1:1", "x", "--description", HOSTILE]])
@pytest.mark.parametrize("there", [True, False])
def test_the_name_of_a_file_is_shown_escaped(tmp_path, monkeypatch, capsys, words, there):
    monkeypatch.chdir(tmp_path)
    if there:
        for name in words[1:]:
            if HOSTILE in name and "/" not in name:
                (tmp_path / name).write_text("device: x\nqueries: 3\n")
    assert main.main(words) != 0
    shown = capsys.readouterr()
    assert there or "ev\\x1b[2J\\u202e" in shown.err
    assert all(line.isprintable() for line in (shown.out + shown.err).split("\n"))
    assert not any(line.startswith("il") for line in shown.err.split("\n"))


@pytest.mark.parametrize("command", ["query", "watch", "console", "proxy", "check x"])
@pytest.mark.parametrize("host", ["a..b", ".", "x" * 300, "h\x1b[2J", "a b", "h\udc9b"])
def test_what_can_be_no_host_is_told_as_usage(capsys, command, host):
    with pytest.raises(SystemExit) as ended:
        main.main([*command.split(), f"{host}:5025"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "cannot be a host name" in said
    assert all(line.isprintable() for line in said.split("\n"))


def test_a_mistake_that_nobody_reads_is_still_a_mistake(monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError
    monkeypatch.setattr(sys, "stderr", Gone())
    assert main.main(["check", "no-such-description"]) == 2
