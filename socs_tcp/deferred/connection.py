"""One connection of a `DeviceClient`: all that is read and written."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from ..core.conversation import DROP, Answered
from ..core.errors import DeviceConnectionError, Disconnected, FramingError, from_cause
from ..core.framing import Text
from ..core.owed import NO_DEBT, Debt
from ..core.policy import MOST_UNASKED
from ..core.sockets import end
from ..core.telnet import TelnetFilter, escape
from ..core.turn import Turn
from .allowance import ANY_TIME, Allowance
from .device import Device
from .drain import socket_of
from .frame_protocol import READ_SIZE
from .hearer import NOBODY, Hearer, Holder
from .last_words import with_last_words
from .protocol import LineProtocol
from .request import Request

#: So many reads are made at once at most to find out what has come.
MOST_READS = 256
#: So many of what nobody ever listens to, at one look: 16 MB a second at most.
THROWN_AWAY = 64
#: Whole frames kept of those that came before a loss: more than ever wait for who reads, but of
#: the shortest ones.
MOST_UNREAD = 20_000


class Connection(LineProtocol):
    """One connection; after its loss there is a new one. Reactor thread only.

    Parameters
    ----------
    device : Device
    holder : Holder
    debt, last
        As in `Silence`.
    """

    # (Python shares the names of up to 30 attributes among the objects of a class; of more, each
    # object would hold a table, which is larger and slower.)
    __slots__ = ("_alarms", "_allowance", "_device", "_go_on_later", "_holder", "_link",
                 "_listened", "_look_again", "_over", "_pid", "_poll", "_seconds", "_telnet",
                 "conversation", "hearer", "patience", "since", "unread", "used")

    def __init__(self, device: Device, holder: Holder, *,
                 debt: Debt = NO_DEBT, last: float = -math.inf) -> None:
        super().__init__(device.framer, device.keepalive)
        self.host, self.port = device.host, device.port
        self._device = device
        self._link = device.link
        self._seconds = device.seconds
        self._holder = holder
        self._over = False              # it was lost, or given up: nobody is interested
        self.since = now = self._seconds()
        self.conversation = device.conversation(now, debt, last)
        self._decoder = self.conversation.decoder
        self._alarms = device.alarms
        self._telnet = TelnetFilter() if device.telnet else None
        #: Who is told what has been answered.
        self.hearer: Hearer = NOBODY
        #: Seconds that the last call on it was allowed to take.
        self.patience = device.timeout
        #: A user's question has been answered.
        self.used = False
        #: Whole frames that came before the loss, and that nobody has received.
        self.unread: Sequence[bytes] = ()
        self._go_on_later: Any = None
        self._listened = False          # somebody wants to hear what comes by itself
        self._allowance = ANY_TIME
        self._pid = os.getpid()

    # what Twisted calls

    def connectionMade(self) -> None:
        super().connectionMade()
        sock = socket_of(self.transport)
        if sock is not None:
            self._allowance = Allowance(sock, self._keepalive)
        self._clock = self._device.clock
        self._holder.made(self)

    def dataReceived(self, data: bytes) -> None:
        if self._over:
            return
        if self._telnet is not None:
            data = self._negotiate(self._telnet, data)
        if self._readers:
            super().dataReceived(data)      # somebody uses `comm` directly
            return
        seconds, conversation = self._seconds, self.conversation
        now, turns = seconds(), conversation.turns
        if turns and not self._long_reads:
            turn, reply = turns[0], conversation.reply(data, now)
            if reply is not None:
                if self.used and not self._link.news:
                    self.hearer.replied(turn, reply)
                else:
                    self.hearer.heard([(turn, reply)])
                return
        if len(data) >= READ_SIZE or self._long_reads:
            # (What may be negotiation takes a hundred times as long to look at.)
            self._read_long(len(data) >= READ_SIZE and self._telnet is None)
        self._tell(conversation.heard, data, now)

    def _tell(self, hear: Callable[..., list[Answered]], *args: Any) -> None:
        """Tell what is heard, and see to what is left behind it."""
        try:
            answered = hear(*args)
        except FramingError as exc:
            self._nonsense(exc)
            return
        self.hearer.heard(answered)
        if self._alarms is not None or self._decoder.waiting or self._paused:
            self._see_to_the_rest(answered)

    def _see_to_the_rest(self, answered: list[Answered]) -> None:
        """Alarms, what is left behind a reply, and a device that sends what nobody reads."""
        conversation = self.conversation
        if self._alarms is not None:
            self._alarms.tell()
        if conversation.more:
            self._go_on_soon()
        elif answered and self._decoder.waiting and conversation.turns and not self._over:
            # What makes no sense is told after the replies in front of it.
            self._tell(conversation.frames, self._seconds())
        if not self._over:
            self._regulate()

    def _go_on_soon(self) -> None:
        """What waits is too much for one turn of the reactor."""
        if self._go_on_later is None and not self._over:
            self._go_on_later = self._device.clock.callLater(0, self._go_on)

    def _go_on(self) -> None:
        self._go_on_later = None
        self._tell(self.conversation.frames, self._seconds())

    def _negotiate(self, telnet: TelnetFilter, data: bytes) -> bytes:
        data, answer = telnet.strip(data)
        # A server that has hung up would meet it with a reset, which takes with it what we have
        # not read: why it refuses us.
        if answer and not (self._poll is not None and self._hung_up()):
            self._write(answer)
        return data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        assert self._lost is not None
        self._tell_lost(self._lost)

    def _nonsense(self, error: DeviceConnectionError) -> None:
        self._give_up(from_cause(error, host=self.host, port=self.port, phase="recv"))

    def _give_up(self, error: DeviceConnectionError) -> None:
        super()._give_up(error)
        self._tell_lost(error)

    def _tell_lost(self, error: DeviceConnectionError) -> None:
        if self._over:
            return
        self._end()
        with contextlib.suppress(FramingError):
            self.unread = self._decoder.next_frames(MOST_UNREAD)
        self._holder.lost(self, with_last_words(error, self.conversation, self.unread))

    # what those who have the device do with it

    def ask_if_free(self, turn: Turn, now: float) -> bool:
        """Note a question, which is then to be sent, if there is nothing to consider."""
        conversation, poll = self.conversation, self._poll
        return not (conversation.turns or (poll is not None and poll(0))) \
            and conversation.ask_if_free(turn, now)

    def next_step(self, now: float, allowed: float) -> float:
        """As `Conversation.next_step`, after a look at what has come."""
        self.look()
        conversation = self.conversation
        try:
            step = conversation.next_step(now, allowed)
        except FramingError as exc:     # what was owed makes no sense
            self._nonsense(exc)
            return DROP
        if conversation.more:
            self._go_on_soon()
        if self._paused and not self._over:
            self._regulate()
        return step

    def look(self) -> None:
        """Take what has come and the reactor has not read yet, and notice a hang-up."""
        poll = self._poll
        if poll is None or not poll(0):
            return
        for _ in range(MOST_READS):
            self._read_once()
            if self._over or self._decoder.waiting > MOST_UNASKED or not poll(0):
                return

    def _read_once(self) -> None:
        transport: Any = self.transport     # a wrapper lends us the method of what it wraps
        why = transport.doRead()
        if why is not None and not self._over:
            self._tell_lost(from_cause(Failure(why), host=self.host, port=self.port,
                                       phase="send"))

    def say(self, request: Request) -> Deferred[None] | None:
        """Send its command, which the device may take as long to take as the call may take.

        The Deferred fires when the system has taken all of it; None if it has already.
        """
        data, allowed, link = request.data, request.timeout, self._link
        done = self._write(data if self._telnet is None else escape(data))
        # (All that follows is done while the device is at work.)
        request.sent = "yes" if done else "maybe"
        link.bytes_sent += len(data)
        if link.trace is not None:
            link.trace.add(">", data)
        if allowed is None or allowed > self._allowance.within:
            self._allowance.allow(allowed, alone=len(self.conversation.turns) <= 1)
        return None if done else self.sent_all()

    def send(self, msg: Text) -> Deferred[None]:
        """As `LineProtocol.send`, past the queue: what is answered to it answers no query."""
        self.conversation.command(self._seconds())
        return super().send(msg if self._telnet is None else escape(self._framer.encode(msg)))

    def listen(self, turn: Turn) -> None:
        """Somebody waits for the next frame, which may be there already."""
        self._listened = True
        self._tell(self.conversation.listen, turn, self._seconds())

    # its end

    def let_go(self) -> None:
        """Close the connection; whatever still comes on it reaches nobody."""
        self._end()
        transport: Any = self.transport
        if self._draining is not None:
            sock = socket_of(transport)
            if sock is not None:
                end(sock, self._pid)        # (a forked child may have it, too)
            transport.abortConnection()     # otherwise it would wait to send the rest
        else:
            transport.loseConnection()

    def _end(self) -> None:
        self._over = True
        self._poll = None
        self._stop_looking()
        call, self._go_on_later = self._go_on_later, None
        if call is not None:
            call.cancel()

    # a device that sends what nobody reads

    @property
    def _wanted(self) -> bool:
        conversation = self.conversation
        return bool(self._readers or (conversation.turns and not conversation.more))

    def _end_seen(self) -> None:
        self._tell_lost(self._device.error(
            Disconnected, "connection lost: the device closed the connection", "recv"))
        self.transport.abortConnection()  # type: ignore[union-attr]

    def _still_there(self) -> None:
        if not (self._listened or self.conversation.more):
            self._throw_away()
        if not self._over:
            self._regulate()

    def _throw_away(self) -> None:
        """Nobody has ever listened here: what comes is thrown away, and behind it is the end."""
        for _ in range(THROWN_AWAY):
            self._link.bytes_discarded += self._decoder.clear()
            if self._poll is None or not self._poll(0):
                return
            self._read_once()

    def _recv(self, size: int) -> Deferred[bytes]:
        self._listened = True
        return super()._recv(size)
