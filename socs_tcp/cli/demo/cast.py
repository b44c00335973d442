"""The agents of the demonstration: which file, which device, which arguments."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...testing.router import CrossbarRouter
from .device import CountingSource, Device, NumberedThermometer
from .watch import Watched

HERE = Path(__file__).parent / "agents"
#: Seconds that our agents allow for an answer, and SOCS' agent of the AC source.
TIMEOUT, TIMEOUT_OF_SOCS = 1.0, 3.0
#: The package of SOCS' agents, and where in it the one of the AC source is.
SOCS, IN_SOCS = "socs", Path("agents") / "kikusui_pcr500ma" / "agent.py"
SWITCH = ("-m", "socs_tcp.compat")
WITHOUT_SOCS = """\
SOCS' own agents run on socs_tcp unchanged, too: where SOCS is installed, one of them is
shown here as a third row. Install it with: pip install --no-deps socs==0.6.4"""


@dataclass(frozen=True)
class Part:
    """One agent of the demonstration.

    Attributes
    ----------
    name : str
        In the table.
    file : Path
        What ``ocs-agent-cli`` runs.
    device : callable
        Makes its device.
    timeout : float
        Seconds that it allows for an answer.
    arguments : callable
        Its command line, of the port of the device.
    acquisition : callable
        What its ``acq`` is started with, of the seconds between two readings.
    keeps_promises : bool
        Do we answer for it?
    under : sequence of str
        What Python runs it under.
    """

    name: str
    file: Path
    device: Callable[[], Device]
    timeout: float
    arguments: Callable[[int], list[str]]
    acquisition: Callable[[float], dict[str, Any]]
    keeps_promises: bool = True
    under: Sequence[str] = ()

    def start(self, router: CrossbarRouter, stack: ExitStack) -> Callable[[], Watched]:
        """Start the agent; gives what waits until it is on the router."""
        device = self.device()
        stack.enter_context(closing(device.server))
        instance = f"demo-{self.name}"
        agent = router.start_agent(self.file, instance, args=self.arguments(device.server.port),
                                   under=self.under)
        return lambda: Watched(self, agent, router.client(instance), device)


def ours(name: str, file: str, keeps_promises: bool) -> Part:
    """An agent of the demonstration itself."""
    return Part(name, HERE / file, NumberedThermometer, TIMEOUT,
                lambda port: ["--device-port", str(port), "--timeout", str(TIMEOUT)],
                lambda period: {"period": period}, keeps_promises)


CAST = [ours("socs_tcp", "thermometer_ours.py", True),
        ours("original", "thermometer_original.py", False)]


def agent_of_socs() -> Part | None:
    """SOCS' own agent of an AC source, unchanged, under the switch; None without SOCS."""
    found = importlib.util.find_spec(SOCS)      # (not imported: that is for its own process)
    for directory in (found and found.submodule_search_locations) or ():
        file = Path(directory) / IN_SOCS
        if file.is_file():
            return Part("SOCS-unchanged", file, CountingSource, TIMEOUT_OF_SOCS,
                        lambda port: ["--ip-address", "127.0.0.1", "--port", str(port)],
                        lambda period: {"sampling_frequency": 1 / period}, under=SWITCH)
    return None


def about(parts: Sequence[Part]) -> str:
    """What is to be known of the rows of the table."""
    timeouts = ", ".join(f"{part.name} {part.timeout:g} s" for part in parts)
    last = parts[-1]
    third = (f"{last.name}: {last.file.parent.name} of SOCS, unchanged, under "
             f"python {' '.join(last.under)}." if last.under else WITHOUT_SOCS)
    return f"Timeouts: {timeouts}.\n{third}"
