"""``demo``: unplug a device, and see what a client sees, with us and without."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from ...testing.router import CrossbarRouter
    from .watch import Watched

DESCRIPTION = """\
Shows what an OCS client sees when a device fails, for an agent with socs_tcp and beside it
for the same agent on the original pattern. Everything is real but the device: a crossbar
router on a free port, two OCS agents started by ocs-agent-cli that read four times a second
and publish to a feed, and an OCSClient that watches them. The devices hang up (while they
are polled, and while they are idle), fall silent, and answer late. It takes less than a
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

    NAMES = ["socs_tcp", "original"]
    FILES = ["thermometer_ours.py", "thermometer_original.py"]

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """One line of progress, with the seconds since the start."""
        print(f"{time.monotonic() - self._began:5.1f} s  {text}", flush=True)

    def run(self) -> int:
        """Play all scenes and judge them; the exit code."""
        from ...testing.router import CrossbarRouter
        from . import report, scenes

        with ExitStack() as stack:
            self.say("starting a crossbar router (some seconds, most of them its imports)")
            router = stack.enter_context(CrossbarRouter())
            self.say(f"the router listens on port {router.port}; starting two agents")
            agents = self._start_agents(router, stack)
            stage = scenes.Stage(agents, self.say)
            if not stage.watch(scenes.RECOVERY, lambda: all(a.readings > 2 for a in agents)):
                raise_no_readings(agents)
            self.say(f"both agents read their device every {scenes.PERIOD:g} s, with a timeout "
                     f"of {scenes.TIMEOUT:g} s; a client watches")
            results = []
            for number, scene in enumerate(scenes.SCENES, 1):
                self.say(f"{number}/{len(scenes.SCENES)} {scene.name}")
                results.append(stage.play(scene))
            ours = agents[0]
            broken = [f"{scene.name}: {text}"
                      for scene, seen in zip(scenes.SCENES, results, strict=True)
                      for text in scenes.broken_promises(scene, seen[0])]
            expected = 2 * len(scenes.SCENES)
            if len(ours.changes) != expected and not broken:
                broken.append(f"degraded changed {len(ours.changes)} times, not {expected}")
            said = ours.agent.tail() if broken else ""
            self.say("done; ending the agents and the router")
        print(f"\n{report.table(self.NAMES, scenes.SCENES, results)}\n")
        for name, agent in zip(self.NAMES, agents, strict=True):
            if agent.example:
                print(f"A wrong reading that {name} showed: {agent.example}")
        if broken:
            print("\nBROKEN PROMISES of socs_tcp:\n  " + "\n  ".join(broken)
                  + f"\nThe end of what its agent said:\n{said}")
            return 1
        print("All promises of socs_tcp were kept: degraded is true "
              f"within {scenes.AT_ONCE:g} s of a hang-up,\nwithin the timeout "
              f"+ {scenes.AT_ONCE:g} s of silence, false within a poll period "
              f"+ {scenes.AT_ONCE:g} s of the first\ngood answer and not before, "
              "and no reading is wrong.")
        return 0

    def _start_agents(self, router: CrossbarRouter, stack: ExitStack) -> list[Watched]:
        from .device import NumberedThermometer
        from .scenes import PERIOD, TIMEOUT
        from .watch import Watched

        directory = Path(__file__).parent / "agents"
        started = []
        for name, file in zip(self.NAMES, self.FILES, strict=True):
            device = NumberedThermometer()
            stack.enter_context(closing(device.server))
            agent = router.start_agent(directory / file, f"thermo-{name}", args=[
                "--device-port", str(device.server.port), "--timeout", str(TIMEOUT)])
            started.append((name, agent, device))
        agents = [Watched(name, agent, router.client(f"thermo-{name}"), device)
                  for name, agent, device in started]
        for watched in agents:
            watched.start(PERIOD)
        return agents


def raise_no_readings(agents: list[Watched]) -> NoReturn:
    """The agents run, yet read nothing: show what they say."""
    from .watch import DemoFailed

    raise DemoFailed("no readings yet:\n" + "\n".join(
        f"  {agent.name}: {agent.readings}\n{agent.agent.tail()}" for agent in agents))
