"""What can be wrong with a description, and with a reply that it was to explain."""

from __future__ import annotations

from difflib import get_close_matches

from ..core.errors import show
from ..core.text import without_braces, written

#: So much of a text from a file, or of a value, is shown in a message.
SHOWN = 60


class BadReply(ValueError):
    """What is wrong with a reply; `Query.parse` adds whose it is."""


def shown(value: object) -> str:
    """`value` as Python writes it, on one line and shortened, for messages."""
    if isinstance(value, int) and abs(value) >= 10 ** SHOWN:
        return f"a number of more than {SHOWN} digits"
    try:
        text = ascii(value[:SHOWN]) if isinstance(value, (str, bytes)) else written(value)
    except Exception:       # too deep, or with a number in it that is too long to be written
        return f"a {type(value).__name__}"
    more = isinstance(value, (str, bytes)) and len(value) > SHOWN
    if more or len(text) > 2 * SHOWN:
        return f"{text[:2 * SHOWN]}..."
    return text if isinstance(value, (str, bytes)) else text.encode(
        "ascii", "backslashreplace").decode()


def plain(text: str, most: int = 4 * SHOWN) -> str:
    """`text` on one line, with nothing that a terminal obeys, and shortened."""
    text = text if text.isprintable() else "".join(
        c if c.isprintable() else ascii(c)[1:-1] for c in text[:most + 1])
    return text if len(text) <= most else f"{text[:most]}..."


class DescriptionError(ValueError):
    """A description that cannot be used: one message, with the line and the key.

    Parameters
    ----------
    file : str
        The file, as the user named it.
    line : int
        Counted from 1; 0 where the file as a whole is meant.
    key : str
        The path of keys, such as ``queries.still.fields.still.type``; may be empty.
    problem : str
        What is wrong, and what is expected.
    """

    def __init__(self, file: str, line: int, key: str, problem: str) -> None:
        key, problem = plain(key, 3 * SHOWN), plain(problem, 1000)
        name = plain(file, 1000)        # anybody may have named it
        where = f"{name}:{line}" if line else name
        super().__init__(f"{where}: {key}: {problem}" if key else f"{where}: {problem}")
        self.file = file
        self.line = line
        self.key = key
        self.problem = problem


class ParseError(ValueError):
    """A reply that is not what the description says.

    Parameters
    ----------
    problem : str
        What is wrong with it.
    query : str
        The name of the query (or of the parameter) that was sent.
    reply : bytes
        The whole reply; the message shows it escaped and shortened.
    field : str
        The field that cannot be had from it; empty where it is all of them.
    in_step : bool
        Is it surely the answer to what was asked, though not one that can be used? Otherwise
        the next one may not be, either.
    """

    def __init__(self, problem: str, *, query: str, reply: bytes, field: str = "",
                 in_step: bool = False) -> None:
        who = f"{query}: {field}" if field else query
        # What stands in braces must not be run where somebody writes this to a log of Twisted's.
        super().__init__(f"{who}: {without_braces(problem)}; the reply was {show(reply)}")
        self.problem = problem
        self.query = query
        self.reply = reply
        self.field = field
        self.in_step = in_step


def did_you_mean(word: str, known: list[str]) -> str:
    """`` (did you mean 'x'?)``, or nothing where no known word is near `word`."""
    if len(word) > SHOWN:
        return ""
    # (What it takes grows with both.)
    near = get_close_matches(word, known[:12_000 // max(len(word), 20)], n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
