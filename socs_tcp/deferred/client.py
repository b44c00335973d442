"""The Twisted face: one device, with Deferreds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from ..core.errors import address_name
from ..core.framing import Framer, LineFramer, Text, checked
from ..core.identity import Identity, IdentitySpec
from ..core.link import Link
from ..core.policy import (
    KEEPALIVE,
    MIN_INTERVAL,
    LateReplies,
    check_host,
    check_late_replies,
    check_on_connect,
    check_port,
    check_seconds,
)
from .log import ReactorLog
from .managed import CONNECT_TIMEOUT, ManagedDevice
from .request import Kind
from .turns import one_for


class DeviceClient(ManagedDevice):
    """A device behind a TCP port, for Twisted code. Reactor thread only.

    It connects when instantiated, and stays connected by itself. One exchange is done at a
    time, first come, first served; each ends within its timeout, waiting for its turn and
    for a lost device included. A request finds a lost device either back, or fails: it
    never bursts out later.

    Every Deferred it returns may be cancelled: its place is then free, and its reply never
    reaches another request.

    Parameters
    ----------
    ip_address : str
        IPv4 or IPv6 address or host name; a name is looked up at each connect.
    port : int
        TCP port.
    timeout : float or None
        Seconds that a request may take; None waits for ever (an attempt to connect takes at
        most 30 s even then).
    framer : Framer, optional
        Where a reply ends; ``LineFramer()`` unless given.
    reactor : optional
        Twisted's reactor, or one for tests; the installed one unless given.
    on_connect : callable, optional
        Called after each connect with an object that has `query`, `send` and `recv` as this
        one, and has the device for itself until the Deferred that it may return fires.
    identify : bytes or str, or a tuple (query, expected), optional
        Asked after each connect; see `socs_tcp.core.identity.Identity`.
    late_replies : {'drop', 'drain'} or callable
        As in `TCPInterface`.
    max_in_flight : int
        So many queries may be sent before the first is answered. More than 1 only for a
        device that answers all queries in their order, or with a matching `late_replies`.
    min_interval : float
        Seconds between two attempts to connect, once a retry has failed.
    keepalive : float or None
        Seconds after which a connection on which nothing is said is known to be dead.

    Attributes
    ----------
    comm : LineProtocol or None
        The connected protocol.
    link : Link
        What is known of the connection.

    Raises
    ------
    TypeError, ValueError
        If a parameter makes no sense.
    """

    def __init__(self, ip_address: str, port: int, timeout: float | None = 10, *,
                 framer: Framer | None = None, reactor: Any = None,
                 on_connect: Callable[[Any], Any] | None = None,
                 identify: IdentitySpec | None = None, late_replies: LateReplies = "drop",
                 max_in_flight: int = 1, min_interval: float = MIN_INTERVAL,
                 keepalive: float | None = KEEPALIVE) -> None:
        if reactor is None:
            from twisted.internet import reactor  # noqa: PLC0415 (importing installs one)
        self.ip_address = check_host(ip_address)
        self.port = check_port(port)
        self.timeout = check_seconds("timeout", timeout, optional=True)
        if not isinstance(max_in_flight, int) or max_in_flight < 1:
            raise ValueError(f"max_in_flight must be a number from 1, not {max_in_flight!r}")
        self.framer = LineFramer() if framer is None else checked(framer)
        self.reactor = reactor
        self.link = Link(address_name(ip_address, self.port), log=one_for(reactor, ReactorLog))
        self.comm = None
        super().__init__(
            on_connect=check_on_connect(on_connect),
            identity=None if identify is None else Identity(identify),
            late_replies=check_late_replies(late_replies), max_in_flight=max_in_flight,
            min_interval=min_interval,
            keepalive=check_seconds("keepalive", keepalive, optional=True))
        self._connector = self._factory.connect(ip_address, self.port,
                                                self.timeout or CONNECT_TIMEOUT)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.link.name} {self.link.state.value}>"

    # what users call

    def query(self, msg: Text, timeout: float | None = None, *,
              safe_to_repeat: bool = False) -> Deferred[bytes]:
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

        Returns
        -------
        Deferred
            Fires with the whole reply (bytes, without its terminator), or fails with a
            `ConnectionError`: `ReplyTimedOut`, `Disconnected`, `ConnectFailed`, ...
        """
        return self._request("query", self.framer.encode(msg), timeout, safe_to_repeat)

    def send(self, msg: Text, timeout: float | None = None) -> Deferred[None]:
        """Send a command to which nothing is answered.

        Returns
        -------
        Deferred
            Fires with None when all bytes are with the operating system.
        """
        return self._request("send", self.framer.encode(msg), timeout)

    def recv(self, timeout: float | None = None) -> Deferred[bytes]:
        """Receive the next whole frame, be it the reply to a `send` or sent unasked.

        Returns
        -------
        Deferred
            Fires with bytes.
        """
        return self._request("recv", b"", timeout)

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
        if self._closed:
            return fail(self.closed_error())
        if self._requests.wire is not None:
            return succeed(self.comm)
        waiter: Deferred[Any] = Deferred(self._waiters.remove)
        self._waiters.append(waiter)
        return waiter

    def reconnect(self) -> None:
        """Give the connection up and make a new one. What is in flight fails."""
        if self.comm is not None:
            self.drop()
        else:
            self._factory.retry_now()

    def close(self) -> Deferred[None]:
        """Close the connection for good; all that waits fails with `Disconnected`.

        Returns
        -------
        Deferred
            Fires with None when the connection is closed.
        """
        done: Deferred[None] = Deferred()
        if not self._closed:
            self._closed = True
            self._factory.stopTrying()
            self.drop()
            self._requests.fail_queue(lambda request: self.closed_error(request.sent))
            self._requests.stop()
            while self._waiters:
                self._waiters.pop(0).errback(Failure(self.closed_error()))
            self.link.closed()
            self.link.tell()
        if self._connector.state == "disconnected":
            return succeed(None)
        self._closing.append(done)
        return done

    def _request(self, kind: Kind, data: bytes, timeout: float | None,
                 safe_to_repeat: bool = False) -> Deferred[Any]:
        if self._closed:
            return fail(self.closed_error())
        if timeout is None:
            timeout = self.timeout
        else:
            check_seconds("timeout", timeout)
        if self.comm is None:
            self._factory.retry_now()
        return self._requests.add(self.new_request(kind, data, timeout, safe_to_repeat))
