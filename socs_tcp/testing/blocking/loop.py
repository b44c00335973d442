"""A selector in a thread of its own, to which other threads hand work."""

from __future__ import annotations

import math
import os
import selectors
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")

#: Seconds that a call from another thread may take, and that the thread may take to end.
PATIENCE = 30.0


class Loop:
    """Waits for sockets, for time, and for work, and calls one thing at a time.

    Parameters
    ----------
    name : str
        Of the thread.
    wait : callable
        Gives the seconds until `turn` must be called; ``inf`` for never.
    turn : callable
        Called after each round of events, and when the time is up.
    failed : callable
        Gets what a callback raised; the loop goes on.
    """

    def __init__(self, name: str, wait: Callable[[], float], turn: Callable[[], None],
                 failed: Callable[[BaseException], None]) -> None:
        self._wait = wait
        self._turn = turn
        self._failed = failed
        self._selector = selectors.DefaultSelector()    # the thread of the loop only
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector.register(self._wakeup, selectors.EVENT_READ, None)
        # Guards _calls, _over, and writing to _wakeup, which must be open for that.
        self._lock = threading.Lock()
        self._calls: deque[Callable[[], None]] = deque()
        self._over = False
        self._stopping = False                          # the thread of the loop only
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    def start(self) -> None:
        """Begin. Nothing but `run` and `stop` may be called by other threads from now on."""
        self._thread.start()

    @property
    def here(self) -> bool:
        """Is the caller the thread of the loop?"""
        return threading.current_thread() is self._thread

    def run(self, what: Callable[[], _T]) -> _T:
        """Do `what` in the loop's thread, then a `turn`; return what it returns. Any thread.

        Once the loop has ended there is nobody to disturb: it is done in the caller's.
        """
        if self.here:
            return what()
        done: Future[_T] = Future()

        def call() -> None:
            try:
                result = what()
                self._turn()
            except BaseException as exc:
                done.set_exception(exc)
            else:
                done.set_result(result)
        with self._lock:
            if not self._over:
                self._calls.append(call)
                os.eventfd_write(self._wakeup, 1)
                call_here = None
            else:
                call_here = what
        return done.result(PATIENCE) if call_here is None else call_here()

    def stop(self, last: Callable[[], None]) -> None:
        """Do `last` in the loop's thread and end it. Any thread; a second call does nothing."""
        def finish() -> None:
            if not self._stopping:
                self._stopping = True
                last()
        if self._over:
            return
        self.run(finish)
        if not self.here:
            self._thread.join(PATIENCE)

    # the thread of the loop

    def watch(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        """Call ``callback(events)`` when `fd` is ready; with `events` 0, no more."""
        known = fd in self._selector.get_map()
        if not events:
            if known:
                self._selector.unregister(fd)
        elif known:
            self._selector.modify(fd, events, callback)
        else:
            self._selector.register(fd, events, callback)

    def _main(self) -> None:
        while not self._stopping:
            wait = self._wait()
            ready = self._selector.select(None if wait == math.inf else max(wait, 0.0))
            for key, events in ready:
                if key.data is None:
                    os.eventfd_read(self._wakeup)
                    self._make_calls()
                    continue
                try:
                    key.data(events)
                except Exception as exc:
                    self._failed(exc)
            try:
                self._turn()
            except Exception as exc:
                self._failed(exc)
        with self._lock:
            self._over = True
            self._selector.close()
            os.close(self._wakeup)
        self._make_calls()

    def _make_calls(self) -> None:
        while self._calls:
            self._calls.popleft()()
