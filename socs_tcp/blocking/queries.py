"""What the original has not: whole replies, streams, and the device for oneself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from ..core.checks import check_seconds, positive
from ..core.framing import Framer, Text, checked
from ..core.turn import Match, Turn, checked_match, question
from .calls import Calls
from .session import Session
from .stream import Stream, batch


class Queries:
    """Talks to a device in whole frames. The other half of a `TCPInterface`.

    Parameters
    ----------
    session : Session
    calls : Calls
    framer : Framer
        Where a reply ends.
    timeout : float or None
        Seconds that a call may take; None for no limit. A driver may change it.
    """

    def __init__(self, session: Session, calls: Calls, framer: Framer,
                 timeout: float | None) -> None:
        # Two underscores: drivers that inherit from us use up most of the short names.
        self.__session, self.__calls = session, calls
        self.framer = framer
        self.timeout = timeout

    def query(self, msg: Text, timeout: float | None = None, *, safe_to_repeat: bool = False,
              framer: Framer | None = None, match: Match | None = None,
              replies: int | None = None) -> Any:
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
        framer : Framer, optional
            Where this reply ends, if it ends differently.
        match : compiled pattern of bytes, or function of the reply, optional
            What the reply looks like. A pattern has to match from its beginning. Another one is
            never returned.
        replies : int, optional
            The device answers with so many frames.

        Returns
        -------
        bytes, or list of bytes
            A list where `replies` is given.

        Raises
        ------
        ConnectionError
            `ReplyTimedOut`, `Disconnected`, `ConnectFailed`, `FramingError`, `WrongReply`, ...
            The reply is never given to a later query.
        """
        data = self.framer.encode(msg)
        if framer is None and match is None:
            turn = question(data)
        else:
            turn = Turn("query", data, 1, checked_match(match),
                        None if framer is None else checked(framer))
        if replies is not None:
            turn.collect(positive("replies", replies, "frames"))
        return self.__session.run(
            self.timeout if timeout is None else check_seconds("timeout", timeout),
            self.__calls.ask_twice if safe_to_repeat else self.__calls.ask, self, turn)

    def recv_frame(self, timeout: float | None = None, *, framer: Framer | None = None) -> bytes:
        """Return the next whole frame that the device sends on its own.

        Parameters
        ----------
        timeout : float, optional
            Seconds, in place of the interface's own.
        framer : Framer, optional
            Where this frame ends, if it ends differently.

        Raises
        ------
        ConnectionError
            As `query`. After a timeout the connection is kept: nothing was asked for.
        """
        turn = Turn("listen", framer=None if framer is None else checked(framer))
        frame: bytes = self.__session.run(
            self.timeout if timeout is None else check_seconds("timeout", timeout),
            self.__calls.next_frame, self, turn)
        return frame

    def recv_frames(self, most: int, timeout: float | None = None, *,
                    framer: Framer | None = None) -> list[bytes]:
        """Return many frames of a stream at once: those that are there, or else the next.

        Parameters
        ----------
        most : int
        timeout, framer
            As of `recv_frame`; the time is that until the first frame.

        Returns
        -------
        list of bytes
            1 to `most` frames.

        Raises
        ------
        ConnectionError
            As `recv_frame`.
        """
        turn = batch(positive("most", most, "frames"), None if framer is None else checked(framer))
        frames: list[bytes] = self.__session.run(
            self.timeout if timeout is None else check_seconds("timeout", timeout),
            self.__calls.next_frame, self, turn)
        return frames

    def frames(self, timeout: float | None = None) -> Iterator[bytes]:
        """All that the device says from now on: ``for frame in device.frames()``.

        While the loop takes its time over one, the device is made to wait, and other threads may
        use it. While the loop waits for one, they may only `send`.

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
        ConnectionError
            As `recv_frame`. `Disconnected` comes behind all frames that came before the loss; a
            new loop goes on with what comes over the next connection.
        """
        timeout = check_seconds("timeout", timeout, optional=True)
        stream = Stream(self.__calls.exchange)
        while True:
            yield from self.__session.run(timeout, stream.next_frames, self, None)

    def reserve(self, timeout: float | None = None) -> AbstractContextManager[Any]:
        """Have the device for oneself: ``with device.reserve() as talk``.

        All calls inside go over one connection, with no other thread's between them. If that
        connection is lost, the rest raises `Disconnected`, and nothing goes out on a new one.
        Each call has its own timeout.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait for the device and its connection, in place of the interface's own.

        Returns
        -------
        context manager
            Gives this object.

        Raises
        ------
        ConnectionError
            As `query`.
        """
        return self.__calls.reserve(self, self.timeout if timeout is None else
                                    check_seconds("timeout", timeout))
