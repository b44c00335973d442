"""The blocking face: a drop-in for ``socs.tcp.TCPInterface``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.errors import address_name
from ..core.framing import Framer, RawFramer, Text, checked, to_bytes
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
from ..core.sockets import connect
from .talk import Conversation


class TCPInterface:
    """A device behind a TCP port, for blocking code.

    It connects when instantiated. Where that fails it logs, raises nothing, and ``comm`` is
    None; the next `send` or `query` tries again and raises if it still cannot connect.

    Any thread may call any method, with or without a reactor. Calls of several threads are
    done one after the other; a `query` is never mixed with another's. Each call ends
    within its timeout, waiting for its turn and reconnecting included.

    Parameters
    ----------
    ip_address : str
        IPv4 or IPv6 address or host name; a name is looked up at each connect.
    port : int
        TCP port.
    timeout : float or None
        Seconds that a call may take; None waits for ever.
    framer : Framer, optional
        Where a reply ends. Without one, a reply is what one ``recv`` gives.
    late_replies : {'drop', 'drain'} or callable
        What becomes of a reply that comes after `query` gave up on it. ``'drop'`` closes the
        connection and makes a new one for the next query: always right. ``'drain'`` keeps
        it and reads the late reply before the next query is sent: for devices that
        stand no quick reconnects, and answer each query once. A function of the command
        and the reply (bytes) that says whether they match keeps it, and passes over replies
        that do not match; only where two queries in a row get no match, it is dropped.
    on_connect : callable, optional
        Called with this object after each connect, in the thread that caused it, with the
        device reserved to it: to send what the device must be told first.
    identify : bytes or str, or a tuple (query, expected), optional
        Asked after each connect; see `socs_tcp.core.identity.Identity`.
    min_interval : float
        Seconds between two attempts to connect, once a retry has failed.
    keepalive : float or None
        Seconds after which a connection on which nothing is said is known to be dead.

    Attributes
    ----------
    comm : socket.socket or None
        The connection, which drivers may use by themselves.
    link : Link
        What is known of the connection.

    Raises
    ------
    TypeError, ValueError
        If a parameter makes no sense.
    """

    comm: Any = None

    def __init__(self, ip_address: str, port: int, timeout: float | None, *,
                 framer: Framer | None = None, late_replies: LateReplies = "drop",
                 on_connect: Callable[[Any], object] | None = None,
                 identify: IdentitySpec | None = None,
                 min_interval: float = MIN_INTERVAL,
                 keepalive: float | None = KEEPALIVE) -> None:
        self.ip_address = check_host(ip_address)
        self.port = check_port(port)
        self.timeout = check_seconds("timeout", timeout, optional=True)
        self.link = Link(address_name(ip_address, self.port))
        # Two underscores: drivers that inherit from us use up most of the short names.
        self.__keepalive = check_seconds("keepalive", keepalive, optional=True)
        check_seconds("min_interval", min_interval)
        self.framer = RawFramer() if framer is None else checked(framer)
        self.__talk = Conversation(
            self, self.framer, late_replies=check_late_replies(late_replies),
            on_connect=check_on_connect(on_connect), min_interval=min_interval,
            identity=None if identify is None else Identity(identify))
        outer = self.__talk.begin(self.timeout)
        try:
            self.__talk.open()
        finally:
            self.__talk.end(outer)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.link.name} {self.link.state.value}>"

    # the hooks of the original

    def _connect(self, address: tuple[str, int]) -> Any:
        """Make a connection to `address`; None, with the reason in the log, where that fails."""
        talk = self.__talk
        remaining = talk.remaining()
        timeout = self.timeout if self.timeout is None else min(self.timeout, remaining)
        try:
            if timeout is not None and timeout <= 0:
                raise TimeoutError("timed out")
            sock = connect(address[0], address[1], timeout=timeout, keepalive=self.__keepalive,
                           starting=talk.set_opening)
        except OSError as exc:
            talk.connect_error = talk.translate(exc, "connect", "no")
            return None
        sock.settimeout(self.timeout)
        return sock

    def _reset(self) -> None:
        """Close the connection, if any, and make a new one. ``comm`` is None if that fails."""
        outer = self.__talk.begin(self.timeout)
        try:
            self.__talk.drop()
            self.__talk.open()
        finally:
            self.__talk.end(outer)

    def _check_ready(self) -> None:
        """Wait until there is something to read.

        Raises
        ------
        Disconnected
            If there is no connection.
        ReplyTimedOut
            If nothing came within the timeout.
        """
        self.__talk.check_ready()

    # talking as the original does

    def send(self, msg: Text) -> None:
        """Send all bytes of `msg`, as they are.

        Where the connection is found to be gone, it is made anew first. A late reply that a
        `recv` gave up on is thrown away, if it has come by now. If sending fails,
        the connection is reset and sending tried a second time (so a device may see the
        beginning of `msg` twice; `query` does not do that).

        Parameters
        ----------
        msg : bytes or str
            ``str`` is encoded as UTF-8.

        Raises
        ------
        ConnectionError
            If it could not be sent: `ConnectFailed`, `Disconnected` or `SendTimedOut`.
        """
        talk = self.__talk
        data = to_bytes(msg)
        outer = talk.begin(self.timeout)
        try:
            talk.send(data)
        finally:
            talk.end(outer)

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
            Make the connection anew if this fails (which may take as long again).

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
        talk = self.__talk
        outer = talk.begin(self.timeout)
        try:
            self._check_ready()
            data: bytes = talk.receive(bufsize, not reset_on_error)
            return data
        except ConnectionError:
            if reset_on_error:
                talk.renew(self.timeout)
                self._reset()
            raise
        finally:
            talk.end(outer)

    # talking safely

    def query(self, msg: Text, timeout: float | None = None, *,
              safe_to_repeat: bool = False) -> bytes:
        """Ask one question and return its whole reply, without its terminator.

        Parameters
        ----------
        msg : bytes or str
            The framer's terminator is added where it is missing.
        timeout : float, optional
            Seconds for all of it, in place of the interface's own.
        safe_to_repeat : bool
            May the device get this command twice? Then it is sent once more if the
            connection is lost on the way. (If the loss is noticed before anything is sent,
            a new connection is made in any case.)

        Raises
        ------
        ConnectionError
            `ReplyTimedOut`, `Disconnected`, `ConnectFailed`, `FramingError`, ... The reply
            is never given to a later query.
        """
        data = self.__talk.framer.encode(msg)
        outer = self.__talk.begin(self.timeout if timeout is None else
                                  check_seconds("timeout", timeout))
        try:
            reply: bytes = self.__talk.exchange(data, safe_to_repeat)
            return reply
        finally:
            self.__talk.end(outer)

    def recv_frame(self, timeout: float | None = None) -> bytes:
        """Return the next whole frame that the device sends by itself.

        Parameters
        ----------
        timeout : float, optional
            Seconds, in place of the interface's own.

        Raises
        ------
        ConnectionError
            As `query`. After a timeout the connection is kept: nothing was asked for.
        """
        outer = self.__talk.begin(self.timeout if timeout is None else
                                  check_seconds("timeout", timeout))
        try:
            frame: bytes = self.__talk.next_frame()
            return frame
        finally:
            self.__talk.end(outer)

    # the end

    def close(self) -> None:
        """Close the connection for good. Calls that wait in other threads end at once."""
        self.__talk.close()

    def retry_in(self) -> float:
        """Seconds that a call would wait before it tries to connect. Any thread."""
        return self.__talk.retry_in()

    def check_idle(self) -> bool:
        """Look whether the device has hung up, if nobody is calling. Never blocks.

        False where a call is under way, which will find out by itself.
        """
        return self.__talk.check_idle()

    def tell_connections(self, callback: Callable[[Any], object]) -> None:
        """Have `callback` called with the socket of each connection, from this one on.

        For one monitor: called in the thread that connects, it must not call the device.
        """
        self.__talk.tell_connections(callback)

    def __enter__(self) -> TCPInterface:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        comm = self.comm
        if comm is not None:
            comm.close()
