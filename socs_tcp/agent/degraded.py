"""Keeps ``session.degraded`` of an agent's running operations true."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from ..core.link import Link
from ..core.log import duration
from ..core.states import DOWN_STATES, LinkChange
from .monitor import AVAILABLE, IdleMonitor

#: The states of a session in which its `degraded` means something.
RUNNING = ("starting", "running", "stopping")


class Watched(NamedTuple):
    """A device that some operations depend on."""

    device: Any
    link: Link
    #: Names of the operations; None for all.
    ops: frozenset[str] | None
    forget: Callable[[], None]

    def concerns(self, session: Any) -> bool:
        """Does this session depend on the device?"""
        return self.ops is None or session.op_name in self.ops


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
        # Guards all below, and that a session's flag follows the *last* change.
        # Neither OCS nor an observer is called while it is held.
        self._lock = threading.Lock()
        self._watched: list[Watched] = []
        self._failing: dict[int, bool] = {}     # by session_id: poll got no reading; told it?
        self._said: dict[int, bool] = {}        # by session_id: what we last made of it
        self._monitor: IdleMonitor | None = None
        self._follow_starts()

    def _follow_starts(self) -> None:
        """An operation may start while the device is down: OCS has no hook for that."""
        ocs_agent = sys.modules.get("ocs.ocs_agent")
        if ocs_agent is None or not isinstance(self._agent, ocs_agent.OCSAgent):
            return
        start = self._agent.start

        def start_and_apply(op_name: str, *args: Any, **kwargs: Any) -> Any:
            result = start(op_name, *args, **kwargs)
            session = self._agent.sessions.get(op_name)
            if session is not None:
                self.begin(session)
            return result
        self._agent.start = start_and_apply

    # devices

    def watch(self, device: Any, ops: frozenset[str] | None) -> None:
        """Let the sessions follow the link of `device`."""
        link: Link = device.link
        with self._lock:
            known = next((w for w in self._watched if w.device is device), None)
            if known is not None:       # for more operations: it is one device still
                both = None if known.ops is None or ops is None else known.ops | ops
                self._watched[self._watched.index(known)] = known._replace(ops=both)
            else:
                self._watched.append(Watched(device, link, ops, link.observe(self._changed)))
            if self._monitor is None and AVAILABLE and hasattr(device, "tell_connections"):
                self._monitor = IdleMonitor(self.reactor)
        if known is None and self._monitor is not None and hasattr(device, "tell_connections"):
            self._monitor.watch(device)
        for session in self._sessions():
            self.begin(session)

    def unwatch(self, device: Any) -> None:
        """Follow it no more."""
        with self._lock:
            gone = [w for w in self._watched if w.device is device]
            self._watched = [w for w in self._watched if w.device is not device]
        for watched in gone:
            watched.forget()
        self._apply_all()

    def _changed(self, link: Link, change: LinkChange) -> None:
        self._apply_all()
        if (change.old in DOWN_STATES) == change.down:
            return      # down for another reason, or connected but not proven yet
        text = f"{link.name} is {'down' if change.down else 'up'}: {change.reason}"
        for session in self._sessions():
            if any(w.link is link and w.concerns(session) for w in list(self._watched)):
                self._say(session, text, change.when)

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
        ident = session.session_id
        wanted = ident in self._failing or any(
            w.link.down and w.concerns(session) for w in self._watched)
        # What an operation sets for reasons of its own stays until our view changes.
        if wanted != self._said.get(ident, False):
            self._said[ident] = wanted
            session.degraded = wanted

    def begin(self, session: Any) -> None:
        """A session starts: it may find its device down."""
        if session.status not in RUNNING:
            return
        with self._lock:
            known = session.session_id in self._said
            alive = {s.session_id for s in list(self._agent.sessions.values()) if s is not None}
            alive.add(session.session_id)
            self._said = {i: said for i, said in self._said.items() if i in alive}
            self._set(session)      # in one step: OCS and poll may begin it at the same time
            watched = list(self._watched)
        for w in watched:
            if w.link.down and w.concerns(session) and not known:
                lasting = duration(max(session.start_time - w.link.since, 0))
                self._say(session, f"{w.link.name} is down for {lasting}: {w.link.reason}", None)

    def reading_failed(self, session: Any, error: BaseException) -> None:
        """A poll got no reading: degraded, even if no watched link is to blame."""
        with self._lock:
            first = session.session_id not in self._failing
            if first:       # a link that is down has told its reason
                self._failing[session.session_id] = not any(
                    w.link.down and w.concerns(session) for w in self._watched)
            tell = first and self._failing[session.session_id]
            self._set(session)
        if tell:
            self._say(session, f"no reading: {error}", None)

    def reading_good(self, session: Any) -> None:
        """A poll got a reading."""
        with self._lock:
            told = self._failing.pop(session.session_id, False)
            self._set(session)
        if told:
            self._say(session, "readings again", None)

    def retry_in(self, session: Any) -> float:
        """Seconds until a device of this session that is away may be tried again."""
        return max((w.device.retry_in() for w in list(self._watched)
                    if w.link.down and w.concerns(session) and hasattr(w.device, "retry_in")),
                   default=0.0)

    def end(self, session: Any) -> None:
        """A poll is over."""
        with self._lock:
            self._failing.pop(session.session_id, None)

    def _say(self, session: Any, text: str, when: float | None) -> None:
        if threading.current_thread() is threading.main_thread():
            session.add_message(text, timestamp=when)
        else:
            self.reactor.callFromThread(session.add_message, text, timestamp=when)
