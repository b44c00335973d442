"""Faults between a client and a real device."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

from ...core.errors import reason_of
from ...core.framing import Framer
from ..device.framers import command_framer_of
from ..faults.plan import Act
from ..recording.record import Recorder
from ..simulation.line import HIGH_WATER, Line
from ..simulation.simulation import Simulation
from .cutter import Cutter
from .host import SocketHost
from .loop import Loop
from .peer import READ, WRITE, Peer


class ProxyLine(Line):
    """The way from the real device to one client."""

    def __init__(self, simulation: Simulation, framer: Framer | None) -> None:
        super().__init__(simulation)
        self._commands = Cutter(framer and command_framer_of(framer))
        self._replies = Cutter(framer)
        #: For the device, and not yet sent to it.
        self.outbox = bytearray()

    def read_size(self) -> int:
        return 0 if len(self.outbox) > HIGH_WATER else super().read_size()

    def feed(self, data: bytes) -> None:
        for command, whole in self._commands.feed(data):
            self.simulation.journal.command(command)
            self.simulation.faults.exchange()
            if self.ended:
                return
            self.outbox += whole

    def heard(self, data: bytes) -> None:
        """Bytes came from the device."""
        if self.simulation.faults.in_force("black_hole"):
            return
        for _, whole in self._replies.feed(data):
            self.reply(whole)

    def device_left(self, how: Act) -> None:
        """The device ended its connection; what it has said is still delivered."""
        rest = self._replies.rest()
        if rest:
            self.push(rest)
        self.push(how)


class ProxyPeer(Peer):
    """One client's socket, and the one that leads from us to the device."""

    line: ProxyLine

    def __init__(self, loop: Loop, sock: socket.socket, line: ProxyLine,
                 gone: Callable[[Peer], None], *, target: tuple[str, int],
                 record: Callable[[str, bytes], None]) -> None:
        super().__init__(loop, sock, line, gone)
        self._target = target
        self._record = record
        self._connected = False
        self._device_events = 0
        self._device: socket.socket | None = None
        self._tried = False

    def _reach_device(self) -> None:
        """Begin to connect, once the client is in and the way is free."""
        if self._tried or self.line.ended or self.line.simulation.faults.in_force("black_hole"):
            return
        self._tried = True
        self._record("open", b"")
        try:
            self._device = _begin_to_connect(self._target)
        except OSError as exc:
            self.tell("!", f"the device is away: {reason_of(exc)}")
            self.line.device_left(Act.CLOSE)

    def move(self) -> None:
        self._reach_device()
        super().move()
        device = self._device
        if device is None or self.closed:
            return
        wants_to_send = bool(self.line.outbox) or not self._connected
        events = ((WRITE if wants_to_send else 0)
                  | (READ if self._connected and not self.line.full else 0))
        if events != self._device_events:
            self._device_events = events
            self._loop.watch(device.fileno(), events, self._device_ready)

    def _device_ready(self, events: int) -> None:
        device = self._device
        if self.closed or device is None:
            return
        try:
            if not self._connected:
                error = device.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    raise OSError(error, os.strerror(error))
                self._connected = True
            if events & WRITE:
                self._send_to_device(device)
            if events & READ and self._connected:
                self._hear(device)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as exc:
            self.tell("!", f"the device {'was lost' if self._connected else 'is away'}: "
                           f"{reason_of(exc)}")
            self._forget_device(Act.RESET if exc.errno == errno.ECONNRESET else Act.CLOSE)
        self.move()

    def _send_to_device(self, device: socket.socket) -> None:
        outbox = self.line.outbox
        if outbox:
            count = device.send(outbox)
            self._record(">", bytes(outbox[:count]))
            del outbox[:count]

    def _hear(self, device: socket.socket) -> None:
        data = device.recv(65536)
        if not data:
            self.tell("!", "the device hung up")
            self._forget_device(Act.CLOSE)
            return
        self._record("<", data)
        self.line.heard(data)

    def _forget_device(self, how: Act) -> None:
        self._close_device()
        self.line.device_left(how)

    def _close_device(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            self._loop.watch(device.fileno(), 0, self._device_ready)
            device.close()
            self._record("close", b"")

    def close(self, how: Act = Act.CLOSE) -> None:
        if not self.closed:
            self._close_device()
        super().close(how)


class FaultProxy(SocketHost):
    """Stands between a client and a real device, and causes faults between them.

    Each client gets its own connection to the device. Everything else is as for
    `DeviceServer`, and any thread may call any method. ``faults.reboot`` can only hang up. If
    the device refuses the proxy, the client sees a device that accepts and hangs up.

    Parameters
    ----------
    target_host : str
    target_port : int
        The device.
    host : str
        Where to listen. Default: the loopback interface.
    port : int
        0: any free port.
    framer : Framer, optional
        What the client uses. With it, a fault affects one whole reply, in however many pieces
        it comes. Without it, whatever arrives together is taken for one reply.
    record : str or Path, optional
        A file for all traffic to and from the device; see `Recording`.
    """

    def __init__(self, target_host: str, target_port: int, *, host: str = "127.0.0.1",
                 port: int = 0, framer: Framer | None = None,
                 record: str | Path | None = None) -> None:
        self.target = (target_host, target_port)
        self._framer = framer
        self._count = 0         # of connections; the thread of the loop only
        # Written by the thread of the loop only.
        device = f"{target_host}:{target_port}"
        self._recorder = None if record is None else Recorder(record, device)
        try:
            super().__init__(Simulation, host, port)
        except BaseException:
            if self._recorder is not None:
                self._recorder.close()
            raise

    def _peer(self, sock: socket.socket) -> Peer:
        self._count += 1
        number, recorder = self._count, self._recorder

        def record(kind: str, data: bytes) -> None:
            if recorder is not None:
                recorder.write(number, kind, data)
        line = ProxyLine(self._simulation, self._framer)
        return ProxyPeer(self._loop, sock, line, self._gone, target=self.target, record=record)

    def _close_all(self) -> None:
        super()._close_all()
        if self._recorder is not None:
            self._recorder.close()


def _begin_to_connect(address: tuple[str, int]) -> socket.socket:
    family, kind, proto, _, resolved = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(BlockingIOError):
            sock.connect(resolved)
    except BaseException:
        sock.close()
        raise
    return sock
