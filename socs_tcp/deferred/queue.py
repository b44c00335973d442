"""Who waits for the device: one exchange at a time, first come, first served.

The queue decides who may try to speak and how long they wait. Whom a frame answers, what is
owed, and whether anything may be said now, the connection's `Conversation` decides.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from ..core.conversation import DROP, SPEAK, WAIT, Answered
from ..core.errors import DeviceConnectionError, FramingError, again, without_frames
from ..core.policy import LASTS
from ..core.turn import Turn
from . import failures
from .alarm import Alarm
from .connection import Connection
from .device import Device
from .later import AT_ONCE
from .request import Request

#: With so many waiting, a list would take its time. (An empty deque has 700 bytes, and a process
#: may have thousands of devices.)
LONG = 100


class Holder(Protocol):
    """Who has a queue."""

    def drop(self, connection: Connection, error: DeviceConnectionError | None) -> object:
        """Give up a connection, for an error of the device or for none; `Queue.lost` follows."""

    def failed(self, error: DeviceConnectionError) -> object:
        """An exchange failed."""

    def answered(self) -> object:
        """The device has answered, on this connection for the first time."""

    def why(self, request: Request) -> DeviceConnectionError:
        """The error for a request that waits while there is no connection."""


class Queue:
    """A queue, and one timer for all in it and in flight. Reactor thread only."""

    __slots__ = ("_alarm", "_at_once", "_busy", "_closes_after_reply", "_device", "_holder",
                 "_link", "_seconds", "_sending", "connection", "loss", "unread", "waiting")

    def __init__(self, device: Device, holder: Holder) -> None:
        self._device = device
        self._holder = holder
        self._link = device.link
        self._seconds = device.clock.seconds
        self._closes_after_reply = device.closes_after_reply
        self.connection: Connection | None = None   # None while there is none to use
        self.waiting: list[Request] | deque[Request] = []
        #: Whole frames of a connection that is lost, for whoever receives next.
        self.unread: deque[bytes] | tuple[()] = ()
        #: Why the last connection was lost.
        self.loss: Any = None
        self._sending: tuple[Request, ...] = ()     # the system has not yet taken all of these
        self._alarm = Alarm(device.clock, self._time_is_up)     # for the earliest to be late
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
                self.waiting or self._sending or self._closes_after_reply) \
                and connection.ask_if_free(request, request.asked_at):
            self._go_out(connection, request)       # nearly always
            out = True
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
        kind, connection = request.kind, self.connection
        if kind == "listen" and self.unread:
            self._done(request, self._unread(request))
            return True
        if connection is None or self._sending:
            return False
        now = self._seconds()
        if request.deadline <= now and kind != "listen":
            return False        # the reactor was blocked: its time is over, as the alarm finds out
        return _STARTS[kind](self, connection, request, now)

    def _unread(self, request: Request) -> bytes | list[bytes]:
        assert self.unread
        first = self.unread.popleft()
        if not request.batch:
            return first
        more = min(request.more, len(self.unread))
        return [first, *(self.unread.popleft() for _ in range(more))]

    def _done(self, request: Request, value: Any) -> None:
        del self.waiting[0]
        self._at_once += 1
        request.succeed(value)

    def _ask(self, connection: Connection, request: Request, now: float) -> bool:
        if self._closes_after_reply or not connection.ask_if_free(request, now):
            decided = self._decide(connection, request, now)
            if decided is not None:
                return decided
            connection.conversation.ask(request, now)
        del self.waiting[0]
        self._go_out(connection, request)
        return True

    def _go_out(self, connection: Connection, request: Request) -> None:
        """A question goes out now."""
        if self.unread:
            self.keep(())
        rest = connection.say(request.data, request.timeout)
        if rest is None:
            request.sent = "yes"
        else:
            request.sent = "maybe"
            self._await(rest, request)

    def _decide(self, connection: Connection, request: Request, now: float) -> bool | None:
        """May a question go out? None if it may; otherwise what `_start` returns."""
        conversation = connection.conversation
        if conversation.turns and (conversation.asking or conversation.listening):
            return None if conversation.may_join(self._device.max_in_flight, now) else False
        if self._spent(connection):
            self._holder.drop(connection, None)
            return False
        step = connection.next_step(now, request.deadline - now)
        if self._link.news:
            self._link.tell()
        if connection is not self.connection or not self.waiting \
                or self.waiting[0] is not request:
            return True         # the look, or who was told, has changed it all
        if step == SPEAK:
            return None
        self._not_yet(connection, step, now)
        return False

    def _spent(self, connection: Connection) -> bool:
        """Will the device hang up on it, since it has answered?"""
        return self._closes_after_reply and connection.used

    def _not_yet(self, connection: Connection, step: float, now: float) -> None:
        if step == DROP:
            useless = connection.conversation.useless
            error = self._device.error(FramingError, useless, "send") if useless else None
            if error is not None:
                self._holder.failed(error)
            self._holder.drop(connection, error)
        elif step != WAIT:
            self._alarm.set(now + step)

    def _send(self, connection: Connection, request: Request, now: float) -> bool:
        if connection.conversation.asking:
            return False
        if self._spent(connection):
            self._holder.drop(connection, None)
            return False
        left = connection.conversation.silence.gap_left(now)
        if left > 0:
            self._alarm.set(now + left)
            return False
        connection.look()
        if connection is not self.connection or not self.waiting \
                or self.waiting[0] is not request:
            return True
        del self.waiting[0]
        self.send_now(connection, request, now)
        return True

    def send_now(self, connection: Connection, request: Request, now: float) -> None:
        """Send a command, whoever waits for what."""
        if self.unread:
            self.keep(())
        if connection.conversation.owes_late:
            connection.conversation.discard_late()
        connection.conversation.command(now)
        if self._say(connection, request):
            self._at_once += 1
            request.succeed(None)
        else:
            self._sending += (request,)

    def urgent(self, connection: Connection, request: Request) -> Deferred[None]:
        """Send a command at once, past whoever waits; after the gap, if nothing is under way."""
        conversation, now = connection.conversation, self._seconds()
        if connection is self.connection and not conversation.asking \
                and conversation.silence.gap_left(now) > 0:
            return self.add(request, first=True)
        deferred: Deferred[None] = Deferred(request)
        request.queue, request.deferred = self, deferred
        self._alarm.set(request.deadline)
        self.send_now(connection, request, now)
        return deferred

    def _say(self, connection: Connection, request: Request) -> bool:
        """Give it to the system; True if that has taken all of it."""
        request.sent = "maybe"
        rest = connection.say(request.data, request.timeout)
        if rest is None:
            request.sent = "yes"
            return True
        self._await(rest, request)
        return False

    def _await(self, rest: Deferred[None], request: Request) -> None:
        rest.addCallbacks(lambda _none: self._taken(request), lambda _failure: None)

    def _taken(self, request: Request) -> None:
        request.sent = "yes"
        if request in self._sending:
            self._sending = tuple(other for other in self._sending if other is not request)
            request.succeed(None)
            self.start()

    def _listen(self, connection: Connection, request: Request, _now: float) -> bool:
        if connection.conversation.asking:
            return False
        del self.waiting[0]
        self._at_once += 1
        if request.kind == "listen":
            request.sent = "yes"        # maybe a command, whose answer it waits for
        connection.listen(request)
        return True

    def _hold(self, connection: Connection, request: Request, now: float) -> bool:
        if connection.conversation.asking or connection.conversation.listening:
            return False
        if request.kind == "reserve":       # as if it asked: who reserves it inherits no debt
            decided = self._decide(connection, request, now)
            if decided is not None:
                return decided
        self._done(request, None)
        return True

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
        if answered:
            connection = self.connection
            if connection is not None and not connection.used and answered[0][1] is not None:
                self._first(connection, answered[0][0])
            busy, self._busy = self._busy, True
            try:
                request: Any        # (all our turns are requests)
                for request, reply in answered:
                    if reply is None:
                        self._wrong(connection, request)
                    else:
                        request.succeed(reply)
            finally:
                self._busy = busy
        if not self._busy:
            self._at_once = 0
            if self.waiting:
                self.start()

    def _first(self, connection: Connection, turn: Turn) -> None:
        """The first answer on a connection: it is of use, unless it only says its greeting."""
        if turn.kind == "query" or self._seconds() - connection.since >= LASTS:
            connection.used = True
            self._holder.answered()

    def _wrong(self, connection: Connection | None, request: Request) -> None:
        error = failures.wrong_reply(self._device, request)
        self._holder.failed(error)
        request.fail(error)
        if connection is not None and connection.conversation.useless:
            self._holder.drop(connection, error)

    # going

    def lost(self, flight: Iterable[Any], error: DeviceConnectionError) -> None:
        """The connection is gone, with what was in flight; what may be repeated waits anew."""
        self.connection, self.loss = None, without_frames(error)
        if not self.unread:         # those who receive a stream hear of it in its place
            flight = [*flight, *(request for request in self.waiting if request.batch)]
            self.waiting = [request for request in self.waiting if not request.batch]
        flight, self._sending = [*flight, *self._sending], ()
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
        connection = self.connection
        if connection is None:
            return
        if self._give_up(connection, request):
            self._holder.drop(connection, None)
        self.start()

    def _give_up(self, connection: Connection, request: Request) -> bool:
        """Nobody waits for it any more; True if the connection is to be given up, too."""
        connection.patience = request.timeout
        if request in self._sending:
            return True
        unsent = request.kind == "query" and request.sent != "yes"
        by_caller = request.deferred is None
        return connection.conversation.gave_up(request, by_caller, now=self._seconds()) or unsent

    # time

    def _time_is_up(self) -> None:
        self._at_once = 0
        now = self._seconds()
        busy, self._busy = self._busy, True
        try:
            self._end_overdue(now)
        finally:
            self._busy = busy
        earliest = min((r.deadline for r in (*self._flight(), *self.waiting)), default=math.inf)
        if earliest != math.inf:
            self._alarm.set(earliest)
        self.start()

    def _flight(self) -> list[Any]:
        if self.connection is None:
            return list(self._sending)
        turns = self.connection.conversation.turns
        return [*self._sending, *(turn for turn in turns if not turn.given_up)]

    def _end_overdue(self, now: float) -> None:
        connection = self.connection
        if connection is not None and any(r.deadline <= now for r in self._flight()):
            connection.look()       # the reactor may have been kept from reading the reply
        # Said as things stand, before a connection is given up for those in flight.
        late = [(r, self._waited_in_vain(r)) for r in self.waiting if r.deadline <= now]
        for request in [r for r in self._flight() if r.deadline <= now]:
            if self.connection is connection is not None and request in self._flight():
                self._expire(connection, request)
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

    def _expire(self, connection: Connection, request: Request) -> None:
        self._link.timeouts += 1
        error = (failures.not_taken(self._device, request) if request in self._sending
                 else failures.no_reply(self._device, connection, request))
        drop = self._give_up(connection, request)
        # Who only listens for what may come, and hears nothing, is no sign of a failure.
        if request.kind != "listen" or connection.conversation.owes_late:
            self._holder.failed(error)
        request.fail(error)
        if drop:
            self._holder.drop(connection, error)

    def _waited_in_vain(self, request: Request) -> DeviceConnectionError:
        if self.connection is None:
            return self._holder.why(request)
        return failures.waited_in_vain(self._device, self.connection, self._flight(), request)

    def stop(self) -> None:
        """No more timers."""
        self._alarm.stop()


#: What a request waits for, and what it does then, by its kind.
_STARTS: dict[str, Callable[[Queue, Connection, Request, float], bool]] = {
    "query": Queue._ask, "send": Queue._send, "listen": Queue._listen, "greeting": Queue._listen,
    "hold": Queue._hold, "reserve": Queue._hold}
