"""A device on a real socket whose manners a test writes: a function of each connection."""

import contextlib
import socket
import threading


class OddDevice:
    """Accepts, and calls ``manners(line, number)`` in a thread for each connection.

    `number` counts the connections from 0. The connection is closed when `manners` returns.
    """

    def __init__(self, manners):
        self._manners = manners
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self.received = []          # commands, of all connections
        self.times = []             # and when they came
        self.connections = 0
        self._threads = [threading.Thread(target=self._accept)]
        self._lines = []
        self.over = threading.Event()
        self._threads[0].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _address = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                line = Line(self, sock)
                self._lines.append(line)
                thread = threading.Thread(target=self._serve, args=(line, self.connections))
                self.connections += 1
                self._threads.append(thread)
                thread.start()

    def _serve(self, line, number):
        with contextlib.suppress(OSError, EOFError):
            self._manners(line, number)
        line.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self._lines:
            line.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


class Line:
    """One connection, from the device's end."""

    def __init__(self, device, sock):
        self._device = device
        self._sock = sock
        self._rest = b""

    def read(self):
        """The next command; EOFError at the end."""
        while b"\r\n" not in self._rest:
            data = self._sock.recv(4096)
            if not data:
                raise EOFError
            self._rest += data
        command, _, self._rest = self._rest.partition(b"\r\n")
        self._device.received.append(command)
        return command

    def say(self, data):
        self._sock.sendall(data)

    def wait(self, seconds):
        if self._device.over.wait(seconds):
            raise EOFError

    def echo(self, *, answers=lambda command: command.lower(), delay=0.0):
        """Answer all that comes, until the end."""
        while True:
            answer = answers(self.read())
            if delay:
                self.wait(delay)
            if answer is not None:
                self.say(answer + b"\r\n")

    def close(self):
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
