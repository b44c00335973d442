"""The reactor is blocked for longer than a timeout, with the replies in the kernel."""

import time

from socs_tcp import DeviceClient, LineFramer
from tests.storms.deferreds import own_reactor

BOUND = 10


def test_the_replies_are_given_and_not_the_timeouts(device):
    with own_reactor() as real:
        clients = [DeviceClient("127.0.0.1", device.port, 0.5, reactor=real.reactor,
                                framer=LineFramer(b"\n"), settle=0) for _ in range(20)]
        outcomes = []
        for client in clients:
            client.query("T?").addBoth(outcomes.append)
        assert real.until(lambda: len(outcomes) == 20, BOUND)
        outcomes.clear()
        for client in clients:
            client.query("T?").addBoth(outcomes.append)
        time.sleep(1.0)             # the device answers meanwhile
        assert real.until(lambda: len(outcomes) == 20, BOUND)
        assert outcomes == [b"ok"] * 20
        assert [client.link.losses for client in clients] == [0] * 20
        closed = [client.close() for client in clients]
        assert real.until(lambda: all(done.called for done in closed), BOUND)
