"""Which query is due when. Pure: it is told the time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from ..description import Query

#: Seconds until a query is asked again that is never answered, though others are.
LEAST_WAIT, MOST_WAIT = 1.0, 60.0


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
        # Of those that the device does not answer though it answers others: how often so far.
        self._silent: dict[str, int] = {}
        self._failed: dict[str, float] = {}     # when they last were not answered
        self._answered = -math.inf              # when anything last was
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
        if self.tick is None:
            return
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

    def answered(self, query: Query, now: float) -> bool:
        """The device has answered; True if it had not for a while."""
        self._answered = now
        self._failed.pop(query.name, None)
        return self._silent.pop(query.name, 0) > 0

    def unanswered(self, query: Query, now: float) -> float | None:
        """The device has not answered this one, or so that a new connection had to be made.

        Returns
        -------
        float or None
            Seconds until it is asked again, where that is not its period: a device that answers
            others does not know this one, and each time it is asked costs the others a timeout.
            So it is asked less and less often. None where nothing was answered since.
        """
        before = self._failed.get(query.name)
        self._failed[query.name] = now
        if before is None or self._answered <= before or query.period is None:
            return None
        times = self._silent[query.name] = self._silent.get(query.name, 0) + 1
        wait = min(max(query.period, LEAST_WAIT) * 2.0 ** min(times, 20),
                   max(MOST_WAIT, query.period))
        self._due[query.name] = now + wait
        return wait
