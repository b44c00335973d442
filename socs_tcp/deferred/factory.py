"""A `ReconnectingClientFactory` with an instrument's manners."""

from __future__ import annotations

import math
import ssl
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import ReconnectingClientFactory
from twisted.python.failure import Failure

from ..core.checks import check_port, check_seconds
from ..core.policy import (
    FACTOR,
    INITIAL_DELAY,
    JITTER,
    MAX_DELAY,
    MIN_INTERVAL,
    earliest_attempt,
    retry_delay,
    spread_interval,
)
from ..core.silence import INSTANT
from .alarm import Alarm
from .clock import steady
from .connector import HostConnector
from .ending import ending
from .protocol import LineProtocol
from .turns import Turns, one_for

#: So many devices that failed together may try at once: all devices of most agents.
BURST = 8

#: Seconds between the attempts of those that follow. One takes about a tenth of that.
SPACING = 0.002


def _attempts(reactor: Any) -> Turns:
    return Turns(steady(reactor), BURST, SPACING)


class DeviceClientFactory(ReconnectingClientFactory):
    """Keeps one device connected. Reactor thread only.

    Unlike its base: the first retry is quick, the longest delay is 30 s and not an hour,
    chance never makes a delay negative, the clock is the reactor's `steady` one, and the delay
    starts over only when `resetDelay` is called after a good exchange (so a box that accepts
    and hangs up is not hammered). Of many devices that failed at once a few are tried at once,
    and the others in turn (see `turns`), so that those that did not fail are not kept waiting.

    Set `protocol` (or override `buildProtocol`), then `connect`, or give it to
    ``reactor.connectTCP`` as any other factory.

    Parameters
    ----------
    reactor : IReactorTCP, IReactorTime
        Its sockets are used by `connect`.
    min_interval : float
        Seconds between two attempts, once a retry has failed; also where `retry_now` asks.
        Chance makes it up to twice as long, so that many devices do not come at once.

    Attributes
    ----------
    initialDelay, maxDelay : float
        Seconds.
    factor, jitter : float
        Growth of the delay, and its standard deviation as a part of it.
    """

    initialDelay = INITIAL_DELAY
    maxDelay: Any = MAX_DELAY
    factor = FACTOR
    jitter = JITTER
    noisy = False
    protocol: Any = LineProtocol
    clock: Any
    connector: Any = None
    delay: Any = INITIAL_DELAY
    _due = math.inf                     # the time of the next attempt, while that is waited for
    _alarm: Alarm | None = None         # kept from attempt to attempt, until one succeeds
    _in_line = False                    # it waits for its turn, no longer for its time

    def __init__(self, reactor: Any, *, min_interval: float = MIN_INTERVAL) -> None:
        if reactor is None or not IReactorTime.providedBy(reactor):
            raise TypeError(f"a reactor or a clock is needed, not {reactor!r}")
        self._min_interval = check_seconds("min_interval", min_interval)
        self._reactor = reactor
        self.clock = steady(reactor)
        # This, or more: spread by chance at each failure.
        self._interval = self._min_interval
        self._last_attempt = -math.inf
        self._turns = one_for(reactor, _attempts)
        self._ending = ending(reactor)

    def connect(self, host: str, port: int, timeout: float = 30.0, *,
                tls: ssl.SSLContext | None = None) -> HostConnector:
        """Connect to a host. Each attempt looks its name up again.

        Parameters
        ----------
        host : str
            Name, IPv4 or IPv6 address.
        port : int
            TCP port.
        timeout : float
            Seconds that one attempt may take, with the look-up, all addresses, and TLS.
        tls : ssl.SSLContext, optional
            Speak TLS; the protocol is built after the handshake.

        Returns
        -------
        IConnector
        """
        connector = HostConnector(self._reactor, host, check_port(port), self,
                                  check_seconds("timeout", timeout), tls=tls)
        connector.connect()
        return connector

    # what Twisted calls

    def startedConnecting(self, connector: Any) -> None:
        self.connector = connector
        self._last_attempt = self.clock.seconds()
        self._ending.add(self)

    def retry(self, connector: Any = None) -> None:
        """Try again, after a delay that grows from one failure to the next."""
        self.connector = connector or self.connector
        if self.connector is None:
            raise ValueError("no connector to retry")
        if not self.continueTrying or self.waiting:
            return
        self.retries += 1
        if self.maxRetries is not None and self.retries > self.maxRetries:
            self._stop_alarm()
            return
        self.delay = retry_delay(self.retries, initial=self.initialDelay,
                                 maximum=self.maxDelay, factor=self.factor, jitter=self.jitter)
        self._interval = spread_interval(self._min_interval)
        if self.retries > 1:
            self.delay = max(self.delay, self._interval)
        now = self.clock.seconds()
        self._due = now + self.delay
        self._set_alarm(now)

    def _set_alarm(self, now: float) -> None:
        if self._alarm is None:
            self._alarm = Alarm(self.clock, self)
        # First to the time for which `retry_now` may ask, as it does for a device that is polled:
        # an alarm that is to ring earlier than it was set to leaves a cancelled timer behind.
        earliest = self._earliest()
        self._alarm.set(min(self._due, earliest) if earliest > now else self._due)

    def _earliest(self) -> float:
        return earliest_attempt(self.retries, self._last_attempt, self._interval)

    def time_is_up(self) -> None:
        """For its alarm."""
        now = self.clock.seconds()
        if self._due - now <= INSTANT:
            if self._turns.now(self._due):      # most often; and it saves a timer
                self._due = math.inf
                self._connect()
            else:
                self._join_line()
        elif self._due != math.inf:
            self._set_alarm(now)

    def _join_line(self) -> None:
        self._due = math.inf
        self._in_line = True
        self._turns.join(self._connect)

    def _connect(self) -> None:
        self._in_line = False
        self.connector.connect()

    def retry_now(self) -> None:
        """Somebody needs the device: do not wait longer than good manners ask for."""
        if self._due == math.inf:
            return
        now = self.clock.seconds()
        self._due = min(self._due, self._earliest())
        if self._due <= now:
            self._join_line()
        else:
            self._set_alarm(now)

    @property
    def waiting(self) -> bool:
        """Will there be another attempt, which has not begun yet?"""
        return self._in_line or self._due != math.inf

    def _stop_alarm(self) -> None:
        alarm, self._alarm, self._due = self._alarm, None, math.inf
        if alarm is not None:
            alarm.stop()

    def resetDelay(self) -> None:
        """Start over with the delays: to be called after a good exchange."""
        self.retries = 0
        self.delay = self.initialDelay
        if self._due == math.inf:
            self._stop_alarm()

    def stopTrying(self) -> None:
        """Connect no more, and end an attempt that is under way."""
        self._ending.remove(self)
        self._stop_alarm()
        if self._in_line:
            self._in_line = False
            self._turns.leave(self._connect)
        super().stopTrying()  # type: ignore[no-untyped-call]

    def reactor_ended(self) -> None:
        """The reactor has closed its connections, and makes no more: what waits, waits no more.

        To be overridden by who has Deferreds to fire.
        """
        self.stopTrying()

    def forked(self) -> None:
        """This is a child of the process.

        To be overridden by who must not be used there.
        """

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self.retry(connector)

    def clientConnectionLost(self, connector: Any, unused_reason: Failure) -> None:
        self.retry(connector)
