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
import weakref
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from ..deferred.clock import steady

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
        self._clock = steady(reactor)
        # Registering a socket is a system call and safe from any thread. An edge is
        # reported once, so that a connection that stays dead does not wake us again.
        self._epoll = select.epoll()
        self._events = select.EPOLLRDHUP | select.EPOLLET
        # By the number of a descriptor: the device, held weakly, since whoever deletes a device
        # has closed it. Any thread writes one item of it; the reactor thread reads. A stale
        # entry does no harm: the device that is named is asked, under its own lock, about its
        # own socket.
        self._devices: dict[int, Callable[[], Any]] = {}
        reactor.callFromThread(reactor.addReader, self)

    def watch(self, device: Any) -> None:
        """Watch the connection of `device`, and each one that follows. Any thread."""
        ref = weakref.ref(device)
        device.tell_connections(lambda comm: self._register(ref, comm))

    def unwatch(self, device: Any) -> None:
        """Watch it no more. Any thread."""
        if hasattr(device, "tell_connections"):
            device.tell_connections(lambda comm: None)
        for fd, ref in list(self._devices.items()):
            if ref() is device:
                self._devices.pop(fd, None)
                with contextlib.suppress(OSError, ValueError):      # it has been closed
                    self._epoll.unregister(fd)

    def _register(self, ref: Callable[[], Any], comm: Any) -> None:
        if not isinstance(comm, socket.socket) or self._epoll.closed:
            return
        # A socket leaves the set by itself when it is closed.
        self._devices[comm.fileno()] = ref
        # Where it is watched again, or somebody has closed the socket, or us in this moment,
        # there is nothing to do, and no call fails.
        with contextlib.suppress(OSError, ValueError):
            self._epoll.register(comm, self._events)

    def stop(self) -> None:
        """Watch no more. Reactor thread only."""
        self._reactor.removeReader(self)
        self._epoll.close()

    # IReadDescriptor: reactor thread

    def fileno(self) -> int:
        """The epoll set; -1 when it is closed."""
        return -1 if self._epoll.closed else self._epoll.fileno()

    def doRead(self) -> None:
        """Some connection has ended."""
        for fd, _event in self._epoll.poll(0):
            ref = self._devices.get(fd)
            if ref is not None:
                self._check(ref)

    def _check(self, ref: Callable[[], Any]) -> None:
        # Busy: the call under way mostly finds out by itself, but not when the device
        # answers it and hangs up then.
        device = ref()
        if device is not None and not device.check_idle() and not self._epoll.closed:
            self._clock.callLater(RECHECK, self._check, ref)

    def connectionLost(self, reason: Any) -> None:
        """The reactor stops."""
        self._epoll.close()

    def logPrefix(self) -> str:
        """What Twisted's log calls us."""
        return "socs_tcp.IdleMonitor"
