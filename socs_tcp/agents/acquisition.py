"""What one run of the process ``acq`` keeps and tells. Reactor thread only."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.task import LoopingCall

from ..description import LINK_FEED
from ..description.client import DescribedClient, Reading
from .publishing import link_messages, link_status, publish

#: Seconds between two points of the feed that tells of the connection.
LINK_PERIOD = 10.0


class Acquisition:
    """Publishes readings and the health of the link, and keeps ``session.data``.

    The data are replaced by new objects, never changed: a client may be getting the old ones.

    Parameters
    ----------
    agent : OCSAgent
    device : DescribedClient
    session : OpSession
        Of this run.
    """

    def __init__(self, agent: Any, device: DescribedClient, session: Any) -> None:
        self._agent = agent
        self._device = device
        self._session = session
        self._broken: set[str] = set()      # fields that cannot be read
        self._health = LoopingCall(self._tell_link)
        self._health.clock = device.reactor
        self._forget: Any = None
        fields = [f for q in device.description.queries.values() for f in q.fields]
        session.data = {"fields": {}, "units": {f.name: f.unit for f in fields},
                        "timestamps": {}, "errors": {}, "timestamp": None,
                        "link": link_status(device.link)}

    def begin(self) -> None:
        """Tell of the link from now on: at each change, and now and then."""
        self._forget = self._device.link.observe(lambda _link, _change: self._tell_link())
        self._health.start(LINK_PERIOD).addErrback(
            lambda failure: self._agent.log.error("the feed of the link failed: {e}",
                                                  e=failure.value))

    def end(self) -> None:
        """Publish what is buffered; tell no more."""
        self._forget()
        if self._health.running:
            self._health.stop()
        self._tell_link()
        for name in (*self._device.description.feeds, LINK_FEED):
            self._agent.feeds[name].flush_buffer()

    def take(self, reading: Reading) -> None:
        """Publish a reading and keep its values."""
        publish(self._agent, reading)
        self._tell_errors(reading)
        names = [f.name for f in reading.query.fields]
        old = self._session.data
        fields = {n: v for n, v in old["fields"].items() if n not in names}
        errors = {n: e for n, e in old["errors"].items() if n not in names}
        self._session.data = {
            **old,
            "fields": {**fields, **reading.values},
            "errors": {**errors, **{n: str(e) for n, e in reading.errors.items()}},
            "timestamps": {**old["timestamps"], reading.query.name: reading.timestamp},
            "timestamp": reading.timestamp,
            "link": link_status(self._device.link),
        }

    def _tell_errors(self, reading: Reading) -> None:
        """One message when a field cannot be read any more, and one when it can again."""
        for field in reading.query.fields:
            error = reading.errors.get(field.name)
            if error is not None and field.name not in self._broken:
                self._broken.add(field.name)
                self._session.add_message(f"cannot read {error}")
            elif error is None and field.name in self._broken:
                self._broken.remove(field.name)
                self._session.add_message(f"can read {reading.query.name}: {field.name} again")

    def _tell_link(self) -> None:
        link = self._device.link
        self._session.data = {**self._session.data, "link": link_status(link)}
        for message in link_messages(link, time.time()):
            self._agent.publish_to_feed(LINK_FEED, message)
