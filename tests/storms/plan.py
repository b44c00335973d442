"""One storm in numbers, the faults it may hold, and what is reported of it.

Left out is what no protocol could tell from the truth (see ``docs/reliability.rst``):

- whole answers of others that the device sends by itself are only in storms that match
  replies to questions, or where they come in one piece with the answer before them;
- a device that leaves out one answer while several questions are under way (``silence``,
  ``black_hole``) is only in storms with one question at a time, or that match;
- garbage that is a whole frame by itself (zero bytes as a length) is only in storms with one
  question at a time;
- where a device answers commands that have no answer, it does so well within the silence
  that is kept after them; lines at any moment are only in storms whose questions say what a
  reply looks like. Both greet, and both hold interrupts (on the Twisted face: cancels).
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from socs_tcp.testing import RandomFaults

SAFE = ("hang_up", "hang_up_mid_reply", "hang_up_after", "reset", "late", "split", "glue",
        "accept_and_hang_up", "reboot", "refuse", "slow_reader", "endless_line")
#: Break the order of replies: only with one question under way, or where replies are matched.
SWALLOWING = ("silence", "black_hole")
GARBAGE = ("garbage",)
STRAYS = ("unasked",) * 3

#: Seconds past its timeout that a call may take before it counts as past its bound.
MARGIN = 0.5
#: The same for tests, which may run on a machine that many share.
CI_MARGIN = 1.0


@dataclass(frozen=True)
class Plan:
    """One storm."""

    face: str                       # 'blocking' or 'twisted'
    late: str = "drop"              # 'drop', 'drain' or 'match'
    dialect: str = "line"
    in_flight: int = 1
    identify: bool = False
    unasked: bool = False           # answers of others come glued to the end of an answer
    #: 'commands': some are sent, and answered although they have no answer;
    #: 'strays': also lines that answer nothing, at any moment
    talks: str = ""
    commanded: float = 0.0          # of the questions: a command goes before them
    queries: int = 300
    seed: int = 1
    settle: float = 0.05
    callers: int = 8
    rate: float = 0.08              # of faults, per exchange
    timeouts: tuple[float, float] = (0.03, 0.15)
    longest: float = 0.1            # seconds that a fault may last, or a reply be late
    cancelled: float = 0.05         # of the questions, on the Twisted face
    margin: float = MARGIN
    rounds: int = 3

    @property
    def name(self) -> str:
        """For a person, and for ``pytest -k``."""
        return "-".join([self.face, self.late, self.dialect,
                         *([f"{self.in_flight}_in_flight"] if self.in_flight > 1 else []),
                         *(["identify"] if self.identify else []),
                         *(["unasked"] if self.unasked else []),
                         *([self.talks] if self.talks else [])])

    def kinds(self) -> tuple[str, ...]:
        """The faults that a client can be expected to see through."""
        ordered = self.in_flight == 1 or self.late == "match"
        garbage = self.in_flight == 1 or self.dialect == "line"
        # what is said aside would come between two pieces
        left_out = {"split", "slow_reader"} if self.talks else {"split"} if self.unasked else set()
        if self.talks == "commands" and self.late == "drain":
            left_out |= {"glue"}    # an answer to a command would come before the reply
        safe = tuple(kind for kind in SAFE if kind not in left_out)
        return (safe + (SWALLOWING if ordered else ()) + (GARBAGE if garbage else ())
                + (STRAYS if self.talks == "strays" else ()))

    def faults(self) -> RandomFaults:
        """What chance has in store; the same for the same seed."""
        return RandomFaults(self.seed, rate=self.rate, kinds=self.kinds(), max_seconds=self.longest)


@dataclass
class Report:
    """What a storm has shown. All in `broken` is a failure."""

    plan: Plan
    seconds: float = 0.0
    asked: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    injected: dict[str, int] = field(default_factory=dict)
    connections: int = 0
    losses: int = 0                 # as the link counts them
    timeouts: int = 0
    worst_overrun: float = 0.0
    notice: float = 0.0             # seconds past the timeout until a black hole was noticed
    heal: float = 0.0               # seconds from the end of the faults to a good answer
    outages: int = 0                # from the first failure to a good answer
    worst_outage: float = 0.0       # seconds
    blocks: list[int] = field(default_factory=list)     # of memory in use, after each round
    log_lines: int = 0
    hammered: int = 0               # connections a second to a device that hangs up at once
    broken: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Raise if something was not as it must be, with what brings it back."""
        if self.broken:
            what = "\n  ".join(self.broken)
            raise AssertionError(
                f"the storm {self.plan.name} with seed {self.plan.seed} found:\n  {what}\n"
                f"again: SOCS_TCP_STORM_SEED={self.plan.seed} SOCS_TCP_STORM_QUERIES="
                f"{self.plan.queries} pytest tests/storms -k '{self.plan.name}'\n"
                f"faults: {self.plan.faults()!r}\n{self}")

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "plan": asdict(self.plan), "name": self.plan.name}

    def __str__(self) -> str:
        return json.dumps(self.as_json())


def from_environment(plan: Plan) -> Plan:
    """`plan` as the environment variables will have it."""
    return replace(plan, queries=int(os.environ.get("SOCS_TCP_STORM_QUERIES", plan.queries)),
                   seed=int(os.environ.get("SOCS_TCP_STORM_SEED", plan.seed)),
                   margin=float(os.environ.get("SOCS_TCP_STORM_MARGIN", CI_MARGIN)))




def _talking(face: str, late: str, talks: str) -> Plan:
    """Each command costs a silence: so there are fewer callers, and they wait longer.

    What the device says soon has to come within the silence, however busy the machine is: so that
    is longer than ever.
    """
    return Plan(face, late, talks=talks, callers=3, timeouts=(0.25, 0.5), cancelled=0.15,
                rate=0.05, queries=150, commanded=0.05, settle=0.15)


PLANS = (
    Plan("blocking", "drop"),
    Plan("blocking", "drop", identify=True),
    Plan("blocking", "drop", "length"),
    Plan("blocking", "drop", unasked=True),
    Plan("blocking", "drain"),
    Plan("blocking", "drain", "length"),
    Plan("blocking", "match"),
    Plan("blocking", "match", "length"),
    Plan("twisted", "drop"),
    Plan("twisted", "drop", identify=True),
    Plan("twisted", "drop", "length"),
    Plan("twisted", "drop", unasked=True),
    Plan("twisted", "drain"),
    Plan("twisted", "drain", "length"),
    Plan("twisted", "match"),
    Plan("twisted", "match", "length"),
    Plan("twisted", "drop", in_flight=4),
    Plan("twisted", "drain", in_flight=4),
    Plan("twisted", "match", in_flight=4),
    *(_talking(face, late, talks) for face in ("blocking", "twisted")
      for late, talks in (("drop", "commands"), ("drain", "commands"), ("drop", "strays"),
                          ("drain", "strays"), ("match", "strays"))),
)
