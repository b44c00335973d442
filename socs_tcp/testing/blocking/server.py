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
    """A simulated device behind a TCP port. It needs no reactor and disturbs none.

    All methods may be called from any thread. Closing it, or leaving its ``with`` block,
    leaves no thread and no file descriptor behind; leaving the block normally raises
    what went wrong in the device's script, if something did.

    Parameters
    ----------
    device : ScriptedDevice, dict, callable, object, or class
        What is not a `ScriptedDevice` is put into one.
    host : str
        Where to listen; the loopback interface unless given.
    port : int
        0 for any that is free; see `port`.
    framer : Framer, optional
        What ends commands and replies, where `device` is not a `ScriptedDevice` already;
        ``LineFramer()``, which is CR LF, unless given.
    receive_buffer : int, optional
        Bytes that the system takes for a device that does not read, before the client must
        wait; some thousand at least, the system's choice unless given.

    Attributes
    ----------
    device : ScriptedDevice
    host, port : str, int
    faults : Faults
        What is to go wrong.

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
        """Send to all clients what nobody asked for; an answer as in a script. Any thread."""
        self._run(lambda: self._simulation.say(answer))
