"""How readings become messages of OCS feeds."""

from __future__ import annotations

from typing import Any

from ..core.link import Link
from ..description import LINK_FEED, Value
from ..description.client import Reading


def reading_messages(reading: Reading) -> list[dict[str, Any]]:
    """The messages to publish for one reading.

    Fields of one reply are sampled together and make one block, named after the query. OCS
    wants every sample of a block to have the same fields: if some could not be read, each of
    the others goes into a block of its own, so that none is lost.
    """
    name, values = reading.query.name, reading.values
    if not values:
        return []
    if not reading.errors:
        return [_message(name, reading.timestamp, values)]
    return [_message(f"{name}__{field}", reading.timestamp, {field: value})
            for field, value in values.items()]


def publish(agent: Any, reading: Reading) -> None:
    """Publish a reading to its feed. `agent` is the OCSAgent."""
    for message in reading_messages(reading):
        agent.publish_to_feed(reading.query.feed, message)


def link_messages(link: Link, now: float) -> list[dict[str, Any]]:
    """The health of a connection, as numbers that can be plotted.

    The round-trip time is only there while there is one: a gap in the plot says more than
    the last value for ever.
    """
    messages = [_message(LINK_FEED, now, {
        "link_up": int(not link.down),
        "link_connects": link.connects,
        "link_losses": link.losses,
        "link_exchanges": link.exchanges,
        "link_timeouts": link.timeouts,
    })]
    if not link.down and link.last_rtt is not None and link.worst_rtt is not None:
        messages.append(_message(f"{LINK_FEED}_rtt", now, {
            "link_rtt": float(link.last_rtt), "link_worst_rtt": float(link.worst_rtt)}))
    return messages


def link_status(link: Link) -> dict[str, Any]:
    """The same for ``session.data``, in words, too."""
    return {"up": not link.down, "state": link.state.value, "reason": link.reason,
            "since": link.since, "losses": link.losses, "timeouts": link.timeouts,
            "rtt": link.last_rtt}


def _message(block: str, timestamp: float, data: dict[str, Value]) -> dict[str, Any]:
    return {"block_name": block, "timestamp": timestamp,
            "data": {name: _storable(value) for name, value in data.items()}}


def _storable(value: Value) -> Value:
    # OCS' InfluxDB publisher puts text in quotes and escapes nothing in it; one such value
    # would cost the whole batch.
    return value.replace('"', "'").replace("\\", "/") if isinstance(value, str) else value
