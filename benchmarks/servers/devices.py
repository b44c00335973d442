"""Many simulated devices in one process, which answer, and fail when they are told to.

``python -m benchmarks.servers.devices [--delay SECONDS]`` prints two ports: of devices that
stay, and of devices that fail. Orders come on stdin, one a line; it ends when stdin does:

``unplug``
    The failing devices reset their connections and refuse new ones.
``plug``
    They are back, at the same port.

``--delay`` makes them think for so long before they answer; questions that come meanwhile
wait their turn on the wire, not in the device, as on a long line.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

from .echo import server_process

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Devices:
    """An epoll loop: what is slow here would be blamed on the clients."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._epoll = select.epoll()
        self._late: list[tuple[float, int, bytes]] = []     # answers that are due later
        self._connections: dict[int, socket.socket] = {}
        self._failing: set[int] = set()
        self._listeners: dict[int, socket.socket] = {}
        self._stays = self._listen(0)
        self._fails: socket.socket | None = self._listen(0)
        self.ports = self._stays.getsockname()[1], self._fails.getsockname()[1]

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=4096)
        listener.setblocking(False)
        self._listeners[listener.fileno()] = listener
        self._epoll.register(listener, select.EPOLLIN)
        return listener

    def run(self) -> None:
        """Serve until stdin ends."""
        stdin = sys.stdin.fileno()
        self._epoll.register(stdin, select.EPOLLIN)
        while True:
            for fd, _ in self._epoll.poll(self._until_next()):
                if fd in self._connections:
                    self._answer(fd)
                elif fd in self._listeners:
                    self._accept(self._listeners[fd])
                elif fd == stdin:
                    orders = os.read(stdin, 4096).split()
                    if not orders:
                        return
                    for order in orders:
                        {b"unplug": self._unplug, b"plug": self._plug}[order]()
            self._send_due()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                conn, _ = listener.accept()
                conn.setblocking(False)
                conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connections[conn.fileno()] = conn
                if listener is self._fails:
                    self._failing.add(conn.fileno())
                self._epoll.register(conn, select.EPOLLIN)

    def _answer(self, fd: int) -> None:
        try:
            data = self._connections[fd].recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self._forget(fd)
        elif self._delay:
            heapq.heappush(self._late, (time.monotonic() + self._delay, fd, data))
        else:
            self._send(fd, data)

    def _until_next(self) -> float | None:
        return max(0.0, self._late[0][0] - time.monotonic()) if self._late else None

    def _send_due(self) -> None:
        while self._late and self._late[0][0] <= time.monotonic():
            _, fd, data = heapq.heappop(self._late)
            if fd in self._connections:
                self._send(fd, data)

    def _send(self, fd: int, data: bytes) -> None:
        try:
            self._connections[fd].send(data)    # a few bytes: they fit
        except ConnectionError:
            self._forget(fd)

    def _forget(self, fd: int) -> None:
        self._failing.discard(fd)
        self._connections.pop(fd).close()

    def _unplug(self) -> None:
        if self._fails is not None:
            del self._listeners[self._fails.fileno()]
            self._fails.close()
            self._fails = None
        for fd in list(self._failing):
            self._connections[fd].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._forget(fd)

    def _plug(self) -> None:
        if self._fails is None:
            self._fails = self._listen(self.ports[1])


def allow_many_files() -> None:
    """The usual soft limit of 1,024 open files is below 2,000 devices."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def running(delay: float = 0.0) -> Iterator[tuple[subprocess.Popen, tuple[int, int]]]:
    """The process, which takes orders, and the ports of the devices that stay, and that fail."""
    with server_process("benchmarks.servers.devices", "--delay", str(delay)) as process:
        stays, fails = process.stdout.readline().split()
        yield process, (int(stays), int(fails))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.0)
    opts = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)        # ends with its parent's pipe instead
    allow_many_files()
    devices = Devices(opts.delay)
    print(*devices.ports, flush=True)
    devices.run()


if __name__ == "__main__":
    main()
