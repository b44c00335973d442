"""``simulate``, ``proxy``, ``replay``: commands that listen, and what is typed to them."""

from __future__ import annotations

import io
import signal
import threading

import pytest
from cli_run import BOUND, Served, Terminal, run

from socs_tcp import LineFramer
from socs_tcp.cli import faults, serve
from socs_tcp.cli.simulated import LINES, Told
from socs_tcp.cli.traffic import WAITING, Traffic
from socs_tcp.testing import DeviceServer, ScriptedDevice
from socs_tcp.testing.router.config import free_port


@pytest.fixture
def device():
    with DeviceServer(ScriptedDevice({"*IDN?": "LSCI,MODEL372"}, framer=LineFramer())) as server:
        yield server


# simulate

def test_simulate_is_the_device_of_a_description_and_can_be_tormented():
    with Served("simulate kikusui_pmx --port 0 --host 127.0.0.1") as served:
        address = f"127.0.0.1:{served.port}"
        assert run(f"query {address} 'volt?' --terminator LF").stdout == "1.000000\\r\n"
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


def test_simulate_takes_any_free_port_where_it_is_told_to(tmp_path):
    """Also where the description names a port, which may be taken."""
    with Served("simulate kikusui_pmx --port 0") as one, \
            Served("simulate kikusui_pmx --port 0") as two:
        assert one.port != two.port


def test_simulate_uses_the_port_of_the_description(tmp_path):
    port = free_port()
    file = tmp_path / "x.yaml"
    file.write_text(f"device: x\nport: {port}\nframing: {{terminator: ';'}}\n"
                    "queries: {a: {send: A, fields: {a: {}}}}\nsimulate: {a: '1'}\n")
    with Served(f"simulate {file}") as served:
        assert served.port == port
        done = run(f"simulate {file}")
    assert done.returncode == 2
    assert "another port can be given with --port" in done.stderr


def test_the_help_of_simulate_says_what_becomes_of_the_port():
    shown = run("simulate --help").stdout
    assert "Without --port, it listens on the port in the description" in shown


def test_simulate_says_what_is_wrong_with_a_description(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("device: x\nfields: 3\n")
    done = run(f"simulate {bad}")
    assert done.returncode == 2
    assert f"{bad}:2" in done.stderr


def test_simulate_tells_of_what_it_does_not_answer():
    with Served("simulate kikusui_pmx --port 0") as served:
        address = f"127.0.0.1:{served.port}"
        for command in ("MEAS:VOLT?", "MEAS:VOLT?", r"\x1b[2J"):
            run(rf"query {address} '{command}' --send-terminator LF --timeout 0.2")
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
        done = run(rf"query 127.0.0.1:{served.port} '*IDN?' --send-terminator LF")
    assert done.stdout.startswith("KIKUSUI,PMX35-3A,")


# proxy, replay

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


def test_proxy_has_a_word_where_the_device_is_away():
    port = free_port()
    with Served(f"proxy 127.0.0.1:{port}") as proxy:
        for _ in range(2):
            assert run(f"query 127.0.0.1:{proxy.port} x").returncode == 1
        told = proxy.process.stdout.readline()
        assert "! the device is away: Connection refused" in told
        assert proxy.stop() == (0, "")


def test_traffic_is_shown_as_it_goes(device):
    with Served(f"proxy 127.0.0.1:{device.port} --traffic") as proxy:
        run(f"query 127.0.0.1:{proxy.port} '*IDN?'")
        lines = [proxy.process.stdout.readline().split(" ", 1)[1].rstrip() for _ in range(4)]
    assert lines == ["1 ! a client connected", r"1 > *IDN?\r\n", r"1 < LSCI,MODEL372\r\n",
                     "1 ! the client left"]


def test_nobody_waits_for_the_traffic_to_be_shown():
    traffic = Traffic()     # nothing is shown: its thread does not run
    for _ in range(WAITING + 100):
        traffic.tell(1, ">", b"x")
    assert traffic._lines.qsize() == WAITING


def test_long_traffic_is_shortened_and_escaped(capsys):
    with Traffic() as traffic:
        traffic.tell(1, "<", b"\x1b[2J" + b"x" * 10_000)
    shown = capsys.readouterr().out
    assert "1 < \\x1b[2Jxxx" in shown
    assert shown.rstrip().endswith("... (10004 bytes)")


def test_replay_of_a_file_that_is_not_there(tmp_path):
    done = run(f"replay {tmp_path}/nofile.txt")
    assert done.returncode == 2
    assert done.stderr == f"socs-tcp: {tmp_path}/nofile.txt: there is no such file\n"


def test_replay_says_when_the_difference_is_shown():
    assert "a diff at\nthe end" in run("replay --help").stdout


# on a terminal

@pytest.mark.parametrize("command", ["simulate kikusui_pmx --port {port}", "proxy 127.0.0.1:1 "
                                     "--port {port}"])
def test_faults_can_be_typed_while_traffic_goes_by(command, tmp_path):
    port = free_port()
    with Terminal(command.format(port=port), columns=100, XDG_STATE_HOME=str(tmp_path)) as shown:
        shown.see(lambda lines: lines[-1:] == [">"])
        shown.type("black_")
        shown.see("> black_")
        run(f"query 127.0.0.1:{port} 'volt?' --send-terminator LF --timeout 0.3")
        shown.see(lambda lines: any("a client connected" in line for line in lines)
                  and lines[-1] == "> black_")
        shown.type(shown.TAB)
        shown.see("> black_hole")
        shown.type("\r")
        shown.see("black_hole: done")
        shown.see(lambda lines: lines[-1] == ">")
        shown.type(shown.UP)
        shown.see(lambda lines: lines[-1] == "> black_hole")
        shown.type(shown.CTRL_C)        # the line
        shown.see(lambda lines: lines[-1] == ">")
        shown.type(shown.CTRL_C)
        assert shown.end() == 0


def test_replay_on_a_terminal(device, tmp_path):
    record = tmp_path / "session.txt"
    with Served(f"proxy 127.0.0.1:{device.port} --record {record}") as proxy:
        run(f"query 127.0.0.1:{proxy.port} '*IDN?'")
        proxy.stop()
    with Terminal(f"replay {record} --match", columns=300, XDG_STATE_HOME=str(tmp_path)) as shown:
        line = shown.see(lambda lines: lines[-1:] == [">"])[0]
        port = line.rpartition(":")[2].partition(";")[0]
        assert run(f"query 127.0.0.1:{port} '*IDN?'").stdout == "LSCI,MODEL372\n"
        shown.see("< LSCI,MODEL372")
        shown.type(shown.CTRL_D)
        assert shown.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_on_a_terminal_too(number, tmp_path):
    with Terminal("simulate kikusui_pmx --port 0", XDG_STATE_HOME=str(tmp_path)) as shown:
        shown.see(lambda lines: lines[-1:] == [">"])
        shown.process.kill(number)
        assert shown.end() == 0


def test_what_people_type_to_end_it(tmp_path):
    with Served("simulate kikusui_pmx --port 0") as served:
        served.process.stdin.write("quit\n")
        assert served.process.wait(timeout=BOUND) == 0
    with Terminal("simulate kikusui_pmx --port 0", XDG_STATE_HOME=str(tmp_path)) as shown:
        shown.see(lambda lines: lines[-1:] == [">"])
        shown.enter("exit")
        assert shown.end() == 0


def test_a_terminal_without_traffic(tmp_path):
    with Terminal("simulate kikusui_pmx --port 0 --no-traffic",
                  XDG_STATE_HOME=str(tmp_path)) as shown:
        line = shown.see("Ctrl-C ends it")[0]
        port = line.partition("127.0.0.1:")[2].partition(";")[0]
        run(f"query 127.0.0.1:{port} 'volt?' --send-terminator LF")
        shown.enter("help")
        shown.see("unplug plug_in")
        assert "a client connected" not in "\n".join(shown.lines)


# faults

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
        assert faults.do(server, name, words) == told


@pytest.mark.parametrize("name", faults.FAULTS)
def test_the_example_of_each_fault_works(name):
    with DeviceServer({}) as server:
        told = faults.needs(name, faults.commands(server)[name])
        words = told.partition("for example: ")[2].split()[1:]
        assert faults.do(server, name, words) == f"{name}: done"


class Speaking:
    """What the end of the program takes, so that nobody prints; with what was printed before."""

    def __init__(self, capsys):
        self.capsys, self.seen = capsys, []

    def __enter__(self):
        self.seen.append(self.capsys.readouterr().out)

    def __exit__(self, *exc_info):
        self.seen.append(self.capsys.readouterr().out)


def test_what_is_typed_prints_only_while_the_program_does_not_end(device, capsys, monkeypatch):
    """Python aborts where a thread writes to stdout as it ends."""
    monkeypatch.setattr("sys.stdin", io.StringIO("nonsense\nheal\n"))
    speaking = Speaking(capsys)
    serve._control(device, threading.Event(), speaking)
    before, first, between, second = speaking.seen
    assert (before, between) == ("", "")
    assert first.startswith("there is no 'nonsense'")
    assert second == "heal: done\n"
