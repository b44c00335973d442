"""The one place that hands text to OCS: messages of sessions, and results of operations.

OCS takes a message for a format of Twisted's, so that what stands in braces is looked up and
run. It keeps up to 10,000 messages of a session and sends them all with each of its answers,
and the router refuses one above 1 MiB: the agent then never answers again. So here text is
text, and what there is of it in a session is bounded, whatever a device does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable
from typing import Any
from weakref import WeakKeyDictionary

from ..core.text import duration, printable, safe

#: Characters of a message of ours, of a result, and of a message of somebody else.
MOST_OF_OURS = 300
MOST_OF_A_RESULT = 1000
MOST_OF_OTHERS = 2000
#: What a session keeps. (An agent has several, and sends all of them to a new client.)
MOST_MESSAGES = 200
MOST_BYTES = 64_000
#: So many messages of one kind are told one by one in an hour; then they are counted.
ONE_BY_ONE = 10
HOUR = 3600.0
#: Seconds between two lines in the log about those that are counted.
LOGGED_EVERY = 600.0
#: Of a session; those that come after them count as one kind.
MOST_KINDS = 40

_OTHERS = ("others",)


def result(ok: bool, text: object) -> tuple[bool, str]:
    """What an operation returns: OCS makes a message of it."""
    return ok, safe(text, MOST_OF_A_RESULT)


def in_main_thread(reactor: Any, call: Any, *args: Any) -> None:
    """Call it now, in the main thread, or soon, in the reactor's."""
    # OCS finds out by the *name* of a thread where it is; a thread of the user's has any name.
    if threading.current_thread() is threading.main_thread():
        call(*args)
    else:
        reactor.callFromThread(call, *args)


def say(reactor: Any, session: Any, kind: Hashable, text: object,
        when: float | None = None) -> None:
    """Tell the session something. Any thread.

    Parameters
    ----------
    reactor
        Twisted's. OCS is called in its thread only.
    session : OpSession
    kind : hashable
        What comes often is told one by one at first, and then counted, with the last of it.
    text : object
        Whatever it is; shown as `safe` says.
    when : float, optional
        Seconds since the epoch. Default: now.
    """
    when = time.time() if when is None else when
    in_main_thread(reactor, _of(session).say, session, kind, safe(text, MOST_OF_OURS), when)


def revise(reactor: Any, session: Any, kind: Hashable, text: object) -> None:
    """Put `text` in the place of the last message of this kind, if it is still there."""
    in_main_thread(reactor, _of(session).revise, session, kind, safe(text, MOST_OF_OURS))


def guard(reactor: Any, session: Any) -> None:
    """Make safe and bound what anybody says through this session, OCS included. Any thread.

    A message shows what it was given; only in the log braces mean themselves. Of the
    messages, the oldest go first; the last of each kind of ours stay.
    """
    if not hasattr(type(session), "add_message"):
        return      # a mock
    with _GUARDING:
        if "add_message" in vars(session):
            return
        add: Any = session.add_message

        def add_message(message: object, timestamp: float | None = None) -> None:
            when = time.time() if timestamp is None else timestamp
            in_main_thread(reactor, _add, add, session, message, when)
        session.add_message = add_message


def guard_names(agent: Any) -> None:
    """Make safe what clients of this agent call an operation that it does not have.

    OCS takes that for a format of Twisted's, too, and prints it as it is.
    """
    def named(call: Any) -> Any:
        def call_named(op_name: object, *args: Any, **kwargs: Any) -> Any:
            known = isinstance(op_name, str) and (op_name in agent.tasks
                                                  or op_name in agent.processes)
            return call(op_name if known else safe(op_name, MOST_OF_OURS), *args, **kwargs)
        return call_named
    agent.start, agent.stop, agent.abort = map(named, (agent.start, agent.stop, agent.abort))


_GUARDING = threading.Lock()


def _add(add: Any, session: Any, message: object, when: float) -> None:
    text = printable(str(message), MOST_OF_OTHERS)
    as_format = text.replace("{", "{{").replace("}", "}}")
    add(as_format, timestamp=when)
    if as_format != text and session.messages and _text(session.messages[-1]) == as_format:
        session.messages[-1] = _with_text(session.messages[-1], text)
    _trim(session.messages, _of(session).last_of_each_kind())


def _text(entry: Any) -> str:
    return str(entry[1]) if isinstance(entry, tuple) else str(entry)


def _with_text(entry: Any, text: str) -> Any:
    return (entry[0], text) if isinstance(entry, tuple) else text


def _trim(messages: list[Any], keep: list[Any]) -> None:
    """Remove the oldest while there are too many, or too long; but none of `keep`."""
    size = sum(len(_text(entry).encode("utf-8", "replace")) for entry in messages)
    place = 0
    while (len(messages) > MOST_MESSAGES or size > MOST_BYTES) and place < len(messages) - 1:
        entry = messages[place]
        if any(entry is kept for kept in keep):
            place += 1
            continue
        size -= len(_text(entry).encode("utf-8", "replace"))
        del messages[place]


class _Kind:
    """The messages of one kind, in the hour that began with `since`."""

    def __init__(self, since: float) -> None:
        self.entry: Any = None      # the last, as it stands in session.messages
        self.begin(since)

    def begin(self, since: float) -> None:
        self.since = since
        self.count = 0
        self.counted = False        # the last stands for several
        self.logged = 0.0
        self.note = ""              # of how many, in words


class _Said:
    """What we said in one session. Main thread only."""

    def __init__(self) -> None:
        self._kinds: dict[Hashable, _Kind] = {}

    def last_of_each_kind(self) -> list[Any]:
        return [kind.entry for kind in self._kinds.values() if kind.entry is not None]

    def say(self, session: Any, kind: Hashable, text: str, when: float) -> None:
        if kind not in self._kinds and len(self._kinds) >= MOST_KINDS:
            kind = _OTHERS
        known = self._kinds.setdefault(kind, _Kind(when))
        if not 0 <= when - known.since < HOUR:      # (the clock may have been set back)
            known.begin(when)
        known.count += 1
        if known.count <= ONE_BY_ONE:
            known.entry = _added(session, text, when)
            return
        known.note = f" ({known.count} times in the last {duration(when - known.since)})"
        # The entry moves to the end: OCS removes messages by their age, from the first on.
        if known.counted:
            _remove(session.messages, known.entry)
        if not known.counted or not 0 <= when - known.logged < LOGGED_EVERY:
            known.counted, known.logged = True, when
            known.entry = _added(session, text + known.note, when)
        else:
            known.entry = _with_text(known.entry, text + known.note)
            if isinstance(known.entry, tuple):
                known.entry = (when, *known.entry[1:])
            session.messages.append(known.entry)

    def revise(self, session: Any, kind: Hashable, text: str) -> None:
        known = self._kinds.get(kind)
        place = None if known is None else _place(session.messages, known.entry)
        if known is not None and place is not None:
            known.entry = session.messages[place] = _with_text(known.entry, text + known.note)


def _added(session: Any, text: str, when: float) -> Any:
    session.add_message(text, timestamp=when)
    _trim(session.messages, _of(session).last_of_each_kind())   # (it may not be guarded)
    return session.messages[-1] if session.messages else None


def _place(messages: list[Any], entry: Any) -> int | None:
    return next((n for n in range(len(messages) - 1, -1, -1) if messages[n] is entry), None)


def _remove(messages: list[Any], entry: Any) -> None:
    place = _place(messages, entry)
    if place is not None:
        del messages[place]


_SAID: WeakKeyDictionary[Any, _Said] = WeakKeyDictionary()


def _of(session: Any) -> _Said:
    with _GUARDING:
        return _SAID.setdefault(session, _Said())
