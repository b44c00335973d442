"""How a Twisted transport says that the system has taken all bytes."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IPullProducer, IPushProducer
from zope.interface import implementer


@implementer(IPullProducer, IPushProducer)
class Drain:
    """Asks a transport to say when it has handed all bytes to the system.

    A consumer calls a pull producer's `resumeProducing` when its buffer is empty, and once
    at registration. TLS has no good way to do that (its wrapper of pull producers uses the
    installed reactor): there we push, and wait only while its buffer is full.

    Parameters
    ----------
    drained : callable
        Called when all bytes are gone, if that was not so at once (`waiting` tells).
    push : bool
        Be a push producer.
    """

    def __init__(self, drained: Callable[[], object], push: bool) -> None:
        self._drained = drained
        self._push = push
        self.waiting = False

    def resumeProducing(self) -> None:
        if self.waiting:
            self._drained()
        elif not self._push:
            self.waiting = True

    def pauseProducing(self) -> None:
        self.waiting = True

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` does what is to be done."""
        self.waiting = True
