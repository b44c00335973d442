"""What faults make of one reply. Pure functions."""

from __future__ import annotations

import random
from enum import Enum
from itertools import pairwise
from typing import TypeAlias

from .fault import Fault


class Act(Enum):
    """What is done to a connection, other than sending bytes."""

    #: Close it cleanly (FIN).
    CLOSE = "close"
    #: Reset it (RST).
    RESET = "reset"
    #: Send `FILLER` again and again, as fast as it is taken.
    ENDLESS = "endless"


Op: TypeAlias = bytes | Act

#: What an endless line is made of.
FILLER = b"x" * 16384


def plan_reply(data: bytes, strikes: list[Fault],
               chance: random.Random) -> list[tuple[float, Op]]:
    """What to do in place of sending `data`.

    Parameters
    ----------
    data : bytes
        One whole reply.
    strikes : list of Fault
        What strikes it. Their order does not matter.
    chance : random.Random
        For those that do not say where they strike.

    Returns
    -------
    list of (float, Op)
        Each with the seconds to wait before it.
    """
    by_kind = {fault.kind: fault for fault in strikes}
    if "silence" in by_kind:
        return []
    late = by_kind.get("late")
    delay = (late.seconds or 0.0) if late else 0.0
    if "endless_line" in by_kind:
        return [(delay, Act.ENDLESS)]
    garbage = by_kind.get("garbage")
    if garbage:
        data = garbage.before + data + garbage.after
    pieces = [data]
    cut = by_kind.get("hang_up_mid_reply")
    if cut:
        pieces = pieces_of(data, _places(cut, len(data), chance, middle=True))[:1]
    split = by_kind.get("split")
    pause = 0.0
    if split:
        pieces = pieces_of(pieces[0], _places(split, len(pieces[0]), chance, middle=False))
        pause = split.seconds or 0.0
    plan: list[tuple[float, Op]] = [(pause if i else delay, piece)
                                    for i, piece in enumerate(pieces)]
    return [*plan, (0.0, Act.CLOSE)] if cut else plan


def _places(fault: Fault, length: int, chance: random.Random, *, middle: bool) -> tuple[int, ...]:
    """Where to cut `length` bytes."""
    if fault.at is not None:
        return fault.at
    if middle and fault.fraction is None:
        return (length // 2,)
    fraction = chance.random() if fault.fraction is None else fault.fraction
    place = int(fraction * length)
    return (place if middle else max(place, 1),)


def pieces_of(data: bytes, places: tuple[int, ...]) -> list[bytes]:
    """`data` cut at `places`; the first piece is there even if it is empty."""
    edges = [0, *sorted({p for p in places if 0 <= p < len(data)}), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]
