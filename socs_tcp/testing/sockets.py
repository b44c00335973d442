"""How simulated devices get a port, and how they hang up."""

from __future__ import annotations

import contextlib
import socket

#: Bytes that are read at once of what nobody wants to know any more, and how often.
READ_SIZE, READS = 65536, 64


def bind(host: str, port: int, receive_buffer: int | None = None) -> socket.socket:
    """A socket that is bound but does not listen yet; port 0: any free port."""
    family, kind, proto, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        if receive_buffer is not None:      # those that are accepted have it from here
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.bind(address)
        if not port:
            # A port that the system chose is given back when the listener is shut down;
            # one that was asked for is kept. So ask for the one we have got.
            second = bind(host, sock.getsockname()[1], receive_buffer)
            sock.close()
            return second
    except BaseException:
        sock.close()
        raise
    return sock


def end_cleanly(sock: socket.socket) -> None:
    """Send the end (FIN) now, whatever the client is still saying; to be closed afterwards.

    `sock` must not block.
    """
    # Closing with something unread would be a reset. Bounded: a client may never stop.
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)       # the end, before a reset can be caused
        for _ in range(READS):
            if not sock.recv(READ_SIZE):
                return
