"""TLS in memory: bytes in, bytes out."""

import contextlib
import ssl

import pytest
from OpenSSL import SSL

from socs_tcp.core.errors import from_cause
from socs_tcp.core.tls import TlsStream, check_tls


class Server:
    """The device's side, in memory, too."""

    def __init__(self, context):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def shake(self, data):
        self.incoming.write(data)
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def say(self, data):
        self.tls.write(data)
        return self.outgoing.read()

    def hear(self, data):
        self.incoming.write(data)
        return self.tls.read(65536)


@pytest.fixture
def server(certificate):
    return Server(certificate.server())


@pytest.fixture
def stream(certificate):
    return TlsStream(certificate.client(), "device.test")


def shake_hands(stream, server):
    stream.start()
    for _ in range(9):
        done = server.shake(stream.take())
        data = stream.feed(server.outgoing.read())
        assert data == b""
        if done and stream.ready:
            return
    raise AssertionError("the handshake does not end")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_is_said_is_heard(certificate, version):
    context = certificate.server()
    context.maximum_version = version
    server, stream = Server(context), TlsStream(certificate.client(), "device.test")
    shake_hands(stream, server)
    stream.write(b"T?")
    assert server.hear(stream.take()) == b"T?"
    assert stream.feed(server.say(b"4.2\n")) == b"4.2\n"
    assert not stream.ended


class RenewingServer:
    """As `Server`, of a device that renews its keys in the middle of a connection."""

    def __init__(self, certificate):
        self.tls = certificate.renewing()
        self.heard = b""

    def hear(self, data):
        """Take in what the client has said; what TLS itself answers."""
        if data:
            self.tls.bio_write(data)
        with contextlib.suppress(SSL.WantReadError):
            self.tls.do_handshake()
            self.heard += self.tls.recv(65536)
        return self.said()

    def said(self):
        try:
            return self.tls.bio_read(1 << 20)
        except SSL.WantReadError:
            return b""


def renewing(certificate):
    """A stream, and its device, which has just begun to renew the keys."""
    stream, server = TlsStream(certificate.client(), "device.test"), RenewingServer(certificate)
    stream.start()
    while not stream.ready:
        assert stream.feed(server.hear(stream.take())) == b""
    server.hear(stream.take())
    assert server.tls.renegotiate()
    assert stream.feed(server.hear(b"")) == b""
    return stream, server


def test_what_is_said_while_the_device_renews_the_keys_goes_out_then(certificate):
    stream, server = renewing(certificate)
    stream.write(b"first ")
    stream.write(b"second")
    assert stream.holding
    while stream.holding:
        assert stream.feed(server.hear(stream.take())) == b""
    server.hear(stream.take())
    assert server.heard == b"first second"
    server.tls.send(b"reply")
    assert stream.feed(server.said()) == b"reply"


def test_a_device_that_hangs_up_as_it_renews_the_keys(certificate):
    stream, _server = renewing(certificate)
    stream.write(b"T?")
    stream.feed(b"")
    assert stream.ended and not stream.holding


def test_session_tickets_are_no_data(stream, server):
    shake_hands(stream, server)     # with TLS 1.3: they come with its last message
    assert server.tls.version() == "TLSv1.3"
    assert not stream.ended
    assert stream.feed(server.say(b"4.2\n")) == b"4.2\n"


def test_pieces_of_any_size_make_the_same(stream, server):
    shake_hands(stream, server)
    data = server.say(b"x" * 40000)
    assert b"".join(stream.feed(data[i:i + 7]) for i in range(0, len(data), 7)) == b"x" * 40000


def test_a_farewell_is_the_end_without_the_end_of_the_connection(stream, server):
    shake_hands(stream, server)
    data = server.say(b"4.2\n")
    with pytest.raises(ssl.SSLWantReadError):
        server.tls.unwrap()
    assert stream.feed(data + server.outgoing.read()) == b"4.2\n"
    assert stream.ended
    assert stream.feed(b"more") == b""


def test_an_end_without_a_farewell_is_an_end_too(stream, server):
    shake_hands(stream, server)
    assert stream.feed(b"") == b""
    assert stream.ended


def test_our_farewell_is_heard(stream, server):
    shake_hands(stream, server)
    stream.farewell()
    assert server.hear(stream.take()) == b""
    TlsStream(check_tls(ssl.create_default_context()), "device.test").farewell()


def told(error):
    return str(from_cause(error, host="dev", port=7, phase="connect"))


def test_a_device_that_speaks_no_tls(stream):
    stream.start()
    with pytest.raises(ConnectionError) as caught:
        stream.feed(b"HELLO, I am a thermometer\r\n")
    assert "does the device speak TLS" in told(caught.value)


def test_a_device_that_hangs_up_in_the_handshake(stream):
    stream.start()
    with pytest.raises(ConnectionError, match="closed the connection in the TLS handshake"):
        stream.feed(b"")


@pytest.mark.parametrize("host, trusted", [("other.test", True), ("device.test", False)])
def test_a_device_with_another_certificate(certificate, host, trusted):
    context = certificate.client() if trusted else ssl.create_default_context()
    stream, server = TlsStream(context, host), Server(certificate.server())
    with pytest.raises(ConnectionError, match="certificate is not trusted") as caught:
        shake_hands(stream, server)
    assert ("mismatch" if trusted else "self-signed") in told(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::1%lo"])
def test_a_certificate_may_name_an_address(certificate, host):
    stream, server = TlsStream(certificate.client(), host), Server(certificate.server())
    shake_hands(stream, server)


def test_nonsense_after_the_handshake_is_an_error(stream, server):
    shake_hands(stream, server)
    with pytest.raises(ConnectionError, match="TLS: "):
        stream.feed(b"\x17\x03\x03\x00\x05hello")


def test_what_was_said_before_nonsense_is_not_lost(stream, server):
    shake_hands(stream, server)
    assert stream.feed(server.say(b"4.2\n") + b"\x17\x03\x03\x00\x05hello") == b"4.2\n"
    assert stream.ended


def test_a_context_is_checked():
    context = ssl.create_default_context()
    assert check_tls(context) is context
    assert check_tls(None) is None
    with pytest.raises(TypeError, match=r"tls must be an ssl\.SSLContext"):
        check_tls(True)
    with pytest.raises(ValueError, match="of a client, not of a server"):
        check_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
