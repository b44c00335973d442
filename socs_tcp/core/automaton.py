"""The position automaton of a regular expression (Glushkov's), and what can be seen in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .byte_sets import both_cases, mask_of

#: What can be looked at. (A pattern for a device's reply has 5 to 50 places.)
MAX_POSITIONS = 400
#: So many ways to read one text outside of repetitions are still cheap.
MAX_WAYS = 64


class _Part(NamedTuple):
    """A piece of a pattern: may it be nothing, and where does it begin and end?"""

    nullable: bool
    first: tuple[int, ...]
    last: tuple[int, ...]


_EMPTY = _Part(True, (), ())


@dataclass
class Automaton:
    """The places of a pattern, each with the bytes it takes, and what may follow it.

    Parameters
    ----------
    degree : callable
        Called with a pattern that is looked at ahead, and its flags: the power of the length
        that it costs.
    """

    degree: Callable[[Any, int], int]
    masks: list[int] = field(default_factory=list)
    follow: list[Counter[int]] = field(default_factory=list)
    #: Powers of the length that come on top (looking ahead).
    extra: int = 0
    #: Does it succeed as soon as its last place is reached? (``$`` can still say no.)
    open_end: bool = True

    def build(self, tree: Any, flags: int) -> _Part:
        part = _EMPTY
        for op, argument in tree:
            part = self.join(part, self.one(str(op), argument, flags))
        return part

    def leaf(self, mask: int, flags: int) -> _Part:
        if len(self.masks) >= MAX_POSITIONS:
            raise ValueError(f"has more than {MAX_POSITIONS} places")
        if flags & re.IGNORECASE:
            mask = both_cases(mask)
        self.masks.append(mask)
        self.follow.append(Counter())
        return _Part(False, (len(self.masks) - 1,), (len(self.masks) - 1,))

    def link(self, before: Iterable[int], after: tuple[int, ...]) -> None:
        for place in before:
            self.follow[place].update(after)

    def join(self, one: _Part, two: _Part) -> _Part:
        self.link(one.last, two.first)
        return _Part(one.nullable and two.nullable,
                     one.first + two.first if one.nullable else one.first,
                     one.last + two.last if two.nullable else two.last)

    def one(self, op: str, argument: Any, flags: int) -> _Part:
        if op in ("LITERAL", "NOT_LITERAL", "ANY", "IN", "FAILURE"):
            return self.leaf(mask_of(op, argument, flags), flags)
        part = _EMPTY
        if op == "AT":
            self.open_end = self.open_end and "BEGINNING" in str(argument)
        elif op in ("SUBPATTERN", "ATOMIC_GROUP"):
            _group, added, removed, tree = argument if op == "SUBPATTERN" else (0, 0, 0, argument)
            part = self.build(tree, (flags | added) & ~removed)
        elif op == "BRANCH":
            part = self.branch([self.build(tree, flags) for tree in argument[1]])
        elif op.endswith("_REPEAT"):
            part = self.repeat(argument[0], argument[1], argument[2], flags)
        elif op in ("ASSERT", "ASSERT_NOT"):
            self.look(argument[0], argument[1], flags)
        else:
            raise ValueError("refers to what a group has matched, which can take any time")
        return part

    def branch(self, parts: list[_Part]) -> _Part:
        if sum(part.nullable for part in parts) > 1:
            raise ValueError("has alternatives of which more than one may be nothing")
        return _Part(any(part.nullable for part in parts),
                     tuple(place for part in parts for place in part.first),
                     tuple(place for part in parts for place in part.last))

    def repeat(self, least: int, most: int, tree: Any, flags: int) -> _Part:
        if most == 0:
            return _EMPTY
        if least == most and least <= 64:
            part = self.build(tree, flags)
            if part.nullable and most > 1:
                raise ValueError("repeats something that may be nothing")
            for _ in range(least - 1):
                part = self.join(part, self.build(tree, flags))
            return part
        part = self.build(tree, flags)
        if part.nullable:
            raise ValueError("repeats something that may be nothing")
        if most > 1:
            self.link(part.last, part.first)
        return part._replace(nullable=least == 0)

    def look(self, direction: int, tree: Any, flags: int) -> None:
        """What is looked at, ahead or behind, is a pattern of its own, tried in each place."""
        self.open_end = False
        if direction > 0:
            self.extra += self.degree(tree, flags)

    # what can be seen in it

    def components(self) -> list[list[int]]:
        """The cycles: the places that can follow themselves, in groups, from front to back."""
        graph = {place: tuple(follow) for place, follow in enumerate(self.follow)}
        found = strongly_connected(graph)
        return [group for group in reversed(found)
                if len(group) > 1 or group[0] in graph[group[0]]]

    def overlap(self, one: int, two: int) -> bool:
        return bool(self.masks[one] & self.masks[two])

    def doubles(self, cycle: list[int]) -> bool:
        """Are there two ways from a place of the cycle back to it that read the same text?"""
        inside = set(cycle)
        steps = {place: [n for n in self.follow[place] if n in inside] for place in cycle}
        if any(self.follow[place][n] > 1 for place in cycle for n in steps[place]):
            return True
        if len(cycle) > 60:
            raise ValueError("repeats too long a thing")
        graph: dict[tuple[int, int], list[tuple[int, int]]] = {
            (a, b): [(c, d) for c in steps[a] for d in steps[b] if self.overlap(c, d)]
            for a in cycle for b in cycle}
        return any(len({a == b for a, b in group}) == 2
                   for group in strongly_connected(graph) if len(group) > 1)

    def compete(self, one: list[int], two: list[int]) -> bool:
        """Can a text be read by both cycles, and by the way from one to the other?"""
        if len(one) * len(two) * len(self.masks) > 5000:
            return True
        firsts, lasts = set(one), set(two)
        return any(self._competes(p, q, firsts, lasts) for p in one for q in two)

    def _competes(self, p: int, q: int, firsts: set[int], lasts: set[int]) -> bool:
        masks = self.masks
        todo, seen = [(p, p, q)], {(p, p, q)}
        while todo:
            a, b, c = todo.pop()
            for step in ((x, y, z) for x in self.follow[a] if x in firsts
                         for y in self.follow[b] if masks[x] & masks[y]
                         for z in self.follow[c] if z in lasts
                         and masks[x] & masks[y] & masks[z]):
                if step == (p, q, q):
                    return True
                if step not in seen:
                    seen.add(step)
                    todo.append(step)
        return False

    def ways(self, first: tuple[int, ...], inside: set[int]) -> int:
        """How many ways there are to read one text, outside of the cycles."""
        ways = self._choices(dict.fromkeys(first, 1))
        for place, follow in enumerate(self.follow):
            if place not in inside:
                ways *= self._choices(follow)
                if ways > MAX_WAYS:
                    raise ValueError("can be read in too many ways")
        return ways

    def _choices(self, follow: dict[int, int]) -> int:
        """Of the places that may follow, how many take the same byte?"""
        return max((sum(count for other, count in follow.items() if self.overlap(place, other))
                    for place in follow), default=1)


# graphs

def reached(graph: dict[int, tuple[int, ...]], start: int) -> set[int]:
    """What can be reached from `start`, in one step or more."""
    todo, seen = [start], {start}
    while todo:
        new = [n for n in graph[todo.pop()] if n not in seen]
        seen.update(new)
        todo += new
    return seen


def strongly_connected(graph: dict[Any, Any]) -> list[list[Any]]:
    """Tarjan's groups, those at the end of the graph first; without recursion."""
    number: dict[Any, int] = {}
    low: dict[Any, int] = {}
    stack: list[Any] = []
    groups: list[list[Any]] = []
    done: set[Any] = set()
    for root, nexts in graph.items():
        if root in number:
            continue
        work: list[tuple[Any, Iterator[Any]]] = [(root, iter(nexts))]
        number[root] = low[root] = len(number)
        stack.append(root)
        while work:
            node, rest = work[-1]
            child = next(rest, None)
            if child is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    at = stack.index(node)
                    groups.append(stack[at:])
                    done.update(stack[at:])
                    del stack[at:]
            elif child not in number:
                number[child] = low[child] = len(number)
                stack.append(child)
                work.append((child, iter(graph[child])))
            elif child not in done:
                low[node] = min(low[node], number[child])
    return groups
