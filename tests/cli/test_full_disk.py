"""Where the output has nowhere to go: one line that says so, and a device goes on."""

import socket
import subprocess
import sys
import time

import pytest

from socs_tcp.testing import DeviceServer
from socs_tcp.testing.router.config import free_port


def run_to(output, *args):
    return subprocess.run([sys.executable, "-m", "socs_tcp", *args], stdout=output,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)


@pytest.mark.parametrize("args", [["check", "kikusui_pmx"], ["query"], ["watch"]])
def test_a_full_disk_is_told_in_one_line(args):
    with DeviceServer({"V?": "1"}) as server, open("/dev/full", "w") as full:
        if args[0] != "check":
            args = [*args, f"{server.host}:{server.port}", "V?"]
        if args[0] == "watch":
            args += ["--count", "2", "--period", "0.01"]
        done = run_to(full, *args)
    assert done.returncode == 1
    assert done.stderr == "socs-tcp: cannot write: No space left on device\n"


def test_a_simulated_device_goes_on_whoever_reads_what_it_prints():
    with open("/dev/full", "w") as full:
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "socs_tcp", "simulate", "kikusui_pmx", "--port", str(port)],
            stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        give_up = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), 1) as sock:
                    sock.sendall(b"*IDN?\n")
                    assert sock.recv(100).startswith(b"KIKUSUI")
                break
            except ConnectionRefusedError:
                assert process.poll() is None and time.monotonic() < give_up
                time.sleep(0.02)
    finally:
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0 and said == ""


def test_watch_goes_on_where_the_file_it_writes_has_no_room(tmp_path):
    path = tmp_path / "night.csv"
    with DeviceServer({"V?": "1"}) as server:
        done = subprocess.run(
            ["sh", "-c", "ulimit -f 1; exec \"$@\"", "sh", sys.executable, "-m", "socs_tcp",
             "watch", f"{server.host}:{server.port}", "V?", "--period", "0.001", "--count", "60",
             "--csv", "-o", str(path)], capture_output=True, text=True, timeout=60, check=False)
        assert server.commands == 60
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"socs-tcp: {path} ends here: File too large; everything else goes on\n"
    lines = path.read_text().splitlines()
    assert len(lines) > 5 and {len(line.split(",")) for line in lines} == {6}
