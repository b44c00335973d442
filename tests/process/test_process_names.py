"""The name server is dead: calls end in their time, and nothing piles up."""

import threading
import time

import pytest
from twisted.internet.defer import Deferred

from socs_tcp import ConnectTimedOut, DeviceClient, LineFramer
from socs_tcp.tcp import TCPInterface
from tests.storms.deferreds import own_reactor

BOUND = 10


def test_blocking_calls_end_in_their_time_and_there_is_one_look_up(dead_name_server):
    device = TCPInterface("dead.invalid", 7777, 0.1, framer=LineFramer(b"\n"), min_interval=0.01)
    for _ in range(5):
        began = time.monotonic()
        with pytest.raises(ConnectTimedOut):
            device.query("T?")
        assert time.monotonic() - began < BOUND
    assert dead_name_server.asked == ["dead.invalid"]


def test_close_ends_a_blocking_look_up_at_once(dead_name_server):
    device = TCPInterface("dead.invalid", 7777, 0.1, framer=LineFramer(b"\n"), min_interval=0.01)
    outcome = []

    def ask():
        try:
            device.query("T?", timeout=3600)
        except ConnectionError as exc:
            outcome.append(str(exc))
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    device.close()
    thread.join(BOUND)
    assert len(outcome) == 1
    assert "closed by this program" in outcome[0]


def test_clients_leave_the_threads_of_the_reactor_alone(dead_name_server):
    """Else OCS could start no blocking operation, as long as the look-ups last."""
    with own_reactor() as real:
        clients = [DeviceClient("dead.invalid", port, 0.05, reactor=real.reactor,
                                min_interval=0.01) for port in range(7000, 7004)]
        errors = []
        for client in clients:
            for _ in range(3):
                client.query("T?").addErrback(lambda failure: errors.append(failure.type))
        assert real.until(lambda: len(errors) == 12, BOUND)
        assert set(errors) == {ConnectTimedOut}
        assert dead_name_server.asked == ["dead.invalid"]
        assert real.reactor.threadpool is None or not real.reactor.threadpool.working
        closed: list[Deferred[None]] = [client.close() for client in clients]
        assert real.until(lambda: all(done.called for done in closed), BOUND)
        assert real.left_over() == []
