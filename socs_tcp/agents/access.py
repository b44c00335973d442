"""Who may do what: the levels of OCS' access control that the operations ask for."""

from __future__ import annotations

import argparse
from typing import Any

from ocs.access import CredLevel, agent_rejection_message

#: What each asks for unless the arguments say otherwise. ``raw`` is a command of the client's
#: own through the task ``query``. To look is for everybody; to change a device is not.
LEVELS = {"acq": 1, "query": 1, "raw": 2, "set": 2, "run": 2, "reconnect": 1}


def levels(text: str) -> dict[str, int]:
    """The levels that the argument ``--min-privs`` asks for: ``set=3,raw=3``.

    Raises
    ------
    argparse.ArgumentTypeError
        If it makes no sense.
    """
    wanted = dict(LEVELS)
    for part in filter(None, text.replace(",", " ").split()):
        name, _, level = part.partition("=")
        if name not in LEVELS or level not in ("1", "2", "3"):
            raise argparse.ArgumentTypeError(
                f"{part!r} is not one of {', '.join(LEVELS)}, then = and a level from 1 to 3")
        wanted[name] = int(level)
    return wanted


class Access:
    """The levels of one agent. Reactor thread only.

    Where a site has no access policy, OCS gives every client level 1 and asks no password:
    there, nothing asks for more.

    Parameters
    ----------
    agent : OCSAgent
    wanted : dict of str to int
        As `levels` returns them.
    """

    def __init__(self, agent: Any, wanted: dict[str, int]) -> None:
        self._enforced = agent.access_config.policy != "none"
        self._wanted = wanted

    def level(self, name: str) -> int:
        """The least level for an operation; ``min_privs`` of its registration."""
        return self._wanted[name] if self._enforced else 1

    def refusal(self, session: Any, name: str) -> str:
        """Why the client that started this session may not do this; empty if it may."""
        level = CredLevel(self.level(name))
        if session.cred_level >= level:
            return ""
        text: str = agent_rejection_message(CredLevel(session.cred_level), level)
        return text
