"""How a Twisted transport says that the system has taken all bytes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.protocols.policies import ProtocolWrapper
from zope.interface import implementer


def lowest(transport: Any) -> Any:
    """The transport below all wrappers, which has the socket: below TLS, say."""
    while isinstance(transport, ProtocolWrapper) and transport.transport is not None:
        transport = transport.transport
    return transport


def socket_of(transport: Any) -> socket.socket | None:
    """The socket below all wrappers, if there is one."""
    handle = getattr(lowest(transport), "getHandle", lambda: None)()
    return handle if isinstance(handle, socket.socket) else None


def drain_of(transport: Any, drained: Callable[[], object]) -> Drain | SocketDrain:
    """What asks `transport` to say when it has handed all bytes to the system."""
    below = lowest(transport)
    if isinstance(below, FileDescriptor) and below.producer is None:
        return SocketDrain(transport, below, drained)
    return Drain(transport, drained)


@implementer(IPullProducer)
class SocketDrain:
    """Asks the transport that has the socket.

    Its wrappers hand on what they are given at once, or later: TLS, before its handshake is over
    and where it gathers small writes. Then there is more to come.

    Parameters
    ----------
    transport, below : ITransport, FileDescriptor
        What is written to, and what has the socket.
    drained : callable
        Called when all bytes are gone, if that was not so at once.
    """

    def __init__(self, transport: Any, below: Any, drained: Callable[[], object]) -> None:
        self._transport = transport
        self._below = below
        self._drained = drained

    def write(self, data: bytes) -> bool:
        """Write; False if `drained` will be called."""
        self._transport.write(data)
        if self._gone():
            return True
        # (Not the transport's own method: TLS would put a wrapper around us, for which it uses
        # the installed reactor.)
        FileDescriptor.registerProducer(self._below, self, False)  # type: ignore[arg-type]
        return False

    def _gone(self) -> bool:
        below = self._below
        return not (below.dataBuffer or below._tempDataLen or any(self._held_back()))

    def _held_back(self) -> Iterator[object]:
        """What wrappers have not handed on."""
        for wrapper in self._wrappers():
            yield getattr(wrapper, "_appSendBuffer", None)
            yield getattr(getattr(wrapper, "_aggregator", None), "_buffer", None)

    def _wrappers(self) -> Iterator[Any]:
        transport = self._transport
        while transport is not self._below:
            yield transport
            transport = transport.transport
        if getattr(transport, "TLS", False):    # by startTLS
            yield transport.protocol

    def stop(self) -> None:
        """Hear no more."""
        FileDescriptor.unregisterProducer(self._below)

    def resumeProducing(self) -> None:
        """The socket's transport has nothing left (or has just been asked to say so)."""
        if self._gone():
            self._drained()

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` does what is to be done."""


@implementer(IPullProducer, IPushProducer)
class Drain:
    """Asks any other transport.

    A consumer calls a pull producer's `resumeProducing` when its buffer is empty, and once at
    registration. Where it says that it is TLS we push, and wait only while its buffer is full.
    """

    def __init__(self, transport: Any, drained: Callable[[], object]) -> None:
        self._transport = transport
        self._drained = drained
        self._push = bool(getattr(transport, "TLS", False))
        self._waiting = False

    def write(self, data: bytes) -> bool:
        """Write; False if `drained` will be called."""
        self._transport.registerProducer(self, self._push)
        self._transport.write(data)
        if not self._waiting:       # it takes all; or is in memory, and never asks for more
            self.stop()
        return not self._waiting

    def stop(self) -> None:
        """Hear no more."""
        self._transport.unregisterProducer()

    def resumeProducing(self) -> None:
        if self._waiting:
            self._drained()
        elif not self._push:
            self._waiting = True

    def pauseProducing(self) -> None:
        self._waiting = True

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` does what is to be done."""
        self._waiting = True
