"""What a client sees of one agent: its ``degraded``, and its readings."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from ...testing.processes import ChildProcess
from .device import Device


class DemoFailed(RuntimeError):
    """The demonstration cannot go on; the message says why."""


class Role(Protocol):
    """What is to be known of an agent: its name, its timeout in seconds, and what its ``acq``
    is started with, of the seconds between two readings."""

    @property
    def name(self) -> str: ...

    @property
    def timeout(self) -> float: ...

    @property
    def acquisition(self) -> Callable[[float], dict[str, Any]]: ...


class Watched:
    """One agent with its device, as an ``OCSClient`` sees it.

    Parameters
    ----------
    role : Role
        What the demonstration calls it, and how it is started.
    agent : ChildProcess
        The process of the agent.
    client : OCSClient
        Of that agent.
    device : Device
        The device of that agent.

    Attributes
    ----------
    degraded : bool
        As last seen.
    changes : list of (float, bool)
        When ``degraded`` was seen to change, by the monotonic clock, and what it became.
    readings, wrong : int
        Readings seen, and those of them that do not answer their question.
    good : list of (float, int)
        When each of the others was seen, and the number of its question.
    example : str
        The last wrong one, for a person.
    """

    def __init__(self, role: Role, agent: ChildProcess, client: Any, device: Device) -> None:
        self.role = role
        self.name = role.name
        self.agent = agent
        self.client = client
        self.device = device
        self.degraded = False
        self.changes: list[tuple[float, bool]] = []
        self.readings = 0
        self.wrong = 0
        self.good: list[tuple[float, int]] = []
        self.example = ""
        self._last_asked = 0

    def look(self) -> bool:
        """Ask the agent once. Did ``degraded`` change?"""
        session = self._session()
        now = time.monotonic()
        if session.get("data"):
            self._judge(now, session["data"])
        degraded = bool(session.get("degraded"))
        changed = degraded != self.degraded
        if changed:
            self.degraded = degraded
            self.changes.append((now, degraded))
        return changed

    def _session(self) -> dict[str, Any]:
        try:
            return self.client.acq.status().session or {}
        except RuntimeError as exc:
            raise DemoFailed(f"the agent {self.name} does not answer ({exc}); it said:\n"
                             f"{self.agent.tail()}") from exc

    def _judge(self, now: float, data: dict[str, Any]) -> None:
        number, good, text = self.device.judge(data)
        if number == self._last_asked:
            return
        self._last_asked = number
        self.readings += 1
        if good:
            self.good.append((now, number))
        else:
            self.wrong += 1
            self.example = text

    def became(self, degraded: bool, since: float) -> float | None:
        """When ``degraded`` first became so after `since`; None if it did not."""
        return next((t for t, value in self.changes if t >= since and value is degraded), None)

    def first_good_answer(self, since: float) -> float | None:
        """When the device answered what became the first good reading seen after `since`."""
        number = next((n for t, n in self.good if t >= since), None)
        return None if number is None else self.device.when_answered(number)

    def start(self, period: float) -> None:
        """Start the acquisition anew, with `period` seconds between readings."""
        acq = self.client.acq
        if self._session().get("status") in ("starting", "running"):
            acq.stop()
            acq.wait(timeout=10)
        reply = acq.start(**self.role.acquisition(period))
        if reply.session.get("status") not in ("starting", "running"):
            raise DemoFailed(f"the agent {self.name} does not start: {reply.msg}")
