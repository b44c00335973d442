"""What a program in these containers could do, had it been taken over; and what a web page can."""

from __future__ import annotations

import base64
import json
import os
import socket
import urllib.error
import urllib.request
from typing import Any, Protocol

EVIL = "http://evil.example"
#: Says what the kernel thinks of the first process, and tries to write where it must not.
PROBE = """\
import pathlib
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
print(*(status[key].strip() for key in ("NoNewPrivs", "CapEff", "CapBnd")))
for place in ("/", "/etc", "/opt/venv", "/home/ocs", "/config"):
    try:
        (pathlib.Path(place) / "written").write_text("x")
        print("wrote to", place)
    except OSError:
        pass
"""


class Compose(Protocol):
    """What is needed of `compose_check.Check`."""

    port: int

    def docker(self, *args: str) -> str: ...
    def compose(self, *args: str) -> str: ...
    def say(self, text: str) -> None: ...


def check_containers(check: Compose) -> None:
    """Each service is confined, as the engine and the kernel see it."""
    for service in ("crossbar", "device", "agent"):
        container = check.compose("ps", "-q", service)
        told: dict[str, Any] = json.loads(check.docker("inspect", container))[0]
        host = told["HostConfig"]
        assert told["Config"]["User"] == "9000:9000", told["Config"]["User"]
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"], host
        assert host["SecurityOpt"] == ["no-new-privileges:true"], host["SecurityOpt"]
        assert 0 < host["Memory"] <= 1 << 30 and 0 < host["PidsLimit"] <= 1000, host
        assert host["LogConfig"]["Config"].get("max-size"), host["LogConfig"]
        seen = check.compose("exec", "-T", service, "python", "-c", PROBE).split("\n")
        assert seen == ["1 0000000000000000 0000000000000000"], f"{service}: {seen}"
    check.say("every container is confined: no capability, no new privileges, nothing to write to")


def check_web_pages(check: Compose) -> None:
    """A web page gets nowhere through the browser of this machine; a program does."""
    assert _call(check.port, {}) == 200
    assert _call(check.port, {"Origin": EVIL}) == 403
    assert _handshake(check.port, "").startswith(b"HTTP/1.1 101")
    assert _handshake(check.port, f"Origin: {EVIL}\r\n").startswith(b"HTTP/1.1 400")
    check.say("a web page is refused at /call and at the websocket")


def _call(port: int, headers: dict[str, str]) -> int:
    question = json.dumps({"procedure": "wamp.session.count"}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/call", question,
                                     {"Content-Type": "application/json", **headers})
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as reply:
            code: int = reply.status
            return code
    except urllib.error.HTTPError as exc:
        return exc.code


def _handshake(port: int, more: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall((f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
                      f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                      f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp.2.json\r\n"
                      f"{more}\r\n").encode())
        return sock.recv(4096)
