"""The end of all waiting: thrown once, by any thread, also from a signal handler."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator


class Cancel:
    """As `threading.Event`, which only goes one way, and can end other waits than its own.

    It takes no lock, so that a signal handler may set it wherever it interrupts.
    """

    def __init__(self) -> None:
        self._is_set = False
        # Each method of a dict is done as a whole, whatever other threads do.
        self._callbacks: dict[object, Callable[[], object]] = {}

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        """End all that waits, now and from now on."""
        self._is_set = True
        with contextlib.suppress(KeyError):
            while True:
                self._callbacks.popitem()[1]()

    @contextlib.contextmanager
    def calling(self, callback: Callable[[], object]) -> Iterator[None]:
        """Have `callback` called, once, in the thread that sets this (now, if it is set).

        It may also come a moment after the end of this context.
        """
        key = object()
        self._callbacks[key] = callback
        try:
            if self._is_set:
                with contextlib.suppress(KeyError):
                    self._callbacks.pop(key)()
            yield
        finally:
            self._callbacks.pop(key, None)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is set, for at most some seconds; True if it is."""
        if not self._is_set:
            lock = threading.Lock()
            lock.acquire()
            with self.calling(lock.release):
                lock.acquire(timeout=-1 if seconds is None else
                             min(max(seconds, 0), threading.TIMEOUT_MAX))
        return self._is_set


class Waker:
    """A descriptor that becomes readable when another thread calls `wake`."""

    def __init__(self) -> None:
        # Reentrant, for a signal handler that closes the device.
        self._lock = threading.RLock()
        # (Sockets, and not the numbers of a pipe: whatever a signal handler raises, and wherever,
        # those that nobody has are closed.)
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)

    def fileno(self) -> int:
        return self._read.fileno()

    def wake(self) -> None:
        """Any thread; also where it is too late."""
        with self._lock, contextlib.suppress(BlockingIOError):
            if self._write.fileno() != -1:
                self._write.send(b"!")

    def clear(self) -> None:
        """Hear what comes from now on."""
        with contextlib.suppress(BlockingIOError):
            self._read.recv(4096)

    def close(self) -> None:
        with self._lock:
            self._read.close()
            self._write.close()
