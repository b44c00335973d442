"""Who waits for what: the requests of a `DeviceClient`, one exchange at a time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed

from ..core.policy import LateReplies
from .request import Owner, Request, Wire


class Requests:
    """A queue, what is in flight, and one timer for all of them. Reactor thread only.

    What is in flight is answered in order; an entry that was given up stays in its place
    until its reply has come, so that the reply cannot answer the next.

    Parameters
    ----------
    owner : Owner
        Who is told.
    clock : IReactorTime
        For the deadlines.
    late_replies
        As in `DeviceClient`.
    max_in_flight : int
        So many queries may wait for their replies at once.
    """

    def __init__(self, owner: Owner, clock: Any, late_replies: LateReplies,
                 max_in_flight: int) -> None:
        self._owner = owner
        self._clock = clock
        self._late = late_replies
        self._match = late_replies if callable(late_replies) else None
        self._max = max_in_flight
        self.wire: Wire | None = None       # None while there is no connection to use
        self.stale = False                  # a reply may come that nobody waits for any more
        self._commanded = False             # a recv may wait for the reply to a send
        self.unread: deque[bytes] = deque()     # whole frames of a connection that is lost
        self.queue: deque[Request] = deque()
        self.flight: deque[Request] = deque()
        self._timer: Any = None             # for the earliest deadline, or earlier: at _alarm
        self._alarm = math.inf
        self._starting = False
        self._unmatched = 0                 # queries in a row whose reply did not come

    def use(self, wire: Wire | None) -> None:
        """Talk over `wire` from now on; None while there is none."""
        self.wire = wire
        self.stale = self._commanded = False
        self._unmatched = 0
        self.start()

    def keep(self, frames: list[bytes]) -> None:
        """What came before a connection was lost is not lost, until something is sent."""
        if self.unread or frames:
            self._owner.discarded(sum(map(len, self.unread)))
            self.unread = deque(frames)

    # coming

    def add(self, request: Request) -> Deferred[Any]:
        """Take a request; it starts at once if it may."""
        if request.kind == "recv" and self.unread and not (self.queue or self.flight):
            return succeed(self.unread.popleft())
        deferred: Deferred[Any] = Deferred(partial(self._cancelled, request))
        request.deferred = deferred
        if request.deadline != math.inf:
            self._watch(request.deadline)
        self.queue.append(request)
        self.start()
        return deferred

    def start(self) -> None:
        """Start what may start."""
        if self._starting:      # called again from a callback of a request that we fire
            return
        self._starting = True
        try:
            while self.wire is not None and self.queue and (
                    not self.flight or self._may_join(self.queue[0])):
                self._start(self.wire, self.queue[0])
        finally:
            self._starting = False

    def _may_join(self, request: Request) -> bool:
        # Only queries of a device that allows it go out while others are in flight, and none
        # while one of those was given up: were its reply lost, each later reply would be
        # taken for the one before, and nobody would ever be answered again.
        return (request.kind == "query" and len(self.flight) < self._max
                and self.flight[-1].kind == "query"
                and not any(r.abandoned for r in self.flight))

    def _start(self, wire: Wire, request: Request) -> None:
        # It stays in the queue until it starts: whoever hears what we find out about the
        # connection may cancel it, or close the client.
        if request.kind == "recv":
            frame = self.unread.popleft() if self.unread else wire.next_frame()
            if self.wire is not wire:
                return              # what came made no sense
            self.queue.popleft()
            if frame is None:
                self.flight.append(request)
            else:
                self._owner.exchange_done(None)
                request.succeed(frame)
            return
        if request.kind == "query" and not self.flight and not self._settle(wire, request):
            return                  # nothing is lost: it was not sent
        if self.unread:
            self.keep([])
        self.queue.popleft()
        self.flight.append(request)
        request.started = self._clock.seconds()
        request.sent = "maybe"
        self._commanded = self._commanded or request.kind == "send"
        if wire.put(request):
            request.sent = "yes"
            if request.kind == "send":
                self.flushed(request)

    def _settle(self, wire: Wire, request: Request) -> bool:
        """May `request` be sent, with nothing under way that could be taken for its reply?"""
        matched = self._match is not None
        if self.stale and not matched:
            self._owner.drop()
        return (self.wire is wire and wire.settle(keep=matched) and self.wire is wire
                and bool(self.queue) and self.queue[0] is request)

    # going

    def flushed(self, request: Request) -> None:
        """All bytes of `request` are with the system."""
        request.sent = "yes"
        if request.kind == "send" and self.flight and self.flight[0] is request:
            self.flight.popleft()
            request.succeed(None)
            self.start()

    def frames_came(self) -> None:
        """There may be whole frames to hand out."""
        while self.wire is not None and self.flight and self.flight[0].kind != "send":
            frame = self.wire.next_frame()
            if frame is None:
                break
            self._hand_out(frame)
        if self.queue:
            self.start()

    def frame_came(self, frame: bytes) -> bool:
        """Hand out a frame, before which nothing waits; False if nobody waits for one."""
        if self.wire is None or not self.flight or self.flight[0].kind == "send":
            return False
        self._hand_out(frame)
        if self.queue:
            self.start()
        return True

    def _hand_out(self, frame: bytes) -> None:
        """To the first of those in flight, or to the first whose question it matches."""
        request: Request | None = self.flight[0]
        match = self._match
        if match is not None and self.flight[0].kind == "query":
            request = next((r for r in self.flight if match(r.data, frame)), None)
        if request is not None:
            self.flight.remove(request)
            self._unmatched = 0
        if request is None or request.abandoned:
            self._owner.discarded(len(frame))
            return
        self._owner.exchange_done(self._clock.seconds() - request.started
                                  if request.kind == "query" else None)
        request.succeed(frame)

    def fail_flight(self, error: Callable[[Request], BaseException]) -> None:
        """The connection is gone; what may be repeated goes back to the queue, once."""
        if not self.flight:
            return
        flight, self.flight = self.flight, deque()
        repeated = [r for r in flight if r.safe_to_repeat and r.deferred is not None]
        for request in repeated:
            request.safe_to_repeat = False
        self.queue.extendleft(reversed(repeated))
        for request in flight:
            if request not in repeated:
                request.fail(error(request))

    def fail_queue(self, error: Callable[[Request], BaseException]) -> None:
        """There is no connection to be had."""
        queue, self.queue = self.queue, deque()
        for request in queue:
            request.fail(error(request))

    def _cancelled(self, request: Request, _deferred: Deferred[Any]) -> None:
        """The user cancelled: the Deferred fails by itself when we return."""
        request.deferred = None
        if request in self.queue:
            self.queue.remove(request)
        elif request in self.flight:
            self._release(request)
            self.start()

    def _release(self, request: Request) -> None:
        """Free the place of a request in flight, without its reply reaching another."""
        if request.kind == "recv":
            self.flight.remove(request)
            self.stale = self.stale or self._commanded
        elif request.kind == "query" and self._match is not None:
            self.flight.remove(request)
            # One reply may be lost; with two in a row, whatever is at the other end answers
            # no more on this connection. (Where it was cancelled, the Deferred is gone.)
            self._unmatched += request.deferred is not None
            if self._unmatched > 1:
                self._owner.drop()
        elif request.kind == "query" and self._late == "drain" and request.sent == "yes":
            request.abandoned = True
        else:
            self.flight.remove(request)
            self._owner.drop()

    # time

    def _watch(self, deadline: float) -> None:
        """One timer, set for the earliest deadline and left alone where it is early enough."""
        if deadline >= self._alarm:
            return
        if self._timer is not None:
            # Not `reset`: to an earlier time it searches all timers of the reactor for this one.
            self._timer.cancel()
        self._alarm = deadline
        self._timer = self._clock.callLater(max(deadline - self._clock.seconds(), 0),
                                            self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer, self._alarm = None, math.inf
        now = self._clock.seconds()
        # Said as things stand, before a connection is given up for those in flight.
        overdue = [(r, self._owner.expired(r, False)) for r in self.queue if r.deadline <= now]
        for request in [r for r in self.flight if r.deadline <= now and not r.abandoned]:
            if request in self.flight:      # not yet failed with the connection
                error = self._owner.expired(request, True)
                if request in self.flight:  # nor by somebody who heard of it just now
                    self._release(request)
                request.fail(error)
        if overdue and self.flight and self.flight[0].abandoned:
            self._owner.drop()              # it does not even answer late: start afresh
        for request, error in overdue:
            if request in self.queue:
                self.queue.remove(request)
                request.fail(error)
        deadlines = [r.deadline for r in (*self.flight, *self.queue) if not r.abandoned]
        if deadlines and min(deadlines) != math.inf:
            self._watch(min(deadlines))
        self.start()

    def stop(self) -> None:
        """No more timers."""
        timer, self._timer, self._alarm = self._timer, None, math.inf
        if timer is not None:
            timer.cancel()
