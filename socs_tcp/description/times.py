"""Times as devices write them, in UTC, in those of Python's formats that mean one thing. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DIRECTIVE = re.compile(r"%(.?)")
#: What is known everywhere, and the same in all languages.
_OUT, _IN = "YymdHMSfj%IpbB", "YymdHMSfj%IpbBz"
_DATES = [("d", "m"), ("d", "b"), ("d", "B"), ("j",)]
#: So many characters of a time.
LONGEST = 100


def check_format(text: str, *, reads: bool) -> str:
    """`text` if it is the format of a time that can be written, or read.

    Raises
    ------
    ValueError
        With what is wrong with it.
    """
    known = _IN if reads else _OUT
    found = _DIRECTIVE.findall(text)
    for letter in found:
        if not letter or letter not in known:
            raise ValueError(f"'%{letter}' is not known in a time; there are "
                             f"{' '.join('%' + one for one in known)}")
    if not text.isprintable() or len(text) > LONGEST or not {*found} - {"%"}:
        raise ValueError(f"{text!r} is not the format of a time, such as '%Y-%m-%d %H:%M:%S'")
    if len({*found} - {"%"}) < len([one for one in found if one != "%"]):
        raise ValueError(f"{text!r} has a part of the time twice")
    if reads and not ({"Y", "y"} & {*found} and any({*date} <= {*found} for date in _DATES)):
        raise ValueError(f"{text!r} must contain a date: year, month and day")
    return text


def written(when: datetime, form: str) -> str:
    """`when` in this format."""
    return when.strftime(form)


def seconds(text: str, form: str) -> float:
    """Seconds since 1970; raises `ValueError` if `text` does not have this format."""
    when = datetime.strptime(text, form)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
