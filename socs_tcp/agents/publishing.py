"""How readings become messages of OCS feeds, and what clients are shown of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..core.text import printable, shortened, shown
from ..description import Description, Value
from ..description.client import Reading

#: Characters of a value that is text, of why a field could not be read, of a raw reply.
MOST_OF_A_VALUE = 500
MOST_OF_AN_ERROR = 300
MOST_OF_A_REPLY = 16_000
#: Characters of all values that are text, in one message; but so many of each may always be.
MOST_OF_TEXTS = 100_000
LEAST_OF_A_VALUE = 100
#: Bytes, or somewhat more, that wait in a feed to be sent together. The router refuses 1 MiB.
MOST_BUFFERED = 200_000
#: Of one sample besides its texts.
_BYTES_OF_A_SAMPLE, _BYTES_OF_A_NUMBER = 60, 20
#: So many fields say why they could not be read.
MOST_ERRORS = 50
#: What all that carry a message of WAMP can hold.
_MOST_INT = 2 ** 63


def reading_messages(reading: Reading) -> list[dict[str, Any]]:
    """The messages to publish for one reading.

    Fields of one reply are sampled together and make one block, named after the query. OCS
    wants every sample of a block to have the same fields: if some could not be read, or have no
    value, each of the others goes into a block of its own, so that none is lost.
    """
    name, values = reading.query.name, told_values(reading)
    if not values:
        return []
    if len(values) == len(reading.query.fields):
        return [_message(name, reading.timestamp, values)]
    return [_message(f"{name}__{field}", reading.timestamp, {field: value})
            for field, value in values.items()]


class Publisher:
    """Publishes readings to their feeds. Reactor thread only.

    A feed of OCS with a ``buffer_time`` sends what is in it when the time of day says so. So
    it is made to where that was set back, or where a device says much in that time: one
    message that is too long is refused, and all that is in it is lost.

    Parameters
    ----------
    agent : OCSAgent
    description : Description
    clock : callable
        Gives seconds; never set back.
    """

    def __init__(self, agent: Any, description: Description,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._agent = agent
        self._clock = clock
        self._times = {feed.name: feed.buffer_time for feed in description.feeds.values()}
        # By feed: when it was empty last, and the bytes that wait in it.
        self._since: dict[str, float] = {}
        self._waiting: dict[str, int] = {}

    def publish(self, reading: Reading) -> None:
        feed = reading.query.feed
        since = self._since.setdefault(feed, self._clock())
        for message in reading_messages(reading):
            self._agent.publish_to_feed(feed, message)
            waiting = self._waiting.get(feed, 0) + _size(message["data"])
            self._waiting[feed] = waiting
            if waiting > MOST_BUFFERED or self._clock() - since > self._times[feed]:
                self._flush(feed)
                since = self._since[feed] = self._clock()

    def flush(self) -> None:
        """Send what waits in all feeds."""
        for feed in self._times:
            self._flush(feed)

    def _flush(self, feed: str) -> None:
        self._agent.feeds[feed].flush_buffer()
        self._waiting[feed] = 0
        self._since.pop(feed, None)


def _size(data: dict[str, Value]) -> int:
    return _BYTES_OF_A_SAMPLE + sum(
        len(value.encode("utf-8", "replace")) if isinstance(value, str) else _BYTES_OF_A_NUMBER
        for value in data.values())


def told_values(reading: Reading, among: int = 0) -> dict[str, Value]:
    """The values of a reading, text of it shortened.

    Parameters
    ----------
    reading : Reading
    among : int
        Fields that are told together. Default: those of the reading.
    """
    fields = max(among, len(reading.query.fields), 1)
    most = max(LEAST_OF_A_VALUE, min(MOST_OF_A_VALUE, MOST_OF_TEXTS // fields))
    return {name: printable(value, most) if isinstance(value, str) else value
            for name, value in reading.values.items()}


def told_errors(errors: Mapping[str, Exception]) -> dict[str, str]:
    """Why fields could not be read: all of them, in a bounded number of characters."""
    return {name: printable(str(error), MOST_OF_AN_ERROR) if number < MOST_ERRORS
            else "it cannot be read, either"
            for number, (name, error) in enumerate(errors.items())}


def told_parameter(value: Any) -> Any:
    """What a client sent, as OCS can send it back."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int) and -_MOST_INT <= value < _MOST_INT:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str):
        return printable(value, MOST_OF_A_VALUE)
    return shown(value, MOST_OF_A_VALUE)


def told_reply(reply: bytes) -> str:
    """A reply to a raw command."""
    return shortened(reply.decode("ascii", "backslashreplace"), MOST_OF_A_REPLY)


def _message(block: str, timestamp: float, data: dict[str, Value]) -> dict[str, Any]:
    return {"block_name": block, "timestamp": timestamp,
            "data": {name: _storable(value) for name, value in data.items()}}


def _storable(value: Value) -> Value:
    # OCS' InfluxDB publisher puts text in quotes and escapes nothing in it; one such value
    # would cost the whole batch.
    return value.replace('"', "'").replace("\\", "/") if isinstance(value, str) else value
