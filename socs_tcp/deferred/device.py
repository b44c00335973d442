"""What a `DeviceClient` was told of its device, for all parts of it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..core.conversation import Conversation
from ..core.errors import DeviceConnectionError, Phase, Sent
from ..core.framing import Framer
from ..core.identity import Identity
from ..core.link import Link
from ..core.owed import Debt
from ..core.policy import LateReplies
from ..core.silence import Silence
from ..core.turn import Match
from .alarms import Alarms

#: Seconds that an attempt to connect, or a preparation, may take where the user set no timeout.
CONNECT_TIMEOUT = 30.0


@dataclass(frozen=True, eq=False, slots=True)
class Device:
    """One device, as its user describes it. The parameters are those of `DeviceClient`.

    Attributes
    ----------
    link : Link
    clock : IReactorTime
    seconds : callable
        Those of the clock; all times here are by it.
    alarms : Alarms or None
        For who wants what the device says by itself.
    """

    host: str
    port: int
    link: Link
    clock: Any
    framer: Framer
    timeout: float | None
    late_replies: LateReplies
    max_in_flight: int
    keepalive: float | None
    settle: float
    gap: float
    greeting: Match | bool | None
    identity: Identity | None
    on_connect: Callable[[Any], Any] | None
    alarms: Alarms | None
    closes_after_reply: bool
    telnet: bool
    tls: ssl.SSLContext | None
    seconds: Callable[[], float] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seconds", self.clock.seconds)

    @property
    def patience(self) -> float:
        """Seconds that an attempt to connect, or a preparation, may take."""
        return self.timeout or CONNECT_TIMEOUT

    @property
    def prepares(self) -> bool:
        """Is there anything to be done on a new connection before others may use it?"""
        return not (self.greeting is None and self.identity is None and self.on_connect is None)

    def conversation(self, now: float, debt: Debt, last: float) -> Conversation:
        """One for a new connection. `debt` and `last` are as in `Silence`."""
        return Conversation(self.link, self.framer, self.late_replies,
                            Silence(self.settle, self.gap, now, debt, last=last),
                            alarms=None if self.alarms is None else self.alarms.frames)

    def error(self, kind: type[DeviceConnectionError], text: str, phase: Phase,
              sent: Sent = "no") -> DeviceConnectionError:
        """An error of ours about this device."""
        return kind(f"{self.link.name}: {text}", host=self.host, port=self.port, phase=phase,
                    sent=sent)
