"""Whom a connection tells: who has it, and who has the device just now."""

from __future__ import annotations

from typing import Any, Protocol

from ..core.conversation import Answered
from ..core.errors import DeviceConnectionError


class Holder(Protocol):
    """Who has a connection."""

    def made(self, connection: Any) -> object:
        """TCP is connected."""

    def lost(self, connection: Any, error: DeviceConnectionError) -> object:
        """It is of no more use. This comes once, and not after `let_go`."""


class Hearer(Protocol):
    """Who has the device just now."""

    def replied(self, turn: Any, reply: bytes) -> object:
        """Bytes came that are the reply to this, and nothing else: nearly always."""

    def heard(self, answered: list[Answered]) -> object:
        """Bytes came, which have answered these."""


class _Nobody:
    def replied(self, turn: Any, reply: bytes) -> None:
        """Nobody has asked."""

    def heard(self, answered: list[Answered]) -> None:
        """Nobody has asked."""


NOBODY = _Nobody()
