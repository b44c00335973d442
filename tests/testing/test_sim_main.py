"""The simulated device as a process."""

import re
import signal
import socket
import subprocess
import sys

import pytest

from socs_tcp.testing.__main__ import main


@pytest.fixture
def start(tmp_path):
    processes = []

    def start(*args):
        process = subprocess.Popen([sys.executable, "-m", "socs_tcp.testing", *args],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   cwd=tmp_path)
        processes.append(process)
        said = process.stdout.readline()
        port = int(re.search(r" on 127\.0\.0\.1:(\d+)", said)[1])
        sock = socket.create_connection(("127.0.0.1", port), timeout=5)
        return process, sock, said
    yield start
    for process in processes:
        process.kill()
        process.communicate()


def ask(sock, command):
    sock.sendall(command)
    return sock.recv(4096)


def test_answers_from_the_command_line(start):
    process, sock, _ = start("--answer", "*IDN?=ONE", "--answer", "T?=a=b")
    with sock:
        assert ask(sock, b"*IDN?\r\n") == b"ONE\r\n"
        assert ask(sock, b"T?\r\n") == b"a=b\r\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_faults_are_typed(start):
    process, sock, _ = start("--echo", "--terminator", r"\n", "--banner", r"hi\n")
    with sock:
        assert sock.recv(99) == b"hi\n"
        assert ask(sock, b"A\n") == b"A\n"
        process.stdin.write("unplug\n")
        process.stdin.flush()
        assert "done" in process.stdout.readline()
        assert sock.recv(99) == b""
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_odd_manners_from_the_command_line(start):
    _, sock, _ = start("--echo", "--telnet", "--closes-after-reply", "--banner", r"hi\r\n",
                       "--banner-delay", "0.01")
    with sock, sock.makefile("rb") as heard:
        assert heard.readline().startswith(b"\xff\xfb")
        sock.sendall(b"A\r\n")
        assert heard.read() == b"A\r\n"


def test_a_device_of_ones_own(start, tmp_path):
    (tmp_path / "mine.py").write_text("def answer(command):\n    return command[::-1]\n")
    _, sock, _ = start("--device", "mine:answer")
    with sock:
        assert ask(sock, b"abc\r\n") == b"cba\r\n"


def test_random_faults_say_their_seed(start):
    _, sock, said = start("--echo", "--fault-rate", "0.1", "--seed", "77")
    assert "RandomFaults(77, rate=0.1" in said
    sock.close()


@pytest.mark.parametrize("args", [
    ["--answer", "no equals sign"], ["--device", "nowhere:x"], ["--device", "re:nothing"],
    ["--port", "99999"], ["--echo", "--banner-delay", "-1"],
    ["--echo", "--fault-rate", "2"], ["--terminator", ""],
    ["--echo", "--answer", "A=B"], ["--device", "re:NOFLAG"]])
def test_what_makes_no_sense_is_told(args, capsys):
    with pytest.raises(SystemExit) as caught:
        main(args)
    assert caught.value.code == 2
    assert "error" in capsys.readouterr().err


def test_a_port_in_use(capsys):
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(SystemExit) as caught:
        main(["--port", str(other.getsockname()[1])])
    assert caught.value.code == 2
    assert "in use" in capsys.readouterr().err
