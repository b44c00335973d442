"""What a simulated device has seen, and bounded waits for it to see more."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import TypeVar

from ...core.errors import show

_T = TypeVar("_T")

#: Commands that are remembered.
REMEMBERED = 1000
#: Connections whose unfinished bytes are remembered.
UNFINISHED = 3


class Journal:
    """Counters and the last commands; written by the thread that runs the device.

    All is guarded by `changed`, whose waiters are woken at each change. It is held for a
    few instructions, never while anything of others is called.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.changes = 0
        self.received: deque[bytes] = deque(maxlen=REMEMBERED)
        self.commands = 0
        self.connections = 0
        self.clients = 0
        self.injected: Counter[str] = Counter()
        #: What clients said in telnet.
        self.negotiated: deque[bytes] = deque(maxlen=REMEMBERED)
        #: Bytes that came while the device was deaf.
        self.lost = 0
        #: What came on a connection and is no whole command, fit to be shown. It is kept
        #: when the client has left, since most tests look when it is too late.
        self.unfinished: dict[object, str] = {}
        #: The first error of the script or of the simulator itself.
        self.error: BaseException | None = None

    def command(self, command: bytes) -> None:
        """A command was received."""
        with self.changed:
            self.received.append(command)
            self.commands += 1
            self._notify()

    def telnet(self, command: bytes) -> None:
        """A client said something in telnet."""
        with self.changed:
            self.negotiated.append(command)
            self._notify()

    def unheard(self, count: int) -> None:
        """So many bytes came while the device was deaf."""
        with self.changed:
            self.lost += count
            self._notify()

    def rest(self, connection: object, data: bytes | bytearray) -> None:
        """`data` came on this connection, and not the end of the command; empty for none."""
        if not data and connection not in self.unfinished:
            return
        with self.changed:
            self.unfinished.pop(connection, None)       # the newest is the last
            if data:
                self.unfinished[connection] = show(data)
                for oldest in list(self.unfinished)[:-UNFINISHED]:
                    del self.unfinished[oldest]
            self._notify()

    def client(self, step: int) -> None:
        """A client connected (+1) or is gone (-1)."""
        with self.changed:
            self.clients += step
            if step > 0:
                self.connections += 1
            self._notify()

    def struck(self, kind: str) -> None:
        """A fault did its work."""
        with self.changed:
            self.injected[kind] += 1
            self._notify()

    def failed(self, error: BaseException) -> None:
        """The script or the simulator failed; the first error is kept."""
        with self.changed:
            if self.error is None:
                self.error = error
            self._notify()

    def _notify(self) -> None:
        self.changes += 1
        self.changed.notify_all()

    def read(self, what: Callable[[], _T]) -> _T:
        """Look at something that another thread writes."""
        with self.changed:
            return what()

    def wait_for(self, condition: Callable[[], object], timeout: float,
                 describe: Callable[[], str]) -> None:
        """Wait until `condition` is true; it is looked at after each change.

        Raises
        ------
        TimeoutError
            With what `describe` says, if it is not true within `timeout` seconds.
        """
        until = time.monotonic() + timeout
        while True:
            with self.changed:
                seen = self.changes
            # With no lock held: the condition may be whatever a test likes, even a query.
            if condition():
                return
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"not true within {timeout:g} s: {describe()}")
            with self.changed:
                # Looked at now and then without a change of ours, too: the condition
                # may be about something else, such as a counter of the client.
                if self.changes == seen:
                    self.changed.wait(min(left, 0.05))

    def describe(self) -> str:
        """One line for a person whose test failed. Any thread."""
        with self.changed:
            last = ", ".join(show(c) for c in list(self.received)[-3:]) or "none"
            faults = ", ".join(f"{k} {n}" for k, n in self.injected.items()) or "none"
            rest = ", ".join(self.unfinished.values())
            text = (f"{self.connections} connections, {self.clients} open; "
                    f"{self.commands} commands, the last: {last}; "
                    f"{f'unfinished: {rest}; ' if rest else ''}"
                    f"{f'{self.lost} bytes unheard; ' if self.lost else ''}"
                    f"faults injected: {faults}")
            return text if self.error is None else f"{text}; failed: {self.error!r}"
