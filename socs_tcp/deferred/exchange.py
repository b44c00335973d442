"""Requests on a connection: when one may begin, how it goes out, and how it ends."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred

from ..core.conversation import DROP, SPEAK, WAIT, Answered
from ..core.errors import DeviceConnectionError, FramingError
from ..core.policy import LASTS
from ..core.turn import Turn
from . import failures
from .connection import Connection
from .device import Device
from .request import Request


class Holder(Protocol):
    """Who has a queue."""

    def drop(self, connection: Connection, error: DeviceConnectionError | None) -> object:
        """Give up a connection, for an error of the device or for none; `Queue.lost` follows."""

    def failed(self, error: DeviceConnectionError) -> object:
        """An exchange failed."""

    def answered(self) -> object:
        """The device has answered, on this connection for the first time."""

    def why(self, request: Request) -> DeviceConnectionError:
        """The error for a request that waits while there is no connection."""


class Exchange:
    """What a queue does with its connection. Reactor thread only.

    Parameters
    ----------
    device : Device
    holder : Holder
    """

    __slots__ = ("_device", "_holder", "sending")

    def __init__(self, device: Device, holder: Holder) -> None:
        self._device = device
        self._holder = holder
        #: Commands of which the system has not yet taken all. Nothing else begins meanwhile.
        self.sending: tuple[Request, ...] = ()

    # may it begin?

    def next_step(self, connection: Connection, request: Request, now: float) -> float:
        """May this request begin? What is said is as by `Conversation.next_step`.

        It looks at what has come, and so may find out that the connection is lost.
        """
        conversation, kind = connection.conversation, request.kind
        if kind == "query":
            if conversation.asking or conversation.listening:
                return SPEAK if conversation.may_join(self._device.max_in_flight, now) else WAIT
        elif conversation.asking or (kind in ("hold", "reserve") and conversation.listening):
            return WAIT
        if kind in ("listen", "greeting", "hold"):
            return SPEAK
        if self._spent(connection):
            return DROP
        if kind == "send":
            left = conversation.silence.gap_left(now)
            if not left:
                connection.look()
            return left
        # (Also to reserve it is as if one asked: who does that inherits no debt.)
        return connection.next_step(now, request.deadline - now)

    def _spent(self, connection: Connection) -> bool:
        """Will the device hang up on it, since it has answered?"""
        return self._device.closes_after_reply and connection.used

    def drop(self, connection: Connection) -> None:
        """Nothing may begin on it any more, as `next_step` said."""
        useless, error = connection.conversation.useless, None
        if useless and not self._spent(connection):
            error = self._device.error(FramingError, useless, "send")
            self._holder.failed(error)
        self._holder.drop(connection, error)

    # the beginning

    def begin(self, connection: Connection, request: Request, now: float) -> None:
        """Ask, send, or listen: whatever it wants."""
        kind = request.kind
        if kind == "query":
            connection.conversation.ask(request, now)
            rest = connection.say(request)
            if rest is not None:
                self.await_taken(rest, request)
        elif kind == "send":
            self.command(connection, request, now)
        elif kind in ("listen", "greeting"):
            if kind == "listen":
                request.sent = "yes"        # maybe a command, whose answer it waits for
            connection.listen(request)
        else:
            request.succeed(None)

    def command(self, connection: Connection, request: Request, now: float) -> None:
        """Send a command, whoever waits for what."""
        connection.conversation.discard_late()
        connection.conversation.command(now)
        rest = connection.say(request)
        if rest is None:
            request.succeed(None)
        else:
            self.sending += (request,)
            self.await_taken(rest, request)

    def await_taken(self, rest: Deferred[None], request: Request) -> None:
        """The system has not yet taken all of it."""
        rest.addCallbacks(self._taken, lambda _failure: None, callbackArgs=(request,))

    def _taken(self, _none: None, request: Request) -> None:
        request.sent = "yes"
        if request in self.sending:
            self.sending = tuple(other for other in self.sending if other is not request)
            request.succeed(None)
            request.queue.start()       # others may begin now

    # the end

    def proves(self, connection: Connection, turn: Turn, now: float) -> None:
        """The first answer on a connection: it is of use, unless it only says its greeting."""
        if turn.kind == "query" or now - connection.since >= LASTS:
            connection.used = True
            self._holder.answered()

    def answered(self, connection: Connection | None, answered: list[Answered]) -> None:
        """These have got their replies, or what is none."""
        request: Any        # (all our turns are requests)
        for request, reply in answered:
            if reply is not None:
                request.succeed(reply)
                continue
            error = failures.wrong_reply(self._device, request)
            self._holder.failed(error)
            request.fail(error)
            if connection is not None and connection.conversation.useless:
                self._holder.drop(connection, error)

    def under_way(self, connection: Connection | None) -> list[Any]:
        """All that somebody waits for on a connection."""
        turns = () if connection is None else connection.conversation.turns
        return [*self.sending, *(turn for turn in turns if not turn.given_up)]

    def cancel(self, connection: Connection, request: Request, now: float) -> None:
        """Nobody wants it any more."""
        if self._give_up(connection, request, now):
            self._holder.drop(connection, None)

    def expire(self, connection: Connection, request: Request, now: float) -> None:
        """Its time is over."""
        self._device.link.timeouts += 1
        error = (failures.not_taken(self._device, request) if request in self.sending
                 else failures.no_reply(self._device, connection, request))
        drop = self._give_up(connection, request, now)
        # Who only listens for what may come, and hears nothing, is no sign of a failure.
        if request.kind != "listen" or connection.conversation.owes_late:
            self._holder.failed(error)
        request.fail(error)
        if drop:
            self._holder.drop(connection, error)

    def _give_up(self, connection: Connection, request: Request, now: float) -> bool:
        """Nobody waits for it any more; True if the connection is to be given up, too."""
        connection.patience = request.timeout
        if request in self.sending:
            return True
        unsent = request.kind == "query" and request.sent != "yes"
        by_caller = request.deferred is None
        return connection.conversation.gave_up(request, by_caller, now=now) or unsent
