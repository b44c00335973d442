"""In a forked child: all that the parent has is there, and nothing of it may be used.

What the reactor watches is the same for both. So a child that used a client would speak on the
connection of its parent, and one that closed it would take it from the parent's reactor.
"""

from __future__ import annotations

import sys
from typing import Any

from ..core.forking import inherited

FORKED = ("a DeviceClient belongs to the process whose reactor it uses; in a forked child, use a "
          "TCPInterface, or start the child with multiprocessing's 'spawn' method")


class InstalledReactor:
    """The reactor of the process, as far as that is running it itself."""

    _parents: Any = None

    def check(self, reactor: Any) -> None:
        """Raise RuntimeError if `reactor` is the parent's."""
        if reactor is self._parents is not None:
            raise RuntimeError(FORKED)

    def forked(self) -> None:
        """This is a child."""
        reactor = sys.modules.get("twisted.internet.reactor")
        if getattr(reactor, "running", False):
            self._parents = reactor


installed = InstalledReactor()
inherited.add(installed)
