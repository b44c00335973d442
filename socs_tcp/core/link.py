"""What is known of the connection to one device, and everyone who wants to hear of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NoReturn

from .errors import CLOSED, without_frames
from .log import DeviceLogger, duration
from .observed import Observed
from .states import DOWN_STATES, TRANSITIONS, UP, LinkChange, LinkEvent, LinkState
from .trace import Trace

log = DeviceLogger()

_S, _E = LinkState, LinkEvent

#: Seconds between two reminders in the log while an outage lasts, and between two remarks of a
#: kind.
REMINDER = 600.0
#: Seconds of an outage before a failure of another kind is worth a line of its own: a loss and
#: the refusal right after it are one outage, told once.
ONE_FAILURE = 0.5


class Link(Observed):
    """What is known of the connection to one device.

    Parameters
    ----------
    name : str
        What the log calls the device: ``host:port``.
    clock : callable
        Gives seconds; never set. All durations are by it.
    wall : callable
        Gives seconds since the epoch, and may be set.
    log : DeviceLogger
        Where its lines go. That of a `DeviceClient` is for the reactor thread, and so is
        `tell` there.
    listed : bool
        As of `Observed`.

    Attributes
    ----------
    state : LinkState
    since : float
        When the state was entered, in seconds since the epoch.
    reason : str
        Why it is in that state.
    error : Exception or None
        The last failure; None while up.
    failures : int
        Failed attempts and exchanges since the last good exchange.
    connects, losses, exchanges, timeouts : int
        So often it was connected, lost, got a whole reply, waited for one in vain.
    outages : int
        So often it went down, whatever the reason: a device that falls silent is not lost.
    bytes_sent, bytes_received, bytes_discarded : int
        Discarded are those that nobody asked for.
    last_rtt, worst_rtt : float or None
        Round-trip time in seconds of the last exchange, and the longest.
    last_reply : bytes or None
        The last whole frame that answered somebody, for messages.
    trace : Trace or None
        The last that was said, if `keep_trace` was called.

    Notes
    -----
    All may be read from any thread. ``failed``, ``connected``, ``good`` and ``closed`` may
    be called from any thread; the counters are written by whoever holds the device (the
    holder of its lock, or the reactor thread), without a lock of their own.
    """

    __slots__ = ("_clock", "_down_since", "_entered", "_kinds_logged", "_remarks", "_reminded",
                 "_wall", "_worst_lately", "bytes_discarded", "bytes_received", "bytes_sent",
                 "connects", "error", "exchanges", "failures", "last_reply", "last_rtt", "losses",
                 "outages", "reason", "since", "state", "timeouts", "trace", "worst_rtt")

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic,
                 log: DeviceLogger = log, wall: Callable[[], float] = time.time,
                 listed: bool = True) -> None:
        super().__init__(name, log, listed)
        self._clock = clock
        self._wall = wall
        # `_lock` guards state, since, reason, error, failures, _down_since, _reminded,
        # _kinds_logged and _remarks, too.
        self.state = LinkState.UNTRIED
        self.since = wall()
        self._entered = clock()         # the same, by the clock that is never set
        self.reason = "not tried yet"
        self.error: BaseException | None = None
        self.failures = 0
        self._down_since = 0.0
        self._reminded = -math.inf
        self._kinds_logged: tuple[type, ...] = ()
        # by kind of remark: when it was told last, and how often it came since
        self._remarks: dict[str, tuple[float, int]] | None = None
        self.connects = 0
        self.losses = 0
        self.outages = 0
        self.exchanges = 0
        self.timeouts = 0
        self.bytes_sent = 0
        self.bytes_received = 0
        self.bytes_discarded = 0
        self.trace: Trace | None = None
        self.last_reply: bytes | None = None
        self.last_rtt: float | None = None
        self.worst_rtt: float | None = None
        self._worst_lately = -1.0       # since `take_round_trips`; of none, so far

    def __repr__(self) -> str:
        return f"<Link {self.name} {self.state.value}: {self.reason}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self.name}: a device holds a connection, and cannot be pickled or "
                        "copied with all that is in it: make it in the process that uses it")

    @property
    def down(self) -> bool:
        """Is the device not to be relied on? Any thread."""
        return self.state in DOWN_STATES

    @property
    def up(self) -> bool:
        """Is the device connected, with nothing failed since? Any thread."""
        return self.state is _S.UP or self.state is _S.OPEN

    @property
    def lasts(self) -> float:
        """Seconds since the state was entered, whatever becomes of the time of day. Any thread."""
        return self._clock() - self._entered

    def take_round_trips(self) -> tuple[float, float] | None:
        """The last round trip and the longest since this was last called, in seconds.

        None where there was none. For one caller; in any thread.
        """
        last, worst, self._worst_lately = self.last_rtt, self._worst_lately, -1.0
        return None if last is None or worst < 0 else (last, worst)

    def keep_trace(self, entries: int = 20) -> None:
        """Keep the last that was said, and show it in the log and with the error of a failure.

        Parameters
        ----------
        entries : int
            Messages in both directions together; 0 ends it. Any thread.
        """
        if isinstance(entries, bool) or not isinstance(entries, int) or entries < 0:
            raise ValueError(f"entries must be a number from 0, not {entries!r}")
        self.trace = Trace(entries, self._wall) if entries else None

    # what happened; `tell` must follow as soon as no lock of the caller's is held

    def connected(self) -> None:
        """TCP is connected. That alone proves nothing."""
        self.connects += 1
        if self.trace is not None:
            self.trace.note("connected")
        self._move(_E.CONNECTED, "connected")

    def good(self, rtt: float | None = None) -> None:
        """A whole reply came, after `rtt` seconds; or `identify` or `on_connect` passed."""
        if rtt is not None:
            self.exchanges += 1
            self.last_rtt = rtt
            if rtt > self._worst_lately:
                self._worst_lately = rtt
                if self.worst_rtt is None or rtt > self.worst_rtt:
                    self.worst_rtt = rtt
        if self.state is not UP or self.failures:
            self._move(_E.GOOD, "a good reply")

    def failed(self, error: BaseException) -> None:
        """An attempt, an exchange, or the connection failed."""
        reason = str(error).removeprefix(f"{self.name}: ")
        if self.trace is not None:
            self.trace.note(reason)
            error.add_note(f"the last traffic on {self.name}:\n{self.trace}")
        self._move(_E.FAILED, reason, error)

    def still_failing(self, error: BaseException) -> None:
        """Another link to this device failed, and this one has come in its place.

        So only a good exchange will prove it, as if it had failed itself.
        """
        before = self.state
        if before in (_S.UNTRIED, _S.OPEN):
            self._move(_E.FAILED, str(error).removeprefix(f"{self.name}: "), error)
            if before is _S.OPEN:
                self._move(_E.CONNECTED, "connected")

    def closed(self) -> None:
        """The owner closed it."""
        self._move(_E.CLOSE, CLOSED)

    def _move(self, event: LinkEvent, reason: str, error: BaseException | None = None) -> None:
        """The only place where the state changes."""
        with self._lock:
            old = self.state
            if event is _E.FAILED:
                self.failures += 1
                self.error = error = without_frames(error)
                if old is not _S.CLOSED:
                    self.reason = reason
            elif event is _E.GOOD:
                self.failures = 0
                self.error = None
            new = TRANSITIONS.get((old, event), old)
            now = self._clock()
            if new is not old:
                reason = self._enter(old, new, now, reason)
            worth_a_line = self._worth_a_line(old, new, now, error)
            if new is not old or worth_a_line:
                change = LinkChange(old, new, self._wall(), reason, error)
                self.news += ((change, self._line(change, now) if worth_a_line else None),)
            at_once = self._at_once if new is not old else ()
        for observer in at_once:
            observer(self, change)

    def lasted(self) -> None:
        """The connection has lasted for a while, and the device is one that is not asked."""
        self._move(_E.GOOD, "the connection lasts")

    def remark(self, kind: str, text: str) -> None:
        """The device did something that is worth a word, but is no change of state.

        One of a kind is told at most every ten minutes, with the number of those between.
        `tell` must follow. Any thread.
        """
        with self._lock:
            now = self._clock()
            if self._remarks is None:
                self._remarks = {}
            told, count = self._remarks.get(kind, (-math.inf, 0))
            if now - told < REMINDER:
                self._remarks[kind] = told, count + 1
                return
            self._remarks[kind] = now, 0
            again = f" ({count} more times in the last {duration(now - told)})" if count else ""
            self.news += ((text + again, (True, f"{self.name}: {text}{again}")),)

    def _enter(self, old: LinkState, new: LinkState, now: float, reason: str) -> str:
        if new in DOWN_STATES and old not in DOWN_STATES:
            self._down_since = now
            self._kinds_logged = ()
            self.outages += new is not _S.CLOSED
        elif old in DOWN_STATES and new not in DOWN_STATES:
            reason = f"{reason} after {duration(now - self._down_since)}"
        self.state, self.since, self._entered, self.reason = new, self._wall(), now, reason
        self.over = new is _S.CLOSED
        return reason

    def _worth_a_line(self, old: LinkState, new: LinkState, now: float,
                      error: BaseException | None) -> bool:
        """One line a change; in an outage one for each new kind of failure, and a reminder."""
        if new is _S.DOWN:
            since = now - self._reminded
            if old in DOWN_STATES and (since < ONE_FAILURE or (type(error) in self._kinds_logged
                                                           and since < REMINDER)):
                return False
            self._kinds_logged += (type(error),)
            self._reminded = now
            return True
        return new is not old and new is not _S.PROVING and (old, new) != (_S.OPEN, _S.UP)

    def _line(self, change: LinkChange, now: float) -> tuple[bool, str]:
        """Is it a warning, and what does the log say?"""
        down_for = now - self._down_since
        if change.new is not _S.DOWN:
            text = {_S.UP: f"link up: {change.reason}", _S.OPEN: "connected",
                    _S.CLOSED: "closed"}[change.new]
            return False, f"{self.name}: {text}"
        since = f"link still down after {duration(down_for)}" if down_for else "link down"
        trace = [] if self.trace is None else self.trace.lines()
        text = f"{self.name}: {since}: {change.reason}; trying again"
        return True, "\n    ".join([text, *trace])
