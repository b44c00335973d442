"""The simulated device of the demonstration: each answer carries the number of its question."""

from __future__ import annotations

import time

from ...testing import DeviceServer


class NumberedThermometer:
    """A thermometer that answers ``READ 17`` with ``17 4.27``.

    Attributes
    ----------
    answered : list of (float, int)
        When each question was answered, by the monotonic clock, and its number. Written by
        the thread of the server, read by the demonstration.
    server : DeviceServer
        To unplug it.
    """

    def __init__(self) -> None:
        self.answered: list[tuple[float, int]] = []
        self.server = DeviceServer(self._answer)

    def _answer(self, command: bytes) -> str | None:
        verb, _, number = command.decode(errors="replace").partition(" ")
        if verb != "READ" or not number.isdigit():
            return None
        self.answered.append((time.monotonic(), int(number)))
        return f"{number} {4.2 + int(number) % 10 / 100:.2f}"

    def first_answer_since(self, when: float) -> float | None:
        """When the first question after `when` was answered; None if none was."""
        return next((t for t, _ in self.answered if t >= when), None)

    def when_answered(self, number: int) -> float:
        """When the question with that number was answered."""
        return next(t for t, n in self.answered if n == number)
