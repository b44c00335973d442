"""Which query is due when. Pure: it is told the time."""

from __future__ import annotations

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
        self._periods = [(query, query.period) for query in queries if query.period is not None]
        self._due: dict[str, float] = {}        # by name of the query, of any clock
        self.tick = min((period for _, period in self._periods), default=None)

    @property
    def all_asked(self) -> bool:
        """Was every query taken from `due` at least once?"""
        return len(self._due) == len(self._periods)

    def due(self, now: float) -> Iterator[Query]:
        """The queries whose time has come.

        Each counts as asked as soon as it is taken: if one of them fails, the others are
        still due at the next call, and none is starved by one that always fails.
        """
        assert self.tick is not None
        for query, period in self._periods:
            planned = self._due.get(query.name, now)
            # Half a tick early is better than half a tick late: the mean rate is right.
            if planned > now + self.tick / 2:
                continue
            behind = planned < now - period
            self._due[query.name] = now + period if behind else planned + period
            yield query
