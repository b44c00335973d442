"""So many lines about one device, and then one now and then that says how many were left out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from .forking import inherited
from .text import duration

#: So many lines about one device are written as they come; more than an outage ever makes.
AT_ONCE = 50
#: Seconds: one line about it in so many, where it goes on and on.
EVERY = 60.0


class Waker:
    """Calls those who wait, every now and then, in one thread for all. Any thread.

    Parameters
    ----------
    timer : callable
        As ``threading.Timer``.
    """

    def __init__(self, timer: Callable[..., Any] = threading.Timer) -> None:
        self._make_timer = timer
        self._lock = threading.Lock()       # guards both below
        self._waiting: dict[Callable[[], object], None] = {}    # each once, in their order
        self._timer: Any = None

    def forked(self) -> None:
        """This is a child, which has no such thread; the next line that is left out begins one."""
        self._lock = threading.Lock()
        self._waiting.clear()
        self._timer = None

    def wake(self, call: Callable[[], object]) -> None:
        """Have it called once, in `EVERY` seconds at the latest."""
        with self._lock:
            self._waiting[call] = None
            if self._timer is None:
                self._timer = self._make_timer(EVERY, self._run)
                self._timer.daemon = True
                self._timer.start()

    def forget(self, call: Callable[[], object]) -> None:
        """It need not be called any more. With the last one there is no thread left over."""
        with self._lock:
            if call not in self._waiting:
                return
            del self._waiting[call]
            if not self._waiting:
                self._timer.cancel()
                self._timer = None

    def _run(self) -> None:
        with self._lock:
            waiting, self._waiting, self._timer = self._waiting, {}, None
        for call in waiting:
            call()


#: There is no thread before the first line is left out.
_waker = Waker()
inherited.add(_waker)


class LimitedLog:
    """A log of one device that does not grow without bound, whatever the device does.

    What is left out is counted. The last line of all is never lost: it is written as soon as
    there may be one again, by another thread where nobody comes before. Any thread may use
    it that may use `log`.

    Parameters
    ----------
    log : DeviceLogger
        Where the lines go. What another thread has to write goes through its `beside`.
    lock : threading.Lock
        Guards what is counted; held for some instructions, never while anything is written. It
        may be the one of its owner, who must not hold it then.
    clock : callable
        Gives seconds; never set back.
    waker : Waker, optional
    """

    __slots__ = ("__weakref__", "_clock", "_last", "_left", "_left_out", "_lock", "_log",
                 "_seen", "_since", "_waker")

    def __init__(self, log: Any, lock: threading.Lock,
                 clock: Callable[[], float] = time.monotonic, waker: Waker = _waker) -> None:
        self._log = log
        self._clock = clock
        self._waker = waker
        self._lock = lock
        self._left = float(AT_ONCE)
        self._seen = clock()
        self._since = 0.0
        self._left_out = 0
        self._last: Callable[[str], object] | None = None

    def forked(self, lock: threading.Lock) -> None:
        """This is a child, with another lock. What was left out is the parent's.

        Its owner says so: one of them is on the list, not both, of each of thousands of devices.
        """
        self._lock = lock
        self._left_out, self._last = 0, None

    def info(self, text: str) -> None:
        self._write("info", text)

    def warn(self, text: str) -> None:
        self._write("warn", text)

    def error(self, text: str) -> None:
        self._write("error", text)

    def _write(self, level: str, text: str) -> None:
        # (The method is looked up here: in a test it may be another one by then.)
        write = getattr(self._log, level)
        with self._lock:
            now = self._clock()
            if not self._allows(now):
                if not self._left_out:
                    self._since = now
                    self._waker.wake(self._write_last)
                self._left_out += 1
                self._last = partial(self._with_count, write, text)
                return
            note = self._note(self._left_out, now)
        write(text + note)

    def close(self) -> None:
        """No more lines: what was left out is written now, and nothing of this is kept."""
        self._waker.forget(self._write_last)
        with self._lock:
            last = self._last
            if last is None:
                return
            note = self._note(self._left_out - 1, self._clock())
        last(note)

    def _write_last(self) -> None:
        with self._lock:
            now, last = self._clock(), self._last
            if last is None:
                return
            if not self._allows(now):
                self._waker.wake(self._write_last)
                return
            note = self._note(self._left_out - 1, now)
        self._log.beside(partial(last, note))

    @staticmethod
    def _with_count(write: Callable[[str], object], text: str, note: str) -> None:
        write(text + note)

    def _allows(self, now: float) -> bool:
        self._left = min(self._left + (now - self._seen) / EVERY, AT_ONCE)
        self._seen = now
        if self._left < 1 - 1e-6:
            return False
        self._left -= 1
        return True

    def _note(self, count: int, now: float) -> str:
        self._left_out, self._last = 0, None
        if not count:
            return ""
        return f" ({count} more lines about it in the last {duration(now - self._since)} left out)"
