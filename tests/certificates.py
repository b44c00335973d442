"""Certificates for the TLS of tests, made anew in each run."""

import datetime
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL


class Certificate:
    """A self-signed certificate of ``device.test``, ``127.0.0.1`` and ``::1``, in a folder."""

    def __init__(self, folder):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device.test")])
        now = datetime.datetime.now(datetime.UTC)
        names = [x509.DNSName("device.test"), *(
            x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1"))]
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=20))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
        self.path = folder / "device.pem"
        self.path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption())
            + certificate.public_bytes(serialization.Encoding.PEM))

    def server(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context

    def renewing(self, sock=None):
        """The device's side as pyOpenSSL has it, which can renew the keys (up to TLS 1.2)."""
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.use_certificate_chain_file(str(self.path))
        context.use_privatekey_file(str(self.path))
        server = SSL.Connection(context, sock)
        server.set_accept_state()
        return server

    def client(self):
        """A context that trusts this certificate, and no other."""
        return ssl.create_default_context(cafile=self.path)
