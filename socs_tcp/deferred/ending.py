"""The end of a reactor, and a child that is forked from its process: whoever waits hears of it."""

from __future__ import annotations

import contextlib
from typing import Any, Protocol
from weakref import WeakSet, finalize, ref

from twisted.internet.interfaces import IReactorCore
from twisted.logger import Logger

from ..core.forking import inherited
from .turns import one_for

log = Logger()


class HearsOfTheEnd(Protocol):
    def reactor_ended(self) -> object:
        """The reactor has closed all connections, and makes no more."""

    def forked(self) -> object:
        """This is a child, in which it does not run."""


class Ending:
    """Tells all who want to hear it, after the shutdown. Reactor thread only.

    *After*: what an application does as it ends (a heater that it turns off) still works.
    """

    def __init__(self, reactor: Any) -> None:
        self._listeners: WeakSet[HearsOfTheEnd] = WeakSet()
        inherited.add(self)
        if IReactorCore.providedBy(reactor):
            # The reactor keeps nothing of us: this lives as long as those who listen.
            trigger = reactor.addSystemEventTrigger("after", "shutdown", _tell, ref(self))
            finalize(self, _take_back, ref(reactor), trigger).atexit = False

    def add(self, listener: HearsOfTheEnd) -> None:
        """Tell this one. It is not kept alive by that."""
        self._listeners.add(listener)

    def remove(self, listener: HearsOfTheEnd) -> None:
        """This one no more."""
        self._listeners.discard(listener)

    def tell(self) -> None:
        """It is here."""
        for listener in list(self._listeners):
            try:
                listener.reactor_ended()
            except Exception:
                log.failure("at the end of the reactor")

    def forked(self) -> None:
        """This is a child."""
        for listener in list(self._listeners):
            listener.forked()


def _tell(of: ref[Ending]) -> None:
    ending = of()
    if ending is not None:
        ending.tell()


def _take_back(of: ref[Any], trigger: Any) -> None:
    # It is gone where it was called, and not every reactor of tests can take one back.
    with contextlib.suppress(AttributeError, KeyError, ValueError, TypeError, NotImplementedError):
        reactor: Any = of()
        reactor.removeSystemEventTrigger(trigger)


def ending(reactor: Any) -> Ending:
    """Of this reactor. Keep it as long as you want to hear of it."""
    return one_for(reactor, Ending)
