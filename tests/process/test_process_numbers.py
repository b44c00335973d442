"""Numbers of all kinds, and of all sizes, as times and as a port."""

from decimal import Decimal

import numpy as np
import pytest
from process_device import BOUND

from socs_tcp import DeviceClient, LineFramer
from socs_tcp.tcp import TCPInterface
from tests.storms.deferreds import own_reactor

NUMBERS = [1e10, 10 ** 12, np.int64(5), np.float32(5), Decimal("5.5")]


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_blocking(device, number):
    with TCPInterface("127.0.0.1", np.int64(device.port), number, framer=LineFramer(b"\n"),
                      keepalive=number, min_interval=number) as interface:
        assert interface.query("T?", timeout=number) == b"ok"
        interface.send(b"T?\n")
        assert interface.recv() == b"ok\n"


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_twisted(device, number):
    with own_reactor() as real:
        client = DeviceClient("127.0.0.1", np.int64(device.port), number, reactor=real.reactor,
                              framer=LineFramer(b"\n"), keepalive=number, min_interval=number)
        outcomes = []
        client.query("T?", timeout=number).addBoth(outcomes.append)
        assert real.until(lambda: outcomes, BOUND)
        assert outcomes == [b"ok"]
        closed = client.close()
        assert real.until(lambda: closed.called, BOUND)
