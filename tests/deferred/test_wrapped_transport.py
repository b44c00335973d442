"""A protocol over Twisted's own TLS: what is taken is with the system, and the socket is set up."""

import socket
import ssl
import threading

import pytest
from memory_device import Watched
from OpenSSL import SSL
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import implementer

from socs_tcp import LineProtocol, RawProtocol
from socs_tcp.deferred.drain import lowest
from tests.storms.deferreds import own_reactor

BOUND = 10
BIG = bytes(range(256)) * 20000


@pytest.fixture
def turner():
    with own_reactor() as turner:
        yield turner


class TlsDevice:
    """Shakes hands, and reads what it is told to read."""

    def __init__(self, certificate):
        self._context = certificate.server()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(BOUND)
        self.port = self._listener.getsockname()[1]
        self.count = 0
        self.may_read = threading.Event()
        self.said = b""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        sock = self._context.wrap_socket(self._listener.accept()[0], server_side=True)
        sock.settimeout(BOUND)
        with sock:
            first = sock.recv(100)
            sock.sendall(b"re " + first)
            assert self.may_read.wait(BOUND)
            while self.count < len(BIG):
                self.count += len(sock.recv(65536))
            sock.sendall(b"all\r\n")
            with pytest.raises((OSError, EOFError, ssl.SSLError)):
                if not sock.recv(100):
                    raise EOFError

    def close(self):
        self.may_read.set()
        self._thread.join(BOUND)
        assert not self._thread.is_alive()
        self._listener.close()


@implementer(IOpenSSLClientConnectionCreator)
class Trusting:
    """Takes any certificate: what is tested here is not that."""

    def clientConnectionForTLS(self, protocol):
        connection = SSL.Connection(CertificateOptions().getContext(), None)
        connection.set_connect_state()
        return connection


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_send_over_twisteds_own_tls_is_done_when_the_system_has_all(turner, certificate):
    device = TlsDevice(certificate)
    try:
        protocol = RawProtocol(keepalive=12)
        endpoint = wrapClientTLS(Trusting(), TCP4ClientEndpoint(turner.reactor, "127.0.0.1",
                                                             device.port))
        made = Watched(connectProtocol(endpoint, protocol))
        assert turner.until(lambda: made.fired, BOUND)
        assert made.value is protocol
        handle = protocol.transport.transport.getHandle()
        assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        # (Newer versions gather small writes, by the clock of the installed reactor, not ours.)
        if hasattr(protocol.transport, "_aggregator"):
            protocol.transport._aggregator._clock = turner.reactor
        first = Watched(protocol.send(b"hello\r\n"))       # (it waits for the handshake)
        reply = Watched(protocol.recv())
        assert turner.until(lambda: reply.fired and first.fired, BOUND)
        assert first.value is None and reply.value == b"re hello\r\n"
        big = Watched(protocol.send(BIG))
        turner.until(lambda: big.fired, 0.3)
        assert not big.fired, "sent, though the device reads nothing"
        after = Watched(protocol.recv())
        device.may_read.set()
        assert turner.until(lambda: after.fired, BOUND)
        assert big.value is None and after.value == b"all\r\n"
        lost = Watched(protocol.recv())
        protocol.transport.abortConnection()
        assert turner.until(lambda: lost.fired, BOUND)
    finally:
        device.close()


def test_who_is_asked_is_the_transport_with_the_socket():
    inner = ProtocolWrapper(WrappingFactory(None), LineProtocol())
    outer = ProtocolWrapper(WrappingFactory(None), LineProtocol())
    bottom = object()
    inner.transport, outer.transport = bottom, inner
    assert lowest(outer) is bottom and lowest(bottom) is bottom
