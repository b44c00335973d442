"""Which connection a device has, and how one ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

from ..core.errors import DeviceConnectionError
from ..core.forking import inherited
from ..core.link import Link
from ..core.policy import until_lasting_proves
from ..core.states import PROVING
from .connection import Connection
from .dialer import Dialer
from .failures import Failures, kept
from .gate import Gate


class Holder:
    """Holds the connection of a device. Used by whoever has the device.

    It never makes one by itself: that is for a `Session`.
    """

    def __init__(self, link: Link, gate: Gate, dialer: Dialer, failures: Failures) -> None:
        self.link = link
        self.gate = gate
        self.dialer = dialer
        self.pace = dialer.pace
        self.failures = failures
        # What follows is touched by whoever has the device only, but for `connection`, which
        # close() and the monitor read.
        self.connection: Connection | None = None
        self.comm: Any = None               # as drivers see it, and may set it
        self.preparing = False
        self.asked = -math.inf              # when an answer was waited for last
        self.spared: Connection | None = None       # lost, and still to be seen in `comm`
        self.pinned: Connection | None = None       # reserved: no other may be used
        self.closes_after_reply = dialer.options.closes_after_reply
        #: Is there always more to consider before a command than whether the connection lives?
        self.careful = self.closes_after_reply or dialer.options.gap > 0
        self.alarms = dialer.options.alarms
        self.tell_connection: Callable[[Any], object] | None = None
        inherited.add(self)

    def forked(self) -> None:
        """In a forked child: the connection is its parent's, and it makes one of its own."""
        ours = self.connection, self.spared
        self.gate.begin_anew()
        self.comm = self.connection = self.spared = self.pinned = None
        self.preparing = False
        for connection in ours:
            if connection is not None:
                with suppress(OSError):
                    connection.close()

    # which connection

    def current(self) -> Connection | None:
        """The connection that belongs to `comm`, whoever put it there."""
        connection, comm = self.connection, self.comm
        if connection is None or connection.comm is not comm:
            if connection is not None:      # a driver has made its own
                self.dialer.given_up(connection, None)
            connection = None if comm is None else self.dialer.connection(comm)
            if connection is not None:
                connection.conversation.prepared()
            self.connection = connection
        return connection

    def at_end(self, connection: Connection) -> bool:
        """Is it lost, with nothing left to read? (What came before a hang-up is still there.)"""
        return (not connection.conversation.decoder.waiting and connection.lost()
                and connection.at_end())

    # the end of a connection

    def spent(self, connection: Connection) -> bool:
        """Will the device hang up on it, since it has answered in an earlier call?"""
        return (self.closes_after_reply and self.pinned is None and not self.preparing
                and not connection.new and connection.conversation.finished())

    def lasting(self, connection: Connection) -> None:
        """A device that is only sent to proves itself by a connection that lasts."""
        if self.link.state is PROVING and not connection.dead:
            now = monotonic()
            if until_lasting_proves(now - connection.made, now - self.asked, self.link.error) <= 0:
                self.link.lasted()

    def failed(self, error: BaseException) -> None:
        self.pace.failures += 1
        self.link.failed(error)

    def end(self, connection: Connection, error: DeviceConnectionError | None = None) -> None:
        """A connection was found to be over, with nothing asked."""
        if self.closes_after_reply and connection.conversation.finished():
            connection.dead = True
            connection.conversation.ended()
        elif not connection.dead:
            self.lose(connection, error or self.failures.end_of_connection(connection, "send",
                                                                           "no"))

    def lose(self, connection: Connection, error: DeviceConnectionError) -> None:
        """Note, once, that a connection is gone. The socket stays where drivers look for it."""
        if connection.dead:
            return
        connection.dead = True
        connection.error = kept(error)
        if connection.closed():         # not by the device
            self.dialer.given_up(connection, None)
        self.dialer.over(connection)
        connection.conversation.ended()
        self.link.losses += 1
        self.failed(error)

    def drop(self, allowed: float | None = None) -> None:
        """Close the connection, so that nothing of it can reach a later question."""
        comm, connection = self.comm, self.connection
        self.comm = self.connection = None
        if connection is not None:
            self.dialer.given_up(connection, allowed)
            connection.conversation.ended()
            if connection is not self.spared:
                connection.close()
        if comm is not None and (connection is None or connection.comm is not comm):
            comm.close()

    # from other threads

    def tell_connections(self, callback: Callable[[Any], object]) -> None:
        """Call `callback` with the socket of this connection, and of each that follows."""
        self.tell_connection = callback
        comm = self.comm
        if comm is not None:
            callback(comm)

    def retry_in(self) -> float:
        """Seconds until another attempt to connect may begin; 0 where none is needed."""
        connection = self.connection
        if self.comm is not None and not (connection is not None and connection.dead):
            return 0.0
        return self.pace.wait(monotonic())
