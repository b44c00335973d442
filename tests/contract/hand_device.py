"""A device by hand: a script for each connection, in a thread of its own."""

import contextlib
import socket
import threading


class HandDevice:
    """Runs ``script(connection)`` for each connection; the last script for all that follow.

    A `Connection` knows whether the device answers, and what it was asked.
    """

    def __init__(self, *scripts):
        self._scripts = list(scripts)
        self.connections = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _address = self._listener.accept()
                script = self._scripts[min(len(self.connections), len(self._scripts) - 1)]
                connection = Connection(sock)
                self.connections.append(connection)
                threading.Thread(target=connection.play, args=(script,), daemon=True).start()

    @property
    def commands(self):
        """All that was asked, on all connections."""
        return [line for connection in self.connections for line in connection.commands]

    def close(self):
        self._listener.close()
        for connection in self.connections:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_exc_info):
        self.close()


class Connection:
    """The device's end of one connection."""

    def __init__(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._buffer = b""
        self._closed = threading.Event()
        self.commands = []

    def play(self, script):
        with contextlib.suppress(OSError, EOFError):
            script(self)
        self.close()

    def say(self, data, after=0.0):
        """Send, after so many seconds."""
        if after and self._closed.wait(after):
            raise EOFError
        self._sock.sendall(data)

    def command(self):
        """The next line."""
        while b"\r\n" not in self._buffer:
            data = self._sock.recv(4096)
            if not data:
                raise EOFError
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        self.commands.append(line)
        return line

    def answer(self, *, delay=0.0, reply=lambda line: b"re " + line + b"\r\n"):
        """Answer one command; what it was."""
        line = self.command()
        self.say(reply(line), delay)
        return line

    def answer_all(self, **options):
        while True:
            self.answer(**options)

    def silence(self):
        """Say nothing more, until the other end closes."""
        while self._sock.recv(4096):
            pass

    def close(self):
        self._closed.set()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
