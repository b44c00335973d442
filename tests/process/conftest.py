"""Devices for what is done to a process, and names as a test wants them."""

import socket
import threading

import pytest
from process_device import BOUND, Device

from socs_tcp.core import names as names_module


@pytest.fixture
def device():
    device = Device()
    yield device
    device.close()


class DeadNameServer:
    """In the place of the system's look-up: it says nothing until the test is over."""

    def __init__(self):
        self.asked = []
        self.over = threading.Event()

    def __call__(self, host, *args, **kwargs):
        self.asked.append(host)
        self.over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@pytest.fixture
def dead_name_server(monkeypatch):
    server = DeadNameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server)
    monkeypatch.setattr(names_module.names, "_kept", {})
    yield server
    server.over.set()
    for thread in threading.enumerate():
        if thread.name.startswith("look-up of"):
            thread.join(BOUND)
