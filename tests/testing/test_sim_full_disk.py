"""A recording that has no room left: it is told, it can be read, and the proxy goes on."""

import resource
import socket
import subprocess
import sys

import pytest

from socs_tcp import LineFramer
from socs_tcp.testing import DeviceServer, FaultProxy, Recording
from socs_tcp.testing.recording.record import Recorder

LIMIT = 600
#: A process that may write so many bytes to a file, as on a full disk: a line is cut in two.
CHILD = """
import resource, sys
from socs_tcp.testing.recording.record import Recorder
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
recorder = Recorder(sys.argv[1], "x")
for number in range(100):
    recorder.write(1, ">", b"READ %d" % number)
recorder.close()
"""


def ask(address, question):
    with socket.create_connection(address, 5) as sock:
        sock.sendall(question)
        return sock.recv(100)


@pytest.fixture
def device():
    with DeviceServer({"T?": "4.2"}, framer=LineFramer("\n")) as server:
        yield server


def test_the_proxy_goes_on_where_the_disk_is_full(device, capfd):
    with FaultProxy(*device.address, record="/dev/full") as proxy:
        assert ask(proxy.address, b"T?\n") == b"4.2\n"
        assert ask(proxy.address, b"T?\n") == b"4.2\n"
    said = capfd.readouterr().err
    assert said.count("the recording /dev/full ends here: No space left on device") == 1
    assert "Traceback" not in said


def test_what_was_recorded_until_then_can_be_read(tmp_path):
    path = tmp_path / "session.txt"
    done = subprocess.run([sys.executable, "-c", CHILD.format(limit=LIMIT), str(path)],
                          capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == (f"the recording {path} ends here: File too large; "
                           "everything else goes on\n")
    assert LIMIT - 40 < path.stat().st_size <= LIMIT
    entries = Recording.load(path).entries
    assert [e.data for e in entries] == [b"READ %d" % n for n in range(len(entries))]
    assert len(entries) > 5


def test_a_disk_that_becomes_full_while_a_device_is_recorded(device, tmp_path, capfd):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = tmp_path / "session.txt"
    with FaultProxy(*device.address, record=path) as proxy:
        assert ask(proxy.address, b"T?\n") == b"4.2\n"
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, hard))
        try:
            for _ in range(3):
                assert ask(proxy.address, b"T?\n") == b"4.2\n"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [e.data for e in Recording.load(path).entries if e.kind == "<"] == [b"4.2\n"]
    assert "File too large" in capfd.readouterr().err


def test_a_file_that_cannot_be_is_an_error_at_once(tmp_path):
    with pytest.raises(FileNotFoundError):
        Recorder(tmp_path / "no" / "such" / "folder", "x")
