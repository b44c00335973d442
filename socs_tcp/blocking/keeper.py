"""Making, keeping and giving up the connection of a blocking device.

`TCPInterface` is the face of this, and `blocking.Conversation` adds the talking. The lock
is held for the whole of one call, so that a question and its answer are never split
between two threads.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from ..core.errors import (
    ConnectFailed,
    DeviceConnectionError,
    Disconnected,
    ReplyTimedOut,
    again,
)
from ..core.framing import Framer
from ..core.identity import Identity
from ..core.policy import earliest_attempt
from ..core.sockets import shut
from .channel import Channel
from .failures import Failures

if TYPE_CHECKING:
    from .interface import TCPInterface


#: The deadline of the call around this one, and the seconds that one was given; None where
#: there is no other around it.
Outer: TypeAlias = tuple[float, float | None] | None


class Keeper(Failures):
    """Holds the one connection of a `TCPInterface`, for one call at a time."""

    def __init__(self, face: TCPInterface, framer: Framer, *,
                 on_connect: Callable[[Any], object] | None, identity: Identity | None,
                 min_interval: float) -> None:
        super().__init__(face)
        self.framer = framer
        self._on_connect = on_connect
        self._identity = identity
        self._min_interval = min_interval
        # Reentrant: `on_connect` and the driver's own methods call us again.
        self._lock = threading.RLock()
        # What follows is touched by the holder of _lock only ...
        self._depth = 0                 # calls inside each other
        self._deadline = math.inf       # of the call, by time.monotonic
        self._channel: Channel | None = None
        self._preparing = False         # identify and on_connect are under way
        self._last_attempt = -math.inf
        self.connect_error: DeviceConnectionError | None = None
        self._tell_connection: Callable[[Any], object] | None = None
        # ... but this one also by close(): the socket to shut down under a connect.
        self.opening: Any = None

    # the frame of each call

    def begin(self, timeout: float | None) -> Outer:
        """Take the device for one call; returns what `end` needs back."""
        if timeout is None:
            deadline = math.inf
            self._lock.acquire()
        else:
            deadline = monotonic() + timeout
            if not (self._lock.acquire(False) or self._lock.acquire(timeout=timeout)):
                raise self.error(
                    ReplyTimedOut, "another call has been using the device for all of the "
                    f"{timeout:g} s this one could wait", "send", "no")
        if not self._depth:
            self._depth, self._deadline, self._allowed = 1, deadline, timeout
            return None
        outer = self._deadline, self._allowed
        if deadline < self._deadline:
            self._deadline, self._allowed = deadline, timeout
        self._depth += 1
        return outer

    def end(self, outer: Outer) -> None:
        """Give the device back, then tell what became of the link (without the lock)."""
        if outer is not None:
            self._deadline, self._allowed = outer
            self._depth -= 1
            self._lock.release()
            return
        self._deadline, self._allowed, self._depth = math.inf, None, 0
        self._lock.release()
        if self._face.link.news:
            self._face.link.tell()

    def renew(self, timeout: float | None) -> None:
        """Give what is left to do of the outermost call the time of a whole one."""
        if self._depth == 1 and timeout is not None:
            self._deadline = monotonic() + timeout

    def remaining(self) -> float:
        """Seconds until this call has to be over."""
        return self._deadline - monotonic()

    # the connection

    def channel(self) -> Channel | None:
        """The channel that belongs to the face's `comm`, whoever put it there."""
        channel, comm = self._channel, self._face.comm
        if channel is None or channel.comm is not comm:
            channel = None if comm is None else Channel(comm, self.framer.decoder())
            self._channel = channel
        return channel

    def open(self) -> None:
        """Connect, and let the device prove itself. Sets `comm`; None where it failed."""
        face, link = self._face, self._face.link
        if self._preparing or not self._wait_for_turn():
            return      # a connection lost in the middle of its preparation has failed it
        self._last_attempt = monotonic()
        self.connect_error = None
        face.comm = face._connect((face.ip_address, face.port))
        self.opening = None
        if face.comm is None:
            if self.connect_error is None:
                self.connect_error = self.error(ConnectFailed, "cannot connect", "connect", "no")
            link.failed(self.connect_error)
            return
        if self._closed.is_set():       # close() came while we connected
            self.drop()
            return
        link.connected()
        if self._tell_connection is not None:
            self._tell_connection(face.comm)
        if self._identity is not None or self._on_connect is not None:
            self._prepare()

    def _wait_for_turn(self) -> bool:
        """Keep the distance between attempts; False where there is no time for another."""
        earliest = earliest_attempt(self._face.link.failures, self._last_attempt,
                                    self._min_interval)
        wait = earliest - monotonic()
        if wait > 0:
            self._closed.wait(min(wait, max(self.remaining(), 0)))
        if self._closed.is_set():
            self.connect_error = self._closed_error()
            return False
        # An attempt in the last moment of a call would only waste a question: the next call
        # makes it at once, with all of its time.
        needed = (self._allowed or 0) / 4 if wait > 0 else 0
        if self.remaining() <= needed:
            self.connect_error = self.connect_error or self.error(
                ConnectFailed, "no time left for another attempt to connect", "connect", "no")
            return False
        return True

    def _prepare(self) -> None:
        """Identify the device and let the driver set it up; then the link is proven."""
        self._preparing = True
        try:
            if self._identity is not None:
                self._identity.check(self.exchange(self.framer.encode(self._identity.query),
                                                   safe_to_repeat=False))
            if self._on_connect is not None:
                self._on_connect(self._face)
        except ConnectionError as exc:
            self.connect_error = self.translate(exc, "identify", "maybe")
            self.connect_error.phase = "identify"
            if self._face.comm is not None:     # otherwise the exchange that failed told it
                self.drop()
                self._face.link.failed(self.connect_error)
        except BaseException as exc:
            self.drop()
            self._face.link.failed(exc)
            raise
        else:
            self._face.link.good()
        finally:
            self._preparing = False

    def ready(self) -> Channel:
        """A connection that, as far as can be known, is alive.

        Raises
        ------
        ConnectionError
            If there is none, and an attempt to make one failed.
        """
        if self._closed.is_set():
            raise self._closed_error()
        channel = self.channel()
        if channel is not None and not channel.lost():
            return channel
        if channel is not None:
            self.lose(channel, self.error(Disconnected, channel.ending(), "send", "no"))
        if not self._preparing:
            self._face._reset()
            channel = self.channel()
            if channel is not None:
                return channel
        raise self.why_not_connected()

    def why_not_connected(self) -> DeviceConnectionError:
        """A new error for a caller who needs a connection where there is none."""
        cause = self.connect_error
        if self._closed.is_set():
            return self._closed_error()
        if cause is None:
            return self.error(Disconnected, "not connected", "connect", "no")
        return again(cause, "no")

    def lose(self, channel: Channel, error: DeviceConnectionError) -> None:
        """Note, once, that a connection is gone. The socket stays where drivers look for it."""
        if channel.dead:
            return
        channel.dead = True
        link = self._face.link
        link.losses += 1
        link.failed(error)

    def drop(self) -> None:
        """Close the connection, so that nothing of it can reach a later question."""
        comm, self._face.comm, self._channel = self._face.comm, None, None
        if comm is not None:
            comm.close()

    def exchange(self, data: bytes, safe_to_repeat: bool) -> Any:
        """Send a question and read its whole reply."""
        raise NotImplementedError

    def set_opening(self, comm: Any) -> None:
        """The socket that is about to connect, for `close` to shut down."""
        self.opening = comm
        if self._closed.is_set():
            raise self._closed_error()

    # from other threads

    def tell_connections(self, callback: Callable[[Any], object]) -> None:
        """Call `callback` with the socket of this connection, and of each that follows."""
        with self._lock:
            self._tell_connection = callback
            if self._face.comm is not None:
                callback(self._face.comm)

    def retry_in(self) -> float:
        """Seconds until another attempt to connect may begin; 0 where none is needed."""
        channel = self._channel
        if self._face.comm is not None and not (channel is not None and channel.dead):
            return 0.0
        earliest = earliest_attempt(self._face.link.failures, self._last_attempt,
                                    self._min_interval)
        return max(earliest - monotonic(), 0.0)

    def check_idle(self) -> bool:
        """Notice a hang-up while nobody is calling. Never blocks. Any thread.

        Returns
        -------
        bool
            False where a call is under way, so that this must be asked again later.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            channel = self.channel()
            if channel is not None and not channel.dead and channel.lost():
                self.lose(channel, self.error(Disconnected, f"{channel.ending()} while idle",
                                              "recv", "no"))
        finally:
            self._lock.release()
        self._face.link.tell()
        return True

    def close(self) -> None:
        """End it for good, and end whatever waits in other threads. Any thread."""
        self._closed.set()
        for comm in (self.opening, self._face.comm):
            if comm is not None:
                shut(comm)
        with self._lock:
            self.drop()
            self._face.link.closed()
        self._face.link.tell()
