"""A device that repeats what was recorded."""

from __future__ import annotations

from collections import deque
from difflib import unified_diff
from pathlib import Path
from typing import Any

from ...core.errors import show
from ...core.framing import Framer
from ..device.scripted import ScriptedDevice
from .record import Recording

#: Commands that are kept for the comparison, on top of those that were recorded.
MORE = 1000


class ReplayMismatch(AssertionError):
    """A client asked something other than what was recorded; the text is a diff."""


class Replay(ScriptedDevice):
    """A `ScriptedDevice` whose script is a recording.

    Parameters
    ----------
    recording : Recording, str or Path
        A recording, or its path.
    match : bool
        False: the commands must come exactly as they were recorded, in the same order. Any other
        command is a `ReplayMismatch`, which fails the test when the server is closed.
        True: each command gets the replies that it got in the recording, one after the
        other, and then the last of them again and again. A command that was not recorded
        gets no reply, and is added to `unknown`.
    framer : Framer
        As for `ScriptedDevice`. It also splits the recorded commands.
    command_framer : Framer, optional
        As for `ScriptedDevice`.

    Attributes
    ----------
    heard : list of bytes
        The commands so far, since the last reboot.
    """

    def __init__(self, recording: Recording | str | Path, *, match: bool = False,
                 framer: Framer | None = None, command_framer: Framer | None = None) -> None:
        if not isinstance(recording, Recording):
            recording = Recording.load(recording)
        self.recording = recording
        self.match = match
        super().__init__(self._say_again, framer=framer, command_framer=command_framer,
                         reply_terminator=b"")
        self.banner, self.exchanges = recording.exchanges(self.command_framer)
        self.reset_state()

    def reset_state(self) -> None:
        super().reset_state()
        # Written by the thread that runs the device; read by the test when it is done.
        self.heard: list[bytes] = []
        self._replies: dict[bytes, deque[bytes]] = {}
        for command, reply in getattr(self, "exchanges", ()):
            self._replies.setdefault(command, deque()).append(reply)

    def _say_again(self, command: bytes) -> Any:
        number = len(self.heard)
        if number < len(self.exchanges) + MORE:
            self.heard.append(command)
        if self.match:
            return self._matching(command)
        if number >= len(self.exchanges) or self.exchanges[number].command != command:
            raise ReplayMismatch(self.diff(number + 1))
        return self.exchanges[number].reply or None

    def _matching(self, command: bytes) -> bytes | None:
        replies = self._replies.get(command)
        if replies is None:
            self.unknown.append(command)
            return None
        return (replies.popleft() if len(replies) > 1 else replies[0]) or None

    def diff(self, count: int | None = None) -> str:
        """What was recorded (``-``) against what was asked (``+``), as a unified diff.

        Parameters
        ----------
        count : int, optional
            Compare the first `count` commands only.

        Returns
        -------
        str
            Empty if there is no difference.
        """
        recorded = [show(e.command) for e in self.exchanges][:count]
        heard = [show(command) for command in self.heard][:count]
        return "\n".join(unified_diff(recorded, heard, "recorded", "asked", lineterm=""))

    def check_finished(self) -> None:
        """Check that all recorded commands came, and no others.

        Raises
        ------
        ReplayMismatch
            With the difference as its text.
        """
        difference = self.diff()
        if difference:
            raise ReplayMismatch(difference)
