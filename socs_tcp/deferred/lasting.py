"""A device that is never asked, and so proves nothing by its answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..core.policy import until_lasting_proves
from ..core.silence import INSTANT
from ..core.states import LinkState
from .device import Device


class Lasting:
    """Lets a connection prove the device by lasting, if nothing else does. Reactor thread only.

    Parameters
    ----------
    device : Device
    since : float
        When it was connected.
    asked_ago : callable
        Gives the seconds since somebody asked something.
    proven : callable
        Called once it has lasted, before the link is told.
    """

    __slots__ = ("_asked_ago", "_call", "_device", "_proven", "_since")

    def __init__(self, device: Device, since: float, asked_ago: Callable[[], float],
                 proven: Callable[[], object]) -> None:
        self._device = device
        self._since = since
        self._asked_ago = asked_ago
        self._proven = proven
        self._call: Any = None

    def watch(self) -> None:
        """Look whether it has lasted for long enough, now and as soon as it may have."""
        self._call = None
        clock, link = self._device.clock, self._device.link
        if link.state is not LinkState.PROVING:
            return
        left = until_lasting_proves(clock.seconds() - self._since, self._asked_ago(), link.error)
        if left <= INSTANT:     # (less than that no clock can wait)
            self._proven()
            link.lasted()
            link.tell()
        elif left != math.inf:
            self._call = clock.callLater(left, self.watch)

    def stop(self) -> None:
        """The connection has ended."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
