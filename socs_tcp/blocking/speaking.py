"""Commands go out on one connection, one at a time, whoever sends them."""

from __future__ import annotations

import math
import threading
from time import monotonic, sleep
from typing import Any

from ..core.sockets import Patience
from ..core.telnet import TelnetFilter, escape

#: Seconds between two looks at whether the call that has the device has sent its command.
LOOK = 0.002


class Speaking:
    """The writing half of a `Connection`.

    Parameters
    ----------
    comm : socket.socket
        Connected.
    telnet : bool
        Telnet's own bytes are doubled in what is sent.
    keepalive : float or None
        What the socket was set up with.
    """

    __slots__ = ("_beside", "_fd", "_halfway", "_one_beside", "_patience", "_speaking", "_telnet",
                 "comm", "usual")

    def __init__(self, comm: Any, telnet: bool, keepalive: float | None) -> None:
        self.comm = comm
        self._fd: int | None = None
        # One command at a time goes out, whoever sends it: the call that has the device, or others.
        self._speaking = self._beside = False
        self._one_beside = threading.RLock()
        self._halfway = False       # a command has been sent in part
        self._telnet = TelnetFilter() if telnet else None
        self._patience = Patience(comm, keepalive)
        #: Seconds that the device has to take what is sent, without `grant`; may be infinite.
        self.usual = self._patience.usual

    def put(self, data: bytes, deadline: float) -> None:
        """Hand all of `data` to the system.

        Parameters
        ----------
        deadline : float
            By `time.monotonic`; may be infinite.

        Raises
        ------
        TimeoutError
            If the device does not take it until then.
        OSError
            If the connection is lost.
        """
        if self._telnet is not None:
            data = escape(data)
        if self._patience.stretched:
            self._patience.relax()
        # This and `_put_alone` say first what they do, and look at the other then: so never do both
        # of them see nothing, and go on.
        self._speaking = True
        try:
            if self._beside:
                self._speaking = False
                self._put_alone(data, deadline, within=False)
            else:
                self._write(data, deadline)
        finally:
            self._speaking = False

    def put_beside(self, data: bytes, deadline: float, *, within: bool = False) -> None:
        """As `put`, beside the call that has the device; in a signal handler `within` that call.

        Raises
        ------
        RuntimeError
            If this thread is in the middle of sending another command.
        """
        self._put_alone(data if self._telnet is None else escape(data), deadline, within)

    def _put_alone(self, data: bytes, deadline: float, within: bool) -> None:
        """Write, while nobody else does."""
        try:
            if not self._one_beside.acquire(
                    timeout=-1 if deadline == math.inf else max(deadline - monotonic(), 0)):
                raise TimeoutError("timed out")
            before, self._beside = self._beside, True
            try:
                while self._speaking and not within:
                    if monotonic() > deadline:
                        raise TimeoutError("timed out")
                    sleep(LOOK)
                if self._halfway:
                    raise RuntimeError("this thread is in the middle of sending another command")
                self._write(data, deadline)
            finally:
                self._beside = before
        finally:
            try:                        # noqa: SIM105  # (as in `Session.run`)
                self._one_beside.release()
            except RuntimeError:
                pass

    def _write(self, data: bytes, deadline: float) -> None:
        if self._fd is None or deadline == math.inf:
            self.comm.sendall(data)
            return
        usual = self.comm.gettimeout()
        self.comm.settimeout(max(deadline - monotonic(), 0.001))
        try:
            self.comm.sendall(data)
        finally:
            self.comm.settimeout(usual)

    def grant(self, allowed: float | None) -> None:
        """After a command that is not answered: nobody will wait until the device has taken it."""
        if allowed is not None and self.usual < allowed:
            self._patience.grant(allowed)
