"""The rounds of ``watch``: each command asked again and again, and what it gave."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .exits import GOOD, exit_code
from .records import Sample
from .show import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from .talk import Talk


class Watch:
    """One device, some commands, asked again and again.

    Attributes
    ----------
    latest : dict
        The last sample of each command.
    rounds, failed : int
        So often all were asked; so many commands got no good reply.
    """

    def __init__(self, talk: Talk, commands: list[tuple[str, bytes]],
                 encoding: str | None) -> None:
        self.device = talk.device
        self.commands = commands
        self.rounds = self.failed = 0
        self._talk = talk
        self._encoding = encoding

    def run(self, period: float, rounds: int | None,
            tellers: list[Callable[[Sample], None]]) -> int:
        """Ask so many times, or for ever; the exit code of the last round."""
        due = time.monotonic()
        while True:
            code = GOOD
            for sample in self._round():
                code = sample.code or code
                for tell in tellers:
                    tell(sample)
            if rounds is not None and self.rounds >= rounds:
                return code
            due = max(due + period, time.monotonic())
            time.sleep(max(due - time.monotonic(), 0))

    def _round(self) -> Iterator[Sample]:
        self.rounds += 1
        for text, command in self.commands:
            sample = self._ask(text, command)
            self.failed += sample.code != GOOD
            yield sample

    def _ask(self, text: str, command: bytes) -> Sample:
        from ..core.errors import DeviceConnectionError

        try:
            reply = self._talk.ask(command)[0].text
        except DeviceConnectionError as exc:
            return Sample(text, error=str(exc), code=exit_code(exc))
        return Sample(text, reply, printable(reply, self._encoding),
                      round_trip=self.device.link.last_rtt)

