"""What cannot work in a loop over readings, told at once and with what to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from ..deferred.client import DeviceClient

_USE_DEFERRED = ("a DeviceClient gives Deferreds: use poll_deferred, in a non-blocking operation, "
                 "or a TCPInterface")


def check_unreadable(unreadable: Any) -> tuple[type[Exception], ...]:
    """The exceptions, as a tuple."""
    kinds = unreadable if isinstance(unreadable, tuple) else (unreadable,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise TypeError(f"unreadable must be a tuple of exceptions, not {unreadable!r}")
    return kinds


def check_read(read: Any) -> Callable[[], Any]:
    """`read`, if it can be called."""
    if isinstance(read, DeviceClient) or not callable(read):
        raise TypeError("read must be a function that returns a reading, such as "
                        f"lambda: device.query('T?'), not {read!r}")
    return read     # type: ignore[no-any-return]


def check_blocking_read(read: Any) -> None:
    """Is it one for a worker thread?"""
    if isinstance(getattr(read, "__self__", None), DeviceClient):
        raise TypeError(_USE_DEFERRED)


def check_reading(reading: Any) -> None:
    """Is it there, or does a Deferred promise it?"""
    if isinstance(reading, (Deferred, DeviceClient)) or inspect.isawaitable(reading):
        raise TypeError(f"read returned {reading!r}, which is no reading yet: {_USE_DEFERRED}")
