"""``session.degraded``: what we know of the devices, and what the operation says itself."""

from __future__ import annotations

import sys
from typing import Any

#: In a session: what we say.
_OURS = "_device_down"
#: By a class of sessions, that whose `degraded` has two sources.
_FOLLOWED: dict[type, type] = {}


def set_flag(session: Any, down: bool) -> None:
    """Let `degraded` be true if we say so or the operation itself does. Hold a lock.

    A session that is none of OCS' own (a stub of a test) is set as any operation would.
    """
    if vars(session).get(_OURS, False) == down and _OURS in vars(session):
        return
    before = vars(session).get(_OURS, False)
    setattr(session, _OURS, down)
    if _is_of_ocs(session):
        followed = _followed(type(session))
        if type(session) is not followed:
            session.__class__ = followed
    elif before != down:
        session.degraded = down


def _is_of_ocs(session: Any) -> bool:
    ocs_agent = sys.modules.get("ocs.ocs_agent")
    return ocs_agent is not None and isinstance(session, ocs_agent.OpSession)


def _followed(kind: type) -> type:
    """A class of sessions whose `degraded` has two sources."""
    if kind in _FOLLOWED:
        return _FOLLOWED[kind]

    def degraded(self: Any) -> bool:
        return bool(vars(self).get("degraded") or vars(self).get(_OURS))

    def set_own(self: Any, value: object) -> None:
        vars(self)["degraded"] = value

    made = type(kind.__name__, (kind,), {
        "degraded": property(degraded, set_own),
        "__doc__": kind.__doc__, "__module__": kind.__module__})
    _FOLLOWED[kind] = _FOLLOWED[made] = made
    return made
