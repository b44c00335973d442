"""What a regular expression may cost. Pure: nothing is matched here.

Python's ``re`` tries one way after the other. How many ways there are depends on the pattern and
on the text, and the text comes from a device: one that says 65,000 digits froze a reactor for
half a minute. So each pattern is turned into its position automaton (Glushkov's), in which can
be seen

- whether two ways through a repetition read the same text: their number then doubles with each
  round (``(a+)+b``), and the pattern is refused;
- how many repetitions compete with what follows them for the same text (``.*x.*y``): so many
  times the length of the text counts as a factor. `Cost.longest` is up to where that is affordable;
- in how many other ways the text can be read (``a+a?b``), which is a factor, too.

See Weber and Seidl, "On the degree of ambiguity of finite automata" (1991).
"""

from __future__ import annotations

import importlib
import re
from math import factorial
from typing import Any, NamedTuple

from .automaton import MAX_WAYS, Automaton
from .tails import is_chain, tail

# (The parser of `re`; `sre_parse` until Python 3.10. There is no public one.)
_parser: Any = importlib.import_module("re._parser")
_constants: Any = importlib.import_module("re._constants")

#: So many steps of matching take some 5 to 40 ms.
STEPS = 500_000
MAX_SOURCE = 1000
LONGEST = 65536
#: So many of the last bytes of a match are considered: that is enough to find it.
LONGEST_TAIL = 8


class Cost(NamedTuple):
    """What a pattern costs, and what can be said of its matches."""

    #: The time grows with the length of the text to this power.
    degree: int
    #: How many ways there are for each text, outside of repetitions.
    ways: int
    #: Can it match at the beginning of a text only (or there, if anywhere)?
    anchored: bool
    #: Bytes of the longest match; None where there is no such thing.
    width: int | None
    #: Which bytes a match can end with: of the last ones, in their order, a set each.
    tail: tuple[int, ...]
    #: Whatever has these bytes is a match, and nothing else is.
    is_tail: bool
    #: Does it depend on nothing but what it matches? (``^`` depends on what is before it.)
    alone: bool
    #: What it took to find this out: microseconds, more or less.
    work: int

    def longest(self, steps: int = STEPS) -> int:
        """The longest text for which matching takes no more than so many steps."""
        if self.degree == 0:
            return LONGEST
        root = (steps * factorial(self.degree) / self.ways) ** (1 / self.degree)
        return max(min(int(root), LONGEST), 1)


def _cost(tree: Any, flags: int, *, looked_at: bool = False) -> Cost:
    # (What is only looked at is no end: the search goes on, and comes back to it elsewhere.)
    automaton = Automaton(_price, open_end=not looked_at)
    part = automaton.build(tree, flags)
    cycles = automaton.components()
    for cycle in cycles:
        if automaton.doubles(cycle):
            raise ValueError("can take unlimited time with some replies: it repeats what is "
                             "itself repeated, as (a+)+ does")
    if automaton.open_end:      # where nothing must follow, nothing is tried again
        cycles = [cycle for cycle in cycles if not set(cycle) <= set(part.last)]
    power, ways = automaton.ambiguity(part.first, cycles)
    ways *= automaton.times
    if ways > MAX_WAYS:
        raise ValueError("can take too long: too many of its parts can match the same text")
    anchored = _anchored(tree, flags)
    degree = (not anchored) + bool(cycles) + power + automaton.extra
    _least, most = tree.getwidth()
    end = () if part.nullable else tail(automaton, part, LONGEST_TAIL)
    return Cost(degree, ways, anchored, int(most) if most < MAX_SOURCE else None, end,
                is_chain(automaton, part) and len(end) == len(automaton.masks),
                not automaton.conditions,
                automaton.compared + 50 * len(automaton.masks))


def _price(tree: Any, flags: int) -> tuple[int, int]:
    """What it costs to match `tree` in one place: the power of the length, and the factor."""
    price = _cost(tree, flags, looked_at=True)
    return price.degree - (not price.anchored), price.ways


def _anchored(tree: Any, flags: int) -> bool:
    """Is it of no use to look for it but at the beginning?"""
    if not len(tree):
        return False
    op, argument = tree[0]
    if str(op) == "SUBPATTERN":
        return _anchored(argument[3], (flags | argument[1]) & ~argument[2])
    if str(op) == "AT":
        return str(argument) == "AT_BEGINNING_STRING" or \
            (str(argument) == "AT_BEGINNING" and not flags & re.MULTILINE)
    return str(op) == "MAX_REPEAT" and argument[0] == 0 and argument[1] is _constants.MAXREPEAT \
        and [str(o) for o, _ in argument[2]] == ["ANY"] and bool(flags & re.DOTALL)


def cost(pattern: re.Pattern[bytes]) -> Cost:
    """What `pattern` costs.

    Raises
    ------
    ValueError
        If its cost has no bound, or cannot be seen; the message goes on after "the pattern".
    """
    if len(pattern.pattern) > MAX_SOURCE:
        raise ValueError(f"has more than {MAX_SOURCE} characters")
    if pattern.flags & re.LOCALE:
        raise ValueError("depends on the locale of the machine")
    return _cost(_parser.parse(pattern.pattern, pattern.flags), pattern.flags)


def operations(pattern: re.Pattern[bytes]) -> set[str]:
    """The names of all that `pattern` does, as the parser of `re` calls it."""
    found: set[str] = set()

    def look(thing: Any) -> None:
        if isinstance(thing, (_parser.SubPattern, list, tuple)):
            for item in thing:
                look(item)
        elif type(thing) is not int and thing is not None:
            found.add(str(thing))
    look(_parser.parse(pattern.pattern, pattern.flags))
    return found
