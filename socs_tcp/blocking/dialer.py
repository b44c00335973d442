"""From the address of a device to a connection that others may use, or an error."""

from __future__ import annotations

import math
import socket
import ssl
from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple

from ..core.conversation import Conversation, State
from ..core.errors import (
    ConnectFailed,
    DeviceConnectionError,
    Disconnected,
    again,
    show,
    told,
)
from ..core.framing import Framer
from ..core.identity import Identity
from ..core.link import Link
from ..core.owed import NO_DEBT
from ..core.policy import UNREADABLE, LateReplies, Pace
from ..core.silence import Silence
from ..core.turn import Match, Turn
from .alarms import Alarms
from .cancel import Cancel
from .connection import Connection
from .device_connection import DeviceConnection
from .device_socket import DeviceSocket
from .dial import Remembered, dial
from .failures import Failures, kept
from .gate import Call, Gate
from .tls import TlsSocket
from .tls_connection import TlsConnection

#: What `on_connect` raises that is no bug.
FAILURES: tuple[type[Exception], ...] = (OSError, *UNREADABLE)


class Options(NamedTuple):
    """What a `TCPInterface` was made with, as far as its connections need it."""

    framer: Framer
    late_replies: LateReplies
    greeting: Match | bool | None
    settle: float
    gap: float
    telnet: bool
    tls: ssl.SSLContext | None
    alarms: Alarms | None
    on_connect: Callable[[Any], object] | None
    identity: Identity | None
    closes_after_reply: bool
    keepalive: float | None


class Dialer:
    """Makes the connections of one device. Used by whoever has the device.

    It remembers what goes beyond one connection: the pace, the address that worked last, and
    whether the connection before was given up with an answer owed.
    """

    def __init__(self, options: Options, link: Link, gate: Gate, failures: Failures,
                 min_interval: float) -> None:
        self.options = options
        self._link = link
        self._gate = gate
        self._failures = failures
        self.pace = Pace(min_interval)
        self.cancel = Cancel()          # set by close() in any thread
        self.error: DeviceConnectionError | None = None     # why there is no connection
        self._remembered = Remembered()
        self._debt = NO_DEBT            # of the connection before
        self._spoke = -math.inf         # when something was said last, on any connection

    # the socket

    def dial(self, address: tuple[str, int], timeout: float | None) -> Any:
        """A connected socket; None, with the reason in `error`, where that fails."""
        allowed = timeout
        call = self._gate.call if self._gate.mine() else None
        if call is not None and call.deadline != math.inf:
            timeout = min(call.remaining(), math.inf if timeout is None else timeout)
            allowed = call.allowed
        try:
            if timeout is not None and timeout <= 0:
                raise TimeoutError("timed out")
            sock = dial(address[0], address[1], timeout=timeout, cancelled=self.cancel,
                        keepalive=self.options.keepalive, remembered=self._remembered,
                        tls=self.options.tls)
        except OSError as exc:
            self.error = kept(self._failures.translate(exc, "connect", "no", allowed))
            return None
        return DeviceSocket(sock, self._gate) if isinstance(sock, socket.socket) else sock

    def wait_for_turn(self, call: Call) -> bool:
        """Keep the distance between attempts; False where there is no time for another."""
        wait = self.pace.wait(monotonic())
        if wait > 0:
            self.cancel.wait(min(wait, max(call.remaining(), 0)))
        if self.cancel.is_set():
            self.error = self._failures.closed_error()
            return False
        # An attempt in the last moment of a call would only waste a question: the next call
        # makes it at once, with all of its time.
        needed = (call.allowed or 0) / 4 if wait > 0 else 0
        if call.remaining() <= needed:
            self.error = self.error or self._failures.error(
                ConnectFailed, "no time left for another attempt to connect", "connect", "no")
            return False
        self.pace.attempt(monotonic())
        self.error = None
        return True

    def why_not(self) -> DeviceConnectionError:
        """A new error for a caller who needs a connection where there is none."""
        if self._failures.closed:
            return self._failures.closed_error()
        if self.error is None:
            return self._failures.error(Disconnected, "not connected", "connect", "no")
        return again(self.error, "no")

    # the conversation on it

    def connection(self, comm: Any) -> Connection:
        """A new connection on a connected socket."""
        options, now = self.options, monotonic()
        greeted = options.greeting is not None and options.greeting is not False
        kind = (DeviceConnection if isinstance(comm, DeviceSocket)
                else TlsConnection if isinstance(comm, TlsSocket) else Connection)
        settle = options.settle if isinstance(comm, kind.SOCKET) else 0.0
        silence = Silence(settle, options.gap, now, self._debt, last=self._spoke)
        if greeted:
            silence.kept()
        conversation = Conversation(
            self._link, options.framer, options.late_replies, silence,
            alarms=None if options.alarms is None else options.alarms.frames)
        self._debt = NO_DEBT
        return kind(comm, conversation, options.telnet, options.keepalive)

    def given_up(self, connection: Connection, allowed: float | None) -> None:
        """A connection is dropped by us: what it owes may come on the next one."""
        conversation = connection.conversation
        debt = conversation.debt(allowed)
        if debt.replies or conversation.state is not State.DEAD:    # (otherwise told before)
            self._debt = debt
        self.over(connection)

    def over(self, connection: Connection) -> None:
        """A connection is of no more use; the gap counts from its last exchange."""
        self._spoke = max(self._spoke, connection.conversation.over(monotonic()))

    def prepare(self, connection: Connection, call: Call, ask: Callable[[Call, Any, Turn], Any],
                face: Any) -> None:
        """Have the device greet, say who it is, and be told what it must know.

        Raises
        ------
        DeviceConnectionError
            Whatever failed, and also where `on_connect` made light of it.
        """
        options = self.options
        if options.greeting is not None and options.greeting is not False:
            match = None if options.greeting is True else options.greeting
            ask(call, face, Turn("greeting", match=match))
        if options.identity is not None:
            data = options.framer.encode(options.identity.query)
            reply = ask(call, face, Turn("query", data))
            if options.identity.remembers and options.settle:
                # Not what a server says that refuses us, and hangs up.
                connection.wait(min(monotonic() + options.settle, call.deadline))
                if connection.lost():
                    raise self._failures.error(
                        Disconnected, f"{connection.ending()}, after it had said {show(reply)}",
                        "identify", "yes")
            options.identity.check(reply)
        if options.on_connect is not None:
            self._set_up(call, face)
        if connection.dead or connection.error is not None or connection.closed():
            if connection.error is not None:
                raise again(connection.error, "maybe")
            raise self._failures.error(
                Disconnected, "the connection was lost while it was prepared", "identify", "maybe")

    def _set_up(self, call: Call, face: Any) -> None:
        on_connect = self.options.on_connect
        assert on_connect is not None
        call.lent = True
        try:
            on_connect(face)
        except DeviceConnectionError:
            raise
        except FAILURES as exc:
            if isinstance(exc, ConnectionError):
                raise self._failures.translate(exc, "identify", "maybe") from exc
            raise self._failures.error(Disconnected, f"on_connect failed: {told(exc)}", "identify",
                                       "maybe") from exc
        finally:
            call.lent = False
