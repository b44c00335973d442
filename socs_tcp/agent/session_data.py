"""What OCS cannot send of ``session.data``.

OCS encodes the data when a client asks for them. What it cannot encode makes each ``status()``
fail, and no new client can find out what the agent offers: long after the device has said it.
"""

from __future__ import annotations

import math
from typing import Any

from ..core.errors import show
from ..core.text import written
from .gap import Gap

#: So deep it is looked into the data, and at so many items of a container.
_DEPTH, _ITEMS = 4, 100
#: What all encodings of WAMP can hold.
_MOST_INT = 2 ** 63
#: What a value, and a key, may be. (OCS makes lists and numbers of what numpy has.)
_SENT = (str, int, float, type(None))


class _Found(Exception):
    """What cannot be sent, and where."""


def check_data(session: Any) -> str:
    """Make `session.data` such that OCS can send it.

    Numbers that it cannot send (a device said ``1e999``, and ``float`` took it) become None, as
    OCS does with NaN; and so does a `Gap`, which an operation took for a reading.

    Returns
    -------
    str
        Where the first of them was, and which; empty where there was none.

    Raises
    ------
    TypeError
        If there are bytes in it, or a set, a Decimal, a datetime and the like: that is a mistake
        in the program.
    """
    data = getattr(session, "data", None)
    try:
        _look(data, "session.data", 0)
    except _Found as found:
        session.data = _without(data, 0)
        return str(found)
    return ""


def _look(value: Any, place: str, depth: int) -> None:
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"{place} is bytes ({show(value)}), and OCS can send text and numbers "
                        "only: decode them first, as in reply.decode()")
    if _cannot_be_sent(value):
        raise _Found(f"{place} is {_shown(value)}")
    if isinstance(value, (dict, list, tuple)):
        if depth < _DEPTH:
            for key, item in _items(value):
                if isinstance(key, bytes):
                    raise TypeError(f"{place} has bytes as a key ({show(key)}): decode them first")
                if not isinstance(key, _SENT):
                    raise TypeError(f"{place} has a key {_named(key)}: OCS can send text only")
                _look(item, f"{place}[{key!r}]", depth + 1)
    elif hasattr(value, "dtype"):
        _look(value.ravel()[:_ITEMS].tolist(), place, depth)
    elif not isinstance(value, _SENT):
        raise TypeError(f"{place} is {_named(value)}, and OCS can send text, numbers, and lists "
                        "and mappings of them only: convert it first, as in str(...) or list(...)")


def _named(value: Any) -> str:
    return f"of the type {type(value).__name__} ({show(written(value).encode())[1:]})"


def _items(value: Any) -> list[tuple[Any, Any]]:
    # (Copied in one step: another thread may be changing it.)
    if isinstance(value, dict):
        return list(value.items())[:_ITEMS]
    return list(enumerate(value[:_ITEMS])) if isinstance(value, (list, tuple)) else []


def _cannot_be_sent(value: Any) -> bool:
    if isinstance(value, float):
        return math.isinf(value)
    if isinstance(value, Gap):
        return True
    return isinstance(value, int) and not -_MOST_INT <= value < _MOST_INT


def _shown(value: Any) -> str:
    return f"a number of {value.bit_length()} bits" if isinstance(value, int) else repr(value)


def _without(value: Any, depth: int) -> Any:
    if _cannot_be_sent(value):
        return None
    if depth == _DEPTH:
        return value
    if isinstance(value, dict):
        return {key: _without(item, depth + 1) for key, item in list(value.items())}
    if isinstance(value, (list, tuple)):
        return [_without(item, depth + 1) for item in list(value)]
    return _without(value.tolist(), depth) if hasattr(value, "dtype") else value
