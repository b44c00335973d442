"""An attempt to connect that a call had to wait for leaves time for the answer, or is not made."""

import time

import pytest

from socs_tcp import ConnectFailed, LineFramer, TCPInterface
from socs_tcp.testing import DeviceServer


@pytest.fixture
def server():
    with DeviceServer({"PING": "PONG"}) as server:
        yield server


def lost(server, *, timeout, min_interval):
    """An interface whose last attempt to connect, just now, was refused."""
    device = TCPInterface(server.host, server.port, timeout, framer=LineFramer(),
                          min_interval=min_interval)
    assert device.query("PING") == b"PONG"
    server.unplug()
    while device.link.failures < 2:
        with pytest.raises(ConnectionError):
            device.query("PING")
    server.plug_in()
    return device


def test_no_question_is_asked_when_there_is_no_time_for_the_answer(server):
    with lost(server, timeout=0.3, min_interval=0.28) as device:
        asked = server.commands
        with pytest.raises(ConnectFailed):
            device.query("PING")        # it would have been sent 0.02 s before the end
        assert server.commands == asked
        # The next call need not wait any more.
        assert device.retry_in() == 0.0
        assert device.query("PING") == b"PONG"


def test_a_call_with_time_enough_waits_for_its_turn(server):
    with lost(server, timeout=2.0, min_interval=0.2) as device:
        began = time.monotonic()
        assert device.query("PING") == b"PONG"
        assert time.monotonic() - began > 0.1


def test_how_long_a_call_would_wait_before_it_connects(server):
    with lost(server, timeout=2.0, min_interval=0.5) as device:
        assert 0.0 < device.retry_in() <= 0.5
        assert device.query("PING") == b"PONG"
        assert device.retry_in() == 0.0
        server.unplug()
        server.plug_in()
        server.wait_for(lambda: device.check_idle() and device.link.down)
        assert device.retry_in() == 0.0     # the first retry is free
