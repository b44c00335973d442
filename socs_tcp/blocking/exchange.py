"""One question and its reply: when it may be asked, and what becomes of what is owed."""

from __future__ import annotations

from time import monotonic
from typing import Any

from ..core.conversation import DROP, SPEAK
from ..core.errors import DeviceConnectionError, FramingError, ReplyTimedOut
from ..core.identity import asks_in_vain
from ..core.turn import Turn
from .connection import Connection, EndOfConnection
from .failures import kept
from .gate import Call
from .session import BROKEN, Hooks, Session

# A function that keeps an error in a variable, and raises it, keeps itself alive, and the device
# with it: the error has a traceback, and that has the variables. So errors are made by functions
# that return them.


class Exchange:
    """Questions, and waits for what the device says by itself. Used by whoever has the device."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def ask(self, call: Call, face: Hooks, turn: Turn) -> Any:
        """Send a question and read its whole reply.

        Whatever ends it while an answer is owed leaves that on record.
        """
        session = self.session
        link, data, connection, now = session.link, turn.data, session.connection, call.since
        if connection is None or connection.comm is not session.comm \
                or session.closes_after_reply or not connection.conversation.free(now) \
                or not connection.quiet():
            if session.preparing and session.closes_after_reply and turn.kind == "query":
                raise asks_in_vain()
            if turn.kind == "greeting":
                return self.listen(call, session.ready(call, face), turn)
            connection, now = self.settled(call, face)
        conversation = connection.conversation
        written = False
        try:
            session.asked = now         # a moment ago, when it was settled
            conversation.ask(turn, now)
            connection.put(data, call.deadline)
            written = True
            link.bytes_sent += len(data)
            if link.trace is not None:
                link.trace.add(">", data)
            reply = connection.reply(turn, call.deadline)
        except BROKEN as exc:
            raise self._unanswered(call, connection, turn, exc, written) from exc
        except BaseException:
            # interrupted in the middle: what was asked is still to come
            if conversation.interrupted(turn) or not written:
                session.drop(call.allowed)
            raise
        if reply is None:
            raise self._wrong(call, connection, turn)
        if session.pace.failures and not session.preparing:
            session.pace.failures = 0
        return reply

    def listen(self, call: Call, connection: Connection, turn: Turn) -> Any:
        """Wait for the next frame, whatever it is."""
        session, conversation = self.session, connection.conversation
        session.asked = now = monotonic()
        try:
            found = conversation.listen(turn, now)
            reply = found[0][1] if found else connection.reply(turn, call.deadline)
        except BROKEN as exc:
            raise self._unanswered(call, connection, turn, exc, True) from exc
        except BaseException:
            if conversation.interrupted(turn):
                session.drop(call.allowed)
            raise
        if reply is None:
            raise self._wrong(call, connection, turn)
        return reply

    # when it may be spoken on

    def settled(self, call: Call, face: Hooks) -> tuple[Connection, float]:
        """A living connection on which nothing but the answer can come now; and when that was."""
        session = self.session
        while True:
            connection = session.connection
            if connection is None or connection.comm is not session.comm or connection.dead \
                    or session.spent(connection):
                connection = session.ready(call, face)
            if connection.asides:
                connection.merge_asides()
            now = monotonic()
            try:
                step = connection.conversation.next_step(now, call.deadline - now)
            except FramingError as exc:
                raise self._lost(connection, call, exc) from None
            if step == SPEAK and connection.quiet():
                return connection, now
            if step == DROP:
                self._start_afresh(connection, call)
            else:
                self._hear(connection, call, step)

    def _start_afresh(self, connection: Connection, call: Call) -> None:
        """Nothing more may be asked on it: a flood, or an answer that is owed to nobody."""
        session = self.session
        if connection.conversation.useless or session.preparing or session.pinned is connection:
            raise self._lost(connection, call, session.failures.useless(connection))
        session.drop(call.allowed)

    def _lost(self, connection: Connection, call: Call,
              exc: BaseException) -> DeviceConnectionError:
        session = self.session
        error = session.failures.of(exc, connection, "send", "no", call.allowed)
        session.lose(connection, error)
        session.drop(call.allowed)
        session.dialer.error = kept(error)
        return error

    def _hear(self, connection: Connection, call: Call, seconds: float) -> None:
        """Hear what comes before we speak."""
        session, left = self.session, call.remaining()
        try:
            heard = connection.hear(min(seconds, max(left, 0.0)))
        except BROKEN as exc:
            if isinstance(exc, EndOfConnection) and connection.conversation.finished() \
                    and session.closes_after_reply:
                session.end(connection)
                return
            if session.preparing or isinstance(exc, FramingError) \
                    or connection.new:
                raise self._lost(connection, call, exc) from exc
            session.lose(connection, session.failures.of(exc, connection, "send", "no",
                                                         call.allowed))
            return
        if left <= 0 and (heard or seconds > 0):
            raise self.never_silent(call, connection)

    def never_silent(self, call: Call, connection: Connection) -> DeviceConnectionError:
        """There was no time to speak, for all that the device said."""
        session = self.session
        silence = connection.conversation.silence
        if silence.gap_left(monotonic()) > 0:       # for that we have no one to blame
            return session.failures.gap(silence.gap, call.allowed)
        error = session.failures.never_silent(connection, call.allowed)
        connection.error = connection.error or kept(error)
        session.failed(error)
        if connection.conversation.hopeless:
            session.drop(call.allowed)
        return error

    # the end of a turn

    def _wrong(self, call: Call, connection: Connection, turn: Turn) -> DeviceConnectionError:
        session = self.session
        error = session.failures.wrong_reply(turn)
        connection.error = kept(error)
        session.failed(error)
        if connection.conversation.useless:
            session.drop(call.allowed)
        return error

    def _unanswered(self, call: Call, connection: Connection, turn: Turn, exc: BaseException,
                    written: bool) -> DeviceConnectionError:
        session, conversation = self.session, connection.conversation
        error = session.failures.of(exc, connection, "recv" if written else "send",
                                    "yes" if written else "maybe", call.allowed)
        if not isinstance(error, ReplyTimedOut):
            session.lose(connection, error)
            session.drop()
        elif turn.kind == "listen":
            # Where nothing was asked for, that nothing came is no failure.
            awaited = conversation.awaited
            conversation.gave_up(turn)
            if awaited:
                session.link.timeouts += 1
                session.failed(error)
        else:
            session.link.timeouts += 1
            connection.error = kept(error)
            give_up = conversation.gave_up(turn, now=monotonic())
            session.failed(error)
            if give_up:
                session.drop(call.allowed)
        return error

    def nothing_came(self, call: Call, connection: Connection) -> DeviceConnectionError:
        """A `recv` waited in vain."""
        session = self.session
        error = session.failures.timed_out(connection, call.allowed)
        connection.conversation.in_vain()
        session.link.timeouts += 1
        session.failed(error)
        return error
