"""`LineProtocol` and `RawProtocol`: each reader gets its frame, or hears of the loss."""

from __future__ import annotations

from typing import Any

from memory_device import DONE, RESET, Watched, joined
from twisted.internet.defer import CancelledError

from socs_tcp import DeviceConnectionError, LineFramer, LineProtocol, RawProtocol

from .bytes_in import Bytes

LIMIT = 16


class Model:
    """What was sent by the device, and who has asked for what."""

    def __init__(self, raw: bool) -> None:
        self.raw = raw
        self.protocol: Any = RawProtocol() if raw else LineProtocol(LineFramer(max_length=LIMIT))
        self.transport = joined(self.protocol)
        self.stream = b""
        self.calls: list[Watched] = []
        self.sends: list[Watched] = []
        self.over = False

    def recv(self, source: Bytes) -> None:
        size = 1 + source.number(8)
        call = Watched(self.protocol.recv(size) if self.raw else self.protocol.recv())
        self.calls.append(call)
        if self.over:
            self.transport.reactor.advance(0)       # in a later turn
            assert call.fired, "asked after the loss, and never told"

    def deliver(self, source: Bytes) -> None:
        data = source.take(source.number(24))
        if data and not self.over:
            self.stream += data
            self.transport.deliver(data)
            self.transport.reactor.advance(0)

    def cancel(self, source: Bytes) -> None:
        waiting = [call for call in self.calls + self.sends if not call.fired]
        if waiting:
            call = waiting[source.number(len(waiting))]
            call.cancel()
            assert isinstance(call.value, CancelledError)

    def send(self, source: Bytes) -> None:
        self.transport.stuck = bool(source.number(2))
        self.sends.append(Watched(self.protocol.send(source.take(3))))

    def drain(self, source: Bytes) -> None:
        if self.transport.producer is not None:
            self.transport.drain()

    def lose(self, source: Bytes) -> None:
        self.over = True
        self.transport.lost(RESET if source.number(2) else DONE)
        self.transport.reactor.advance(0)
        for call in self.calls + self.sends:
            assert call.fired, "left waiting after the loss"

    def step(self, source: Bytes) -> None:
        (self.recv, self.recv, self.deliver, self.deliver, self.cancel, self.send, self.drain,
         self.lose)[source.number(8)](source)
        self.transport.reactor.advance(0)
        self.over = self.over or not self.transport.connected
        if not self.over and any(not call.fired for call in self.calls):
            assert not self.protocol._paused, "paused under a reader"

    def check(self) -> None:
        """Who got what?"""
        got = [call.value for call in self.calls if call.fired]
        frames = [value for value in got if isinstance(value, bytes)]
        for value in got + [call.value for call in self.sends if call.fired]:
            assert value is None or isinstance(
                value, (bytes, DeviceConnectionError, CancelledError)), repr(value)
        if self.raw:
            assert self.stream.startswith(b"".join(frames))
            assert all(frames)
        else:
            assert self.stream.split(b"\r\n")[:len(frames)] == frames


def one_input(data: bytes) -> None:
    """Check one input; raises `AssertionError` if something is not as it must be."""
    source = Bytes(data)
    model = Model(bool(source.number(2)))
    while source:
        model.step(source)
    if not model.over:
        model.lose(source)
    model.check()
