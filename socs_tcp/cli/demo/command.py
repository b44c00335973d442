"""``demo``: unplug a device, and see what a client sees, with us and without."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from ...testing.router import CrossbarRouter
    from .cast import Part
    from .scenes import Seen
    from .watch import Watched

DESCRIPTION = """\
Shows what an OCS client sees when a device fails, for an agent with socs_tcp and beside it
for the same agent on the original pattern; and, where SOCS is installed, for one of SOCS' own
agents, unchanged, under python -m socs_tcp.compat. Everything is real but the devices: a
crossbar router on a free port, OCS agents started by ocs-agent-cli that read four times a
second and publish to a feed, and an OCSClient that watches them. The devices hang up (while
they are polled, and while they are idle), fall silent, and answer late. It takes about a
minute and leaves no process behind.
"""
EPILOG = """\
exit codes: 0 all that socs_tcp promises was kept; 1 a promise was broken; 2 the
demonstration could not be run; 130 interrupted (Ctrl-C), 143 terminated.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command is told: nothing."""
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the demonstration; the exit code."""
    from ...testing.router import RouterError
    from .watch import DemoFailed

    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        return Demo().run()
    except KeyboardInterrupt:
        print("\nInterrupted; all processes are ended.", flush=True)
        raise
    except (DemoFailed, RouterError, OSError) as exc:     # OSError: no agent, no room, no port
        print(f"\nThe demonstration cannot be run: {exc}", file=sys.stderr)
        return 2
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)      # an exception, so that everything is closed


class Demo:
    """One run of the demonstration."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """One line of progress, with the seconds since the start."""
        print(f"{time.monotonic() - self._began:5.1f} s  {text}", flush=True)

    def run(self) -> int:
        """Play all scenes and judge them; the exit code."""
        from ...testing.router import CrossbarRouter
        from . import cast, scenes

        socs = cast.agent_of_socs()
        parts = [*cast.CAST, *([socs] if socs else [])]
        with ExitStack() as stack:
            self.say("starting a crossbar router (some seconds, most of them its imports)")
            router = stack.enter_context(CrossbarRouter())
            self.say(f"the router listens on port {router.port}; starting {len(parts)} agents")
            agents = self._start_agents(parts, router, stack)
            stage = scenes.Stage(agents, self.say)
            if not stage.watch(scenes.RECOVERY, lambda: all(a.readings > 2 for a in agents)):
                raise_no_readings(agents)
            self.say(f"all agents read their device every {scenes.PERIOD:g} s; a client watches")
            results = []
            for number, scene in enumerate(scenes.SCENES, 1):
                self.say(f"{number}/{len(scenes.SCENES)} {scene.name}")
                results.append(stage.play(scene))
            broken = [text for part, agent, seen in zip(parts, agents, zip(*results, strict=True),
                                                        strict=True)
                      if part.keeps_promises for text in broken_promises(agent, seen)]
            self.say("done; ending the agents and the router")
        self._show(parts, agents, results)
        if broken:
            print("\nBROKEN PROMISES of socs_tcp:\n  " + "\n  ".join(broken))
            return 1
        print("All promises of socs_tcp were kept: degraded is true "
              f"within {scenes.AT_ONCE:g} s of a hang-up,\nwithin the timeout "
              f"+ {scenes.AT_ONCE:g} s of silence, false within a poll period "
              f"+ {scenes.AT_ONCE:g} s of the first\ngood answer and not before, "
              "and no reading is wrong.")
        return 0

    def _start_agents(self, parts: list[Part], router: CrossbarRouter,
                      stack: ExitStack) -> list[Watched]:
        from .scenes import PERIOD

        started = [part.start(router, stack) for part in parts]
        agents = [on_the_router() for on_the_router in started]
        for watched in agents:
            watched.start(PERIOD)
        return agents

    def _show(self, parts: list[Part], agents: list[Watched], results: list[list[Seen]]) -> None:
        from . import cast, report, scenes

        print(f"\n{report.table([part.name for part in parts], scenes.SCENES, results)}\n")
        print(cast.about(parts))
        for agent in agents:
            if agent.example:
                print(f"A wrong reading that {agent.name} showed: {agent.example}")


def broken_promises(agent: Watched, results: Sequence[Seen]) -> list[str]:
    """What we promised of an agent and did not keep, with the end of what it said."""
    from .scenes import SCENES, broken_promises

    broken = [f"{agent.name}, {scene.name}: {text}"
              for scene, seen in zip(SCENES, results, strict=True)
              for text in broken_promises(scene, agent, seen)]
    expected = 2 * len(SCENES)
    if len(agent.changes) != expected and not broken:
        broken.append(f"{agent.name}: degraded changed {len(agent.changes)} times, "
                      f"not {expected}")
    return [*broken, f"The end of what its agent said:\n{agent.agent.tail()}"] if broken else []


def raise_no_readings(agents: list[Watched]) -> NoReturn:
    """The agents run, yet read nothing: show what they say."""
    from .watch import DemoFailed

    raise DemoFailed("no readings yet:\n" + "\n".join(
        f"  {agent.name}: {agent.readings}\n{agent.agent.tail()}" for agent in agents))
