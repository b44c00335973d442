"""What cannot work in a loop over readings, told at once and with what to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from ..core.errors import show
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


def check_data(session: Any) -> None:
    """Can OCS send ``session.data`` to clients?"""
    found = _bytes_in(session.data, "session.data", 0) if hasattr(session, "data") else ""
    if found:
        raise TypeError(f"{found}, and OCS can send text and numbers only: decode them first, "
                        "as in reply.decode()")


#: So deep it is looked into `session.data`, and at so many items of a container.
_DEPTH, _ITEMS = 4, 100


def _bytes_in(value: Any, place: str, depth: int) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{place} is bytes ({show(value)})"
    if depth == _DEPTH or not isinstance(value, (dict, list, tuple)):
        return ""
    # (Copied in one step: another thread may be changing it.)
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value[:_ITEMS]))
    for key, item in items[:_ITEMS]:
        if isinstance(key, bytes):
            return f"{place} has bytes as a key ({show(key)})"
        if found := _bytes_in(item, f"{place}[{key!r}]", depth + 1):
            return found
    return ""
