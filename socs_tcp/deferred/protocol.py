"""Twisted protocols with Deferred ``send`` and ``recv``: lines (or other frames), and raw bytes.

They work with any Twisted factory or endpoint::

    device = yield connectProtocol(TCP4ClientEndpoint(reactor, host, port), LineProtocol())
    yield device.send("*IDN?")
    line = yield device.recv()
"""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

from ..core.checks import positive
from ..core.framing import Framer, LineFramer, RawFramer
from ..core.policy import KEEPALIVE
from .frame_protocol import READ_SIZE, FrameProtocol

#: For all that speak in lines.
LINES = LineFramer()


class LineProtocol(FrameProtocol):
    """A device that speaks in lines, or in what another framer tells apart.

    Parameters
    ----------
    framer : Framer, optional
        Default: ``LineFramer()``, lines that end with CR LF.
    keepalive : float or None
        Seconds after which a connection on which nothing is said is known to be dead.
    """

    def __init__(self, framer: Framer | None = None,
                 keepalive: float | None = KEEPALIVE) -> None:
        super().__init__(LINES if framer is None else framer, keepalive)

    def recv(self) -> Deferred[bytes]:
        """Receive one whole line, without its terminator.

        Returns
        -------
        Deferred
            Fires with bytes; fails with a `ConnectionError` when the connection is lost and
            no whole line is left. Readers are served in order; cancelling takes one out.
        """
        return self._recv(0)

    def recv_frames(self, most: int) -> Deferred[list[bytes]]:
        """Receive many lines at once: those that are there, or else the next.

        Parameters
        ----------
        most : int

        Returns
        -------
        Deferred
            As that of `recv`, but with a list of 1 to `most` lines.
        """
        return self._recv(positive("most", most, "frames"))

    def _take(self, size: int) -> Any:
        if not size:
            return self._whole(self._decoder.next_frame)
        return self._whole(partial(self._decoder.next_frames, size)) or None


class RawProtocol(FrameProtocol):
    """A device whose bytes are taken as they come.

    Parameters
    ----------
    keepalive : float or None
        Seconds after which a connection on which nothing is said is known to be dead.
    """

    def __init__(self, keepalive: float | None = KEEPALIVE) -> None:
        super().__init__(RawFramer(), keepalive)

    def dataReceived(self, data: bytes) -> None:
        if self._lost is not None or self._decoder.waiting or not self._readers \
                or len(data) > self._readers[0][1]:
            super().dataReceived(data)
            return
        # Somebody waits and gets all of it: no need to copy it in and out of the decoder.
        reader, _size = self._readers.pop(0)
        self._read_long(len(data) >= READ_SIZE)
        reader.callback(data)

    def recv(self, bufsize: int = 4096) -> Deferred[bytes]:
        """Receive what has come.

        Parameters
        ----------
        bufsize : int
            The most bytes to give.

        Returns
        -------
        Deferred
            Fires with 1 to `bufsize` bytes; fails with a `ConnectionError` when the
            connection is lost and nothing is left.
        """
        if bufsize < 1:
            raise ValueError(f"bufsize must be at least 1 byte, not {bufsize!r}")
        return self._recv(bufsize)

    def _take(self, size: int) -> Any:
        return self._decoder.take(size) if self._decoder.waiting else None
