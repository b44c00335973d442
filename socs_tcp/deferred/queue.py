"""Who waits for the device: one exchange at a time, first come, first served.

The queue decides whose turn it is and how long they wait; what becomes of a request on the
connection, its `Exchange` does. Whom a frame answers, what is owed, and whether anything may be
said now, the connection's `Conversation` decides.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred

from ..core.conversation import DROP, SPEAK, WAIT, Answered
from ..core.errors import DeviceConnectionError, again, without_frames
from . import failures
from .alarm import Alarm
from .connection import Connection
from .device import Device
from .exchange import Exchange, Holder
from .later import AT_ONCE
from .request import Request

#: With so many waiting, a list would take its time. (An empty deque has 700 bytes, and a process
#: may have thousands of devices.)
LONG = 100


class Queue:
    """A queue, and one timer for all in it and under way. Reactor thread only."""

    __slots__ = ("_alarm", "_at_once", "_busy", "_closes_after_reply", "_device", "_holder",
                 "_link", "_seconds", "connection", "exchange", "loss", "unread", "waiting")

    def __init__(self, device: Device, holder: Holder) -> None:
        self._device = device
        self._holder = holder
        self._link = device.link
        self._seconds = device.seconds
        self._closes_after_reply = device.closes_after_reply
        self.connection: Connection | None = None   # None while there is none to use
        self.exchange = Exchange(device, holder)
        self.waiting: list[Request] | deque[Request] = []
        #: Whole frames of a connection that is lost, for whoever receives next.
        self.unread: deque[bytes] | tuple[()] = ()
        #: Why the last connection was lost.
        self.loss: Any = None
        self._alarm = Alarm(device.clock, self)     # for the earliest to be late
        self._busy = False                          # somebody further up the stack does it all
        self._at_once = 0

    def use(self, connection: Connection | None) -> None:
        """Talk over this one from now on; None while there is none."""
        self.connection = connection
        if connection is not None:
            connection.hearer = self
            self.start()

    def keep(self, frames: Iterable[bytes]) -> None:
        """What came before a connection was lost is not lost, until something is sent."""
        self._link.bytes_discarded += sum(map(len, self.unread))
        self.unread = deque(frames)

    # coming

    def add(self, request: Request, deferred: Deferred[Any] | None = None, *,
            first: bool = False) -> Deferred[Any]:
        """Take a request; it starts at once if it may.

        Parameters
        ----------
        request : Request
        deferred : Deferred, optional
            What fires for it; its canceller is that of the request.
        first : bool
            Let it in at the head of the queue.
        """
        connection, out = self.connection, False
        if request.kind == "query" and connection is not None and not (
                self.waiting or self.exchange.sending or self.unread or self._closes_after_reply
        ) and connection.ask_if_free(request, request.asked_at):
            rest, out = connection.say(request), True       # nearly always
            if rest is not None:
                self.exchange.await_taken(rest, request)
        # (What is done from here on is done while the device is at work.)
        if deferred is None:
            deferred = Deferred(request)
        request.queue, request.deferred = self, deferred
        if request.deadline < self._alarm.when:
            self._alarm.set(request.deadline)
        if not out:
            self._line_up(request, first)
        return deferred

    def _line_up(self, request: Request, first: bool) -> None:
        waiting = self.waiting
        if first:
            waiting.insert(0, request)
        else:
            waiting.append(request)
        if len(waiting) == LONG:
            self.waiting = deque(waiting)
        if not self._busy:
            self.start()

    def urgent(self, connection: Connection, request: Request) -> Deferred[None]:
        """Send a command at once, past whoever waits; after the gap, if nothing is under way."""
        conversation, now = connection.conversation, self._seconds()
        if connection is self.connection and not conversation.asking \
                and conversation.silence.gap_left(now) > 0:
            return self.add(request, first=True)
        deferred: Deferred[None] = Deferred(request)
        request.queue, request.deferred = self, deferred
        self._alarm.set(request.deadline)
        self._begin(connection, request, now)
        return deferred

    # whose turn it is

    def start(self) -> None:
        """Start what may start."""
        if self._busy:          # called again from a callback of a request that we fire
            return
        self._busy = True
        try:
            while self.waiting and self._start(self.waiting[0]):
                pass
        finally:
            self._busy = False

    def _start(self, request: Request) -> bool:
        """Start it if it may; False if all have to wait."""
        # It stays in the queue until it starts: whoever hears what we find out about the
        # connection may cancel it, or close the client.
        if self._at_once >= AT_ONCE:
            self._alarm.set(self._seconds())
            return False
        if request.kind == "listen" and self.unread:
            del self.waiting[0]
            self._at_once += 1
            request.succeed(request.taken_from(self.unread))
            return True
        connection, now = self.connection, self._seconds()
        if connection is None or self.exchange.sending:
            return False
        # (The reactor may have been blocked: then its time is over, as the alarm finds out.)
        in_time = request.deadline > now or request.kind == "listen"
        return in_time and self._start_on(connection, request, now)

    def _start_on(self, connection: Connection, request: Request, now: float) -> bool:
        step = self.exchange.next_step(connection, request, now)
        if self._link.news:
            self._link.tell()
        if connection is not self.connection or not self.waiting \
                or self.waiting[0] is not request:
            return True         # the look, or who was told, has changed it all
        if step == SPEAK:
            del self.waiting[0]
            self._begin(connection, request, now)
            return True
        if step == DROP:
            self.exchange.drop(connection)
        elif step != WAIT:
            self._alarm.set(now + step)
        return False

    def _begin(self, connection: Connection, request: Request, now: float) -> None:
        if request.kind != "query":     # that may be over when it has begun
            self._at_once += 1
        if self.unread and request.kind in ("query", "send"):
            self.keep(())
        self.exchange.begin(connection, request, now)

    # what comes

    def replied(self, request: Request, reply: bytes) -> None:
        """As `heard`, of one reply, where that is nothing new; nearly always."""
        deferred, request.deferred = request.deferred, None
        busy, self._busy = self._busy, True
        try:
            if deferred is not None:        # (a call of `succeed` is not for nothing)
                deferred.callback(reply)
        finally:
            self._busy = busy
        if not busy:
            self._at_once = 0
            if self.waiting:
                self.start()

    def heard(self, answered: list[Answered]) -> None:
        """Bytes came, which have answered these."""
        if self._link.news:
            self._link.tell()
        connection = self.connection
        if answered:
            if connection is not None and not connection.used and answered[0][1] is not None:
                self.exchange.proves(connection, answered[0][0], self._seconds())
            busy, self._busy = self._busy, True
            try:
                self.exchange.answered(connection, answered)
            finally:
                self._busy = busy
        if not self._busy:
            self._at_once = 0
            if self.waiting:
                self.start()

    # going

    def lost(self, flight: Iterable[Any], error: DeviceConnectionError) -> None:
        """The connection is gone, with what was in flight; what may be repeated waits anew."""
        self.connection, self.loss = None, without_frames(error)
        if not self.unread:         # those who receive a stream hear of it in its place
            flight = [*flight, *(request for request in self.waiting if request.batch)]
            self.waiting = [request for request in self.waiting if not request.batch]
        flight = [*flight, *self.exchange.sending]
        self.exchange.sending = ()
        repeated = [r for r in flight if r.safe_to_repeat and r.deferred is not None]
        for request in repeated:
            request.start_over()
        self.waiting = [*repeated, *self.waiting]
        for request in flight:
            if request not in repeated:
                request.fail(again(error, request.sent))

    def fail_waiting(self, error: Callable[[Request], BaseException]) -> None:
        """There is no connection to be had."""
        waiting, self.waiting = self.waiting, []
        for request in waiting:
            request.fail(error(request))

    def cancel(self, request: Request) -> None:
        """Nobody wants it any more."""
        if request in self.waiting:
            self.waiting.remove(request)
            return
        if self.connection is not None:
            self.exchange.cancel(self.connection, request, self._seconds())
            self.start()

    # time

    def time_is_up(self) -> None:
        """For its alarm."""
        self._at_once = 0
        now = self._seconds()
        busy, self._busy = self._busy, True
        try:
            self._end_overdue(now)
        finally:
            self._busy = busy
        earliest = min((r.deadline for r in (*self._under_way(), *self.waiting)),
                       default=math.inf)
        if earliest != math.inf:
            self._alarm.set(earliest)
        self.start()

    def _under_way(self) -> list[Any]:
        return self.exchange.under_way(self.connection)

    def _end_overdue(self, now: float) -> None:
        connection = self.connection
        if connection is not None and any(r.deadline <= now for r in self._under_way()):
            connection.look()       # the reactor may have been kept from reading the reply
        # Said as things stand, before a connection is given up for those in flight.
        late = [(r, self._waited_in_vain(r)) for r in self.waiting if r.deadline <= now]
        for request in self._under_way():
            if request.deadline <= now and self.connection is connection is not None \
                    and request in self._under_way():
                self.exchange.expire(connection, request, now)
        stuck = bool(late) and connection is not None and connection is self.connection \
            and connection.conversation.obstructs
        for request, error in late:
            if request in self.waiting:
                self.waiting.remove(request)
                if stuck:
                    self._holder.failed(error)
                request.fail(error)
        if stuck and connection is not None and connection.conversation.hopeless:
            self._holder.drop(connection, None)

    def _waited_in_vain(self, request: Request) -> DeviceConnectionError:
        if self.connection is None:
            return self._holder.why(request)
        return failures.waited_in_vain(self._device, self.connection, self._under_way(),
                                       request)

    def stop(self) -> None:
        """No more timers."""
        self._alarm.stop()
