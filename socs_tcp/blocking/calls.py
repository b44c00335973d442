"""The calls of a blocking device, and their rules for trying again. One place for all of them.

- `send` tries a second time on a new connection, as the original does.
- `query` is sent a second time only where the caller says that it is safe to repeat.
- `recv` on a connection that is known to be lost makes a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, TypeAlias

from ..core.errors import DeviceConnectionError, Disconnected, Sent, again
from ..core.states import PROVING
from ..core.turn import Turn
from .connection import Connection, EndOfConnection
from .exchange import Exchange
from .gate import Busy, Call
from .session import Hooks, Session

#: For `recv`: bytes at most, and `_check_ready` of the driver's, if it has one of its own.
Wanted: TypeAlias = tuple[int, Callable[[], object] | None]


class Calls:
    """What a `TCPInterface` does for its users. Any thread."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.exchange = Exchange(session)
        self.ask = self.exchange.ask

    # questions

    def ask_twice(self, call: Call, face: Hooks, turn: Turn) -> Any:
        """A question that is safe to repeat."""
        session = self.session
        try:
            return self.exchange.ask(call, face, turn)
        except Disconnected as exc:
            if exc.sent == "no" or session.preparing or session.pinned is not None \
                    or session.failures.closed:
                raise
            return self._once_more(call, face, turn, exc.sent)

    def _once_more(self, call: Call, face: Hooks, turn: Turn, sent: Sent) -> Any:
        turn.start_over()
        try:
            return self.exchange.ask(call, face, turn)
        except DeviceConnectionError as exc:
            if exc.sent == "no":        # the first time, before it was repeated
                exc.sent = sent
            raise

    def next_frame(self, call: Call, face: Hooks, turn: Turn) -> Any:
        """A frame that was not asked for by a query."""
        connection = self.session.listening(call, face)
        call.receiving = True
        return self.exchange.listen(call, connection, turn)

    # commands

    def send(self, call: Call, face: Hooks, data: bytes) -> None:
        session = self.session
        link, connection = session.link, session.connection
        # (`owed.late` is `owes_late`, and one call less.)
        if connection is None or connection.comm is not session.comm \
                or session.careful or connection.conversation.owed.late \
                or not connection.quiet():
            connection = self._ready(call, face)
        try:
            try:
                connection.put(data, call.deadline)
            except OSError as exc:
                connection = self._put_again(call, face, data, connection, exc)
            allowed = call.allowed
            if allowed is not None and connection.usual < allowed:
                connection.grant(allowed)
            connection.conversation.command(monotonic())
        except (OSError, RuntimeError):
            raise
        except BaseException:       # interrupted: maybe half of it is with the device
            session.drop(call.allowed)
            raise
        link.bytes_sent += len(data)
        if link.trace is not None:
            link.trace.add(">", data)
        if link.state is PROVING:
            session.lasting(connection)

    def _ready(self, call: Call, face: Hooks) -> Connection:
        """A connection on which a command may be sent now."""
        connection = self.session.ready(call, face)
        if connection.conversation.owes_late:
            self._discard_late(call, connection)
        if connection.conversation.silence.gap:
            self._wait_out_gap(call, connection)
        return self.session.ready(call, face)       # the device may have hung up meanwhile

    def _wait_out_gap(self, call: Call, connection: Connection) -> None:
        left = connection.conversation.silence.gap_left(monotonic())
        if left > call.remaining():
            raise self.session.failures.gap(connection.conversation.silence.gap, call.allowed)
        if left > 0:
            self.session.dialer.cancel.wait(left)

    def _discard_late(self, call: Call, connection: Connection) -> None:
        """A reply that a `recv` gave up on must not answer what is sent now, if it is there.

        Behind it may be the end of the connection.
        """
        conversation = connection.conversation
        conversation.discard_late()
        try:
            while conversation.owes_late and connection.hear(0.0):
                if not conversation.more:       # (those may be alarms)
                    conversation.discard_late()
                if conversation.useless or call.remaining() <= 0:
                    break
            else:
                return
        except (OSError, EndOfConnection):
            if not conversation.useless:
                return
        if not conversation.useless:
            raise self.exchange.never_silent(call, connection)
        self.session.drop(call.allowed)

    def _not_taken(self, call: Call, connection: Connection,
                   exc: OSError) -> DeviceConnectionError:
        error = self.session.failures.of(exc, connection, "send", "maybe", call.allowed)
        self.session.lose(connection, error)
        return error

    def _put_again(self, call: Call, face: Hooks, data: bytes, connection: Connection,
                   exc: OSError) -> Connection:
        """Write a command on a new connection, since that failed on the one it had."""
        session, first = self.session, self._not_taken(call, connection, exc)
        if session.preparing or session.pinned is not None:
            raise again(first, first.sent) from exc
        session.reset_by(call, face)
        if session.comm is None and call.remaining() <= 0:
            raise again(first, first.sent)
        try:
            connection = session.ready(call, face)
        except DeviceConnectionError as error:
            error.sent = first.sent       # the beginning of it may be with the device
            raise
        try:
            connection.put(data, call.deadline)
        except OSError as second:
            raise self._not_taken(call, connection, second) from second
        return connection

    # bytes as they come

    def check_ready(self, face: Hooks) -> None:
        self.session.run(face.timeout, self._check_ready, face, None)
        if self.session.failures.closed:        # (a `recv` finds that out as it reads)
            raise self.session.failures.closed_error("maybe")

    def _check_ready(self, call: Call, _face: Hooks, _what: None = None) -> None:
        connection = self._connected()
        call.receiving = True
        try:
            ready = connection.conversation.decoder.waiting or connection.wait(call.deadline)
        except BaseException:       # interrupted: what was waited for may still come
            connection.conversation.in_vain()
            raise
        if not ready:
            raise self.exchange.nothing_came(call, connection)

    def _connected(self) -> Connection:
        """The connection, which a driver may have put there by itself."""
        connection = self.session.current()
        if connection is None:
            raise self.session.dialer.why_not()
        return connection

    def recv_as_driver(self, call: Call, face: Any, what: Wanted) -> bytes:
        """As `recv`, with the driver's own hook."""
        return self.recv(call, face, *what)

    def recv_or_reset(self, call: Call, face: Any, what: Wanted) -> bytes:
        """As `recv`; where that fails, a new connection is made."""
        try:
            return self.recv(call, face, *what, revive=False)
        except ConnectionError:
            if self.session.pinned is None:
                if call.outer is None and face.timeout is not None:
                    call.deadline = monotonic() + face.timeout      # it may take as long again
                self.session.reset_by(call, face)
            raise

    def recv(self, call: Call, face: Any, bufsize: int,
             check_ready: Callable[[], object] | None = None, revive: bool = True) -> bytes:
        """What has come, at least one byte."""
        session, call.receiving = self.session, True
        if check_ready is not None:
            self._lend(call, check_ready)
        try:
            connection = session.connection
            if connection is None or connection.comm is not session.comm:
                connection = self._connected()
            conversation = connection.conversation
            if conversation.decoder.waiting:      # left over from a query
                return conversation.take(bufsize, monotonic())
            # (The driver's own hook has found that there is something.)
            data: bytes = connection.get(call.since, call.deadline, bufsize) \
                if check_ready is None else connection.read(bufsize)
            while not data:     # it was telnet negotiation only
                data = connection.get(monotonic(), call.deadline, bufsize)
            if type(data) is bytes:     # a mock of a socket gives what it likes
                conversation.took(data, monotonic())
                if session.pace.failures and not session.preparing:
                    session.pace.failures = 0
            return data
        except DeviceConnectionError:
            raise
        except (OSError, EndOfConnection) as exc:
            raise self._not_received(call, face, exc, revive) from exc
        except BaseException:       # interrupted
            self._in_vain()
            raise

    def _lend(self, call: Call, check_ready: Callable[[], object]) -> None:
        """Have a driver's own hook called, which may call the device."""
        call.lent = True
        try:
            check_ready()
        except ConnectionError:
            raise
        except BaseException:
            self._in_vain()
            raise
        finally:
            call.lent = False

    def _in_vain(self) -> None:
        if self.session.connection is not None:
            self.session.connection.conversation.in_vain()

    def _not_received(self, call: Call, face: Hooks, exc: BaseException,
                      revive: bool) -> DeviceConnectionError:
        session = self.session
        connection = session.connection
        assert connection is not None
        if isinstance(exc, TimeoutError) and exc.errno is None:
            return self.exchange.nothing_came(call, connection)
        return self._lost(call, face, connection, session.failures.of(
            exc, connection, "recv", "yes", call.allowed), revive)

    def _lost(self, call: Call, face: Hooks, connection: Connection,
              error: DeviceConnectionError, revive: bool) -> DeviceConnectionError:
        """Note a loss; if it was known, make a new connection in the place of the lost one.

        A driver that selects `comm` and reads leftovers away before it sends would otherwise
        never come to its `send`, which reconnects. Such a driver cannot stand None in
        `comm`, either: until there is a new connection, the lost one stays there.
        """
        session = self.session
        if not (connection.dead and revive) or session.pinned is not None:
            session.end(connection, error)
        else:
            session.revive(call, face, connection)
        return error

    # the device for oneself

    @contextmanager
    def reserve(self, face: Any, timeout: float | None) -> Iterator[Any]:
        """The device for one caller, on one connection."""
        session, gate = self.session, self.session.gate
        inside = gate.mine()
        try:
            call = gate.inside(timeout) if inside else gate.enter(timeout)
            pinned = session.pinned
            try:
                session.pinned = pinned or self.exchange.settled(call, face)[0]
                call.lent, call.deadline = True, float("inf")
                yield face
            finally:
                session.pinned = pinned
                gate.call = call.outer
                if gate.attention:
                    session.leave(call)
        except Busy:
            raise session.failures.busy(timeout) from None
        finally:
            if not inside:
                try:                    # noqa: SIM105  # (as in `Session.run`)
                    gate.release()
                except RuntimeError:
                    pass
            session.tell()
