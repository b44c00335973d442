"""What has to begin anew in a forked child: it has none of the other threads of its parent.

What one of them held or was doing as the process forked would be held, and be under way, for ever.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Inherited(Protocol):
    def forked(self) -> object:
        """This is a child now."""


#: All of this process that want to know.
inherited: WeakSet[Inherited] = WeakSet()


def _forked() -> None:
    for thing in list(inherited):
        thing.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
