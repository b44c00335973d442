"""In a forked child: all that the parent has is there, and nothing of it may be used.

What the reactor watches is the same for both. So a child that used a client would speak on the
connection of its parent, and one that closed it would take it from the parent's reactor.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Protocol
from weakref import WeakSet

FORKED = ("a DeviceClient belongs to the process whose reactor it uses; in a forked child, use a "
          "TCPInterface, or start the child with multiprocessing's 'spawn' method")


class InheritedByAChild(Protocol):
    def forked(self) -> object:
        """This is a child now; refuse to be used, if the reactor runs in the parent."""


#: All of this process.
inherited: WeakSet[InheritedByAChild] = WeakSet()

# The installed reactor, where it runs in the parent.
_reactor: Any = None


def check_reactor(reactor: Any) -> None:
    """Raise RuntimeError if `reactor` is the parent's."""
    if reactor is _reactor is not None:
        raise RuntimeError(FORKED)


def _forked() -> None:
    global _reactor  # noqa: PLW0603
    reactor = sys.modules.get("twisted.internet.reactor")
    if getattr(reactor, "running", False):
        _reactor = reactor
    for thing in list(inherited):
        thing.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
