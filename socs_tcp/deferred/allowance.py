"""How long a device may take to take what is said to it."""

from __future__ import annotations

import math
from typing import Any

from ..core.sockets import Patience


class Allowance(Patience):
    """As long as the call may take that says it.

    What is granted holds until something is said that may take less long, and so does not cost a
    system call each time.

    Parameters
    ----------
    sock, keepalive
        As of `Patience`; what is not TCP takes what it is given.
    """

    __slots__ = ("_granted", "within")

    def __init__(self, sock: Any, keepalive: float | None) -> None:
        super().__init__(sock, keepalive)
        self._granted: float | None = None
        #: What may take longer than this has to be allowed.
        self.within = self.usual

    def allow(self, seconds: float | None, *, alone: bool) -> None:
        """Something was just said, which may take so long.

        Parameters
        ----------
        seconds : float or None
            None: as long as ever.
        alone : bool
            Nothing else is under way that may have been allowed more.
        """
        if seconds is not None and seconds > self.usual:
            if seconds != self._granted:
                self._granted = seconds
                self.grant(seconds)
        elif self.stretched and alone:
            self._granted = None
            self.relax()
        self.within = -math.inf if self.stretched else self.usual


#: Of a connection that is not made yet.
ANY_TIME = Allowance(None, None)
