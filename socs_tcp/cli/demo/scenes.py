"""The scenes of the demonstration, and what we promise for each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from .watch import Watched

#: Seconds between two readings.
PERIOD = 0.25
#: Seconds between two readings of a device that is left alone for long.
SLOW_PERIOD = 11.0
#: Seconds within which ``degraded`` is promised to be true after the device has hung up.
AT_ONCE = 0.5
#: Seconds between two looks at the agents.
LOOK_EVERY = 0.04
#: Seconds that a late answer comes after the timeout.
TOO_LATE = 0.3
#: Seconds that we wait at most for all agents to be well again.
RECOVERY = 8.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Scene:
    """One fault: how it begins and ends, for how many seconds, and what is promised.

    Attributes
    ----------
    name, story : str
        For the table, and for the person who watches.
    begin, end : callable
        Of an agent's device.
    lasts : float
        Seconds from beginning to end.
    silent : bool
        Is it the timeout of the agent that notices?
    period : float
        Seconds between two readings.
    watch_after : float
        Seconds to go on watching after the end.
    """

    name: str
    story: str
    begin: Callable[[Watched], None]
    end: Callable[[Watched], None]
    lasts: float
    silent: bool = False
    period: float = PERIOD
    watch_after: float = 0.0

    def true_within(self, agent: Watched) -> float:
        """Seconds after the beginning within which ``degraded`` must be true."""
        return AT_ONCE + (agent.role.timeout if self.silent else 0.0)


def unplug(agent: Watched) -> None:
    agent.device.server.unplug()


def plug_in(agent: Watched) -> None:
    agent.device.server.plug_in()


def swallow(agent: Watched) -> None:
    agent.device.server.faults.black_hole()


def answer_late(agent: Watched) -> None:
    agent.device.server.faults.late(agent.role.timeout + TOO_LATE, times=None)


def heal(agent: Watched) -> None:
    agent.device.server.faults.heal()


SCENES = [
    Scene("hang-up, polling",
          "the devices hang up and refuse connections; the agents go on asking",
          unplug, plug_in, lasts=3.0),
    Scene("black hole",
          "the devices swallow all that comes and say nothing",
          swallow, heal, lasts=4.5, silent=True),
    Scene("late answers",
          f"each device answers {TOO_LATE:g} s later than its agent allows",
          answer_late, heal, lasts=5.0, silent=True, watch_after=2.0),
    Scene("hang-up, idle",
          f"the devices hang up while nobody asks them anything (readings {SLOW_PERIOD:g} s "
          "apart)",
          unplug, plug_in, lasts=10.0, period=SLOW_PERIOD),
]


@dataclass(frozen=True)
class Seen:
    """What was seen of one agent in one scene; times in seconds, None for never.

    Attributes
    ----------
    true_after : float or None
        From the fault to ``degraded`` true.
    false_early : float or None
        From the fault to ``degraded`` false again while the fault was still there.
    false_after : float or None
        From the first good answer to ``degraded`` false; below 0 if it was false before.
    wrong : int
        Readings that answer another question than theirs, or none.
    example : str
        One of these.
    """

    true_after: float | None
    false_early: float | None
    false_after: float | None
    wrong: int
    example: str


class Stage:
    """Plays scenes with some agents, and tells what happens as it happens. One thread."""

    def __init__(self, agents: list[Watched], say: Say) -> None:
        self.agents = agents
        self.say = say
        self._fault_began = 0.0

    def watch(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Look at all agents for so long, or until something is true. Is it?"""
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() >= end:
                return False
            for agent in self.agents:
                if agent.look():
                    self._tell(agent)
            time.sleep(LOOK_EVERY)
        return True

    def _tell(self, agent: Watched) -> None:
        when, degraded = agent.changes[-1]
        after = f" {when - self._fault_began:.2f} s after the fault" if self._fault_began else ""
        self.say(f"    {agent.name:14}  degraded = {degraded}{after}")

    def play(self, scene: Scene) -> list[Seen]:
        """Play one scene; what was seen of each agent, in their order."""
        wrong = [agent.wrong for agent in self.agents]
        if scene.period != PERIOD:
            self._start(scene.period)
        self.say(f"  {scene.story}")
        began = self._fault_began = time.monotonic()
        for agent in self.agents:
            scene.begin(agent)
        while (left := began + scene.lasts - time.monotonic()) > 0:
            self.watch(min(left, 2.0))
            still = ", ".join(f"{agent.name} says {agent.degraded}" for agent in self.agents)
            self.say(f"    ... {time.monotonic() - began:.1f} s, degraded: {still}")
        ended = time.monotonic()
        for agent in self.agents:
            scene.end(agent)
        self.say("    the devices are well again")
        read = [agent.readings for agent in self.agents]
        self.watch(scene.watch_after)
        self.watch(max(RECOVERY, scene.period), lambda: all(
            not agent.degraded and agent.readings > seen
            for agent, seen in zip(self.agents, read, strict=True)))
        self._fault_began = 0.0
        return [self._seen(agent, began, ended, before)
                for agent, before in zip(self.agents, wrong, strict=True)]

    def _start(self, period: float) -> None:
        """Start all anew with another period, and wait for their first readings."""
        read = [agent.readings for agent in self.agents]
        for agent in self.agents:
            agent.start(period)
        self.watch(RECOVERY, lambda: all(
            agent.readings > seen for agent, seen in zip(self.agents, read, strict=True)))

    def _seen(self, agent: Watched, began: float, ended: float, wrong_before: int) -> Seen:
        true_at = agent.became(True, began)
        false_at = early = None
        if true_at is not None:
            early = agent.became(False, true_at)
            if early is not None and early >= ended:
                early = None
            false_at = agent.became(False, max(true_at, ended))
        answer = agent.first_good_answer(ended)
        wrong = agent.wrong - wrong_before
        return Seen(
            true_after=None if true_at is None else true_at - began,
            false_early=None if early is None else early - began,
            false_after=None if false_at is None or answer is None else false_at - answer,
            wrong=wrong, example=agent.example if wrong else "")


def broken_promises(scene: Scene, agent: Watched, seen: Seen) -> list[str]:
    """What we promised for `scene` and did not keep, for a person; empty if all was kept."""
    broken = []
    within = scene.true_within(agent)
    if seen.true_after is None:
        broken.append("degraded was never true")
    elif seen.true_after > within:
        broken.append(f"degraded was true after {seen.true_after:.2f} s only, and not within "
                      f"{within:g} s")
    if seen.false_early is not None:
        broken.append(f"degraded was false {seen.false_early:.2f} s after the fault, "
                      "which was still there")
    if seen.false_after is None:
        broken.append("degraded was not false again")
    elif seen.false_after > PERIOD + AT_ONCE:
        broken.append(f"degraded was false {seen.false_after:.2f} s after the first good answer "
                      f"only, and not within {PERIOD + AT_ONCE:g} s")
    elif seen.false_after < 0:
        broken.append("degraded was false before the first good answer")
    if seen.wrong:
        broken.append(f"{seen.wrong} wrong readings, as {seen.example}")
    return broken
