"""For OCS agents: `session.degraded` that is always true, and the loop everybody writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from twisted.internet.task import deferLater

from ..core.policy import check_seconds
from .degraded import Degraded

T = TypeVar("T")

#: Seconds between two looks at whether an operation that waits was told to stop.
STOP_CHECK = 0.05

# Two threads that watch or poll first must not make two views of one agent.
_MAKING = threading.Lock()


def _running(session: Any) -> bool:
    return session.status in ("starting", "running")


class DeviceAgentMixin:
    """Lets the operations of an OCS agent follow the links of its devices.

    ::

        class CompressorAgent(DeviceAgentMixin):
            def __init__(self, agent, device):
                self.agent = agent
                self.device = device
                self.watch(device)

            def acq(self, session, params):
                for reading in self.poll(session, self.device.get_data, period=0.4):
                    self.agent.publish_to_feed('compressor', reading)
                return True, 'Acquisition ended.'

    Attributes
    ----------
    agent : OCSAgent
        To be set before `watch` is called.
    """

    agent: Any
    __degraded: Degraded | None = None

    def __get_degraded(self) -> Degraded:
        if self.__degraded is None:
            agent = getattr(self, "agent", None)
            if agent is None:
                raise RuntimeError(f"{type(self).__name__}.agent must be set to the OCSAgent "
                                   "before watch() or poll() is called")
            from twisted.internet import reactor  # noqa: PLC0415 (importing installs one)
            with _MAKING:
                if self.__degraded is None:
                    self.__degraded = Degraded(agent, reactor)
        return self.__degraded

    def watch(self, device: Any, ops: Iterable[str] | None = None) -> None:
        """Let `degraded` of running operations follow the link of `device`. Any thread.

        It is true while the link is down or not proven again, for operations that start
        meanwhile, too; each change is told in the session's messages. Several devices may
        be watched: an operation is degraded while one of those it depends on is down.

        Parameters
        ----------
        device : TCPInterface or DeviceClient
            Anything with a ``link``.
        ops : iterable of str, optional
            Names of the operations that depend on it; all unless given.
        """
        if not hasattr(device, "link"):
            raise TypeError(f"{device!r} has no link; a TCPInterface or DeviceClient has")
        if isinstance(ops, str):
            raise TypeError(f"ops must be a list of operation names, not {ops!r}")
        self.__get_degraded().watch(device, None if ops is None else frozenset(ops))

    def unwatch(self, device: Any) -> None:
        """Follow `device` no more, for instance because it was replaced. Any thread."""
        self.__get_degraded().unwatch(device)

    def poll(self, session: Any, read: Callable[[], T], period: float) -> Iterator[T]:
        """Readings, one each period, until the operation is told to stop.

        For a blocking operation, in its worker thread. A `ConnectionError` from `read`
        makes the session degraded until there is a reading again; any other exception
        ends the loop. The wait between readings ends at once (in 50 ms) when the session
        is stopped.

        Parameters
        ----------
        session : OpSession
            Of the operation.
        read : callable
            Gives a reading.
        period : float
            Seconds from the start of one reading to that of the next.

        Yields
        ------
        object
            What `read` returned.
        """
        check_seconds("period", period)
        degraded = self.__get_degraded()
        degraded.begin(session)
        due = time.monotonic()
        try:
            while _running(session):
                try:
                    reading = read()
                except ConnectionError as exc:
                    degraded.reading_failed(session, exc)
                else:
                    degraded.reading_good(session)
                    yield reading
                # Wait here for what a call would wait for inside: here a stop is heard.
                now = time.monotonic()
                due = max(due + period, now + degraded.retry_in(session))
                while _running(session) and (left := due - time.monotonic()) > 0:
                    time.sleep(min(left, STOP_CHECK))
        finally:
            degraded.end(session)

    @inlineCallbacks
    def poll_deferred(self, session: Any, read: Callable[[], Any],
                      handle: Callable[[Any], Any], period: float,
                      ) -> Generator[Deferred[Any], Any, None]:
        """As `poll`, for a non-blocking operation, in the reactor.

        Parameters
        ----------
        session : OpSession
            Of the operation.
        read : callable
            Gives a Deferred of a reading (or a reading).
        handle : callable
            Gets each good reading; may return a Deferred, which is waited for.
        period : float
            Seconds from the start of one reading to that of the next.

        Returns
        -------
        Deferred
            Fires with None when the operation was told to stop; fails with what `read`
            (other than a `ConnectionError`) or `handle` raised.
        """
        check_seconds("period", period)
        degraded = self.__get_degraded()
        clock = degraded.reactor
        degraded.begin(session)
        due = clock.seconds()
        try:
            while _running(session):
                try:
                    reading = yield maybeDeferred(read)
                except ConnectionError as exc:
                    degraded.reading_failed(session, exc)
                else:
                    degraded.reading_good(session)
                    yield maybeDeferred(handle, reading)
                due = max(due + period, clock.seconds())
                while _running(session) and (left := due - clock.seconds()) > 0:
                    pause: Deferred[None] = deferLater(clock, min(left, STOP_CHECK))
                    yield pause
        finally:
            degraded.end(session)
