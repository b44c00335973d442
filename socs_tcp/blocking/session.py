"""The connection of one device: for whom, and when one is made."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any, Protocol, TypeAlias, TypeVar

from ..core.errors import ConnectFailed, DeviceConnectionError, Disconnected, again
from ..core.turn import Turn
from .connection import Connection, EndOfConnection
from .failures import kept
from .gate import Busy, Call
from .holder import Holder

T = TypeVar("T")
W = TypeVar("W")

#: Seconds that `close` waits for a call in another thread to end.
CLOSE_PATIENCE = 2.0

#: What reading and writing may raise of their own.
BROKEN = (OSError, EndOfConnection, DeviceConnectionError)


class Hooks(Protocol):
    """What a driver may override. Handed down with each call, and kept nowhere."""

    ip_address: str
    port: int
    timeout: float | None

    def _connect(self, address: tuple[str, int]) -> Any: ...

    def _reset(self) -> None: ...


#: Asks one question while a connection is prepared.
Ask: TypeAlias = Callable[[Call, Hooks, Turn], Any]


class Session(Holder):
    """The connection of a device, for one call at a time. For its parameters see `Holder`."""

    # the frame of each call

    def run(self, timeout: float | None, work: Callable[[Call, Any, W], T], face: Any,
            what: W, beside: Callable[[W, float | None], bool] | None = None) -> T:
        """Do `work(call, face, what)` with the device for oneself, and tell what came of it.

        `face` has the `Hooks`.
        Where another call has the device, `beside(what, timeout)` may do it instead; it says
        whether it has.
        """
        gate = self.gate
        # (what is called as an attribute takes longer)
        mine, acquire, release = gate.mine, gate.acquire, gate.release
        # (A signal handler that comes between `acquire` and the next line is not inside: nothing
        # has begun.)
        inside, now = gate.call is not None and mine(), monotonic()
        try:
            if inside or not acquire(False):
                if beside is not None and beside(what, timeout):
                    return None     # type: ignore[return-value]  # (a command has no result)
                call = gate.inside(timeout) if inside else gate.enter(timeout, now)
            else:                       # nearly always; as `enter`, and one call less
                gate.call = call = gate.outermost
                call.lent = call.receiving = False
                call.since, call.allowed = now, timeout
                call.deadline = inf if timeout is None else now + timeout
            try:
                return work(call, face, what)
            finally:
                gate.call = call.outer
                if gate.attention:
                    self.leave(call)
        except Busy:
            raise self.failures.busy(timeout) from None
        finally:
            if not inside:
                try:                    # noqa: SIM105  # (nothing may come before the release)
                    release()
                except RuntimeError:    # interrupted before we had it, or sent beside who has it
                    pass
                if self.link.news or self.alarms is not None:
                    self.tell()

    def leave(self, call: Call) -> None:
        """See to what happened beside a call, at its end."""
        connection = self.connection
        if connection is not None and connection.asides:
            connection.merge_asides()
        if call.outer is None:
            self.gate.attention = False
            if connection is not None:
                connection.new = False
            if self.failures.closed:
                self.drop()
            elif connection is not None and connection.closed():
                connection.finish()

    def tell(self) -> None:
        """Log, and tell observers and listeners, once nobody of this thread has the device."""
        if self.gate.mine():
            return
        self.link.tell()
        if self.alarms is not None:
            self.alarms.tell()

    # when one is made

    def open(self, call: Call, face: Hooks, ask: Ask) -> None:
        """Connect, and let the device prove itself. `comm` is None where that failed."""
        dialer, link = self.dialer, self.link
        # A connection lost in the middle of its preparation has failed it.
        if self.preparing or self.pinned is not None or not dialer.wait_for_turn(call):
            return
        self.failures.host, self.failures.port = face.ip_address, face.port
        lent, call.lent = call.lent, True
        try:
            self.comm = face._connect((face.ip_address, face.port))
        finally:
            call.lent = lent
        if self.comm is None:
            if dialer.error is None:
                dialer.error = self.failures.error(ConnectFailed, "cannot connect", "connect",
                                                   "no")
            self.failed(dialer.error)
            return
        if self.failures.closed:        # close() came while we connected
            self.drop()
            return
        connection = self.connection = dialer.connection(self.comm)
        connection.new = self.gate.attention = True
        link.connected()
        if self.tell_connection is not None:
            self.tell_connection(self.comm)
        self._prepare(connection, call, face, ask)

    def _prepare(self, connection: Connection, call: Call, face: Hooks, ask: Ask) -> None:
        """Others may use it once the device has said who it is, and knows what it must know."""
        self.preparing = True
        try:
            self.dialer.prepare(connection, call, ask, face)
        except DeviceConnectionError as exc:
            error = self.failures.translate(exc, "identify", "maybe")
            error.phase = "identify"
            self.dialer.error = kept(error)
            if connection.error is None:    # otherwise the exchange that failed has told it
                self.failed(error)
            self.drop()
        except BaseException as exc:
            self.drop()
            self.failed(exc)
            raise
        else:
            connection.conversation.prepared()
        finally:
            self.preparing = False

    def ready(self, call: Call, face: Hooks) -> Connection:
        """A connection that, as far as can be known, is alive.

        Raises
        ------
        ConnectionError
            If there is none, and an attempt to make one failed.
        """
        if self.failures.closed:
            raise self.failures.closed_error()
        connection = self.current()
        if connection is not None and not connection.lost() \
                and self.pinned in (None, connection) and not self.spent(connection):
            return connection
        if connection is not None:
            self.end(connection)
        if self.pinned is not None:
            raise self.failures.error(
                Disconnected, "the connection was lost while the device was reserved; the rest "
                "was not sent", "send", "no")
        if self.preparing:
            if connection is not None and connection.error is not None:
                raise again(connection.error, "no")
            raise self.dialer.why_not()
        self.reset_by(call, face)
        connection = self.current()
        if connection is None:
            raise self.dialer.why_not()
        return connection

    def listening(self, call: Call, face: Hooks) -> Connection:
        """A connection for who only listens: a living one, or one with something left to read."""
        connection = self.current()
        if connection is None or self.at_end(connection):
            connection = self.ready(call, face)
        return connection

    def reset_by(self, call: Call, face: Hooks) -> None:
        """Have the hook of the face make a new connection."""
        lent, call.lent = call.lent, True
        try:
            face._reset()
        finally:
            call.lent = lent

    def revive(self, call: Call, face: Hooks, lost: Connection) -> None:
        """Have a new connection made; until there is one, the lost one stays in `comm`."""
        self.spared = lost
        try:
            self.reset_by(call, face)
        finally:
            self.spared = None
            if self.comm is None and not self.failures.closed:
                self.comm, self.connection = lost.comm, lost
            elif self.connection is not lost:
                lost.close()

    def reset(self, call: Call, face: Hooks, ask: Ask) -> None:
        """Close the connection, if any, and make a new one."""
        self.drop(call.allowed)
        self.open(call, face, ask)

    # from other threads

    def check_idle(self) -> bool:
        """Notice a hang-up while nobody is calling. Never blocks. Any thread.

        Returns
        -------
        bool
            False where a call is under way, so that this must be asked again later.
        """
        if self.gate.mine() or not self.gate.lock.acquire(blocking=False):
            return False
        try:
            connection = self.current()
            if connection is not None and not connection.dead:
                if connection.lost():
                    self.end(connection, self.failures.error(
                        Disconnected, f"{connection.ending()} while idle", "recv", "no"))
                else:
                    self.lasting(connection)
        finally:
            self.gate.lock.release()
        self.link.tell()
        return True

    def close(self) -> None:
        """End it for good, and end whatever waits in other threads. Any thread."""
        self.failures.closed = self.gate.attention = True
        self.dialer.cancel.set()
        connection = self.connection
        if connection is not None and self.gate.busy():
            connection.shut()
        # A call that is interrupted by this (a signal handler) closes it at its end, and so does
        # one that is in code of the driver's for longer than we wait.
        if not self.gate.mine() and self.gate.lock.acquire(timeout=CLOSE_PATIENCE):
            try:
                self.drop()
            finally:
                self.gate.lock.release()
        self.link.closed()
        self.tell()
