"""A plain client for the tests of the simulator: no code of the package in it."""

import socket

import pytest


class Client:
    """A blocking socket with a bound of five seconds."""

    def __init__(self, address):
        self.sock = socket.create_connection(address, timeout=5)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def say(self, command):
        self.sock.sendall(command + b"\r\n")

    def hear(self, count):
        """Exactly `count` bytes, or fewer if the device hangs up before."""
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                break
            data += more
        return data

    def line(self):
        data = b""
        while not data.endswith(b"\r\n"):
            more = self.sock.recv(1)
            if not more:
                break
            data += more
            if len(data) > 1000:
                raise OSError("an endless line")
        return data

    def ask(self, command):
        self.say(command)
        return self.line()

    def rest(self):
        """All that comes until the device hangs up."""
        data = b""
        while more := self.sock.recv(65536):
            data += more
        return data

    def is_silent(self, seconds=0.05):
        """Nothing comes for so long."""
        self.sock.settimeout(seconds)
        try:
            return not self.sock.recv(1, socket.MSG_PEEK) and None
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(5)


@pytest.fixture
def connect():
    """Makes clients of a server, and closes them after the test."""
    clients = []

    def make(server):
        clients.append(Client(server.address))
        return clients[-1]
    yield make
    for client in clients:
        client.sock.close()
