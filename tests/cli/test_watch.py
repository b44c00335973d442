"""``watch``: in a pipe, into a file, and on a terminal."""

from __future__ import annotations

import csv
import json
import subprocess
from datetime import datetime

import pytest
from cli_run import BOUND, Terminal, command_line, run

from socs_tcp import LineFramer
from socs_tcp.cli.plot import bars, number_in
from socs_tcp.testing import DeviceServer, ScriptedDevice


@pytest.fixture
def device():
    answers = {"volt?": ["1.0", "2.0", "3.0"], "curr?": "0.5", "long?": "x" * 500,
               "odd?": ["nan", "1e999", "-1e999", "1e308", "-1e308", "inf", "3"]}
    with DeviceServer(ScriptedDevice(answers, framer=LineFramer())) as server:
        yield server


# in a pipe

def test_a_line_a_reply(device):
    done = run(f"watch 127.0.0.1:{device.port} 'volt?' --period 0.01 --count 3")
    assert done.returncode == 0
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[2] for row in rows] == ["1.0", "2.0", "3.0"]
    assert all(datetime.fromisoformat(row[0]).tzinfo for row in rows)
    assert "\x1b" not in done.stdout


def test_several_commands(device):
    done = run(f"watch 127.0.0.1:{device.port} 'volt?' 'curr?' --period 0.01 --count 2")
    assert [line.split("\t")[2:] for line in done.stdout.splitlines()] == [
        ["1.0", "volt?"], ["0.5", "curr?"], ["2.0", "volt?"], ["0.5", "curr?"]]


def test_it_ends_with_the_code_of_the_last_round(device):
    device.faults.black_hole()
    done = run(f"watch 127.0.0.1:{device.port} x --period 0.01 --count 2 --timeout 0.1")
    assert done.returncode == 4
    assert done.stdout.count("no reply within 0.1 s") == 2


def test_csv(device):
    done = run(f"watch 127.0.0.1:{device.port} 'volt?' what? --csv --count 1 --timeout 0.2")
    good, bad = csv.DictReader(done.stdout.splitlines())
    assert (good["command"], good["value"], good["reply"], good["error"]) == (
        "volt?", "1.0", "1.0", "")
    assert (bad["value"], bad["reply"]) == ("", "")
    assert "no reply within 0.2 s" in bad["error"]


def test_json(device):
    done = run(f"watch 127.0.0.1:{device.port} 'odd?' --json --count 7 --period 0.01")
    rows = [json.loads(line, parse_constant=pytest.fail) for line in done.stdout.splitlines()]
    assert [row["value"] for row in rows] == [None, None, None, 1e308, -1e308, None, 3.0]
    assert rows[1]["reply"] == "1e999"


def test_a_file_of_its_own(device, tmp_path):
    file = tmp_path / "volt.csv"
    done = run(f"watch 127.0.0.1:{device.port} 'volt?' --csv -o {file} --count 2 --period 0.01")
    assert (done.returncode, done.stdout) == (0, "")
    assert [row["value"] for row in csv.DictReader(file.read_text().splitlines())] == [
        "1.0", "2.0"]
    again = run(f"watch 127.0.0.1:{device.port} 'volt?' --csv -o {file} --count 2")
    assert again.returncode == 2
    assert "already exists" in again.stderr


def test_whoever_reads_the_pipe_may_leave(device):
    line = " ".join(command_line(f"watch 127.0.0.1:{device.port} curr? --period 0.01"))
    done = subprocess.run(f"{line} | head -n 2", shell=True, check=False, capture_output=True,
                          text=True, timeout=BOUND)
    assert (len(done.stdout.splitlines()), done.stderr) == (2, "")


# on a terminal

def test_the_panel_shows_values_losses_least_and_most(device):
    arguments = "'volt?' 'curr?' --period 0.05 --count 3"
    with Terminal(f"watch 127.0.0.1:{device.port} {arguments}") as shown:
        assert shown.end() == 0
    picture = "\n".join(shown.lines)
    assert "rounds 3, failed 0, lost 0, timeouts 0" in picture
    assert "─ volt? ─" in picture
    assert "─ curr? ─" in picture
    rows = [line for line in shown.lines if " 3 " in line or " 1 " in line]
    assert any("▁" in row for row in rows)
    assert "█" in picture


def test_odd_numbers_are_no_reason_to_fail(device):
    with Terminal(f"watch 127.0.0.1:{device.port} 'odd?' --period 0.02 --count 7") as shown:
        assert shown.end() == 0
    assert "1e+308" in "\n".join(shown.lines)


def test_long_replies_and_another_size_leave_one_picture(device):
    with Terminal(f"watch 127.0.0.1:{device.port} 'long?' --period 0.05") as shown:
        shown.see("rounds 2")
        for rows, columns in ((20, 50), (30, 120), (24, 80)):
            shown.resize(rows, columns)
            shown.see(lambda lines, wide=columns: max(map(len, lines), default=0) == wide
                      and sum("link" in line for line in lines) == 1
                      and any(" reply xxx" in line for line in lines),
                      f"one panel of {columns} columns")
        shown.type(shown.CTRL_C)
        assert shown.end() == 130
    assert sum("link" in line for line in shown.lines) == 1


def test_a_device_that_is_away_and_comes_back(device):
    with Terminal(f"watch 127.0.0.1:{device.port} 'curr?' --period 0.05") as shown:
        shown.see("link up")
        device.unplug()
        shown.see("link down")
        shown.see("Connection refused")
        device.plug_in()
        shown.see("link up")


def test_without_rich_there_are_lines(device, tmp_path):
    (tmp_path / "rich.py").write_text("raise ImportError")
    with Terminal(f"watch 127.0.0.1:{device.port} 'curr?' --count 1",
                  PYTHONPATH=str(tmp_path)) as shown:
        assert shown.end() == 0
    assert "rich is not installed" in shown.lines[0]
    assert shown.lines[-1].endswith("0.5")


# bars

@pytest.mark.parametrize("reply, value", [
    (b"1.5 V", 1.5), (b"-.5e1", -5.0), (b"V=3", 3.0), (b"nan", None), (b"1e999", None),
    (b"", None), (b"9" * 60000, None),
    (b"T=-2e3", -2000.0), (b"none", None), (b"x" * 2000 + b"1", None)])
def test_the_number_of_a_reply(reply, value):
    assert number_in(reply) == value


def test_bars():
    assert bars([0, 1, 2, None, 3], 10, 1) == ["▁▃▆ █"]
    assert bars([0.0, 1.0], 10, 2) == [" █", "▁█"]
    assert bars([5.0], 10, 1) == ["▅"]
    assert bars([1.0, 2.0, 3.0], 2, 1) == ["▁█"]
    assert bars([None], 10, 2) == ["", ""]
    assert bars([-1.7e308, 1.7e308], 10, 1) == ["▁█"]
    assert bars([5e-324, 0.0], 10, 1) == ["▅▅"]
