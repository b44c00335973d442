"""`DeviceClient`: a reply answers its own question, and each call ends in time.

The device is in memory. It answers each question with its number, when and in what pieces
the input says; it leaves answers out, and says by itself, only what a client can tell.
"""

from __future__ import annotations

from typing import Any

from memory_device import DONE, RESET, Bench, Watched
from twisted.internet.defer import CancelledError

from socs_tcp import DeviceConnectionError

from .bytes_in import Bytes

LATE: tuple[Any, ...] = ("drop", "drain",
                         lambda command, reply: command.strip()[1:] == reply[1:])
TIMEOUTS = (1, 3, 7, 10)


class Model:
    """A client, its device, and what must come of each call."""

    def __init__(self, source: Bytes) -> None:
        late = source.number(3)
        self.matched = late == 2
        self.in_flight = 1 + source.number(3)
        on_connect = (None, None, None, lambda device: device.query("hello"))[source.number(4)]
        self.bench = Bench(late_replies=LATE[late], max_in_flight=self.in_flight,
                           on_connect=on_connect)
        self.calls: list[tuple[bytes, float, Watched]] = []
        self.heard = b""            # of the connection that there is now
        self.owed: list[bytes] = []
        self.said = b""             # what the device has begun to say
        self.number = 0

    @property
    def connected(self) -> bool:
        transport = self.bench.transport
        return transport is not None and transport.connected and not transport.disconnecting

    def query(self, source: Bytes) -> None:
        self.number += 1
        question = b"q%d" % self.number
        timeout = TIMEOUTS[source.number(len(TIMEOUTS))]
        call = self.bench.query(question, timeout, safe_to_repeat=bool(source.number(2)))
        self.calls.append((b"a%d" % self.number, self.bench.reactor.seconds() + timeout, call))

    def cancel(self, source: Bytes) -> None:
        waiting = [call for _, _, call in self.calls if not call.fired]
        if waiting:
            waiting[source.number(len(waiting))].cancel()

    def let_time_pass(self, source: Bytes) -> None:
        self.bench.advance((0, 0.1, 0.5, 1, 2, 4)[source.number(6)])

    def accept(self, source: Bytes) -> None:
        if self.bench.connecting:
            self.owed, self.heard, self.said = [], b"", b""
            self.bench.accept()

    def refuse(self, source: Bytes) -> None:
        if self.bench.connecting:
            self.bench.refuse()

    def lose(self, source: Bytes) -> None:
        if self.connected:
            self.bench.transport.lost(RESET if source.number(2) else DONE)

    def listen(self) -> None:
        """The device reads what was sent to it."""
        if self.bench.transport is None:
            return
        *questions, self.heard = (self.heard + self.bench.take()).split(b"\r\n")
        self.owed += [b"a" + question[1:] for question in questions]

    def answer(self, source: Bytes) -> None:
        """All, or a piece, of the next answer."""
        if not self.connected:
            return
        if not self.said and self.owed:
            self.said = self.owed.pop(0) + b"\r\n"
        size = 1 + source.number(8)
        piece, self.said = self.said[:size], self.said[size:]
        if piece:
            self.bench.reply(piece)

    def leave_out(self, source: Bytes) -> None:
        """Where one question is asked at a time, or replies are matched, this shows."""
        if self.owed and not self.said and (self.matched or self.in_flight == 1):
            self.owed.pop(0)

    def say(self, source: Bytes) -> None:
        """Something unasked, while nothing is asked; or at any time, where that shows."""
        queue = self.bench.client._manager.queue
        flight = queue.exchange.under_way(queue.connection)
        if self.connected and not self.said and (self.matched or not (self.owed or flight)) \
                and not self.bench.client._manager.dialer._preparation:
            self.bench.reply(b"a%d\r\n" % source.number(4))

    def reconnect(self, source: Bytes) -> None:
        if not source.number(4):
            self.bench.client.reconnect()

    def step(self, source: Bytes) -> None:
        """One thing happens."""
        (self.query, self.query, self.answer, self.answer, self.answer, self.let_time_pass,
         self.let_time_pass, self.accept, self.accept, self.refuse, self.lose, self.cancel,
         self.leave_out, self.say, self.reconnect)[source.number(15)](source)
        self.bench.advance(0)
        self.listen()
        now = self.bench.reactor.seconds()
        for wanted, deadline, call in self.calls:
            assert call.fired or now < deadline, f"{wanted!r} is late"
        assert len(self.bench.client._manager.queue.waiting) <= len(self.calls)

    def check(self) -> None:
        """Who got what?"""
        for wanted, _, call in self.calls:
            value = call.value
            assert value == wanted or isinstance(value, (DeviceConnectionError, CancelledError)), \
                f"{wanted!r}: {value!r}"


def one_input(data: bytes) -> None:
    """Check one input; raises `AssertionError` if something is not as it must be."""
    source = Bytes(data)
    model = Model(source)
    while source:
        model.step(source)
    model.bench.close()
    model.check()
