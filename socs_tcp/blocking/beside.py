"""Commands that go out beside the call that has the device: an abort, while a move is awaited."""

from __future__ import annotations

import math
import threading
from time import monotonic

from ..core.errors import Disconnected
from ..core.forking import inherited
from .connection import Connection
from .gate import Busy
from .session import BROKEN, Session


class Beside:
    """Sends beside whoever has the device. Any thread."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._last = -math.inf      # when one went out
        self.forked()
        inherited.add(self)

    def forked(self) -> None:
        """Nobody is sending: at first, and in a forked child."""
        # One at a time, if there is a gap between them. (A signal handler may come between.)
        self._lock = threading.RLock()

    def send(self, data: bytes, timeout: float | None, urgent: bool = False) -> bool:
        """Send beside a call that waits for what the device says. False if there is none now."""
        session, gap = self.session, self.session.dialer.options.gap
        deadline = monotonic() + (timeout if timeout is not None else 1e9)
        try:
            if not session.gate.wait_to_pass(timeout, urgent):
                return False
        except Busy:
            raise session.failures.busy(timeout) from None
        if not gap:
            return self._put(data, deadline, timeout)
        if not self._lock.acquire(timeout=max(deadline - monotonic(), 0.0)):
            raise session.failures.gap(gap, timeout)
        try:
            return (self._wait_out(gap, deadline, timeout, urgent)
                    and self._put(data, deadline, timeout))
        finally:
            self._lock.release()

    def send_urgently(self, data: bytes, timeout: float | None) -> bool:
        """Send beside whatever call has the device. False if there is none now."""
        return self.send(data, timeout, urgent=True)

    def _wait_out(self, gap: float, deadline: float, timeout: float | None,
                  urgent: bool) -> bool:
        """Wait for the gap, if no question is under way; False if the device is free then."""
        session = self.session
        connection = session.connection
        while connection is not None and not connection.conversation.asking:
            now = monotonic()
            left = max(connection.conversation.silence.gap_left(now), self._last + gap - now)
            if left <= 0:
                break
            if left > deadline - now:
                raise session.failures.gap(gap, timeout)
            session.dialer.cancel.wait(left)
            if not session.gate.may_pass(urgent):
                return False
            connection = session.connection
        return True

    def _put(self, data: bytes, deadline: float, timeout: float | None) -> bool:
        session = self.session
        connection: Connection | None = session.connection
        if connection is None or connection.dead or connection.comm is not session.comm:
            raise session.failures.error(Disconnected, "not connected", "send", "no")
        try:
            connection.put_beside(data, deadline, within=session.gate.mine())
            connection.grant(timeout)
        except BROKEN as exc:       # (the call that has the device finds the loss, and tells it)
            raise session.failures.translate(exc, "send", "maybe", timeout) from exc
        except RuntimeError:        # (nothing was written)
            raise
        except BaseException:       # interrupted: maybe half of it is with the device
            connection.shut()
            raise
        self._last = monotonic()
        connection.asides.append(self._last)
        session.gate.attention = True
        session.link.bytes_sent += len(data)
        return True
