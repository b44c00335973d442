"""One call of a `DeviceClient`'s user."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..core.checks import check_seconds, positive
from ..core.errors import Sent
from ..core.framing import Framer, Text, checked
from ..core.turn import Kind, Match, Turn, checked_match
from .device import Device


class Request(Turn):
    """One call of a user, until its Deferred fires; and the turn that it takes meanwhile.

    Reactor thread only.

    Parameters
    ----------
    kind, data
        As in `Turn`.
    timeout : float or None
        Seconds that it was given, for messages.
    now : float
        Seconds of the device's clock.
    safe_to_repeat : bool
        As in `DeviceClient.query`.
    """

    sent: Sent = "no"
    safe_to_repeat = False
    deferred: Deferred[Any] | None = None
    #: Who has it, and hears when its user does not want it any more.
    queue: Any = None

    def __init__(self, kind: Kind, data: bytes, timeout: float | None, now: float,
                 safe_to_repeat: bool = False) -> None:
        Turn.__init__(self, kind, data)     # (super() takes longer)
        self.asked_at = now     # until it is sent, and the conversation says when
        self.timeout = timeout
        self.deadline = math.inf if timeout is None else now + timeout
        self.safe_to_repeat = safe_to_repeat

    def expect(self, framer: Framer | None, match: Match | None = None,
               replies: int | None = None) -> None:
        """How it is answered, if not with any one frame. Before it is asked.

        Parameters
        ----------
        framer, match, replies
            As in `DeviceClient.query`.
        """
        self.match = checked_match(match)
        self.framer = None if framer is None else checked(framer)
        self.plain = self.plain and match is None and framer is None
        if replies is not None:
            self.collect(positive("replies", replies, "frames"))

    @property
    def batch(self) -> bool:
        """Does it receive a stream: a list of frames, or the loss in its place?"""
        return self.kind == "listen" and self.frames is not None

    def taken_from(self, frames: deque[bytes]) -> bytes | list[bytes]:
        """What it receives of these, which are there already."""
        first = frames.popleft()
        if not self.batch:
            return first
        return [first, *(frames.popleft() for _ in range(min(self.more, len(frames))))]

    def __call__(self, _deferred: Deferred[Any]) -> None:
        """The user cancelled: the Deferred fails by itself when we return.

        (A request is the canceller of its Deferred. A method would be bound for each.)
        """
        self.deferred = None
        if self.queue is not None:
            self.queue.cancel(self)

    def succeed(self, value: Any) -> None:
        """Fire, once."""
        deferred, self.deferred = self.deferred, None
        if deferred is not None:
            deferred.callback(value)

    def fail(self, error: BaseException) -> None:
        """Fail, once."""
        deferred, self.deferred = self.deferred, None
        if deferred is not None:
            deferred.errback(Failure(error))

    def start_over(self) -> None:
        """It is sent a second time, and not a third."""
        super().start_over()
        self.safe_to_repeat = False


class _Question(Request):
    """Much of it is the same for each, and needs no constructor of Python's."""

    __init__ = object.__init__


# what both the client and a session make of the calls of their users


def question(device: Device, msg: Text, timeout: float | None,
             safe_to_repeat: bool = False) -> Request:
    """The request that `query` makes."""
    request: Request = _Question()
    request.kind = "query"      # (what the class has takes longer to look up)
    request.plain = True
    request.data = device.framer.encode(msg)
    request.timeout = timeout = (device.timeout if timeout is None
                                 else check_seconds("timeout", timeout))
    seconds = device.seconds
    request.asked_at = now = seconds()
    request.deadline = math.inf if timeout is None else now + timeout
    if safe_to_repeat:
        request.safe_to_repeat = True
    return request


def command(device: Device, msg: Text, timeout: float | None) -> Request:
    """The request that `send` makes."""
    return Request("send", device.framer.encode(msg), call_timeout(device, timeout),
                   device.clock.seconds())


def listener(device: Device, timeout: float | None, framer: Framer | None) -> Request:
    """The request that `recv` makes."""
    request = Request("listen", b"", call_timeout(device, timeout), device.clock.seconds())
    request.expect(framer)
    return request


def batch(device: Device, most: int, timeout: float | None,
          framer: Framer | None = None) -> Request:
    """The request that `recv_frames` makes. Here no `timeout` is none."""
    request = Request("listen", b"", timeout, device.clock.seconds())
    request.expect(framer)
    request.gather(positive("most", most, "frames"))
    return request


def call_timeout(device: Device, timeout: float | None) -> float | None:
    """Seconds that a call may take."""
    return device.timeout if timeout is None else check_seconds("timeout", timeout)
