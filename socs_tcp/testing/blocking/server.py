"""A simulated device in a thread of its own, for tests that block."""

from __future__ import annotations

import socket
from typing import Any

from ...core.framing import Framer
from ..device.scripted import as_device
from ..simulation.simulation import DeviceSimulation
from .host import SocketHost
from .peer import Peer


class DeviceServer(SocketHost):
    """A simulated device behind a TCP port. It needs no reactor, and does not disturb one.

    Any thread may call any method. `close`, and the end of a ``with`` block, leave no thread
    and no file descriptor behind. If the block ends normally, it raises the first error of the
    device's script, if there was one.

    Parameters
    ----------
    device : ScriptedDevice, dict, callable, object, or class
        Anything that is not a `ScriptedDevice` is made into one.
    host : str
        Where to listen. Default: the loopback interface.
    port : int
        0: any free port; see `port`.
    framer : Framer, optional
        What ends commands and replies, if `device` is not a `ScriptedDevice` already.
        Default: ``LineFramer()``, which is CR LF.
    receive_buffer : int, optional
        How many bytes the system accepts for a device that does not read, before the client
        must wait: a few thousand at least. Default: the system's choice.

    Attributes
    ----------
    device : ScriptedDevice
    host, port : str, int
    faults : Faults
        The faults to cause.

    Examples
    --------
    ::

        with DeviceServer({"*IDN?": "LSCI,MODEL372"}) as server:
            bridge = TCPInterface(server.host, server.port, timeout=1)
            server.unplug()
    """

    _simulation: DeviceSimulation

    def __init__(self, device: Any, *, host: str = "127.0.0.1", port: int = 0,
                 framer: Framer | None = None, receive_buffer: int | None = None) -> None:
        self.device = as_device(device, framer)
        super().__init__(lambda run: DeviceSimulation(self.device, run), host, port,
                         receive_buffer)

    def _peer(self, sock: socket.socket) -> Peer:
        return Peer(self._loop, sock, self._simulation.new_line(), self._gone)

    def say(self, answer: Any) -> None:
        """Send all clients what nobody asked for: an answer as in a script. Any thread."""
        self._run(lambda: self._simulation.say(answer))
