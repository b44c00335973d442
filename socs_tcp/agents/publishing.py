"""How readings become messages of OCS feeds, and what clients are shown of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..core.text import printable, shortened
from ..description import Value
from ..description.client import Reading

#: Characters of a value that is text, of why a field could not be read, of a raw reply.
MOST_OF_A_VALUE = 500
MOST_OF_AN_ERROR = 300
MOST_OF_A_REPLY = 16_000
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


def publish(agent: Any, reading: Reading) -> None:
    """Publish a reading to its feed. `agent` is the OCSAgent."""
    for message in reading_messages(reading):
        agent.publish_to_feed(reading.query.feed, message)


def told_values(reading: Reading) -> dict[str, Value]:
    """The values of a reading, text of it shortened."""
    return {name: printable(value, MOST_OF_A_VALUE) if isinstance(value, str) else value
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
    return printable(shown(value), MOST_OF_A_VALUE)


def shown(value: object) -> str:
    """As ``repr``, whatever a client sent: a number of any length, too."""
    if isinstance(value, int) and not -_MOST_INT <= value < _MOST_INT:
        return f"a number of {value.bit_length()} bits"
    return repr(value)


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
