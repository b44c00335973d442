"""A web page in somebody's browser is no client: what it sends is refused, at both doors."""

import base64
import json
import os
import socket
import urllib.error
import urllib.request

import pytest

REFUSED, SWITCHING = b"HTTP/1.1 400", b"HTTP/1.1 101"
QUESTION = json.dumps({"procedure": "wamp.session.count"}).encode()


def call(port, headers):
    """The code and the answer of /call."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/call", QUESTION, headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as exc:
        return exc.code, json.load(exc)


def handshake(port, *headers):
    """The first line of what the router says to a websocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = ["GET /ws HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket",
             "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
             "Sec-WebSocket-Protocol: wamp.2.json", *headers]
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        return sock.recv(4096).split(b"\r\n")[0]


def test_a_program_may_call_and_join(crossbar_router):
    port = crossbar_router.port
    code, answer = call(port, {"Content-Type": "application/json"})
    assert code == 200 and answer["args"][0] >= 1
    assert handshake(port).startswith(SWITCHING)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:8001",
                                    "file://", "https://localhost", "", "x"])
def test_a_web_page_may_not(crossbar_router, origin):
    port = crossbar_router.port
    code, answer = call(port, {"Content-Type": "application/json", "Origin": origin})
    assert code == 403 and answer["error"] == "socs_tcp.origin_not_allowed"
    assert "args" in answer and "access-control-allow-origin" not in answer
    assert handshake(port, f"Origin: {origin}").startswith(REFUSED)


def test_what_a_page_asks_first_is_refused_too(crossbar_router):
    """A page asks with OPTIONS whether it may send JSON; no is no."""
    with socket.create_connection(("127.0.0.1", crossbar_router.port), 10) as sock:
        sock.sendall(b"OPTIONS /call HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.example\r\n"
                     b"Access-Control-Request-Method: POST\r\n\r\n")
        answer = sock.recv(4096)
    assert answer.startswith(b"HTTP/1.1 403") and b"allow-origin" not in answer.lower()


def test_a_page_cannot_hide_behind_a_second_origin(crossbar_router):
    port = crossbar_router.port
    question = (b"POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
                b"Origin: http://evil.example\r\nOrigin: \r\n\r\n" % len(QUESTION)) + QUESTION
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(question)
        assert sock.recv(4096).startswith(b"HTTP/1.1 403")


def test_large_answers_and_many_at_once_come_through(crossbar_router):
    """The guard passes on what OCS' clients ask; ten of them at a time."""
    socks = [socket.create_connection(("127.0.0.1", crossbar_router.port), 10)
             for _ in range(10)]
    big = json.dumps({"procedure": "no.such.procedure", "args": ["x" * 300_000]}).encode()
    for sock in socks:
        sock.sendall(b"POST /call HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(big))
        sock.sendall(big)
    for sock in socks:
        with sock:
            assert b"no_such_procedure" in b"".join(iter(lambda s=sock: s.recv(65536), b""))
