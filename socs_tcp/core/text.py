"""Text from anywhere, made fit for a log, a terminal, a message: printable, and not too long."""

from __future__ import annotations

import re
import reprlib

#: Lists in lists and the like are written so deep.
_DEEPEST = 6
#: So many items of each are written; more than any message has room for.
_MOST_ITEMS = 200
_NESTED = (list, tuple, dict, set, frozenset)
_bounded = reprlib.Repr()
_bounded.maxlevel = _DEEPEST
_bounded.maxlist = _bounded.maxtuple = _bounded.maxdict = _MOST_ITEMS
_bounded.maxset = _bounded.maxfrozenset = _MOST_ITEMS
_bounded.maxstring = _bounded.maxlong = _bounded.maxother = 1000

#: A line break with what indents the line after it.
_BREAK = re.compile(r"\n *")


def printable(text: str, most: int) -> str:
    """`text` with all that a terminal could take for a command written as an escape.

    Lines after the first are indented: none of them looks like a line of its own.

    Parameters
    ----------
    text : str
        Whatever it is, lone surrogates included.
    most : int
        Characters; what is longer loses its middle.

    Returns
    -------
    str
        As it was, where it is short and of one printable line.
    """
    if len(text) <= most and text.isprintable():
        return text
    lines = _BREAK.split(shortened(text, most))
    return shortened("\n    ".join(map(_escaped, lines)), most)


def shortened(text: str, most: int) -> str:
    """`text` without its middle, where it has more than `most` characters."""
    if len(text) <= most:
        return text
    told = f" ...({len(text)} characters)... "
    end = most // 4
    # No blanks before what is told: those at the start of a line would no longer be four.
    return text[:most - end - len(told)].rstrip() + told + text[-end:]


def written(value: object) -> str:
    """As ``repr``, but of lists in lists only so deep, and so many items of each.

    ``repr`` goes as deep as Python's limit of recursion lets it. Libraries that an agent imports
    set that to 100,000, which is more than the stack of a thread has room for: the process dies.
    """
    return _bounded.repr(value) if isinstance(value, _NESTED) else repr(value)


def shown(value: object, most: int = 100) -> str:
    """As ``repr``, of whatever a caller gave: on one line, short, and never an error itself."""
    try:
        text = written(value)
    except Exception:       # its own, or a number with too many digits to be written
        text = f"a {type(value).__name__}"
    return printable(text, most)


def without_braces(text: str) -> str:
    """`text` with braces written as escapes, since somebody may take it for a format.

    A backslash before a brace is one of a pair where `text` is a ``repr``, so that a
    ``repr`` stays one, and of the same value.
    """
    return text.replace("{", "\\x7b").replace("}", "\\x7d")


def safe(text: object, most: int) -> str:
    """What anybody may write to a log, whatever it is: printable, short, and without braces."""
    try:
        text = str(text)
    except Exception:       # an exception of somebody else's may be anything
        text = f"a {type(text).__name__}"
    return shortened(without_braces(printable(text, most)), most)


def _escaped(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode()
                   for c in line)


def duration(seconds: float) -> str:
    """A length of time as a person says it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
