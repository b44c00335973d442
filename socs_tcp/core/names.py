"""From a host's name to its addresses, without waiting longer than one likes.

The system's look-up can be neither bounded nor ended, and a name server that is down makes it
last for half a minute or more. So each runs in a thread of its own (not in the reactor's pool:
there it would wait behind the blocking operations of an agent, and they behind it). Whoever asks
for a name that is being looked up joins that look-up, so there is never more than one a host.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeAlias

from .errors import told
from .forking import inherited

#: Family and address, as sockets take it.
Address: TypeAlias = tuple[int, tuple[Any, ...]]

#: What came of a look-up.
Answer: TypeAlias = list[Address] | OSError

#: Seconds for which the addresses are kept of a look-up that lasted longer than all who waited
#: for it: else a name server that is slower than a call's timeout would never be of use.
KEPT = 30.0


def numeric(host: str) -> list[Address] | None:
    """The address that `host` is, in a list, if it is one and no name.

    Raises
    ------
    OSError
        If it belongs to a network interface (``fe80::1%eth0``) that is not there.
    """
    text, _percent, zone = host.partition("%")
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text if family == socket.AF_INET6 else host)
        except (OSError, ValueError):       # a null in it is a ValueError
            continue
        if family == socket.AF_INET:
            return [(family, (host, 0))]
        return [(family, (text, 0, 0, _scope(zone)))]
    return None


def _scope(zone: str) -> int:
    """The number of a network interface."""
    if not zone or (zone.isascii() and zone.isdigit()):
        return int(zone or 0)
    try:
        return socket.if_nametoindex(zone)
    except (OSError, ValueError):
        raise OSError(f"this machine has no network interface {zone!r}") from None


def with_port(address: Address, port: int) -> Address:
    """The same address, with a port."""
    family, (host, _none, *rest) = address
    return family, (host, port, *rest)


class Names:
    """Look-ups of which there is never more than one a host. Any thread.

    Parameters
    ----------
    begin : callable
        Begins the look-up of a host, ``begin(host, done)``, and has ``done(answer)`` called
        once, in any thread, at any time.
    seconds : callable
        A clock.
    """

    def __init__(self, begin: Callable[[str, Callable[[Answer], object]], object],
                 seconds: Callable[[], float] = monotonic) -> None:
        self._begin = begin
        self._seconds = seconds
        self.forked()

    def forked(self) -> None:
        """Begin anew, as in a forked child: it has none of the threads of its parent."""
        # Reentrant, for a signal handler that makes a device.
        self._lock = threading.RLock()
        self._under_way: dict[str, dict[object, Callable[[Answer], object]]] = {}
        self._kept: dict[str, tuple[float, Answer]] = {}

    def ask(self, host: str, told: Callable[[Answer], object]) -> Callable[[], object]:
        """Have `told` called, once, with the addresses of `host` or with what was wrong.

        Parameters
        ----------
        host : str
            Name or address.
        told : callable
            Called at once with what is known at once, otherwise in the thread that knows. It
            must neither block nor raise, and must stand a call that comes too late.

        Returns
        -------
        callable
            To be called by who waits no longer.
        """
        key = object()
        try:
            answer: Answer | None = numeric(host)
        except OSError as exc:
            answer = exc
        begun = True
        with self._lock:
            answer = answer or self._fresh(host)
            if answer is None:
                begun = host in self._under_way
                waiting = self._under_way.setdefault(host, {})
                waiting[key] = told
        if answer is not None:
            told(answer)
            return lambda: None
        if not begun:
            self._start(host)
        return lambda: waiting.pop(key, None)

    def _fresh(self, host: str) -> Answer | None:
        until, answer = self._kept.pop(host, (0.0, None))
        return answer if self._seconds() < until else None

    def _start(self, host: str) -> None:
        try:
            self._begin(host, lambda answer: self._done(host, answer))
        except Exception as exc:        # no more threads, say
            self._done(host, OSError(f"{host!r} cannot be looked up: {exc}"))
        except BaseException:
            self._under_way.pop(host, None)
            raise

    def _done(self, host: str, answer: Answer) -> None:
        now = self._seconds()
        with self._lock:
            told = list(self._under_way.pop(host, {}).values())
            if not told and isinstance(answer, list):
                self._kept = {name: kept for name, kept in self._kept.items() if kept[0] > now}
                self._kept[host] = now + KEPT, answer
        for tell in told:
            # Each has a list, or an error, of their own.
            tell(list(answer) if isinstance(answer, list) else type(answer)(*answer.args))


def _in_a_thread(host: str, done: Callable[[Answer], object]) -> None:
    threading.Thread(target=lambda: done(look_up(host)), daemon=True,
                     name=f"look-up of {host[:60]!r}").start()


def look_up(host: str) -> Answer:
    """Ask the system, for as long as that takes."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except OSError as exc:
        return exc
    except BaseException as exc:    # a name that cannot be encoded; and it must not go on for ever
        return OSError(f"{host!r} cannot be looked up: {told(exc)}")
    # As a dict, for each one once, in their order.
    addresses = list({(int(family), address): None for family, _kind, _proto, _name, address
                      in found if family in (socket.AF_INET, socket.AF_INET6)})
    return addresses or OSError(f"{host} has no address")


#: Those of this process, for both faces.
names = Names(_in_a_thread)
inherited.add(names)
