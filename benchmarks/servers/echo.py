"""An echo server that is never the bottleneck: one process a connection, two system calls a query.

Run as ``python -m benchmarks.servers.echo``; it prints its port and ends when its stdin does.
A thread a connection would pay for the interpreter lock, an event loop for a poll.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from ..figures import measure


def serve_one(conn: socket.socket) -> None:
    """Give back what comes, until the other side hangs up."""
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = bytearray(1 << 16)
    view = memoryview(buffer)
    recv_into, send = conn.recv_into, conn.sendall
    with contextlib.suppress(ConnectionError):
        while count := recv_into(buffer):
            send(view[:count])


def tls_context() -> ssl.SSLContext:
    """With a certificate of its own, which nobody looks at."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "benchmark")])
    now, days = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=2)
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - days).not_valid_after(now + days)
                   .sign(key, hashes.SHA256()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption())
            + certificate.public_bytes(serialization.Encoding.PEM))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def main() -> None:
    tls = tls_context() if sys.argv[1:] == ["tls"] else None
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)       # nobody waits for the children
    signal.signal(signal.SIGINT, signal.SIG_IGN)        # ends with its parent's pipe instead
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listener.getsockname()[1], flush=True)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        conn, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            serve_one(conn if tls is None else tls.wrap_socket(conn, server_side=True))
            os._exit(0)
        conn.close()


@contextlib.contextmanager
def running(*args: str) -> Iterator[int]:
    """The port of an echo server in a process of its own, on the cores of the caller.

    With ``tls``, it is one over TLS.
    """
    with server_process("benchmarks.servers.echo", *args) as process:
        yield int(process.stdout.readline())


@contextlib.contextmanager
def server_process(module: str, *args: str) -> Iterator[subprocess.Popen]:
    """A module run in a process that lives as long as the block; its pipes are text."""
    process = subprocess.Popen([sys.executable, "-m", module, *args], text=True, bufsize=1,
                               cwd=measure.CHECKOUT,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


if __name__ == "__main__":
    main()
