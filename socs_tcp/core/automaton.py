"""The position automaton of a regular expression (Glushkov's), and what can be seen in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .byte_sets import both_cases, mask_of
from .graphs import strongly_connected

#: What can be looked at. (A pattern for a device's reply has 5 to 50 places.)
MAX_POSITIONS = 400
#: So often two places of a pattern may be compared (so often takes some 50 ms).
MAX_COMPARED = 500_000
#: So many ways to read one text outside of repetitions are still cheap.
MAX_WAYS = 64


class Part(NamedTuple):
    """A piece of a pattern: may it be nothing, and where does it begin and end?"""

    nullable: bool
    first: tuple[int, ...]
    last: tuple[int, ...]


_EMPTY = Part(True, (), ())


@dataclass
class Automaton:
    """The places of a pattern, each with the bytes it takes, and what may follow it.

    Parameters
    ----------
    price : callable
        Called with a pattern that is looked at, ahead or behind, and its flags: the power of the
        length that it costs, and the factor.
    """

    price: Callable[[Any, int], tuple[int, int]]
    masks: list[int] = field(default_factory=list)
    follow: list[Counter[int]] = field(default_factory=list)
    #: What comes on top (looking ahead or behind): powers of the length, and a factor.
    extra: int = 0
    times: int = 1
    #: What has to be so in some place, without taking a byte.
    conditions: int = 0
    #: Does it succeed as soon as its last place is reached? (``$`` can still say no.)
    open_end: bool = True
    #: How often two places were compared.
    compared: int = 0

    def build(self, tree: Any, flags: int) -> Part:
        part = _EMPTY
        for op, argument in tree:
            part = self.join(part, self.one(str(op), argument, flags))
        return part

    def leaf(self, mask: int, flags: int) -> Part:
        if len(self.masks) >= MAX_POSITIONS:
            raise ValueError(f"has more than {MAX_POSITIONS} characters, counting repetitions")
        if flags & re.IGNORECASE:
            mask = both_cases(mask)
        self.masks.append(mask)
        self.follow.append(Counter())
        return Part(False, (len(self.masks) - 1,), (len(self.masks) - 1,))

    def link(self, before: Iterable[int], after: tuple[int, ...]) -> None:
        for place in before:
            self.follow[place].update(after)

    def join(self, one: Part, two: Part) -> Part:
        self.link(one.last, two.first)
        return Part(one.nullable and two.nullable,
                     one.first + two.first if one.nullable else one.first,
                     one.last + two.last if two.nullable else two.last)

    def one(self, op: str, argument: Any, flags: int) -> Part:
        if op in ("LITERAL", "NOT_LITERAL", "ANY", "IN", "FAILURE"):
            return self.leaf(mask_of(op, argument, flags), flags)
        part = _EMPTY
        self.conditions += op in ("AT", "ASSERT", "ASSERT_NOT")
        if op == "AT":
            # (At the very beginning it is tried before anything is repeated.)
            self.open_end = self.open_end and "BEGINNING" in str(argument) and not self.masks
        elif op == "SUBPATTERN":
            _group, added, removed, tree = argument
            if added & re.LOCALE:
                raise ValueError("depends on the locale of the machine")
            part = self.build(tree, (flags | added) & ~removed)
        elif op == "ATOMIC_GROUP":
            part = self.build(argument, flags)
        elif op == "BRANCH":
            part = self.branch([self.build(tree, flags) for tree in argument[1]])
        elif op.endswith("_REPEAT"):
            part = self.repeat(argument[0], argument[1], argument[2], flags)
        elif op in ("ASSERT", "ASSERT_NOT"):
            self.look(argument[1], flags)
        else:
            raise ValueError("refers back to a group, which can take unlimited time")
        return part

    def branch(self, parts: list[Part]) -> Part:
        if sum(part.nullable for part in parts) > 1:
            raise ValueError("has two alternatives that can both be empty")
        return Part(any(part.nullable for part in parts),
                     tuple(place for part in parts for place in part.first),
                     tuple(place for part in parts for place in part.last))

    def repeat(self, least: int, most: int, tree: Any, flags: int) -> Part:
        if most == 0:
            return _EMPTY
        if least == most and least <= 64:
            part = self.build(tree, flags)
            if part.nullable and most > 1:
                raise ValueError("repeats something that can be empty")
            for _ in range(least - 1):
                part = self.join(part, self.build(tree, flags))
            return part
        part = self.build(tree, flags)
        if part.nullable:
            raise ValueError("repeats something that can be empty")
        if most > 1:
            self.link(part.last, part.first)
        return part._replace(nullable=least == 0)

    def look(self, tree: Any, flags: int) -> None:
        """What is looked at, ahead or behind, is a pattern of its own, tried in each place."""
        self.open_end = False
        power, times = self.price(tree, flags)
        self.extra += power
        self.times *= times

    # what can be seen in it

    def components(self) -> list[list[int]]:
        """The cycles: the places that can follow themselves, in groups, from front to back."""
        graph = {place: tuple(follow) for place, follow in enumerate(self.follow)}
        found = strongly_connected(graph)
        return [group for group in reversed(found)
                if len(group) > 1 or group[0] in graph[group[0]]]

    def overlap(self, one: int, two: int) -> bool:
        self.compared += 1
        if self.compared > MAX_COMPARED:
            raise ValueError("is too complicated: too many repeated parts can match the same text")
        return bool(self.masks[one] & self.masks[two])

    def doubles(self, cycle: list[int]) -> bool:
        """Are there two ways from a place of the cycle back to it that read the same text?"""
        inside = set(cycle)
        steps = {place: [n for n in self.follow[place] if n in inside] for place in cycle}
        if any(self.follow[place][n] > 1 for place in cycle for n in steps[place]):
            return True
        if len(cycle) > 60:
            raise ValueError("repeats a part that is too long")
        graph: dict[tuple[int, int], list[tuple[int, int]]] = {
            (a, b): [(c, d) for c in steps[a] for d in steps[b] if self.overlap(c, d)]
            for a in cycle for b in cycle}
        return any(len({a == b for a, b in group}) == 2
                   for group in strongly_connected(graph) if len(group) > 1)

    def ambiguity(self, first: tuple[int, ...], cycles: list[list[int]]) -> tuple[int, int]:
        """In how many ways a text can be read: a power of its length, and a factor.

        Each way leaves each cycle at some time. Leaving has a price where the cycle could as
        well have gone on with what was read instead: see `_leaving`.

        Parameters
        ----------
        first : tuple of int
            The places to begin with.
        cycles : list of list of int
            Those to be left again; at the others the search is over.
        """
        graph = {place: tuple(follow) for place, follow in enumerate(self.follow)}
        cycle_of = {place: cycle for cycle in cycles for place in cycle}
        known: dict[int, tuple[int, int]] = {}
        for group in strongly_connected(graph):     # those at the end of the pattern first
            cycle = cycle_of.get(group[0])
            if cycle is None and (len(group) > 1 or group[0] in graph[group[0]]):
                known.update(dict.fromkeys(group, (0, 1)))
                continue
            inside = set(group)
            exits = [Counter({n: count for n, count in self.follow[place].items()
                              if n not in inside}) for place in group]
            power = max(self._onward(follow, known)[0] for follow in exits)
            ways = max(self._onward(follow, known)[1] for follow in exits)
            if cycle is not None:
                more, factor = self._leaving(cycle, exits)
                power, ways = power + more, ways * factor
            if ways > MAX_WAYS:
                raise ValueError("can take too long: too many of its parts can match the same text")
            known.update(dict.fromkeys(group, (power, ways)))
        power, ways = self._onward(Counter(first), known)
        if ways > MAX_WAYS:
            raise ValueError("can take too long: too many of its parts can match the same text")
        return power, ways

    def _onward(self, follow: Counter[int], known: dict[int, tuple[int, int]]
                ) -> tuple[int, int]:
        """The ways from here, where one of `follow` takes the next byte."""
        power = max((known[place][0] for place in follow), default=0)
        ways = max((sum(count * known[other][1] for other, count in follow.items()
                        if self.overlap(place, other)) for place in follow), default=1)
        return power, ways

    def _leaving(self, cycle: list[int], exits: list[Counter[int]]) -> tuple[int, int]:
        """What it costs that a cycle may be left at several times: a power, and a factor.

        Of two ways that leave it at different times and read the same text, the one that
        leaves later reads in the cycle what the other reads behind it. Where both can go on
        like that for ever, any time will do; otherwise as many as they can go on together.
        """
        inside = set(cycle)
        several = any(self._forks(place, inside) for place in cycle)
        begin = {(stay, leave) for place, follow in zip(cycle, exits, strict=True)
                 for leave in follow
                 for stay in (inside if several else self.follow[place])
                 if stay in inside and self.overlap(stay, leave)}
        both: dict[tuple[int, int], list[tuple[int, int]]] = {}
        todo = list(begin)
        while todo:
            pair = todo.pop()
            if pair not in both:
                both[pair] = [(a, b) for a in self.follow[pair[0]] if a in inside
                              for b in self.follow[pair[1]] if self.overlap(a, b)]
                todo += both[pair]
        # (Wherever it may be after a byte, it has just read that.)
        factor = max(sum(self.overlap(a, b) for b in cycle) for a in cycle) if several else 1
        longest: dict[tuple[int, int], int] = {}
        for group in strongly_connected(both):
            if len(group) > 1 or group[0] in both[group[0]]:
                return 1, factor
            longest[group[0]] = 1 + max((longest[n] for n in both[group[0]]), default=0)
        return 0, factor * (1 + max(longest.values(), default=0))

    def _forks(self, place: int, inside: set[int]) -> bool:
        """May the cycle go on from here in several ways, with one and the same byte?"""
        nexts = [n for n in self.follow[place] if n in inside]
        return any(self.overlap(a, b) for i, a in enumerate(nexts) for b in nexts[:i])
