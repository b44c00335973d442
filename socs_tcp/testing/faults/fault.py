"""What a fault is, and the methods that say it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ...core.checks import check_seconds
from ...core.framing import Text, to_bytes
from ..device.script import Answer

MOMENT = frozenset({"hang_up", "reset", "reboot", "unasked"})
REPLY = frozenset({"hang_up_mid_reply", "silence", "late", "split", "glue", "garbage",
                   "endless_line"})
LINE = frozenset({"refuse", "accept_and_hang_up", "black_hole", "slow_reader",
                  "one_client_only", "hang_up_after"})
#: Every kind of fault, by the name of the method that injects it.
KINDS = MOMENT | REPLY | LINE


@dataclass(frozen=True)
class Fault:
    """One fault. The methods of `Faults` say what the arguments mean for each kind."""

    kind: str
    times: int | None = 1
    seconds: float | None = None
    count: int = 0
    at: tuple[int, ...] | None = None
    fraction: float | None = None
    before: bytes = b""
    after: bytes = b""
    identity: Any = None
    answer: Any = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind!r}; there are {', '.join(sorted(KINDS))}")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times must be at least 1, or None for ever, not {self.times}")
        if self.count < 0 or any(place < 0 for place in self.at or ()):
            raise ValueError(f"a number of bytes must not be negative: {self!r}")
        if self.seconds is not None and not 0 <= self.seconds < math.inf:
            raise ValueError(f"seconds must be 0 or more and finite, not {self.seconds!r}")

    def __repr__(self) -> str:
        said = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self)[1:]
                if getattr(self, f.name) != f.default]
        return f"Fault({', '.join([repr(self.kind), *said])})"


class Injector:
    """The faults as methods. `inject` decides what happens to them."""

    def inject(self, fault: Fault) -> None:
        """Put `fault` in force. Any thread."""
        raise NotImplementedError

    # of the moment

    def hang_up(self) -> None:
        """Close all connections cleanly (FIN), even if something is still to be sent."""
        self.inject(Fault("hang_up"))

    def reset(self) -> None:
        """Reset all connections (RST): the client gets "connection reset by peer"."""
        self.inject(Fault("reset"))

    def reboot(self, identity: Text | Mapping[Any, Any] | None = None, *,
               downtime: float = 0.0) -> None:
        """Hang up, lose all state, and come back, perhaps as another device.

        Parameters
        ----------
        identity : bytes, str, or dict, optional
            See `ScriptedDevice.reboot`. Not for a proxy, which can only hang up.
        downtime : float
            Seconds during which connections are refused.
        """
        self.inject(Fault("reboot", identity=identity, seconds=downtime or None))

    def unasked(self, answer: Answer, delay: float = 0.0) -> None:
        """Send all clients something that nobody asked for, `delay` seconds from now.

        It does not wait for replies that are late. ``faults.at_exchange(1).unasked("OK", 0.02)``
        makes the device answer the next command, whatever it is, 20 ms later.

        Parameters
        ----------
        answer : Answer
            As in a script; for a proxy: bytes, unchanged.
        delay : float
            Seconds.
        """
        self.inject(Fault("unasked", answer=answer, seconds=delay or None))

    # of a reply

    def silence(self, times: int | None = 1) -> None:
        """The next `times` replies do not come. The device has received the commands."""
        self.inject(Fault("silence", times))

    def late(self, seconds: float, *, times: int | None = 1) -> None:
        """The next `times` replies come `seconds` late. Later replies do not overtake them."""
        check_seconds("seconds", seconds)
        self.inject(Fault("late", times, seconds=seconds))

    def split(self, at: int | tuple[int, ...] | range | None = None, *, pause: float = 0.01,
              times: int | None = 1) -> None:
        """The next `times` replies come in pieces.

        Parameters
        ----------
        at : int, or several
            Bytes before each cut. Default: random places, the same in each run.
        pause : float
            Seconds between two pieces, so that they arrive separately.
        times : int or None
        """
        places = None if at is None else (at,) if isinstance(at, int) else tuple(at)
        self.inject(Fault("split", times, seconds=pause, at=places))

    def glue(self, count: int = 2) -> None:
        """The next `count` replies come in one piece, when the last of them is there."""
        if count < 2:
            raise ValueError(f"it takes 2 replies to glue them together, not {count}")
        self.inject(Fault("glue", count - 1))

    def garbage(self, before: Text = b"", after: Text = b"", *, times: int | None = 1) -> None:
        """The next `times` replies have extra bytes before or after them."""
        self.inject(Fault("garbage", times, before=to_bytes(before), after=to_bytes(after)))

    def hang_up_mid_reply(self, at: int | None = None, *, times: int | None = 1) -> None:
        """Send the first `at` bytes of the next reply (default: half of it), and hang up."""
        self.inject(Fault("hang_up_mid_reply", times, at=None if at is None else (at,)))

    def endless_line(self) -> None:
        """Instead of the next reply, send bytes endlessly, until the client hangs up."""
        self.inject(Fault("endless_line"))

    # of the line

    def hang_up_after(self, count: int) -> None:
        """Hang up after `count` more bytes, wherever that is. Once."""
        self.inject(Fault("hang_up_after", count=count))

    def refuse(self, seconds: float | None = None) -> None:
        """Refuse new connections; present ones stay."""
        self.inject(Fault("refuse", seconds=seconds))

    def accept_and_hang_up(self, times: int | None = None, *,
                           seconds: float | None = None) -> None:
        """Accept the next `times` connections (default: all) and close them at once."""
        self.inject(Fault("accept_and_hang_up", times, seconds=seconds))

    def black_hole(self, seconds: float | None = None) -> None:
        """Accept, discard all that comes, send nothing. The device sees none of it."""
        self.inject(Fault("black_hole", seconds=seconds))

    def slow_reader(self, rate: int = 0, seconds: float | None = None) -> None:
        """Read at most `rate` bytes per second from each client; 0: none at all."""
        self.inject(Fault("slow_reader", count=rate, seconds=seconds))

    def one_client_only(self, seconds: float | None = None) -> None:
        """While a client is connected, hang up on any other."""
        self.inject(Fault("one_client_only", seconds=seconds))
