"""A device behind TLS, on both faces."""

import pytest
from process_device import BOUND, Device

from socs_tcp import ConnectFailed, DeviceClient, LineFramer
from socs_tcp.tcp import TCPInterface
from tests.storms.deferreds import own_reactor

LINES = LineFramer(b"\n")


@pytest.fixture
def secure(certificate):
    context = certificate.server()
    device = Device(lambda sock: context.wrap_socket(sock, server_side=True))
    yield device
    device.close()


def test_the_blocking_face(secure, certificate):
    with TCPInterface("127.0.0.1", secure.port, BOUND, framer=LINES,
                      tls=certificate.client()) as device:
        for _ in range(3):
            assert device.query("T?") == b"ok"
        assert device.link.bytes_discarded == 0        # session tickets are no data
        assert device.link.losses == 0
    assert secure.ended.acquire(timeout=BOUND)


def test_the_twisted_face(secure, certificate):
    with own_reactor() as real:
        client = DeviceClient("127.0.0.1", secure.port, BOUND, framer=LINES,
                              reactor=real.reactor, tls=certificate.client())
        outcomes = []
        for _ in range(3):
            client.query("T?").addBoth(outcomes.append)
        assert real.until(lambda: len(outcomes) == 3, BOUND)
        assert outcomes == [b"ok"] * 3
        assert client.link.bytes_discarded == 0
        assert client.link.losses == 0
        closed = client.close()
        assert real.until(lambda: closed.called, BOUND)
        assert secure.ended.acquire(timeout=BOUND)
        assert real.left_over() == []


def test_a_device_without_tls_is_told(device, certificate):
    made = TCPInterface("127.0.0.1", device.port, 0.5, framer=LINES, tls=certificate.client())
    with pytest.raises(ConnectFailed):
        made.query("T?")
    with own_reactor() as real:
        client = DeviceClient("127.0.0.1", device.port, 0.5, framer=LINES, reactor=real.reactor,
                              tls=certificate.client())
        outcomes = []
        client.query("T?").addErrback(lambda failure: outcomes.append(failure.value))
        assert real.until(lambda: outcomes, BOUND)
        assert isinstance(outcomes[0], ConnectFailed)
        client.close()
