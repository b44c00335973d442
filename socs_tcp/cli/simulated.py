"""The server of ``simulate``, and what it tells of what it does not answer."""

from __future__ import annotations

import contextlib

from ..testing import DeviceServer, ScriptedDevice
from ..testing.blocking.peer import Peer
from .show import printable

#: So many lines about what is not answered, and so many bytes of each: the device goes on
#: whoever reads them, and must never wait until there is room for one.
LINES, SHOWN = 20, 60


class Told:
    """What the device does not answer, each once. The thread of the device only."""

    def __init__(self) -> None:
        self._lines: set[str] = set()

    def unknown(self, command: bytes) -> None:
        """A command came that is not described."""
        more = "..." if len(command) > SHOWN else ""
        self.tell(f"not described, not answered: {printable(command[:SHOWN])}{more}")

    def tell(self, line: str) -> None:
        """Print `line`, unless it was printed or there were too many."""
        if line in self._lines or len(self._lines) >= LINES:
            return
        self._lines.add(line)
        with contextlib.suppress(OSError):      # nobody reads: no fault of the device
            print(line, flush=True)


class Server(DeviceServer):
    """Tells of a client that leaves before its command has ended."""

    def __init__(self, device: ScriptedDevice, told: Told, *, host: str, port: int) -> None:
        self._told = told
        super().__init__(device, host=host, port=port)

    def _gone(self, peer: Peer) -> None:
        rest = self._simulation.journal.unfinished.get(peer.line)
        if rest is not None:
            self._told.tell(f"unfinished, not answered: {rest}")
        super()._gone(peer)
