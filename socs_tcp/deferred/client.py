"""The Twisted face: one device, with Deferreds."""

from __future__ import annotations

import ssl
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.threadable import isInIOThread

from ..core.checks import (
    check_flag,
    check_function,
    check_host,
    check_late_replies,
    check_on_connect,
    check_pause,
    check_port,
    check_seconds,
    positive,
)
from ..core.errors import address_name, again
from ..core.framing import Framer, Text, checked
from ..core.identity import IdentitySpec, identity_of
from ..core.link import Link
from ..core.policy import KEEPALIVE, MIN_INTERVAL, LateReplies
from ..core.silence import SETTLE
from ..core.tls import check_tls
from ..core.turn import MOST_FRAMES, Match, checked_greeting
from .alarms import Alarms
from .calls import Calls
from .clock import steady
from .connection import Connection
from .device import Device
from .forked import installed
from .log import ReactorLog
from .manager import WRONG_THREAD, Manager
from .protocol import LINES
from .request import Request, batch, call_timeout, question
from .session import Reservation
from .turns import one_for


class DeviceClient(Calls):
    """A device behind a TCP port, for Twisted code. Reactor thread only.

    It connects when it is created, and keeps the connection. Exchanges run one at a time, in
    order. Each ends within its timeout, which includes waiting for its turn and for a lost
    device. If the device is not back in time, the request fails, and is never sent later.

    You may cancel every Deferred that it returns. Its place is then free, and its reply never
    reaches another request.

    Parameters
    ----------
    ip_address : str
        IPv4 or IPv6 address, or host name. Each connect looks a name up.
    port : int
        TCP port.
    timeout : float or None
        Seconds that a request may take; None for no limit (an attempt to connect still takes at
        most 30 s).
    framer : Framer, optional
        Says where a reply ends. Default: ``LineFramer()``.
    reactor : optional
        Twisted's reactor, or one for tests. Default: the installed one.
    on_connect : callable, optional
        Called after each connect, to prepare the device, with an object that has `query`, `send`
        and `recv`. The device is reserved for it until the Deferred that it may return fires.
    identify : bytes or str, or a tuple (query, expected), optional
        Asked after each connect; see `socs_tcp.core.identity.Identity`.
    late_replies : {'drop', 'drain'} or callable
        As in `TCPInterface`.
    max_in_flight : int
        How many queries may be sent before the first is answered. Use more than 1 only for a
        device that answers all queries in order, or with a function as `late_replies`.
    on_unasked : callable, optional
        Called with each whole frame that answers nothing (the alarms of a device that also
        answers), one at a time. If it returns a Deferred, the next call waits for it.
    greeting, settle, gap, closes_after_reply, telnet, tls, min_interval, keepalive
        As in `TCPInterface`.

    Attributes
    ----------
    link : Link
        The state of the connection.

    Raises
    ------
    TypeError, ValueError
        If a parameter makes no sense.
    RuntimeError
        If it is called in a thread other than the reactor's, or in a forked child while the
        reactor runs in the parent. All methods raise this.
    """

    def __init__(self, ip_address: str, port: int, timeout: float | None = 10, *,
                 framer: Framer | None = None, reactor: Any = None,
                 on_connect: Callable[[Any], Any] | None = None,
                 identify: IdentitySpec | None = None, late_replies: LateReplies = "drop",
                 max_in_flight: int = 1, greeting: Match | bool | None = None,
                 settle: float = SETTLE, gap: float = 0.0,
                 on_unasked: Callable[[bytes], Any] | None = None,
                 closes_after_reply: bool = False, telnet: bool = False,
                 tls: ssl.SSLContext | None = None,
                 min_interval: float = MIN_INTERVAL,
                 keepalive: float | None = KEEPALIVE) -> None:
        if reactor is None:
            from twisted.internet import reactor  # noqa: PLC0415 (importing installs one)
        if reactor is sys.modules.get("twisted.internet.reactor") \
                and getattr(reactor, "running", False) and not isInIOThread():
            raise RuntimeError(WRONG_THREAD)
        installed.check(reactor)
        self.ip_address = check_host(ip_address)
        self.port = check_port(port)
        self.timeout = check_seconds("timeout", timeout, optional=True)
        self.framer = LINES if framer is None else checked(framer)
        self.reactor = reactor
        log = one_for(reactor, ReactorLog)
        # (Of the two, the factory hears of a fork: that is a quarter of a kilobyte less.)
        self.link = Link(address_name(ip_address, self.port), log=log, listed=False)
        unasked = check_function("on_unasked", on_unasked)
        self._device = Device(
            ip_address, self.port, self.link, steady(reactor), self.framer, self.timeout,
            check_late_replies(late_replies), positive("max_in_flight", max_in_flight, "requests"),
            check_seconds("keepalive", keepalive, optional=True), check_pause("settle", settle),
            check_pause("gap", gap), checked_greeting(greeting),
            identity_of(identify, closes_after_reply), check_on_connect(on_connect),
            None if unasked is None else Alarms(unasked, self.link),
            check_flag("closes_after_reply", closes_after_reply), check_flag("telnet", telnet),
            check_tls(tls))
        self._manager = Manager(self._device, reactor, min_interval, log)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.link.name} {self.link.state.value}>"

    def __reduce__(self) -> Any:
        return self.link.__reduce__()       # which says why not

    @property
    def comm(self) -> Connection | None:
        """The connected `LineProtocol`, or None."""
        return self._manager.dialer.connection

    # what users call

    def query(self, msg: Text, timeout: float | None = None, *, safe_to_repeat: bool = False,
              framer: Framer | None = None, match: Match | None = None,
              replies: int | None = None) -> Deferred[Any]:
        """Ask one question.

        Parameters
        ----------
        msg : bytes or str
            The framer's terminator is added where it is missing.
        timeout : float, optional
            Seconds for all of it, in place of the client's own.
        safe_to_repeat : bool
            May the device get this command twice? Then it is sent once more if the
            connection is lost on the way.
        framer : Framer, optional
            Where this reply ends, if not where the client's framer says.
        match : pattern or callable, optional
            What an answer looks like: a compiled pattern of bytes that matches from its
            beginning, or a function of the reply. What does not match is never returned.
        replies : int, optional
            The device answers with so many frames.

        Returns
        -------
        Deferred
            Fires with the whole reply (bytes, without its terminator), or with a list where
            `replies` is given; or fails with a `ConnectionError`: `ReplyTimedOut`,
            `Disconnected`, `ConnectFailed`, `WrongReply`, ...
        """
        request = question(self._device, msg, timeout, safe_to_repeat)
        if framer is not None or match is not None or replies is not None:
            request.expect(framer, match, replies)
        self._manager.asked_at = request.asked_at
        return self._manager.add(request)

    def _add(self, request: Request) -> Deferred[Any]:
        return self._manager.add(request)

    def _urgent(self, request: Request) -> Deferred[None]:
        return self._manager.urgent(request)

    async def frames(self, timeout: float | None = None) -> AsyncIterator[bytes]:
        """All that the device says from now on, frame by frame, in a coroutine.

        ::

            async for frame in client.frames():
                ...

        While the loop takes its time over one, the device is made to wait.

        Parameters
        ----------
        timeout : float, optional
            Seconds that each frame may take to come. Default: no limit.

        Yields
        ------
        bytes
            Whole frames, without their terminators.

        Raises
        ------
        Disconnected
            When the connection is lost: behind all that came before. A new loop goes on with
            what comes over the next connection.
        ReplyTimedOut, ConnectFailed, ...
            As from `recv`.
        """
        timeout = check_seconds("timeout", timeout, optional=True)
        queue = self._manager.queue
        seen = None if queue.unread else queue.loss
        while queue.unread or queue.loss is seen:
            for frame in await self._manager.add(batch(self._device, MOST_FRAMES, timeout)):
                yield frame
        assert queue.loss is not None
        raise again(queue.loss, "no")

    def reserve(self, timeout: float | None = None) -> Reservation:
        """Have the device for oneself, on one connection.

        ::

            async with client.reserve() as talk:
                await talk.send("RANGE 1")
                reply = await talk.query("RANGE?")

        or, with ``inlineCallbacks``, ``talk = yield client.reserve()``, and in the end
        ``talk.release()``.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait for it, in place of the client's own.

        Returns
        -------
        Reservation
            A Deferred that fires with an object that has `query`, `send` and `recv`; when the
            connection is lost, the rest of these fails with `Disconnected`, and nothing goes
            out on a new one.
        """
        request = Request("reserve", b"", call_timeout(self._device, timeout),
                          self._device.clock.seconds())
        reservation = Reservation(request)
        reservation.addCallback(lambda _none: self._manager.lend())
        self._manager.add(request, reservation)
        return reservation

    def when_connected(self) -> Deferred[Any]:
        """Wait for the device.

        Returns
        -------
        Deferred
            Fires with the protocol as soon as the device is connected and has passed
            `identify` and `on_connect`; fails with `Disconnected` when the client is closed.

        Notes
        -----
        It may wait for ever, since the device may never come. ``addTimeout`` bounds it, and
        the client goes on trying: ``client.when_connected().addTimeout(10, reactor)`` fails
        with `twisted.internet.defer.TimeoutError` after 10 seconds.
        """
        return self._manager.when_connected()

    def reconnect(self) -> None:
        """Give the connection up and make a new one. What is in flight fails."""
        self._manager.reconnect()

    def close(self) -> Deferred[None]:
        """Close the connection for good; all that waits fails with `Disconnected`.

        Returns
        -------
        Deferred
            Fires with None when the connection is closed.
        """
        return self._manager.close()
