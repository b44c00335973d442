"""Which bytes a match of a regular expression ends with. Pure."""

from __future__ import annotations

from functools import reduce
from operator import or_

from .automaton import Automaton, Part


def tail(automaton: Automaton, whole: Part, most: int) -> tuple[int, ...]:
    """Which bytes the last places of a match take, up to `most`: a set each, in their order."""
    masks: list[int] = []
    places = set(whole.last)
    while places and len(masks) < most:
        masks.insert(0, reduce(or_, (automaton.masks[place] for place in places)))
        if places & set(whole.first):       # it may begin here
            break
        places = {place for place, follow in enumerate(automaton.follow) if places & set(follow)}
    return tuple(masks)


def is_chain(automaton: Automaton, whole: Part) -> bool:
    """Does one place follow the other, and nothing else is asked for?"""
    last = len(automaton.masks) - 1
    return (not automaton.conditions and whole == Part(False, (0,), (last,))
            and not automaton.follow[last]
            and all(dict(follow) == {place + 1: 1}
                    for place, follow in enumerate(automaton.follow[:-1])))
