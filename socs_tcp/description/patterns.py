"""Regular expressions of a description, which no reply can make expensive."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import lru_cache

from ..core.patterns import MAX_SOURCE, STEPS, cost
from .errors import BadReply

MAX_GROUPS = 100
#: So many times as long as usual matching may take where a description asks for it.
RAISED = 25


@dataclass(frozen=True)
class Pattern:
    """A regular expression for bytes, and the longest reply that it is applied to.

    Parameters
    ----------
    regex : compiled pattern
    longest : int
        Bytes. What matching costs is bounded for replies up to this length.
    anchored : bool
        Is it enough to look at the beginning of a reply?
    work : int
        As `Cost.work`.
    """

    regex: re.Pattern[bytes]
    longest: int
    anchored: bool = False
    work: int = 0

    @property
    def text(self) -> str:
        """As it stands in the file."""
        return self.regex.pattern.decode("latin-1")

    def match(self, reply: bytes) -> re.Match[bytes] | None:
        """The match at the beginning of `reply`.

        Raises
        ------
        BadReply
            If `reply` is too long.
        """
        self._check(reply)
        return self.regex.match(reply)

    def fits(self, frame: bytes) -> bool:
        """Does it match at the beginning? One that is too long to be looked at does not."""
        return len(frame) <= self.longest and self.regex.match(frame) is not None

    def search(self, reply: bytes) -> re.Match[bytes] | None:
        """The first match anywhere in `reply`; raises as `match` does."""
        self._check(reply)
        return self.regex.match(reply) if self.anchored else self.regex.search(reply)

    def _check(self, reply: bytes) -> None:
        if len(reply) > self.longest:
            raise BadReply(f"it has {len(reply)} bytes, and its pattern is applied to "
                           f"{self.longest} at most ('max_length' can say more)")


@lru_cache(maxsize=256)
def compiled(text: str, longest: int | None = None) -> Pattern:
    """The pattern in `text`; a character of it stands for one byte.

    Parameters
    ----------
    text : str
    longest : int, optional
        Bytes of the longest reply. Default: what the pattern can afford. It may say more
        than that, but not without bound.

    Raises
    ------
    ValueError
        If it is not a regular expression, or one whose cost has no bound.
    """
    if len(text) > MAX_SOURCE:
        raise ValueError(f"has more than {MAX_SOURCE} characters")
    if text.count("(") > MAX_GROUPS:
        raise ValueError(f"has more than {MAX_GROUPS} groups, which is too deep or too many")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            regex = re.compile(text.encode("latin-1"), re.DOTALL)
            price = cost(regex)
    except UnicodeEncodeError:
        raise ValueError("has a character that is not a single byte; write \\xNN") from None
    except (re.error, OverflowError) as exc:
        raise ValueError(f"is not a regular expression: {exc}") from None
    except (RecursionError, MemoryError):
        raise ValueError("is not a regular expression that can be used: it is too deep or too "
                         "large") from None
    most = price.longest(RAISED * STEPS)
    if longest is not None and longest > most:
        raise ValueError(f"takes too long with replies of {longest} bytes, as 'max_length' has it; "
                         f"{most} at most, or a pattern in which less competes for the same text")
    return Pattern(regex, longest or price.longest(), price.anchored,
                   price.work)
