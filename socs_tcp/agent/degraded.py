"""Keeps ``session.degraded`` of an agent's running operations correct."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

from ..core.forking import inherited
from ..core.link import Link
from ..core.states import DOWN_STATES, LinkChange, LinkState
from ..core.text import duration
from .link_feed import LinkFeed
from .monitor import AVAILABLE, IdleMonitor
from .reporting import guard, guard_names, revise, say
from .session_flag import set_flag
from .watched import Watched, why_down

#: The states of a session in which its `degraded` means something.
RUNNING = ("starting", "running", "stopping")

# Two threads that watch or poll first must not make two views of one agent.
_MAKING = threading.Lock()
#: Where an agent keeps its view.
_VIEW = "_socs_tcp_degraded"


class Degraded:
    """The sessions of one agent, and the links of its devices.

    Any thread may call any method. OCS finds out by the *name* of a thread where it is, so
    that nothing of OCS is called from here but in the main thread, or through the reactor.

    Parameters
    ----------
    agent : OCSAgent
        (A mock of one will do in tests.)
    reactor
        Twisted's.
    """

    def __init__(self, agent: Any, reactor: Any) -> None:
        self._agent = agent
        self.reactor = reactor
        self.forked()
        self._watched: list[Watched] = []
        self._failing: dict[int, set[object]] = {}  # by session_id: its polls without a reading
        self._begun: set[int] = set()               # session_ids
        self._monitor: IdleMonitor | None = None
        self._follow_starts()
        inherited.add(self)

    def forked(self) -> None:
        """Nobody has the lock: at first, and in a forked child."""
        # Guards all here, and that a session's flag follows the *last* change. It may be taken
        # while a device is locked, so neither a device nor OCS nor an observer is called while
        # it is held. (Reentrant: a device may be deleted by the collector, at any moment.)
        self._lock = threading.RLock()

    @classmethod
    def of(cls, agent: Any, reactor: Any) -> Degraded:
        """The one view of this agent. Any thread."""
        with _MAKING:
            view: Degraded | None = vars(agent).get(_VIEW)
            if view is None:
                view = cls(agent, reactor)
                setattr(agent, _VIEW, view)
            return view

    def _follow_starts(self) -> None:
        """An operation may start while the device is down: OCS has no hook for that."""
        ocs_agent = sys.modules.get("ocs.ocs_agent")
        if ocs_agent is None or not isinstance(self._agent, ocs_agent.OCSAgent):
            return
        start = self._agent.start

        def start_and_begin(op_name: str, *args: Any, **kwargs: Any) -> Any:
            result = start(op_name, *args, **kwargs)
            session = self._agent.sessions.get(op_name)
            if session is not None:
                self.begin(session)
            return result
        self._agent.start = start_and_begin
        guard_names(self._agent)

    # devices

    def watch(self, device: Any, ops: frozenset[str] | None, feed: str | None = None, *,
              implied: bool = False) -> None:
        """Let the sessions follow the link of `device`; `implied`: unless somebody asks to."""
        link: Link = device.link
        for gone in self._forget(lambda w: w.makes_room_for(device, ops, feed)):
            if gone.link.name == link.name and gone.link.error is not None:
                link.still_failing(gone.link.error)
        publishes = None if feed is None else self._feed_of(device, feed)
        with self._lock:
            known = self._known(device)
            if known is None:
                self._watched.append(Watched(self._weak(device), link, ops, self._observe(link),
                                             publishes, implied))
            elif not implied:       # for more operations: it is one device still
                before = frozenset() if known.implied else known.ops
                both = None if before is None or ops is None else before | ops
                self._watched[self._watched.index(known)] = known._replace(
                    ops=both, feed=known.feed or publishes, implied=False)
            if self._monitor is None and AVAILABLE and hasattr(device, "tell_connections"):
                self._monitor = IdleMonitor(self.reactor)
        if known is None and self._monitor is not None and hasattr(device, "tell_connections"):
            self._monitor.watch(device)
        for session in self._sessions():
            self.begin(session)

    def unwatch(self, device: Any) -> None:
        """Follow it no more."""
        self._forget(lambda watched: watched.ref() is device)
        if self._monitor is not None:
            self._monitor.unwatch(device)

    def _known(self, device: Any) -> Watched | None:
        return next((w for w in self._watched if w.ref() is device), None)

    def _weak(self, device: Any) -> Callable[[], Any]:
        view = weakref.ref(self)

        def gone(_ref: object) -> None:     # maybe in the collector: nothing may be locked here
            alive = view()
            if alive is not None:
                later = getattr(alive.reactor, "callFromThread", None)
                if later is not None:       # (a reactor of a test may have none)
                    later(alive._forget, lambda w: w.ref() is None and not w.lingers)
        return weakref.ref(device, gone)

    def _observe(self, link: Link) -> tuple[Callable[[], None], ...]:
        return (link.observe_at_once(lambda _link, _change: self._apply_all()),
                link.observe(self._changed), link.hear_reasons(self._changed),
                link.hear_remarks(self._remarked))

    def _feed_of(self, device: Any, feed: str) -> LinkFeed:
        other = next((w for w in self._watched if w.feed is not None and w.feed.name == feed), None)
        if other is not None and other.feed is not None:
            if other.ref() is device:
                return other.feed
            raise ValueError(f"the feed {feed!r} already shows {other.link.name}: "
                             f"{device.link.name} needs a feed with another name")
        return LinkFeed(self._agent, self.reactor, device.link, feed)

    def _forget(self, which: Callable[[Watched], bool]) -> list[Watched]:
        with self._lock:
            gone = [w for w in self._watched if which(w)]
            self._watched = [w for w in self._watched if not any(w is each for each in gone)]
        for watched in gone:
            for forget in watched.forget:
                forget()
            if watched.feed is not None:
                watched.feed.end()
        if gone:
            self._apply_all()
        return gone

    # what the links tell

    def _changed(self, link: Link, change: LinkChange) -> None:
        down = f"{link.name} is down: {change.reason}"
        for session in self._concerned(link):
            if (change.old in DOWN_STATES) != change.down:
                told = down if change.down else f"{link.name} is up: {change.reason}"
                kind = "down" if change.down else "up"
                say(self.reactor, session, (kind, link.name), told, change.when)
            elif change.new is LinkState.DOWN:      # still, or after it was connected
                revise(self.reactor, session, ("down", link.name), down)

    def _remarked(self, link: Link, text: str) -> None:
        for session in self._concerned(link):
            say(self.reactor, session, ("remark", link.name), f"{link.name}: {text}")

    def _concerned(self, link: Link) -> list[Any]:
        watched = [w for w in list(self._watched) if w.link is link]
        return [s for s in self._sessions() if any(w.concerns(s) for w in watched)]

    def down_links(self, session: Any) -> list[Link]:
        """Of the devices that this session depends on, the links of those that are down."""
        return [w.link for w in list(self._watched) if w.link.down and w.concerns(session)]

    def devices(self, session: Any) -> list[Any]:
        """Those that this session depends on."""
        found = [w.ref() for w in list(self._watched) if w.concerns(session)]
        return [device for device in found if device is not None]

    def revise_reasons(self, session: Any) -> None:
        """Let the session's messages say why its devices are down *now*."""
        for link in self.down_links(session):
            if link.state is LinkState.DOWN:
                revise(self.reactor, session, ("down", link.name),
                       f"{link.name} is down: {link.reason}")

    # sessions

    def _sessions(self) -> list[Any]:
        sessions = [s for s in list(self._agent.sessions.values()) if s is not None]
        return [s for s in sessions if s.status in RUNNING]

    def _apply_all(self) -> None:
        for session in self._sessions():
            self.apply(session)

    def apply(self, session: Any) -> None:
        """Make `degraded` of one session what it should be."""
        with self._lock:
            self._set(session)

    def _set(self, session: Any) -> None:
        set_flag(session, session.session_id in self._failing
                 or any(w.link.down and w.concerns(session) for w in self._watched))

    def begin(self, session: Any) -> None:
        """A session starts: it may find its device down."""
        if session.status not in RUNNING:
            return
        guard(self.reactor, session)
        if session.session_id not in self._begun:
            self._forget(lambda w: w.ref() is None and w.lingers)   # of an operation before it
        with self._lock:
            known = session.session_id in self._begun
            alive = {s.session_id for s in list(self._agent.sessions.values()) if s is not None}
            self._begun = self._begun & alive | {session.session_id}
            self._set(session)      # in one step: OCS and poll may begin it at the same time
            watched = list(self._watched)
        for w in watched:
            if w.link.down and w.concerns(session) and not known:
                lasting = duration(w.link.lasts)
                say(self.reactor, session, ("down", w.link.name),
                    f"{w.link.name} is down for {lasting}: {why_down(w.link)}")
            if w.feed is not None:
                w.feed.begin()

    # polls

    def in_reactor(self, session: Any) -> bool:
        """Would this operation block the reactor if it waited, in this thread?"""
        if threading.current_thread() is not threading.main_thread():
            return False
        operations = {**getattr(self._agent, "tasks", {}), **getattr(self._agent, "processes", {})}
        return bool(getattr(self.reactor, "running", False)) or getattr(
            operations.get(session.op_name), "blocking", True) is False

    def failing(self, session: Any, poll: object, fails: bool) -> None:
        """A poll of this session has no reading, or one again, or is over."""
        with self._lock:
            polls = self._failing.get(session.session_id, set())
            polls = polls | {poll} if fails else polls - {poll}
            if polls:
                self._failing[session.session_id] = polls
            else:
                self._failing.pop(session.session_id, None)
            self._set(session)
