"""A driver that looks for leftovers before it sends never comes to `send`, which reconnects."""

import select

import pytest

from socs_tcp import ConnectFailed, Disconnected, LineFramer, TCPInterface
from socs_tcp.core import policy
from socs_tcp.testing import DeviceServer


@pytest.fixture
def server():
    with DeviceServer({"A": "one"}) as server:
        yield server


@pytest.fixture
def device(server):
    with TCPInterface(server.host, server.port, 1.0, framer=LineFramer(),
                      min_interval=0.1) as device:
        server.wait_for_clients()
        yield device


def readable(device):
    return bool(select.select([device.comm], [], [], 0.0)[0])


def lose(device, server):
    """The loss is told once, on the connection that was lost."""
    comm = device.comm
    server.wait_for(lambda: readable(device))
    with pytest.raises(Disconnected):
        device.recv()
    assert device.comm is comm


def test_the_second_recv_on_a_lost_connection_makes_a_new_one(device, server):
    server.faults.hang_up()
    lose(device, server)
    assert server.connections == 1
    with pytest.raises(Disconnected):
        device.recv()       # nobody has asked the new one anything
    server.wait_for(lambda: server.connections == 2)
    assert not readable(device)
    device.send(b"A\r\n")
    assert device.recv() == b"one\r\n"
    assert (device.link.losses, device.link.connects) == (1, 2)


def test_a_driver_that_only_listens_gets_its_device_back(device, server):
    server.faults.hang_up()
    lose(device, server)
    with pytest.raises(Disconnected):
        device.recv()
    server.wait_for_clients()
    server.say("unasked")
    assert device.recv() == b"unasked\r\n"


def test_while_it_is_gone_comm_remains_something_to_select(device, server):
    server.unplug()
    lose(device, server)
    lost, losses = device.comm, device.link.losses
    for _ in range(3):
        assert readable(device)
        with pytest.raises(Disconnected):
            device.recv()
    assert device.link.losses == losses
    server.plug_in()
    server.wait_for(lambda: device.comm is not lost or not fails(device))
    assert not readable(device)
    assert device.query("A") == b"one"


def fails(device):
    with pytest.raises(Disconnected):
        device.recv()
    return True


def test_attempts_keep_their_distance(server):
    with TCPInterface(server.host, server.port, 0.2, min_interval=30) as device:
        server.wait_for_clients()
        server.faults.accept_and_hang_up()
        server.faults.hang_up()
        server.wait_for(lambda: readable(device))
        for _ in range(5):
            with pytest.raises((Disconnected, ConnectFailed)):
                device.recv()
        # the one that was lost, and the first retry, which is free
        assert server.connections == 2


def test_a_loss_seen_while_idle_is_known_to_recv(device, server):
    server.faults.hang_up()
    server.wait_for(lambda: readable(device))
    assert device.check_idle()
    assert device.link.losses == 1
    with pytest.raises(Disconnected):
        device.recv()
    server.wait_for(lambda: server.connections == 2)
    assert device.query("A") == b"one"


def test_reset_on_error_makes_one_connection_and_not_two(device, server):
    server.faults.hang_up()
    lose(device, server)
    with pytest.raises(Disconnected):
        device.recv(reset_on_error=True)
    assert device.query("A") == b"one"
    assert server.connections == 2


def test_reset_on_error_says_so_before_it_makes_a_new_connection(device, server):
    """It spends the time of a call on that, while the operator is to know."""
    seen = []
    device.link.observe_at_once(lambda _link, change: seen.append(
        (change.down, server.connections)))
    server.unplug()
    server.wait_for(lambda: readable(device))
    with pytest.raises((Disconnected, ConnectFailed)):
        device.recv(reset_on_error=True)
    assert seen[0] == (True, 1)


def test_the_reset_of_a_driver_makes_that_connection(server):
    class Driver(TCPInterface):
        resets = 0

        def _reset(self):
            self.resets += 1
            super()._reset()
    with Driver(server.host, server.port, 1.0, min_interval=0.1) as device:
        server.wait_for_clients()
        server.faults.hang_up()
        lose(device, server)
        with pytest.raises(Disconnected):
            device.recv()
        assert device.resets == 1


def test_a_driver_that_reads_comm_itself_is_not_degraded_for_ever(device, server, monkeypatch):
    """`send()`, `_check_ready()`, `comm.recv()`: there is no exchange to prove the device."""
    monkeypatch.setattr(policy, "LASTS", 0.1)
    monkeypatch.setattr(policy, "ASKED_LATELY", 0.1)
    device.query("A")
    server.faults.hang_up()
    server.wait_for(lambda: device.check_idle() and device.link.down)

    def is_up():
        device.send(b"A\r\n")
        device._check_ready()
        assert device.comm.recv(100) == b"one\r\n"
        return device.link.up
    server.wait_for(is_up)
    assert device.link.losses == 1
