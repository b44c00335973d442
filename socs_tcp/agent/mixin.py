"""For OCS agents: `session.degraded` that is always correct, and the loop everybody writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeAlias, TypeVar

from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from twisted.internet.task import deferLater

from ..core.checks import check_seconds
from ..core.policy import UNREADABLE
from ..deferred.clock import steady
from .degraded import Degraded
from .gap import Gap
from .misuse import check_blocking_read, check_read, check_reading, check_unreadable
from .polling import Pace, Poll

T = TypeVar("T")

#: Seconds between two looks at whether an operation that waits was told to stop.
STOP_CHECK = 0.05

Unreadable: TypeAlias = "tuple[type[Exception], ...] | type[Exception]"


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
        Set it before you call `watch`.
    """

    agent: Any

    #: What `poll` yields in the place of a reading, if asked to: ``isinstance(r, self.Gap)``.
    Gap = Gap

    def __view(self) -> Degraded:
        agent = getattr(self, "agent", None)
        if agent is None:
            raise RuntimeError(f"{type(self).__name__}.agent must be set to the OCSAgent "
                               "before watch() or poll() is called")
        from twisted.internet import reactor  # noqa: PLC0415 (importing installs one)
        return Degraded.of(agent, reactor)

    def watch(self, device: Any, ops: Iterable[str] | None = None, *,
              feed: str | None = None) -> None:
        """Let `degraded` of running operations follow the link of `device`. Any thread.

        It is true while the link is down or not proven again, for operations that start
        meanwhile, too; each change is told in the session's messages. Several devices may
        be watched: an operation is degraded while one of those it depends on is down.

        Parameters
        ----------
        device : TCPInterface or DeviceClient
            Anything with a ``link``.
        ops : iterable of str, optional
            Names of the operations that depend on it. Default: all.
        feed : str, optional
            A feed of this name, registered if it is not yet, gets the health of the
            connection as numbers: at each change and every ten seconds. One for each device.

        Notes
        -----
        The device is not kept from being deleted, and then it is watched no more. One that
        was closed, or is down, makes room for the next at the same address.
        """
        if not hasattr(device, "link"):
            raise TypeError(f"{device!r} has no link; a TCPInterface or DeviceClient has")
        if isinstance(ops, str):
            raise TypeError(f"ops must be a list of operation names, not {ops!r}")
        self.__view().watch(device, None if ops is None else frozenset(ops), feed)

    def unwatch(self, device: Any) -> None:
        """Follow `device` no more, for instance because it was replaced. Any thread."""
        self.__view().unwatch(device)

    def poll(self, session: Any, read: Callable[[], T], period: float, *,
             unreadable: Unreadable = UNREADABLE, gaps: bool = False, quantize: bool = False,
             ) -> Iterator[T]:
        """Yield readings, one per period, until the operation is stopped.

        For a blocking operation, in its worker thread. A `ConnectionError` from `read`
        makes the session degraded until there is a reading again, and so does a reading that
        cannot be understood; any other exception ends the loop. The wait between readings
        ends at once (in 50 ms) when the session is stopped.

        Parameters
        ----------
        session : OpSession
            Of the operation.
        read : callable
            Gives a reading. What is parsed in here, and not in the body of the loop, may be
            rubbish once in a while.
        period : float
            Seconds from the start of one reading to that of the next.
        unreadable : tuple of type
            What `read` raises if it cannot parse a reply. Default: ``ValueError``,
            ``UnicodeError``, ``IndexError``, ``KeyError``, ``struct.error``, ``OverflowError``
            and ``decimal.InvalidOperation``; with ``()`` these errors end the loop, too.
        gaps : bool
            Yield a `Gap` each time there is no reading. It is false, and its ``error`` says why.
        quantize : bool
            Start readings at whole periods since the epoch, so that those of several
            agents belong together? With a period of 0.5: at .0 and .5 of each second.

        Yields
        ------
        object
            What `read` returned.

        Raises
        ------
        TypeError, ValueError
            At once, if a parameter makes no sense; later if `read` returns a Deferred, or
            there are bytes in ``session.data``.
        RuntimeError
            At once, in the reactor's thread, which it would block.
        """
        check_seconds("period", period)
        check_blocking_read(check_read(read))
        kinds = check_unreadable(unreadable)
        view = self.__view()
        if view.in_reactor(session):
            raise RuntimeError(f"poll would block the reactor, in whose thread {session.op_name} "
                               "runs: register it with blocking=True, or use poll_deferred")
        return self.__readings(Poll(view, session, kinds), session, read,
                               Pace(period, quantize, time.monotonic(), _wall(quantize)), gaps)

    @staticmethod
    def __readings(poll: Poll, session: Any, read: Callable[[], T], pace: Pace, gaps: bool
                   ) -> Iterator[T]:
        try:
            _sleep_until(pace.due, session)
            while _running(session):
                wait = 0.0
                try:
                    reading = read()
                except Exception as exc:
                    gap, wait = poll.failed(exc), poll.retry_in(exc)
                    if gaps and gap is not None:
                        yield gap       # type: ignore[misc]  # (only who asks for them gets any)
                else:
                    check_reading(reading)
                    poll.good()
                    yield reading
                poll.check_data()
                # Wait here for what a call would wait for inside: here a stop is heard.
                pace.next(time.monotonic(), _wall(pace.quantize), wait)
                _sleep_until(pace.due, session)
        finally:
            poll.end()

    @inlineCallbacks
    def poll_deferred(self, session: Any, read: Callable[[], Any],
                      handle: Callable[[Any], Any], period: float, *,
                      unreadable: Unreadable = UNREADABLE, gaps: bool = False,
                      quantize: bool = False) -> Generator[Deferred[Any], Any, None]:
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
        unreadable, gaps, quantize
            As in `poll`; `handle` gets the gaps.

        Returns
        -------
        Deferred
            Fires with None when the operation was told to stop; fails with what `handle`
            raised, or `read` (other than a `ConnectionError` and what is unreadable), or with
            a TypeError or ValueError for a parameter that makes no sense.
        """
        check_seconds("period", period)
        check_read(read)
        view = self.__view()
        clock = steady(view.reactor)
        poll = Poll(view, session, check_unreadable(unreadable))
        pace = Pace(period, quantize, clock.seconds(), _wall(quantize))
        try:
            yield _wait_until(pace.due, session, clock)
            while _running(session):
                try:
                    reading = yield maybeDeferred(read)
                except Exception as exc:
                    gap = poll.failed(exc)
                    if gaps and gap is not None:
                        yield maybeDeferred(handle, gap)
                else:
                    poll.good()
                    yield maybeDeferred(handle, reading)
                poll.check_data()
                pace.next(clock.seconds(), _wall(quantize))
                yield _wait_until(pace.due, session, clock)
        finally:
            poll.end()


def _running(session: Any) -> bool:
    return session.status in ("starting", "running")


def _wall(quantize: bool) -> float:
    return time.time() if quantize else 0.0


def _sleep_until(due: float, session: Any) -> None:
    while _running(session) and (left := due - time.monotonic()) > 0:
        time.sleep(min(left, STOP_CHECK))


@inlineCallbacks
def _wait_until(due: float, session: Any, clock: Any) -> Generator[Deferred[Any], Any, None]:
    while _running(session) and (left := due - clock.seconds()) > 0:
        pause: Deferred[None] = deferLater(clock, min(left, STOP_CHECK))
        yield pause
