"""What a serial port has received: bytes that came, and that nobody has read yet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from ..core.errors import Disconnected, ReplyTimedOut
from ..core.forking import inherited
from .device import SerialDevice
from .errors import as_serial, not_open, translated

#: Bytes that are kept for `read`; what is more stays with the system, and with the device.
LIMIT = 1 << 20
#: So often `discard` looks again: a device that never stops is always readable.
ROUNDS = 64


class Incoming:
    """The bytes of one port, from its `open` to its `close`. Any thread; one reads at a time.

    Parameters
    ----------
    device : SerialDevice
    name : str
        Of the port, for messages.
    """

    def __init__(self, device: SerialDevice, name: str) -> None:
        self._device = device
        self._name = name
        #: The port is not open any more.
        self.closed = False
        self.forked()
        inherited.add(self)

    def forked(self) -> None:
        """Begin anew: at first, and in a forked child, which has a connection of its own."""
        self._lock = threading.RLock()
        # What came, and from which connection. Under _lock.
        self.buffer = bytearray()
        self._comm: object = None
        self._ended: object = object()      # the connection whose end was told
        # Set by whoever reads or writes; a stale value costs a look.
        self._awaited = self._cut = self._written = False

    def wrote(self) -> None:
        """Something was written, which may be answered."""
        self._awaited = self._written = True

    def read(self, enough: Callable[[], int], size: int, timeout: float | None,
             whole: bool = False) -> bytes:
        """The first bytes, as many as `enough` says once there are enough.

        Parameters
        ----------
        enough : callable
            So many bytes of `buffer` are enough; 0 while they are not.
        size : int
            The most bytes that it gives, and those that it gives at the deadline.
        timeout : float or None
            Seconds; 0 to take what is there.
        whole : bool
            Give nothing at the deadline: what came stays.
        """
        deadline = None if timeout is None else monotonic() + timeout
        with self._lock, translated():
            self._fetch()
            while size > 0 and not (count := enough()):
                if not self._wait(deadline, at_once=timeout == 0):
                    count = 0 if whole else min(len(self.buffer), size)
                    break
            else:
                self._cut = False
            data = bytes(self.buffer[:count if size > 0 else 0])
            del self.buffer[:len(data)]
            return data

    def waiting(self) -> int:
        """So many bytes can be read at once."""
        with self._lock, translated():
            self._fetch()
            return len(self.buffer)

    def discard(self) -> None:
        """Throw away what is there; a loss is the next write's affair."""
        with self._lock:
            self._discard()

    def discard_late(self) -> None:
        """Throw away what comes too late for the read before, unless somebody reads just now."""
        if self._cut and self._lock.acquire(blocking=False):
            try:
                self._discard()
            finally:
                self._lock.release()

    def _discard(self) -> None:
        self._cut = False
        for _ in range(ROUNDS):
            self.buffer.clear()
            try:
                if not self._fetch():
                    break
            except ConnectionError:
                break
        self.buffer.clear()

    def _wait(self, deadline: float | None, *, at_once: bool) -> bool:
        """Wait for more; False at the deadline."""
        device, left = self._device, None if deadline is None else round(deadline - monotonic(), 3)
        if at_once or (left is not None and left <= 0):
            self._cut = not at_once
            return self._fetch()
        # Silence is a failure where an answer is owed, and of a device that is only listened to.
        failing = (device.at_end()
                   or (not self.buffer and (self._awaited or not self._written)))
        try:
            self._came(device.receive(left) if failing else device.overhear(left))
        except ReplyTimedOut:
            if self.closed:
                raise not_open(self._name) from None
            self._cut = True
            return False
        except BaseException:
            self.buffer.clear()
            raise
        return True

    def _fetch(self) -> bool:
        """Take what is there; False if that is nothing. An end is told where nothing is left."""
        self._follow()
        before, device = len(self.buffer), self._device
        while len(self.buffer) < LIMIT and self._comm is not self._ended and device.readable():
            try:
                if not device.at_end():
                    self._came(device.overhear(0.0))
                elif self.buffer:
                    break
                else:
                    self._ended = self._comm
                    device.receive(0.0)
            except ReplyTimedOut:       # (telnet negotiation only)
                break
        return len(self.buffer) > before

    def _came(self, data: bytes) -> None:
        half, device = bool(self.buffer), self._device
        if self._follow() and half:
            raise as_serial(Disconnected(
                f"{device.link.name}: the connection was lost in the middle of a reply",
                host=device.ip_address, port=device.port, phase="recv", sent="yes"))
        self.buffer += data
        self._awaited = False

    def _follow(self) -> bool:
        """Nothing of an old connection is read from a new one. True if it is a new one."""
        comm = self._device.comm
        if comm is self._comm:
            return False
        self.buffer.clear()
        self._comm = comm
        return True
