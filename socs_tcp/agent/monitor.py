"""Notices that an idle blocking connection was hung up, while nobody is calling.

One epoll set holds the sockets of all watched devices and asks for nothing but
``EPOLLRDHUP`` (errors come unasked): no byte is taken from a socket, and a call pays
nothing. The set is itself one readable descriptor of the reactor. Linux only; elsewhere a
loss shows at the next call.
"""

from __future__ import annotations

import contextlib
import select
import socket
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

if TYPE_CHECKING:
    from ..blocking.interface import TCPInterface

AVAILABLE = hasattr(select, "epoll")

#: Seconds until we look again at a device that was busy when its connection ended.
RECHECK = 0.02


@implementer(IReadDescriptor)
class IdleMonitor:
    """The idle connections of some devices, as one reader of the reactor.

    Parameters
    ----------
    reactor : IReactorFDSet, IReactorTime, IReactorFromThreads
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        # Registering a socket is a system call and safe from any thread. An edge is
        # reported once, so that a connection that stays dead does not wake us again.
        self._epoll = select.epoll()
        self._events = select.EPOLLRDHUP | select.EPOLLET
        # Any thread writes one item of it; the reactor thread reads. A stale entry does no
        # harm: the device that is named is asked, under its own lock, about its own socket.
        self._devices: dict[int, TCPInterface] = {}
        reactor.callFromThread(reactor.addReader, self)

    def watch(self, device: TCPInterface) -> None:
        """Watch the connection of `device`, and each one that follows. Any thread."""
        device.tell_connections(lambda comm: self._register(device, comm))

    def _register(self, device: TCPInterface, comm: Any) -> None:
        if not isinstance(comm, socket.socket) or self._epoll.closed:
            return
        # A socket leaves the set by itself when it is closed.
        self._devices[comm.fileno()] = device
        # Where it is watched again, or somebody has closed the socket, or us in this moment,
        # there is nothing to do, and no call fails.
        with contextlib.suppress(OSError, ValueError):
            self._epoll.register(comm, self._events)

    def stop(self) -> None:
        """Watch no more. Reactor thread only."""
        self._reactor.removeReader(self)
        self._devices.clear()
        self._epoll.close()

    # IReadDescriptor: reactor thread

    def fileno(self) -> int:
        """The epoll set; -1 when it is closed."""
        return -1 if self._epoll.closed else self._epoll.fileno()

    def doRead(self) -> None:
        """Some connection has ended."""
        for fd, _event in self._epoll.poll(0):
            device = self._devices.get(fd)
            if device is not None:
                self._check(device)

    def _check(self, device: TCPInterface) -> None:
        # Busy: the call under way mostly finds out by itself, but not when the device
        # answers it and hangs up then.
        if not device.check_idle() and not self._epoll.closed:
            self._reactor.callLater(RECHECK, self._check, device)

    def connectionLost(self, reason: Any) -> None:
        """The reactor stops."""
        self._devices.clear()
        self._epoll.close()

    def logPrefix(self) -> str:
        """What Twisted's log calls us."""
        return "socs_tcp.IdleMonitor"
