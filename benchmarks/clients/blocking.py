"""Subjects that block: bare sockets, the original, sockio, and our own `TCPInterface`.

Each takes a port and gives a function that asks one question and returns when the answer is there.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

from ..figures.measure import QUESTION, TIMEOUT, WARM_UP

Ask = Callable[[], object]

#: The name of the floor.
BARE = "bare socket"


def bare_socket(port: int) -> Ask:
    """The floor: a socket with a timeout, and no thought for what may go wrong."""
    sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask() -> bytes:
        sock.sendall(QUESTION)
        return sock.recv(4096)
    return ask


def bare_makefile(port: int) -> Ask:
    """What a careful person writes by hand for whole lines: a socket and its buffered reader."""
    sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader = sock.makefile("rb")

    def ask() -> bytes:
        sock.sendall(QUESTION)
        return reader.readline()
    return ask


def tls_context() -> ssl.SSLContext:
    """For a server whose certificate nobody knows: what is measured comes after the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def bare_tls(port: int) -> Ask:
    """The floor over TLS: Python's own socket, with a timeout."""
    sock = tls_context().wrap_socket(socket.create_connection(("127.0.0.1", port), TIMEOUT))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask() -> bytes:
        sock.sendall(QUESTION)
        return sock.recv(4096)
    return ask


def socs_tcp_original(port: int) -> Ask:
    from socs.tcp import TCPInterface

    device = TCPInterface("127.0.0.1", port, TIMEOUT)

    def ask() -> bytes:
        device.send(QUESTION)
        return device.recv()
    return ask


def sockio_blocking(port: int) -> Ask:
    from sockio.sio import TCP

    device = TCP("127.0.0.1", port, eol=b"\r\n", timeout=TIMEOUT)
    return lambda: device.write_readline(QUESTION)


def tcp_send_recv(port: int) -> Ask:
    from socs_tcp import TCPInterface

    device = TCPInterface("127.0.0.1", port, TIMEOUT)

    def ask() -> bytes:
        device.send(QUESTION)
        return device.recv()
    return ask


def tcp_query_raw(port: int) -> Ask:
    from socs_tcp import TCPInterface

    device = TCPInterface("127.0.0.1", port, TIMEOUT)
    return lambda: device.query(QUESTION)


def tcp_query_line(port: int) -> Ask:
    from socs_tcp import LineFramer, TCPInterface

    device = TCPInterface("127.0.0.1", port, TIMEOUT, framer=LineFramer())
    return lambda: device.query(QUESTION)


def tcp_query_tls(port: int) -> Ask:
    from socs_tcp import LineFramer, TCPInterface

    device = TCPInterface("127.0.0.1", port, TIMEOUT, framer=LineFramer(), tls=tls_context())
    return lambda: device.query(QUESTION)


SUBJECTS = {
    BARE: bare_socket,
    "bare socket, makefile": bare_makefile,
    "socs.tcp": socs_tcp_original,
    "sockio blocking": sockio_blocking,
    "TCPInterface send+recv": tcp_send_recv,
    "TCPInterface query, raw": tcp_query_raw,
    "TCPInterface query, lines": tcp_query_line,
    "bare socket, TLS": bare_tls,
    "TCPInterface query, lines, TLS": tcp_query_tls,
}


def run(subject: Callable[[int], Ask], port: int, orders) -> None:
    ask = subject(port)
    if not ask():
        raise RuntimeError("no answer")
    for count in orders:
        for _ in range(WARM_UP):
            ask()
        orders.begin()
        for _ in range(count):
            ask()
        orders.end()
