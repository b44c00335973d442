"""Where a reply ends that ends with a prompt. Pure.

What it costs to look for a prompt grows with the length of the reply and no faster, in whatever
pieces it comes and whatever it says: a prompt is looked for near its own end only.
"""

from __future__ import annotations

import re

from .ends import find_text, split_texts
from .framer import MAX_LENGTH, Framer, Text, to_bytes
from .patterns import Cost, cost, operations
from .prompt_search import PromptSearch

_PLAIN = re.compile(rb"(?:[^\\.^$*+?{}\[\]|()]|\\[rnt]|\\[^0-9A-Za-z])+", re.DOTALL)
_ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t"}


def plain_text(pattern: re.Pattern[bytes]) -> bytes | None:
    """The one text that `pattern` matches; None where there are others, or it is not seen."""
    if pattern.flags & ~re.DOTALL or not _PLAIN.fullmatch(pattern.pattern):
        return None
    return re.sub(rb"(?s)\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), pattern.pattern)


#: What depends on what comes after the prompt, or on how much of it has come.
_LOOKS_AHEAD = {"AT_END", "AT_END_STRING", "AT_BOUNDARY", "AT_NON_BOUNDARY", "AT_END_LINE"}
_WAIT = {"ATOMIC_GROUP", "POSSESSIVE_REPEAT"}


class PromptFramer(Framer):
    """A reply ends where the device prompts for the next command.

    Parameters
    ----------
    pattern : bytes, str, or compiled pattern of bytes
        The prompt as a regular expression. The reply ends as soon as it matches, so it
        may not be empty and may not end in ``$``, ``\\Z`` or look ahead: what comes
        after the prompt is not known yet when it is seen. Nor may it have groups or
        repetitions that do not backtrack, ``(?>...)``, ``*+``: what they match depends on
        how much has come; nor repetitions that can be read in ever so many ways. A prompt that
        can be of any length (``\\w+>``) is found if it has no more than 128 bytes; for a
        pattern that is costly to match, less (`longest`).
    send_terminator : bytes or str
        What ends a command.
    keep : bool
        Keep the prompt at the end of the reply, because it says something: ``:`` for "done",
        ``?`` for "error". Otherwise it is removed.
    max_length : int
        The longest reply in bytes, its prompt counted.

    Attributes
    ----------
    longest : int
        A prompt of so many bytes is always found.

    Raises
    ------
    ValueError
        If `pattern` is none of these, or its cost has no bound.
    """

    def __init__(self, pattern: Text | re.Pattern[bytes], *, send_terminator: Text = b"\r\n",
                 keep: bool = False, max_length: int = MAX_LENGTH) -> None:
        super().__init__(max_length)
        self.keep = keep
        if not isinstance(pattern, re.Pattern):
            pattern = re.compile(to_bytes(pattern))
        price = _checked(pattern)
        self.pattern = pattern
        self._text = plain_text(pattern)
        self._search = PromptSearch(pattern, price)
        self.longest = self._search.longest
        self.send_terminator = to_bytes(send_terminator)

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        limit = min(stop, start + self.max_length)
        if self._text is not None:
            after = find_text(buffer, self._text, start, limit, scanned)
            found = (after - len(self._text), after) if after else None
        else:
            found = self._search.find(buffer, start, limit, scanned)
        if found is None and stop - start >= self.max_length:
            raise self.too_long(buffer[start:stop])
        return (found[1], found[1]) if found is not None and self.keep else found

    def split(self, data: bytes, most: int, start: int = 0) -> tuple[list[bytes], int] | None:
        text = self._text
        if text is None or self.keep:
            return self._search.split(data, most, start, self.max_length, self.keep)
        return split_texts(data, (text,), most, start, self.max_length - len(text))


def _checked(pattern: re.Pattern[bytes]) -> Cost:
    """What `pattern` costs; raises `ValueError` if it is not fit for a prompt."""
    source = pattern.pattern
    if not isinstance(source, bytes):
        raise TypeError(f"a compiled pattern must be one of bytes, not {source!r}")
    if pattern.search(b"") is not None:
        raise ValueError(f"the prompt {source!r} matches an empty text: "
                         "every reply would end before it begins")
    try:
        price = cost(pattern)
    except ValueError as exc:
        raise ValueError(f"the prompt {source!r} {exc}") from None
    does = operations(pattern)
    if does & _LOOKS_AHEAD or (does & {"ASSERT", "ASSERT_NOT"} and re.search(
            rb"\(\?[=!]", source)):
        raise ValueError(f"the prompt {source!r} depends on what comes after it, "
                         "which is not known when the prompt is seen "
                         r"(a literal dollar sign is written \$)")
    if does & _WAIT:
        raise ValueError(f"the prompt {source!r} has a possessive repetition or an atomic group, "
                         "so that what it matches depends on how much has arrived")
    return price
