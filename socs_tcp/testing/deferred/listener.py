"""A simulated device inside a Twisted reactor, behind real sockets.

The caller gives the reactor; the global one is never touched. Call all
methods in the reactor's thread.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from ..sockets import bind
from .factory import DeviceFactory


@implementer(IReadDescriptor)
class _Listener:
    """Accepts for a factory. Unlike Twisted's own port it stops and starts at once, and
    keeps its port number meanwhile."""

    def __init__(self, reactor: Any, factory: DeviceFactory, host: str, port: int,
                 receive_buffer: int | None) -> None:
        self._reactor = reactor
        self._factory = factory
        self._socket = bind(host, port, receive_buffer)
        self._listening = False
        self.host, self.port = self._socket.getsockname()[:2]

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "simulated device"

    def doRead(self) -> None:
        while self._listening:
            try:
                sock, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            with sock:      # the reactor makes a copy for itself
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._reactor.adoptStreamConnection(sock.fileno(), sock.family, self._factory)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """The reactor gives up on it, as at its end."""
        self.close()

    def look(self, refusing: bool) -> None:
        if refusing != self._listening or self._socket.fileno() < 0:
            return
        if refusing:
            self.doRead()
            self._reactor.removeReader(self)
            self._socket.shutdown(socket.SHUT_RDWR)
        else:
            self._socket.listen(128)
            self._reactor.addReader(self)
        self._listening = not refusing

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            with contextlib.suppress(KeyError):
                self._reactor.removeReader(self)
            self._listening = False
            self._socket.close()


class ReactorServer(DeviceFactory):
    """What `listen` returns: a `DeviceFactory` that listens.

    Attributes
    ----------
    host : str
    port : int
        Where it listens. It keeps the port while it is unplugged.
    """

    def __init__(self, reactor: Any, device: Any, host: str, port: int,
                 receive_buffer: int | None = None) -> None:
        listener = _Listener(reactor, self, host, port, receive_buffer)
        self.host, self.port = listener.host, listener.port
        super().__init__(reactor, device)
        self._listener = self._accepting = listener
        self._event(self._simulation.plug_in)

    def _run(self, what: Callable[[], None]) -> None:
        if not self._busy:      # who is connected already is one of those that it strikes
            self._accepting.doRead()
        super()._run(what)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port


def listen(reactor: Any, device: Any, *, host: str = "127.0.0.1",
           port: int = 0, receive_buffer: int | None = None) -> ReactorServer:
    """Run a simulated device inside a reactor.

    Parameters
    ----------
    reactor : IReactorTime, IReactorFDSet and IReactorSocket
        A real reactor. (On a ``Clock`` or a ``MemoryReactor`` use `DeviceFactory`.)
    device : ScriptedDevice, dict, callable, object, or class
        As for `DeviceServer`.
    host : str
        Where to listen. Default: the loopback interface.
    port : int
        0: any free port.
    receive_buffer : int, optional
        As for `DeviceServer`.

    Returns
    -------
    ReactorServer
        It already listens. Call `DeviceFactory.close` at the end.
    """
    return ReactorServer(reactor, device, host, port, receive_buffer)
