"""Does a WAMP router accept clients? The shortest possible way to find out."""

from __future__ import annotations

import json
import socket

WELCOME = b"[2,"
HOST = "127.0.0.1"


def accepts_joins(port: int, realm: str, *, path: str = "/ws", timeout: float = 2.0) -> bool:
    """Can a client join `realm` by websocket now?

    A router listens before its realm is ready, so a connection alone proves nothing.

    Parameters
    ----------
    port : int
        The router's port on the loopback interface.
    realm : str
        The WAMP realm to join.
    path : str
        The path of the websocket.
    timeout : float
        Seconds allowed for each step.
    """
    try:
        with socket.create_connection((HOST, port), timeout) as connection:
            return _join(connection, port, realm, path)
    except OSError:
        return False


def _join(connection: socket.socket, port: int, realm: str, path: str) -> bool:
    # The key is any 16 bytes in base64; we do not check what the router makes of it.
    connection.sendall((f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n"
                        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: c29jc190Y3AgdGVzdGluZw==\r\n"
                        "Sec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n").encode())
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(4096)
        if not data:
            return False
        head += data
    if b" 101 " not in head.split(b"\r\n")[0]:
        return False
    hello = json.dumps([1, realm, {"roles": {"caller": {}}}]).encode()
    # one final text frame; its mask is zero, which leaves the payload as it is
    connection.sendall(b"\x81" + bytes([0x80 | len(hello)]) + bytes(4) + hello)
    answer = connection.recv(4096)
    return WELCOME in answer[:8]      # after a header of 2 or 4 bytes
