"""Which address of a host is tried next, and when. Both faces ask here."""

from __future__ import annotations

import math
import socket

from .names import Address, Answer, with_port

#: Seconds that one address has before the next is tried beside it (RFC 8305).
STAGGER = 0.25

#: Seconds that a look-up has before the address that worked last is tried while it lasts.
HEAD_START = 0.25

#: The name server could not be asked, or said nothing: the name may well be right.
_NO_ANSWER = (socket.EAI_AGAIN, getattr(socket, "EAI_SYSTEM", socket.EAI_AGAIN))


class Candidates:
    """The addresses of one host, in one attempt to connect to it.

    The one that worked last is the first. Where one has said nothing for `STAGGER` seconds, the
    next is tried beside it. While a look-up lasts, or where no name server answers, the one
    that worked last is tried; if the look-up then gives others only, it is given up, since it
    may be another device's by now. Times are those of any one clock.

    Parameters
    ----------
    port : int
    remembered : Address or None
        The one that worked last, with its port.
    now, deadline : float
        When the attempt begins, and when it ends.

    Attributes
    ----------
    running : tuple of Address
        Those that are being tried.
    """

    __slots__ = ("_deadline", "_error", "_look_up_error", "_next", "_port", "_remembered",
                 "_resolved", "_tried", "_untried", "running")

    def __init__(self, port: int, remembered: Address | None, now: float,
                 deadline: float) -> None:
        self.running: tuple[Address, ...] = ()
        self._port = port
        self._deadline = deadline
        self._remembered = remembered
        self._untried: list[Address] = []
        self._tried: tuple[Address, ...] = ()
        self._resolved = False
        self._error: Exception | None = None
        self._look_up_error: OSError | None = None
        # The next address is tried at this time.
        self._next = math.inf
        if remembered is not None:
            self._untried.append(remembered)
            self._next = now + min(HEAD_START, (deadline - now) / 4)

    def resolved(self, answer: Answer) -> set[Address]:
        """The look-up is over.

        Returns
        -------
        set of Address
            Of those that are running, the ones to give up: `failed` is not called for them.
        """
        self._resolved = True
        if isinstance(answer, OSError):
            return self._not_resolved(answer)
        addresses = [with_port(address, self._port) for address in answer]
        if self._remembered in addresses:
            addresses.remove(self._remembered)
            addresses.insert(0, self._remembered)
        self._untried = [a for a in addresses if a not in self._tried]
        return self._give_up({a for a in self.running if a not in addresses})

    def _not_resolved(self, error: OSError) -> set[Address]:
        self._look_up_error = error
        if error.errno in _NO_ANSWER:
            return self._give_up(set())
        self._untried.clear()       # there is no such host (any more)
        return self._give_up(set(self.running))

    def _give_up(self, addresses: set[Address]) -> set[Address]:
        self.running = tuple(a for a in self.running if a not in addresses)
        if not self.running:
            self._next = -math.inf
        return addresses

    def next(self, now: float) -> Address | None:
        """The one to try now, which is running then; None for none."""
        if not self._untried or now < self._next:
            return None
        address = self._untried.pop(0)
        left = (self._deadline - now) / (len(self._untried) + 1)
        self._next = now + min(STAGGER, left)
        self._tried += (address,)
        self.running += (address,)
        return address

    def next_at(self) -> float:
        """When to ask for the `next`; infinite for not before something else happens."""
        return self._next if self._untried else math.inf

    def failed(self, address: Address, error: Exception) -> None:
        """This one is of no use: the next one is tried at once."""
        self.running = tuple(a for a in self.running if a != address)
        # (With its traceback it would keep all who called us alive, and so itself.)
        self._error = error.with_traceback(None)
        self._next = -math.inf

    def reason(self) -> Exception | None:
        """What went wrong, as far as is known.

        Where nobody answered for the name, that is it: whoever is told that an old address
        refuses looks in the wrong place.
        """
        return self._look_up_error or self._error

    def over(self) -> bool:
        """Is nothing left to try?"""
        return self._resolved and not self.running and not self._untried
