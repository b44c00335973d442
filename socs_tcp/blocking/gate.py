"""One call at a time: who has the device, until when, and who may come in between."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from time import monotonic

#: Seconds between two looks of a `send` at whether it may pass whoever has the device.
LOOK = 0.02


class Busy(Exception):
    """Another call has the device, and goes on having it."""


class Call:
    """One call, while it has the device."""

    __slots__ = ("allowed", "deadline", "lent", "outer", "receiving", "since")

    def __init__(self, outer: Call | None = None) -> None:
        #: The seconds it was given, for messages; None for no limit.
        self.allowed: float | None = None
        #: When it began, and when it has to be over, by `time.monotonic`.
        self.since = -math.inf
        self.deadline = math.inf
        #: May code of the driver that it calls (a hook, `on_connect`) call the device?
        self.lent = False
        #: Does it wait for what the device says by itself? A command may be sent meanwhile.
        self.receiving = False
        #: The call that this one is a part of.
        self.outer = outer

    def remaining(self) -> float:
        """Seconds until it has to be over."""
        return self.deadline - monotonic()


class Gate:
    """The lock of one device. All of it may be used in any thread.

    Attributes
    ----------
    call : Call or None
        Who has the device. Written by whoever holds the lock; others read it for a hint.
    attention : bool
        Set by any thread, and cleared by whoever holds the lock.
    """

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Free, whoever had the device: in a forked child, say, where those threads are not."""
        # Reentrant only in that it knows whose it is.
        self.lock = threading.RLock()
        self.acquire, self.release = self.lock.acquire, self.lock.release
        #: Is this thread in the middle of a call?
        self.mine: Callable[[], bool] = self.lock._is_owned     # type: ignore[attr-defined]
        self.call: Call | None = None
        # The one that is no part of another, again and again.
        self.outermost = Call()
        #: Something happened beside the call that has the device, which it sees to at its end.
        self.attention = False

    def enter(self, timeout: float | None, since: float | None = None) -> Call:
        """Wait until the device is free.

        To be called in a ``try``, whose ``finally`` begins with `release`: that is one step, and
        so the device is free again, whatever interrupts a call, and wherever. It raises
        RuntimeError where `enter` was interrupted before it had the device.

        Parameters
        ----------
        timeout : float or None
            Seconds for the whole call, this wait included; None for no limit.
        since : float, optional
            When these seconds began, by `time.monotonic`, if not now.

        Raises
        ------
        Busy
            If it is not free in time.
        """
        now = monotonic()
        deadline = math.inf if timeout is None else (since or now) + timeout
        if not self.lock.acquire(False):
            if not self.lock.acquire(timeout=-1 if timeout is None else max(deadline - now, 0.0)):
                raise Busy
            now = monotonic()
        self.call = call = self.outermost
        call.lent = call.receiving = False
        call.since, call.deadline, call.allowed = now, deadline, timeout
        return call

    def inside(self, timeout: float | None) -> Call:
        """A call that is a part of the one that this thread is in the middle of.

        Raises
        ------
        RuntimeError
            If that does not lend the device.
        """
        outer = self.call
        if outer is None or not outer.lent:
            raise RuntimeError("this thread is in the middle of another call of the same device "
                               "(in a signal handler, for example): only send() is possible here")
        call = Call(outer)
        call.since = monotonic()
        call.allowed = timeout
        if timeout is not None:
            call.deadline = call.since + timeout
        if outer.deadline < call.deadline:
            call.deadline, call.allowed = outer.deadline, outer.allowed
        self.call = call
        return call

    def busy(self) -> bool:
        """Is any thread in the middle of a call?"""
        return self.call is not None

    def may_pass(self, urgent: bool) -> bool:
        """May a command be sent beside the call that has the device?"""
        call = self.call
        if call is None:
            return False
        if self.mine():
            return not call.lent
        return urgent or call.receiving

    def wait_to_pass(self, timeout: float | None, urgent: bool) -> bool:
        """Wait until the device is free (False), or a command may pass who has it (True).

        Raises
        ------
        Busy
            If neither comes in time.
        """
        if self.mine():
            return self.may_pass(urgent)
        until = math.inf if timeout is None else monotonic() + timeout
        while not self.lock.acquire(timeout=max(min(LOOK, until - monotonic()), 0.0)):
            if self.may_pass(urgent):
                return True
            if monotonic() >= until:
                raise Busy
        self.lock.release()
        return False
