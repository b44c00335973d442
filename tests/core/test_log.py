"""Log lines are seen, with or without logging set up, once."""

import subprocess
import sys

import pytest
from twisted.logger import formatEvent, globalLogPublisher

import socs_tcp
from socs_tcp.core.log import DeviceLogger

FAILING = """
import socket
from socs_tcp.tcp import TCPInterface
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
    device = TCPInterface("127.0.0.1", port, 1)
    assert device.comm is None
"""


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done


def test_a_failed_connection_is_a_line_on_stderr_without_any_logging_set_up():
    done = run(FAILING)
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "127.0.0.1:" in done.stderr
    assert "Connection refused" in done.stderr


@pytest.mark.parametrize("start", [
    "import txaio; txaio.use_twisted(); txaio.start_logging(out=sys.stdout)",
    "from twisted.python import log; log.startLogging(sys.stdout)",
    "from twisted.logger import globalLogBeginner, textFileLogObserver\n"
    "globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)])"])
def test_where_logging_has_begun_the_line_is_there_and_not_on_stderr(start):
    done = run(f"import sys\n{start}\n{FAILING}")
    assert done.stderr == ""
    assert len([line for line in done.stdout.splitlines() if "Connection refused" in line]) == 1


def test_a_program_without_stderr_is_not_disturbed():
    done = run(f"import sys\nsys.stderr = None\n{FAILING}")
    assert done.stderr == ""


def test_a_program_whose_stderr_is_closed_is_not_disturbed():
    run(f"import sys\nsys.stderr.close()\n{FAILING}")


@pytest.mark.parametrize("level", ["info", "warn", "error"])
@pytest.mark.parametrize("text", ["{", "{log_source}", "{text}", "%s %(x)s", "a }"])
def test_what_is_written_is_text_and_no_format(level, text):
    lines = []

    def observe(event):
        lines.append(formatEvent(event))
    globalLogPublisher.addObserver(observe)
    try:
        getattr(DeviceLogger(), level)(text)
    finally:
        globalLogPublisher.removeObserver(observe)
    assert lines == [text]


def test_importing_the_package_imports_neither_ocs_nor_a_reactor():
    run("import sys, socs_tcp\n"
        "assert 'twisted.internet.reactor' not in sys.modules\n"
        "assert not [m for m in sys.modules if m == 'ocs' or m.startswith('ocs.')]\n"
        "for name in socs_tcp.__all__: getattr(socs_tcp, name)\n"
        "assert 'twisted.internet.reactor' not in sys.modules\n"
        "assert not [m for m in sys.modules if m == 'ocs' or m.startswith('ocs.')]\n")


def test_a_blocking_device_needs_no_reactor():
    run(FAILING + "import sys; assert 'twisted.internet.reactor' not in sys.modules")


def test_all_names_every_public_name():
    assert set(socs_tcp.__all__) == set(socs_tcp._HOMES)
    for name, module in socs_tcp._HOMES.items():
        assert hasattr(socs_tcp, name), f"{name} is not in {module}"
    assert sorted(socs_tcp.__all__) == list(dict.fromkeys(sorted(socs_tcp.__all__)))


def test_all_names_what_users_are_promised():
    assert set(socs_tcp.__all__) >= {
        "TCPInterface", "DeviceClient", "DeviceClientFactory", "LineProtocol", "RawProtocol",
        "LineFramer", "FixedFramer", "LengthFramer", "PromptFramer", "RawFramer",
        "DeviceAgentMixin", "Link", "DeviceConnectionError", "ConnectFailed", "ConnectTimedOut",
        "Disconnected", "ReplyTimedOut", "FramingError", "WrongDevice"}
