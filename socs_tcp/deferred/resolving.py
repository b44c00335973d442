"""Look-ups for a reactor: one a host under way, and none in the reactor's thread pool.

Twisted's own resolver uses that pool, where an agent's blocking operations are, too: ten long
ones, and no name is looked up any more; a name server that is down, and no operation begins. So
the look-ups of the whole process, `socs_tcp.core.names`, are used in its place. A resolver that
the application has installed is used as it is.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from threading import get_ident
from typing import Any

from twisted.internet.interfaces import IResolutionReceiver
from zope.interface import implementer

from ..core.names import Address, Answer, Names, names, numeric
from .clock import steady
from .turns import one_for


class Resolving:
    """The look-ups of one reactor. Reactor thread only; the same for all that ask."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._installed = Names(self._begin, steady(reactor).seconds)

    def ask(self, host: str, told: Callable[[Answer], object]) -> Callable[[], object]:
        """As `Names.ask`; `told` is called in the reactor thread, at once for an address."""
        if not _is_twisteds_own(getattr(self._reactor, "nameResolver", None)):
            return self._installed.ask(host, told)
        asking = get_ident()

        def in_reactor(answer: Answer) -> None:
            if get_ident() == asking:
                told(answer)
            else:
                self._reactor.callFromThread(told, answer)
        return names.ask(host, in_reactor)

    def _begin(self, host: str, done: Callable[[Answer], object]) -> None:
        self._reactor.nameResolver.resolveHostName(_Receiver(host, done), host, 0)


def resolving(reactor: Any) -> Resolving:
    """The look-ups of this reactor. Keep them as long as you use them."""
    return one_for(reactor, Resolving)


def _is_twisteds_own(resolver: Any) -> bool:
    # It has no public name.
    kind = type(resolver)
    return kind.__name__ == "GAIResolver" and kind.__module__.startswith("twisted.internet.")


@implementer(IResolutionReceiver)
class _Receiver:
    """Collects the addresses of one look-up."""

    def __init__(self, host: str, done: Callable[[Answer], object]) -> None:
        self._host = host
        self._done = done
        self._addresses: dict[Address, None] = {}

    def resolutionBegan(self, resolution: Any) -> None:
        pass

    def addressResolved(self, address: Any) -> None:
        zone = getattr(address, "scopeID", 0)
        with contextlib.suppress(OSError):      # of an interface that is gone
            for found in numeric(f"{address.host}%{zone}" if zone else address.host) or ():
                self._addresses[found] = None

    def resolutionComplete(self) -> None:
        self._done(list(self._addresses) or socket.gaierror(
            socket.EAI_NONAME, f"no address found for {self._host!r}"))
