"""The simulated devices of the demonstration: each answer tells which question it belongs to."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from ...core.framing import Framer, LineFramer
from ...testing import DeviceServer, ScriptedDevice


class Reading(NamedTuple):
    """A reading that a client sees: the number of its question, whether it is its answer, and
    both for a person."""

    number: int
    good: bool
    text: str


class Device:
    """A device that numbers its readings.

    Attributes
    ----------
    answered : list of (float, int)
        When each reading was first answered, by the monotonic clock, and its number. Written by
        the thread of the server, read by the demonstration.
    server : DeviceServer
        To unplug it.
    """

    def __init__(self, framer: Framer | None = None) -> None:
        self.answered: list[tuple[float, int]] = []
        self.server = DeviceServer(ScriptedDevice(self.answer, framer=framer))

    def answer(self, command: bytes) -> str | None:
        """What it says to a command; the thread of the server."""
        raise NotImplementedError

    def judge(self, data: dict[str, Any]) -> Reading:
        """What is to be thought of ``session.data``."""
        raise NotImplementedError

    def first_answer_since(self, when: float) -> float | None:
        """When the first reading after `when` was answered; None if none was."""
        return next((t for t, _ in self.answered if t >= when), None)

    def when_answered(self, number: int) -> float:
        """When the reading with that number was first answered."""
        return next(t for t, n in self.answered if n == number)


class NumberedThermometer(Device):
    """A thermometer that answers ``READ 17`` with ``17 4.27``."""

    def answer(self, command: bytes) -> str | None:
        verb, _, number = command.decode(errors="replace").partition(" ")
        if verb != "READ" or not number.isdigit():
            return None
        self.answered.append((time.monotonic(), int(number)))
        return f"{number} {4.2 + int(number) % 10 / 100:.2f}"

    def judge(self, data: dict[str, Any]) -> Reading:
        asked, answer = data["asked"], data["answer"]
        number, _, value = answer.partition(" ")
        # two answers glued together are none, either
        good = number == str(asked) and len(value.split()) == 1
        return Reading(asked, good, f"READ {asked} -> {answer!r}")


class CountingSource(Device):
    """An AC source whose 17th current is 17.1 A, with 17.2 V, 17.3 W and 17.4 Hz.

    Each is one question of its agent, so that each shows what it answers.
    """

    QUANTITIES = {b"MEAS:CURR:AC?": ("I_AC", 1), b"MEAS:VOLT:AC?": ("V_AC", 2),
                  b"MEAS:POW:AC?": ("P_AC", 3), b"MEAS:FREQ?": ("f_AC", 4)}

    def __init__(self) -> None:
        self.count = 0
        super().__init__(LineFramer("\n"))

    def answer(self, command: bytes) -> str | None:
        if command == b"OUTP?":
            return "1"
        name, tenth = self.QUANTITIES.get(command, ("", 0))
        if name == "I_AC":
            self.count += 1
            self.answered.append((time.monotonic(), self.count))
        return f"{self.count}.{tenth}" if name else None

    def judge(self, data: dict[str, Any]) -> Reading:
        number = int(data["I_AC"])
        read = {name: data[name] for name, _ in self.QUANTITIES.values()}
        right = {name: float(f"{number}.{tenth}") for name, tenth in self.QUANTITIES.values()}
        return Reading(number, read == right, str(read))
