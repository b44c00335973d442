"""The blocking face: a drop-in for ``socs.tcp.TCPInterface``."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from ..core.checks import (
    check_flag,
    check_function,
    check_host,
    check_late_replies,
    check_pause,
    check_port,
    check_seconds,
)
from ..core.errors import address_name
from ..core.framing import Framer, RawFramer, Text, checked, to_bytes
from ..core.identity import IdentitySpec, identity_of
from ..core.link import Link
from ..core.policy import KEEPALIVE, MIN_INTERVAL, LateReplies
from ..core.silence import SETTLE
from ..core.tls import check_tls
from ..core.turn import Match, checked_greeting
from .alarms import Alarms
from .beside import Beside
from .calls import Calls
from .dialer import Dialer, Options
from .failures import Failures
from .gate import Gate
from .queries import Queries
from .session import Session


class TCPInterface(Queries):
    """A device behind a TCP port, for blocking code.

    It connects when it is created. If that fails, it writes a line to the log and does not
    raise, and ``comm`` is None. The next `send` or `query` tries again, and raises if it still
    cannot connect.

    Any thread may call any method, with or without a reactor. Calls from several threads run
    one after the other, so a `query` is never mixed with another one. Each call ends within its
    timeout, which includes waiting for its turn and reconnecting.

    Parameters
    ----------
    ip_address : str
        IPv4 or IPv6 address, or host name. Each connect looks a name up.
    port : int
        TCP port.
    timeout : float or None
        Seconds that a call may take; None for no limit.
    framer : Framer, optional
        Says where a reply ends. Without one, a reply is what one ``recv`` returns.
    late_replies : {'drop', 'drain'} or callable
        What to do with a reply that comes after `query` has timed out. ``'drop'`` closes the
        connection and makes a new one for the next query; this is right for every device.
        ``'drain'`` keeps the connection, and reads the late reply before the next query is sent.
        It is for devices that do not tolerate quick reconnects and answer each query once. A
        function of the command and the reply (bytes) says whether they match: the connection is
        kept, and replies that do not match are skipped. If two queries in a row get no match,
        the connection is closed.
    on_connect : callable, optional
        Called with this object after each connect, in the thread that caused it, to prepare the
        device. The device is reserved for it meanwhile.
    identify : bytes or str, or a tuple (query, expected), optional
        Asked after each connect; see `socs_tcp.core.identity.Identity`.
    greeting : True, pattern or callable, optional
        What the device sends after each connect, before any reply: True for one frame of any
        kind, or a compiled pattern of bytes that it must match, or a function that checks it.
    settle : float
        Seconds of silence to wait for before a query if unexpected data may still come: after a
        connect without a `greeting`, after a `send`, and after unexpected data. 0 turns it off.
    gap : float
        Seconds that the device needs between the end of one exchange and the next command.
    on_unasked : callable, optional
        Called with each whole frame that answers nothing (the alarms of a device that also
        answers), one at a time, in a thread that calls the device, after its call. Pass a `match`
        to the queries of such a device.
    closes_after_reply : bool
        The device hangs up after each whole reply. This does not count as a loss.
    telnet : bool
        The device (or its serial server) speaks telnet: its negotiation is refused, and removed
        from the data.
    tls : ssl.SSLContext, optional
        Connect with TLS.
    min_interval : float
        Seconds between two attempts to connect, once a retry has failed.
    keepalive : float or None
        Seconds after which a dead connection is noticed while nothing is sent.

    Attributes
    ----------
    comm : socket.socket or None
        The connection. Drivers may use it directly.
    link : Link
        The state of the connection.

    Raises
    ------
    TypeError, ValueError
        If a parameter makes no sense.
    """

    def __init__(self, ip_address: str, port: int, timeout: float | None, *,
                 framer: Framer | None = None, late_replies: LateReplies = "drop",
                 on_connect: Callable[[Any], object] | None = None,
                 identify: IdentitySpec | None = None,
                 greeting: Match | bool | None = None, settle: float = SETTLE, gap: float = 0.0,
                 on_unasked: Callable[[bytes], object] | None = None,
                 closes_after_reply: bool = False, telnet: bool = False,
                 tls: ssl.SSLContext | None = None,
                 min_interval: float = MIN_INTERVAL,
                 keepalive: float | None = KEEPALIVE) -> None:
        self.ip_address = check_host(ip_address)
        self.port = check_port(port)
        timeout = check_seconds("timeout", timeout, optional=True)
        self.link = Link(address_name(ip_address, self.port))
        check_seconds("min_interval", min_interval)
        framer = RawFramer() if framer is None else checked(framer)
        unasked = check_function("on_unasked", on_unasked)
        options = Options(
            framer=framer, late_replies=check_late_replies(late_replies),
            greeting=checked_greeting(greeting), settle=check_pause("settle", settle),
            gap=check_pause("gap", gap), telnet=check_flag("telnet", telnet), tls=check_tls(tls),
            alarms=None if unasked is None else Alarms(unasked, self.link),
            on_connect=check_function("on_connect", on_connect),
            identity=identity_of(identify, closes_after_reply),
            closes_after_reply=check_flag("closes_after_reply", closes_after_reply),
            keepalive=check_seconds("keepalive", keepalive, optional=True))
        # Two underscores: drivers that inherit from us use up most of the short names.
        gate, failures = Gate(), Failures(ip_address, self.port)
        dialer = Dialer(options, self.link, gate, failures, min_interval)
        session = Session(self.link, gate, dialer, failures)
        self.__session, self.__calls, self.__beside = session, Calls(session), Beside(session)
        super().__init__(session, self.__calls, framer, timeout)
        # (To look a method up in its class, without calling it, takes longer. So does each look at
        # an attribute, once somebody has had our __dict__.)
        self.__send, self.__recv = self.__calls.send, self.__calls.recv
        self.__send_beside = self.__beside.send
        session.run(self.timeout, session.open, self, self.__calls.ask)

    @property
    def comm(self) -> Any:
        """The connection, a `socket.socket`, or None; drivers may use and replace it."""
        try:
            return self.__session.comm
        except AttributeError:      # a driver whose constructor has not come to ours yet
            return None

    @comm.setter
    def comm(self, comm: Any) -> None:
        self.__session.comm = comm

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.link.name} {self.link.state.value}>"

    # the hooks of the original

    def _connect(self, address: tuple[str, int]) -> Any:
        """Make a connection to `address`; None, with the reason in the log, where that fails."""
        sock = self.__session.dialer.dial(address, self.timeout)
        if sock is not None:
            sock.settimeout(self.timeout)
        return sock

    def _reset(self) -> None:
        """Close the connection, if any, and make a new one. ``comm`` is None if that fails."""
        self.__session.run(self.timeout, self.__session.reset, self, self.__calls.ask)

    def _check_ready(self) -> None:
        """Wait until there is something to read.

        Raises
        ------
        Disconnected
            If there is no connection.
        ReplyTimedOut
            If nothing came within the timeout.
        """
        self.__calls.check_ready(self)

    # talking as the original does

    def send(self, msg: Text, *, urgent: bool = False) -> None:
        """Send all bytes of `msg`, as they are.

        If the connection is gone, a new one is made first. If a `recv` timed out and its late
        reply has come, that reply is discarded. If sending fails,
        the connection is reset and sending tried a second time (so a device may see the
        beginning of `msg` twice; `query` does not do that).

        A `recv` that waits in another thread does not hold it up: that is how a movement is
        stopped.

        Parameters
        ----------
        msg : bytes or str
            ``str`` is encoded as UTF-8.
        urgent : bool
            Do not wait for a `query` in another thread, either: send at once, while it waits for
            its reply. If the device answers this command, too, give that query a `match`.

        Raises
        ------
        ConnectionError
            If it could not be sent: `ConnectFailed`, `Disconnected` or `SendTimedOut`.
        """
        self.__session.run(self.timeout, self.__send, self,
                           msg if type(msg) is bytes else to_bytes(msg),
                           self.__beside.send_urgently if urgent else self.__send_beside)

    def recv(self, bufsize: int = 4096, reset_on_error: bool = False) -> bytes:
        """Receive what the device sends, at least one byte.

        What comes may be part of a reply, or more than one, and after a timeout it may be
        a late answer to an earlier question: `query` is the safe way.

        A lost connection is told by a `Disconnected`. A further `recv` on it tells that
        again, but makes a new connection, too, on which `send` and `recv` work as ever.

        Parameters
        ----------
        bufsize : int
            The most bytes to return.
        reset_on_error : bool
            Make a new connection if this fails (which may take as long again).

        Returns
        -------
        bytes
            Never empty.

        Raises
        ------
        ConnectionError
            `ReplyTimedOut` if nothing came in time, `Disconnected` if the connection is gone.
        """
        if bufsize < 1:
            raise ValueError(f"bufsize must be at least 1 byte, not {bufsize!r}")
        # A driver may have a hook of its own, in its class or put into its object.
        hook: Any = self._check_ready
        try:
            if hook.__func__ is _CHECK_READY:
                hook = None
        except AttributeError:
            pass
        if hook is None and not reset_on_error:     # nearly always
            return self.__session.run(self.timeout, self.__recv, self, bufsize)
        calls = self.__calls
        return self.__session.run(
            self.timeout, calls.recv_or_reset if reset_on_error else calls.recv_as_driver, self,
            (bufsize, hook))

    # the end

    def close(self) -> None:
        """Close the connection for good. Calls that wait in other threads end at once."""
        self.__session.close()

    def retry_in(self) -> float:
        """Seconds that a call would wait before it tries to connect. Any thread."""
        return self.__session.retry_in()

    def check_idle(self) -> bool:
        """Look whether the device has hung up, if nobody is calling. Never blocks.

        False where a call is under way, which will find out by itself.
        """
        return self.__session.check_idle()

    def tell_connections(self, callback: Callable[[Any], object]) -> None:
        """Have `callback` called with the socket of each connection, from this one on.

        For one monitor: called in the thread that connects, it must not call the device.
        """
        self.__session.tell_connections(callback)

    def __enter__(self) -> TCPInterface:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


_CHECK_READY = TCPInterface._check_ready
