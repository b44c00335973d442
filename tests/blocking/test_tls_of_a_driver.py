"""A driver that makes its own TLS connection, in `_connect`: session tickets are no data."""

import socket
import ssl
import threading

import pytest
from certificates import Certificate

from socs_tcp import Disconnected, LineFramer, TCPInterface

BOUND = 10.0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def address(certificate):
    """A device that speaks TLS 1.3, and answers each line."""
    context = certificate.server()
    context.minimum_version = ssl.TLSVersion.TLSv1_3

    def serve(sock):
        with context.wrap_socket(sock, server_side=True) as tls:
            while line := tls.recv(100):
                if line == b"BYE\n":
                    return
                tls.sendall(b"re " + line)

    def accept():
        try:
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        except OSError:
            pass
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()


class Driver(TCPInterface):
    """As a driver does it that knows nothing of ``tls=``."""

    def _connect(self, address):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(socket.create_connection(address, self.timeout))


@pytest.mark.parametrize("settle", [0, 0.05])
def test_the_first_query_of_each_connection_is_answered(address, settle):
    """46 of 60 failed, told as "the device closed the connection"."""
    for number in range(15):
        with Driver(*address, BOUND, framer=LineFramer(b"\n"), settle=settle) as device:
            assert device.query(f"A{number}") == f"re A{number}".encode()
            assert device.query("B") == b"re B"
            assert device.link.losses == 0 and device.link.bytes_discarded == 0


def test_a_hang_up_is_seen_and_mended(address):
    with Driver(*address, BOUND, framer=LineFramer(b"\n"), min_interval=0.01) as device:
        with pytest.raises(Disconnected):
            device.query("BYE")
        assert device.link.down
        assert device.query("A") == b"re A"
        assert device.link.up
