"""What is alive in this process: descriptors, threads, objects, memory."""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred
from twisted.internet.tcp import Connection

_OTHERS = (Deferred, DelayedCall, Connection, socket.socket)


def _is_counted(thing: object) -> bool:
    kind = type(thing)
    if kind is DelayedCall:     # a cancelled one stays in Twisted's heap for a while
        return bool(thing.active())     # type: ignore[attr-defined]
    return str(kind.__module__).startswith("socs_tcp.") or issubclass(kind, _OTHERS)


class Census:
    """A count of what is alive now.

    Only objects that belong to a connection or a call are counted: those of the package, and
    Twisted's Deferreds, timers and connections.
    """

    def __init__(self) -> None:
        gc.collect()
        self.descriptors = Counter(_descriptors())
        self.threads = sorted(thread.name for thread in threading.enumerate())
        self.objects = Counter(f"{type(o).__module__}.{type(o).__qualname__}"
                               for o in gc.get_objects() if _is_counted(o))

    def left_over(self, before: Census) -> list[str]:
        """What is alive here that was not `before`."""
        found = []
        more = self.descriptors - before.descriptors
        if more:
            found.append(f"file descriptors left over: {dict(more)}")
        threads = Counter(self.threads) - Counter(before.threads)
        if threads:
            found.append(f"threads left over: {sorted(threads)}")
        objects = self.objects - before.objects
        if objects:
            found.append(f"objects left over: {dict(objects)}")
        return found


def _descriptors() -> list[str]:
    kinds = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            kinds.append(os.readlink(f"/proc/self/fd/{fd}").split(":")[0])
        except FileNotFoundError:       # the one that listed the directory
            continue
    return kinds


def left_over_soon(before: Census, patience: float = 3.0,
                   turn: Callable[[], object] = lambda: time.sleep(0.01)) -> list[str]:
    """What stays alive although it is given some seconds (and turns of a reactor) to go."""
    until = time.monotonic() + patience
    while True:
        turn()
        found = Census().left_over(before)
        if not found or time.monotonic() > until:
            return found


def blocks() -> int:
    """Memory blocks in use."""
    gc.collect()
    return sys.getallocatedblocks()


def growth(after_rounds: list[int], calls: int) -> str:
    """A complaint if memory grows from round to round; empty if it does not."""
    if len(after_rounds) < 3:
        return ""
    # The first round fills what is bounded: logs of the last commands, caches.
    more = after_rounds[-1] - after_rounds[1]
    allowed = max(3000, calls // 50)
    return "" if more <= allowed else (f"memory grows: {after_rounds} blocks after each round, "
                                       f"{more} more with {calls} calls")
