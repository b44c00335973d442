"""A slow instrument on a serial line, behind a real ser2net."""

import contextlib

import pytest
from serial_device import SerialDevice
from serial_server import PROGRAM, SerialServer

HOW = "install it with .ci/packages (Debian: apt-get install ser2net)"


def pytest_collection_modifyitems(items):
    if PROGRAM is None:
        for item in items:
            if item.path.parent.name == "ser2net":
                item.add_marker(pytest.mark.skip(
                    reason=f"NOTHING WAS TRIED ON A SERIAL LINE: there is no ser2net; {HOW}"))


ANSWERS = {"*IDN?": "ACME,PS-1,42,1.0", "A?": "alpha", "B?": "beta", "C?": "gamma",
           "V?": "1.25", **{f"E? {number}": str(number) for number in range(20)}}


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def instrument(stack, tmp_path):
    """The instrument, plugged in."""
    device = SerialDevice(tmp_path / "ttyUSB0", dict(ANSWERS))
    stack.callback(device.close)
    return device


@pytest.fixture
def serial_server(stack, tmp_path, instrument):
    """Makes a ser2net in front of the instrument."""
    def make(**options):
        server = SerialServer(tmp_path, instrument.path, **options)
        stack.callback(server.close)
        return server
    return make
