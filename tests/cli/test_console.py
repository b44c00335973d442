"""The console: in a pipe, and on a terminal on which somebody types."""

from __future__ import annotations

import signal
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from cli_run import BOUND, Terminal, command_line, run

from socs_tcp import LineFramer
from socs_tcp.cli.colon_commands import command_of
from socs_tcp.cli.exits import UsageError
from socs_tcp.cli.transcript import KEPT, Transcript
from socs_tcp.core.line_file import LineFile
from socs_tcp.testing import DeviceServer, ScriptedDevice
from socs_tcp.testing.router.config import free_port


def at_prompt(lines):
    """Is there an empty line to type in? Before that, what is typed goes astray."""
    return lines[-1:] == [">"]


@pytest.fixture
def device():
    answers = {"*IDN?": "LSCI,MODEL372", "evil?": b"\x1b[2Jgone\x07"}
    with DeviceServer(ScriptedDevice(answers, framer=LineFramer())) as server:
        yield server


@pytest.fixture
def console(device, tmp_path):
    with Terminal(f"console 127.0.0.1:{device.port} --timeout 60",
                  XDG_STATE_HOME=str(tmp_path)) as shown:
        shown.see(at_prompt)
        yield shown


# in a pipe

def test_one_command_a_line(device):
    done = run(f"console 127.0.0.1:{device.port}", input="*IDN?\n:link\nevil?\n")
    assert done.returncode == 0
    first, second, third = done.stdout.splitlines()
    assert (first, third) == ("LSCI,MODEL372", "\\x1b[2Jgone\\x07")
    assert " is up: " in second
    assert "1 exchanges" in second


def test_it_fails_when_a_command_fails(device):
    done = run(f"console 127.0.0.1:{device.port} --timeout 0.2", input="what?\n*IDN?\n")
    assert done.returncode == 1
    assert "no reply within 0.2 s" in done.stderr
    assert done.stdout == "LSCI,MODEL372\n"


def test_without_a_device_it_ends_at_once():
    done = run("console 127.0.0.1:1", input="x\n")
    assert done.returncode == 3
    assert "Connection refused" in done.stderr


def test_a_script_can_wait_for_a_device_too():
    port = free_port()
    process = subprocess.Popen(command_line(f"console 127.0.0.1:{port} --wait"), text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    assert process.stderr.readline().endswith("Connection refused; waiting for it\n")
    with DeviceServer({"A": "1"}, framer=LineFramer(), port=port):
        assert process.communicate("A\n", timeout=BOUND)[0].splitlines() == ["1"]


def test_hex_shows_every_byte(device):
    done = run(f"console 127.0.0.1:{device.port}", input=":hex\n*IDN?\n")
    assert "37 32 0d 0a" in done.stdout


def test_help_in_a_pipe(device):
    assert ":send TEXT" in run(f"console 127.0.0.1:{device.port}", input=":help\n").stdout


def test_save_writes_what_was_said_and_what_follows(device, tmp_path):
    file = tmp_path / "said.txt"
    done = run(f"console 127.0.0.1:{device.port}", input=f"*IDN?\n:save {file}\nevil?\n")
    assert done.returncode == 0
    said = [line.split(" ", 1)[1] for line in file.read_text().splitlines()]
    assert said == ["> *IDN?", "< LSCI,MODEL372", "> evil?", "< \\x1b[2Jgone\\x07"]


def test_save_does_not_write_over_a_file(device, tmp_path):
    file = tmp_path / "said.txt"
    file.write_text("precious")
    done = run(f"console 127.0.0.1:{device.port}", input=f":save {file}\n")
    assert done.returncode == 1
    assert "already exists" in done.stderr
    assert file.read_text() == "precious"


@pytest.mark.parametrize("line, name, rest", [
    ("volt?", "", "volt?"), (":send a b", "send", "a b"), ("", "listen", ""), (":hex", "hex", ""),
    ("  ", "listen", "")])
def test_what_a_line_asks_for(line, name, rest):
    assert command_of(line) == (name, rest)


@pytest.mark.parametrize("line, told", [
    (":nonsense", ":nonsense is not known here; there are :send"), (":send", ":send needs TEXT"),
    (":save  ", ":save needs FILE")])
def test_a_line_that_makes_no_sense(line, told):
    with pytest.raises(UsageError, match=told):
        command_of(line)


def test_a_transcript_does_not_grow_for_ever(tmp_path):
    transcript = Transcript()
    for number in range(KEPT + 10):
        transcript.add("<", str(number))
    with transcript:
        transcript.save(tmp_path / "said")
    lines = (tmp_path / "said").read_text().splitlines()
    assert len(lines) == KEPT
    assert lines[0].endswith(" < 10")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk_ends_the_saving_and_nothing_else(capsys, monkeypatch):
    class New(LineFile):        # /dev/full is there already
        def __init__(self, path, mode, tell):
            super().__init__(path, "w", tell)
    monkeypatch.setattr("socs_tcp.cli.transcript.LineFile", New)
    transcript = Transcript()
    transcript.add("<", "x")
    transcript.save(Path("/dev/full"))
    transcript.add("<", "y")
    assert capsys.readouterr().err.count("No space left on device; everything else goes on") == 1


@pytest.mark.parametrize("path", ["/nowhere/at/all", "~nobody-of-this-name/x", "/"])
def test_a_file_that_cannot_be_written(path):
    with pytest.raises(UsageError):
        Transcript().save(Path(path))


# on a terminal

def test_replies_are_shown_escaped(console):
    console.enter("evil?")
    console.see("\\x1b[2Jgone\\x07")
    assert b"\x1b[2Jgone" not in console.raw
    console.enter(":nonsense")
    console.see(":nonsense is not known here")
    console.enter(":quit")
    assert console.end() == 0


def test_what_the_device_sends_unasked_appears_while_somebody_types(device, console):
    console.type("*ID")
    console.see("> *ID")
    device.say("ALARM 3")
    console.see(lambda lines: lines[-2:] == ["unasked: ALARM 3", "> *ID"])
    console.enter("N?")
    console.see("LSCI,MODEL372")


def test_a_hang_up_and_the_return_appear_as_they_come(device, console):
    device.unplug()
    console.see("trying again")
    device.plug_in()
    console.see("connected again")
    device.say("ALARM")
    console.see("unasked: ALARM")
    console.enter("*IDN?")
    console.see("LSCI,MODEL372")


def test_ctrl_c_cancels_the_line_and_not_the_program(console):
    console.type("half a comma")
    console.see("half a comma")
    console.type(console.CTRL_C)
    console.see(at_prompt)
    console.enter("*IDN?")
    console.see("LSCI,MODEL372")


def test_ctrl_c_cancels_the_wait_for_a_reply(device, console):
    console.enter("never?")
    device.wait_for(lambda: b"never?" in device.received, 30)
    console.type(console.CTRL_C)
    console.see("cancelled")
    console.enter("evil?")
    console.see("gone\\x07")


def test_ctrl_d_ends_it(console):
    console.type(console.CTRL_D)
    assert console.end() == 0


def test_ctrl_d_ends_the_wait_for_a_reply_too(device, console):
    console.enter("never?")
    device.wait_for(lambda: b"never?" in device.received, 30)
    console.type("\x1b[5;1R" + console.CTRL_D)      # (the terminal says where its cursor is)
    assert console.end() == 0
    assert not any("no reply" in line for line in console.lines)


def test_what_is_typed_while_it_waits_is_for_the_next_line(device, console):
    console.enter("never?")
    device.wait_for(lambda: b"never?" in device.received, 30)
    console.type("ab" + console.CTRL_D + "c")       # (in a line, it is no end)
    console.type(console.CTRL_C)
    console.see("cancelled")
    console.see("> abc")


def test_sigterm_leaves_the_terminal_as_it_was(console):
    console.process.kill(signal.SIGTERM)
    assert console.end() == 143


def test_history_and_completion(device, console, tmp_path):
    console.enter("evil?")
    console.see("gone")
    console.see(at_prompt)
    console.type("ev" + console.TAB)
    console.see(lambda lines: lines[-1] == "> evil?")
    console.type(console.CTRL_C)
    console.enter(":quit")
    assert console.end() == 0
    assert "evil?" in (tmp_path / "socs-tcp" / "history").read_text()


def test_completion_from_a_description(tmp_path):
    with DeviceServer({"curr?": "1.5"}, framer=LineFramer("\n")) as device, Terminal(
            f"console 127.0.0.1:{device.port} --description kikusui_pmx",
            XDG_STATE_HOME=str(tmp_path)) as console:
        console.see(at_prompt)
        console.type("curr" + console.TAB)
        console.see("curr?")
        console.type(console.CTRL_C)
        console.enter("curr?")
        console.see("1.5")


def test_it_waits_for_a_device_that_is_not_there_yet(tmp_path):
    port = free_port()
    with Terminal(f"console 127.0.0.1:{port} --wait", XDG_STATE_HOME=str(tmp_path)) as console:
        console.see("waiting for it")
        with closing(DeviceServer({"A": "1"}, framer=LineFramer(), port=port)):
            console.see(at_prompt)
            console.enter("A")
            console.see(lambda lines: "1" in lines)


def test_without_it_there_is_no_waiting():
    with Terminal("console 127.0.0.1:1") as console:
        console.see("Connection refused")
        assert console.end() == 3


@pytest.mark.parametrize(("key", "code"), [(Terminal.CTRL_C, 130), (Terminal.CTRL_D, 3)])
def test_ctrl_c_and_ctrl_d_end_the_waiting(key, code):
    with Terminal("console 127.0.0.1:1 --wait") as console:
        console.see("waiting for it")
        console.type(key)
        assert console.end() == code


def test_a_reply_with_another_end_is_shown_with_advice(tmp_path):
    with DeviceServer(ScriptedDevice({"A": "1.25"}, framer=LineFramer("\n"))) as device, Terminal(
            f"console 127.0.0.1:{device.port} --send-terminator LF --timeout 0.5",
            XDG_STATE_HOME=str(tmp_path)) as console:
        console.see(at_prompt)
        console.enter("A")
        console.see("--terminator LF")
        console.see("connected again")
        device.say("alarm")
        console.see("unfinished: alarm\\n")


def test_what_people_type_to_end_a_console_goes_to_the_device_and_that_is_said(device, console):
    console.enter("quit")
    console.see("'quit' goes to the device; here it is :quit")
    device.wait_for(lambda: device.received == [b"quit"], 30)


def test_help_hex_link_and_save_on_a_terminal(console, tmp_path):
    console.enter(":help")
    console.see(":save FILE")
    console.enter(":hex")
    console.enter("*IDN?")
    console.see("37 32 0d 0a")
    console.enter(":link")
    console.see("1 exchanges")
    console.enter(f":save {tmp_path}/said")
    console.see("saved to")
    assert "< LSCI,MODEL372" in (tmp_path / "said").read_text()
