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
    """One call, while it has the device. A context manager, which `Gate.enter` makes.

    The lock is given back by the ``__exit__`` of the lock itself, which Python runs as one step: an
    exception of a signal handler can come before or after it, but not between. So whatever
    interrupts a call, the device is free again.
    """

    __slots__ = ("__exit__", "_gate", "allowed", "deadline", "lent", "outer", "receiving")

    def __init__(self, gate: Gate, timeout: float | None) -> None:
        self._gate = gate
        #: The seconds it was given, for messages; None for no limit.
        self.allowed = timeout
        #: By `time.monotonic`.
        self.deadline = math.inf
        #: May code of the driver that it calls (a hook, `on_connect`) call the device?
        self.lent = False
        #: Does it wait for what the device says by itself? A command may be sent meanwhile.
        self.receiving = False
        #: The call that this one is a part of.
        self.outer: Call | None = None
        self.__exit__: Callable[..., object] = gate.release

    def __enter__(self) -> Call:
        gate, lock = self._gate, self._gate.lock
        if lock._is_owned():        # type: ignore[attr-defined]  # as in Condition
            self._nest(gate)
            return self
        try:
            if self.allowed is None:
                lock.acquire()
            else:
                self.deadline = monotonic() + self.allowed
                if not lock.acquire(False) and not lock.acquire(timeout=self.allowed):
                    raise Busy
            gate.call = self
            return self
        except BaseException:
            # (Interrupted between the lock and here, we have it.)
            if lock._is_owned():    # type: ignore[attr-defined]
                lock.release()
            raise

    def _nest(self, gate: Gate) -> None:
        """Become a part of the call that this thread is in the middle of."""
        outer = gate.call
        if outer is None or not outer.lent:
            raise RuntimeError("this thread is in the middle of another call of the same device "
                               "(in a signal handler, say): only send() is possible there")
        if self.allowed is not None:
            self.deadline = monotonic() + self.allowed
        if outer.deadline < self.deadline:
            self.deadline, self.allowed = outer.deadline, outer.allowed
        self.outer = outer
        gate.lock.acquire()
        gate.call = self

    def outermost(self) -> Call:
        """The call of the user that this one is a part of."""
        call = self
        while call.outer is not None:
            call = call.outer
        return call

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
        # Reentrant, for code of the driver that a call lends the device to.
        self.lock = threading.RLock()
        self.release: Callable[..., object] = self.lock.__exit__
        self.call: Call | None = None
        #: Something happened beside the call that has the device, which it sees to at its end.
        self.attention = False

    def enter(self, timeout: float | None) -> Call:
        """For ``with gate.enter(timeout) as call``: wait until the device is free.

        Parameters
        ----------
        timeout : float or None
            Seconds for the whole call, this wait included; None for no limit.

        Raises
        ------
        Busy
            If it is not free in time.
        RuntimeError
            In a thread that is in the middle of a call which does not lend the device.
        """
        return Call(self, timeout)

    def mine(self) -> bool:
        """Is this thread in the middle of a call?"""
        return self.lock._is_owned()    # type: ignore[attr-defined,no-any-return]

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
