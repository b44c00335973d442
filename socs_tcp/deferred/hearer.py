"""Who has the device at the moment, as its connection sees it."""

from __future__ import annotations

from typing import Any, Protocol

from ..core.conversation import Answered


class Hearer(Protocol):
    """Who is told what comes."""

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
