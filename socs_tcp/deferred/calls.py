"""What users call on a client, and on a session of it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ..core.framing import Framer, Text
from .device import Device
from .request import Request, batch, call_timeout, command, listener


class Calls:
    """All but `query`, which a client may ask twice and a session may not. Reactor thread only."""

    _device: Device

    def _add(self, request: Request) -> Deferred[Any]:
        """Let it wait for its turn."""
        raise NotImplementedError

    def _urgent(self, request: Request) -> Deferred[None]:
        """A command that goes out past whoever waits."""
        raise NotImplementedError

    def send(self, msg: Text, timeout: float | None = None, *,
             urgent: bool = False) -> Deferred[None]:
        """Send a command to which nothing is answered.

        Parameters
        ----------
        msg : bytes or str
            The framer's terminator is added where it is missing.
        timeout : float, optional
            Seconds for all of it, in place of the client's own.
        urgent : bool
            Send it at once, past whoever waits for the device or for a reply.

        Returns
        -------
        Deferred
            Fires with None when all bytes are with the operating system.
        """
        request = command(self._device, msg, timeout)
        return self._urgent(request) if urgent else self._add(request)

    def recv(self, timeout: float | None = None, *,
             framer: Framer | None = None) -> Deferred[bytes]:
        """Receive the next whole frame, be it the reply to a `send` or sent unasked.

        Parameters
        ----------
        timeout : float, optional
            As of `send`.
        framer : Framer, optional
            Where this frame ends, if not where the client's framer says.

        Returns
        -------
        Deferred
            Fires with bytes.
        """
        return self._add(listener(self._device, timeout, framer))

    def recv_frames(self, most: int, timeout: float | None = None, *,
                    framer: Framer | None = None) -> Deferred[list[bytes]]:
        """Receive many frames of a stream at once: those that are there, or else the next.

        Parameters
        ----------
        most : int
        timeout, framer
            As of `recv`; the time is that until the first frame.

        Returns
        -------
        Deferred
            Fires with a list of 1 to `most` frames (bytes); fails with `Disconnected` when the
            connection is lost while it waits.
        """
        device = self._device
        return self._add(batch(device, most, call_timeout(device, timeout), framer))
