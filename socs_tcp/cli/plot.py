"""Numbers as bars, for a terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

#: A cell from empty to full.
EIGHTHS = " ▁▂▃▄▅▆▇█"
NUMBER = re.compile(rb"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
#: A number is looked for in the first bytes of a reply.
LOOKED_AT = 1000


def number_in(reply: bytes) -> float | None:
    """The first number of a reply; None where there is none that can be plotted."""
    found = NUMBER.search(reply[:LOOKED_AT])
    value = float(found[0]) if found else math.nan
    return value if math.isfinite(value) else None


def bars(values: Sequence[float | None], width: int, height: int) -> list[str]:
    """The last values as bars, the lowest one an eighth of a row high; a gap where none is.

    Parameters
    ----------
    values : sequence of float or None
        Finite.
    width, height : int
        In cells.

    Returns
    -------
    list of str
        The rows, from the top.
    """
    values = values[-width:]
    known = [v for v in values if v is not None]
    if not known:
        return [""] * height
    low, high, steps = min(known), max(known), height * 8 - 1
    levels = [0 if v is None else 1 + round(_share(v, low, high) * steps) for v in values]
    return ["".join(EIGHTHS[min(max(level - row * 8, 0), 8)] for level in levels)
            for row in reversed(range(height))]


def _share(value: float, low: float, high: float) -> float:
    """Where `value` is between `low` (0) and `high` (1)."""
    # halves, since a span can be more than a float holds
    span = high / 2 - low / 2
    return (value / 2 - low / 2) / span if span else 0.5
