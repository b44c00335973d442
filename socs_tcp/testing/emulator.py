"""``socs.testing.device_emulator`` under its own names, so that existing tests can move.

::

    -from socs.testing.device_emulator import create_device_emulator
    +from socs_tcp.testing.emulator import create_device_emulator

The differences: nothing sleeps (the original takes a second to shut down), port 0 works, several
clients are served at once, and the emulator has the faults of a `DeviceServer`
(``emulator.faults``, ``emulator.server``). Only TCP.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from ..core.errors import show
from ..core.framing import RawFramer
from .blocking.peer import Peer
from .blocking.server import DeviceServer
from .device.scripted import ScriptedDevice
from .faults.faults import Faults

log = logging.getLogger("DeviceEmulator")       # the name that the original uses


def create_device_emulator(responses: dict[Any, Any], relay_type: str, port: int = 9001,
                           encoding: str | None = "utf-8",
                           reconnect: bool = False) -> Callable[..., Any]:
    """A pytest fixture that emulates a device.

    Parameters
    ----------
    responses : dict
        Commands and their responses; see `DeviceEmulator.define_responses`.
    relay_type : str
        ``'tcp'``. (For ``'serial'``, use the original.)
    port : int
        Where to listen on the loopback interface; 0: any free port.
    encoding : str or None
        See `DeviceEmulator`.
    reconnect : bool
        See `DeviceEmulator`.

    Returns
    -------
    function
        A fixture that gives the test a `DeviceEmulator`.
    """
    import pytest  # noqa: PLC0415 (not needed by those who use the class alone)

    if relay_type != "tcp":
        raise NotImplementedError(f"relay_type {relay_type!r} is not implemented here, only 'tcp'")

    @pytest.fixture
    def create_device() -> Iterator[DeviceEmulator]:
        device = DeviceEmulator(responses, encoding, reconnect=reconnect)
        device.create_tcp_relay(port)
        yield device
        device.shutdown()
    return create_device


class DeviceEmulator:
    """A device that answers whatever arrives together; there are no terminators.

    Parameters
    ----------
    responses : dict
        Commands with their responses.
    encoding : str or None
        A command is decoded, and stripped of white space; responses are encoded.
        None: commands and responses are bytes, unchanged.
    reconnect : bool
        Go on listening when the client has left. Without it, later connections are refused.

    Attributes
    ----------
    responses : dict
        The answers in use. The test replaces them; the device's thread reads them, and no other
        thread takes answers from its lists.
    default_response : str or None
        For unknown commands; None for no response.
    socket_port : int or None
        Where it listens.
    server : DeviceServer or None
    """

    def __init__(self, responses: dict[Any, Any], encoding: str | None = "utf-8",
                 reconnect: bool = False) -> None:
        self.responses = deepcopy(responses)
        self.default_response: Any = None
        self.encoding = encoding
        self.reconnect = reconnect
        self.logger = log
        self.socket_port: int | None = None
        self.server: DeviceServer | None = None

    @property
    def faults(self) -> Faults:
        """The faults to cause; available after `create_tcp_relay`."""
        if self.server is None:
            raise RuntimeError("the emulator does not run: call create_tcp_relay first")
        return self.server.faults

    def create_tcp_relay(self, port: int) -> None:
        """Listen on `port` of the loopback interface; 0: any free port. Any thread.

        Raises
        ------
        OSError
            If the port is in use. (The original tries again forever.)
        """
        device = ScriptedDevice(self._answer, framer=RawFramer())
        kind = DeviceServer if self.reconnect else _OneClient
        self.server = kind(device, port=port)
        self.socket_port = self.server.port

    def shutdown(self) -> None:
        """Close everything. A second call does nothing. Any thread."""
        if self.server is not None:
            self.server.close()
        self.socket_port = None

    def define_responses(self, responses: dict[Any, Any] | None,
                         default_response: Any = None) -> None:
        """Answer with these from now on. Any thread.

        Parameters
        ----------
        responses : dict
            Commands and their responses. The responses of a list are used one after the other,
            once each.
        default_response : str, optional
            For unknown commands.
        """
        self.responses = deepcopy(responses) if responses else {}
        self.default_response = default_response

    def update_responses(self, responses: dict[Any, Any]) -> None:
        """Answer with these, too. Any thread."""
        self.responses = {**(self.responses or {}), **responses}

    def get_response(self, msg: Any) -> Any:
        """The response to one command, or None."""
        responses = self.responses
        if responses is None:
            return None
        if msg not in responses and self.default_response is not None:
            return self.default_response
        response = responses.get(msg)
        used_up = response == []
        if isinstance(response, list):
            response = response.pop(0) if response else None
        if response is None:
            text = show(msg) if isinstance(msg, bytes) else ascii(msg)
            self.logger.info("all responses to %s are used up" if used_up
                             else "no response to %s", text)
        return response

    def _answer(self, command: bytes) -> bytes | None:
        """What goes back for what came; the thread of the device."""
        msg: Any = command
        if self.encoding:
            msg = command.strip().decode(self.encoding)
        if not msg:
            return None
        response = self.get_response(msg)
        if isinstance(response, str):
            return response.encode(self.encoding or "utf-8")
        return response     # type: ignore[no-any-return]


class _OneClient(DeviceServer):
    """Ends, as the original does, when its client has left."""

    def _gone(self, peer: Peer) -> None:
        super()._gone(peer)
        self._simulation.unplug()
