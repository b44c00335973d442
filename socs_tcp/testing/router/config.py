"""The configuration of the router and its clients, and a free port."""

from __future__ import annotations

import json
import random
import socket
from typing import Any

from .wamp import HOST

REALM = "test_realm"
ADDRESS_ROOT = "observatory"
#: Where the router hears of calls that `GUARD` has looked at; in its own directory.
CALL_SOCKET = "call.sock"
GUARD = "socs_tcp.testing.router.call_guard.CallGuard"


def crossbar_config(port: int) -> str:
    """The least that crossbar needs: one realm without restrictions, websocket and HTTP.

    Web pages are excluded: through a browser on this machine, they must not reach a device.
    """
    everything = {"uri": "", "match": "prefix", "cache": True, "allow": {
        "call": True, "register": True, "publish": True, "subscribe": True}}
    return json.dumps({"version": 2, "workers": [{
        "type": "router",
        "realms": [{"name": REALM,
                    "roles": [{"name": "anonymous", "permissions": [everything]}]}],
        "transports": [
            {"type": "web",
             "endpoint": {"type": "tcp", "interface": HOST, "port": port},
             "paths": {"/": {"type": "json", "value": {}},
                       "ws": {"type": "websocket", "options": {
                           "allowed_origins": [], "allow_null_origin": False}},
                       "call": {"type": "resource", "classname": GUARD,
                                "extra": {"socket": CALL_SOCKET}}}},
            {"type": "web",
             "endpoint": {"type": "unix", "path": CALL_SOCKET},
             "paths": {"/": {"type": "json", "value": {}},
                       "call": {"type": "caller", "realm": REALM, "role": "anonymous"}}},
        ]}]}, indent=1)


def site_config(port: int, instances: list[dict[str, Any]]) -> str:
    """The OCS site configuration (JSON, which is YAML, too) with these agent instances."""
    return json.dumps({
        "hub": {"wamp_server": f"ws://{HOST}:{port}/ws",
                "wamp_http": f"http://{HOST}:{port}/call",
                "wamp_realm": REALM, "address_root": ADDRESS_ROOT},
        "hosts": {"localhost": {"agent-instances": instances}},
    }, indent=1)


def free_port() -> int:
    """A free port of the loopback interface.

    It lies below the ports that systems use for outgoing connections, so that none of these takes
    it during a restart of the router.
    """
    for port in random.sample(range(20000, 30000), 200):
        if is_free(port):
            return port
    raise OSError("no free port on the loopback interface from 20000 to 30000")


def is_free(port: int) -> bool:
    """Could a server listen on this port of the loopback interface now?"""
    with socket.socket() as probe:
        # Without it connections of a former server would forbid it for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
