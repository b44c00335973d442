"""The `TCPDeviceAgent` of a machine whose name servers are dead: a look-up of the device hangs."""

import socket
import time

from twisted.internet import reactor
from twisted.internet._resolver import GAIResolver

from socs_tcp.agents.tcp_device import main  # noqa: F401 (the entry point)

HANGS = 60
_look_up = socket.getaddrinfo


def look_up(host, *args, **kwargs):
    """As the system's, but for one name."""
    if "nowhere" in str(host):
        print("looking the device up", flush=True)
        time.sleep(HANGS)
    return _look_up(host, *args, **kwargs)


socket.getaddrinfo = look_up        # and Twisted keeps the one that was there when it was imported
reactor.installNameResolver(GAIResolver(reactor, getaddrinfo=look_up))
