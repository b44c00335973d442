"""What one run of the process ``acq`` keeps and tells. Reactor thread only."""

from __future__ import annotations

from typing import Any

from ..agent.link_feed import link_status
from ..agent.reporting import say
from ..description import Query
from ..description.client import DescribedClient, Reading
from .publishing import Publisher, told_errors, told_values
from .schedule import MOST_WAIT

#: Seconds: by queries that are asked at least so often it is judged whether the device makes sense.
OFTEN = 10.0
#: Names of fields that one message lists.
MOST_NAMES = 5


class Acquisition:
    """Publishes readings, and keeps ``session.data``.

    The data are replaced by new objects, never changed: a client may be getting the old ones.

    Parameters
    ----------
    publisher : Publisher
    device : DescribedClient
    session : OpSession
        Of this run.
    """

    def __init__(self, publisher: Publisher, device: DescribedClient, session: Any) -> None:
        self._publisher = publisher
        self._device = device
        self._session = session
        self._broken: set[str] = set()          # fields that cannot be read
        self._last: dict[str, Reading] = {}     # by query
        # Queries that are not answered though others are, and seconds until they are asked again.
        self._silent: dict[str, float] = {}
        description = device.description
        queries = [*description.queries.values(),
                   *(message.query for message in description.messages.values())]
        fields = [f for q in queries for f in q.fields]
        self._fields = len(fields)
        session.data = {"fields": {}, "units": {f.name: f.unit for f in fields},
                        "timestamps": {}, "errors": {}, "timestamp": None,
                        "link": link_status(device.link)}
        self._often = _asked_often(list(queries))
        device.on_message = self.take
        self._forget = device.link.observe(lambda _link, _change: self.tell_link())

    def end(self) -> None:
        """Publish what is buffered; tell no more."""
        self._forget()
        self._device.on_message = None
        self.tell_link()
        self._publisher.flush()

    def take(self, reading: Reading) -> None:
        """Publish a reading and keep its values."""
        self._publisher.publish(reading)
        self._tell_errors(reading)
        self._last[reading.query.name] = reading
        names = [f.name for f in reading.query.fields]
        old = self._session.data
        fields = {n: v for n, v in old["fields"].items() if n not in names}
        errors = {n: reading.errors[n] for reading in self._last.values() for n in reading.errors}
        self._session.data = {
            **old,
            "fields": {**fields, **told_values(reading, self._fields)},
            "errors": told_errors(errors),
            "timestamps": {**old["timestamps"], reading.query.name: reading.timestamp},
            "timestamp": reading.timestamp,
        }

    def judge(self) -> None:
        """Does the device say anything that makes sense?

        Raises
        ------
        ParseError
            If nothing could be read of the last replies to all that is asked often.
        """
        last = [self._last[name] for name in self._often if name in self._last]
        if last and all(reading.errors and not reading.values for reading in last):
            raise next(iter(last[-1].errors.values()))

    def tell_silent(self, query: Query, wait: float, wrongly: bool = False) -> None:
        """The device answers others, but not this one (or `wrongly`): told at first, and when it
        is asked as seldom as it will be."""
        before = self._silent.get(query.name)
        self._silent[query.name] = wait
        if before is not None and (wait < MOST_WAIT or before >= MOST_WAIT):
            return
        how = "answered wrongly" if wrongly else "not answered, though others are"
        say(self._device.reactor, self._session, ("silent", query.name),
            f"{query.name} is {how}; it is asked again in {wait:g} s, and the others go on")

    def tell_heard(self, query: Query) -> None:
        """It does again."""
        del self._silent[query.name]
        say(self._device.reactor, self._session, ("silent", query.name),
            f"{query.name} is answered again")

    def tell_link(self) -> None:
        """Let the data say how the connection is."""
        self._session.data = {**self._session.data, "link": link_status(self._device.link)}

    def _tell_errors(self, reading: Reading) -> None:
        """One message when fields cannot be read any more, and one when they can again."""
        names = [f.name for f in reading.query.fields]
        new = [n for n in names if n in reading.errors and n not in self._broken]
        again = [n for n in names if n not in reading.errors and n in self._broken]
        self._broken.update(new)
        self._broken.difference_update(again)
        if new:
            others = f" (nor {_listed(new[1:])})" if new[1:] else ""
            self._say("cannot read", reading, f"cannot read {reading.errors[new[0]]}{others}")
        if again:
            self._say("can read", reading, f"can read {reading.query.name}: {_listed(again)} again")

    def _say(self, kind: str, reading: Reading, text: str) -> None:
        say(self._device.reactor, self._session, (kind, reading.query.name), text)


def _asked_often(queries: list[Query]) -> list[str]:
    periods = [q.period for q in queries if q.period is not None]
    most = max(OFTEN, min(periods, default=OFTEN))
    often = [q for q in queries if q.period is not None and q.period <= most]
    # (A device that is not asked is judged by what it says unasked.)
    return [q.name for q in often or queries if q.fields]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
