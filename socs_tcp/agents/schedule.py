"""Which query is due when. Pure: it is told the time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from ..description import Query


class Schedule:
    """The queries of a device, each in its period.

    Parameters
    ----------
    queries : iterable of Query
        Those without a period are left out.

    Attributes
    ----------
    tick : float or None
        Seconds; how often `due` is to be called. None if nothing will ever be due.
    """

    def __init__(self, queries: Iterable[Query]) -> None:
        self._queries = [(query, query.period) for query in queries if query.period is not None]
        # By name of the query, in seconds of any clock: when it is due, and was asked last.
        self._due: dict[str, float] = {}
        self._asked: dict[str, float] = {}
        self.tick = min((period for _, period in self._queries), default=None)

    @property
    def all_asked(self) -> bool:
        """Was every query taken from `due` at least once?"""
        return len(self._asked) == len(self._queries)

    def due(self, now: float) -> Iterator[Query]:
        """The queries whose time has come, those first that were not asked for longest.

        Each counts as asked as soon as it is taken. So if one of them fails, and the rest is
        left, the others come first at the next call: none is starved by one that always fails.
        """
        assert self.tick is not None
        for query, period in sorted(self._queries, key=self._last_asked):
            planned = self._due.get(query.name, now)
            # Half a tick early is better than half a tick late: the mean rate is right.
            if planned > now + self.tick / 2:
                continue
            behind = planned < now - period
            self._due[query.name] = now + period if behind else planned + period
            self._asked[query.name] = now
            yield query

    def _last_asked(self, entry: tuple[Query, float]) -> float:
        return self._asked.get(entry[0].name, -math.inf)
