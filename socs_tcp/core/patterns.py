"""What a regular expression may cost. Pure: nothing is matched here.

Python's ``re`` tries one way after the other. How many ways there are depends on the pattern and
on the text, and the text comes from a device: one that says 65,000 digits froze a reactor for
half a minute. So each pattern is turned into its position automaton (Glushkov's), in which can
be seen

- whether two ways through a repetition read the same text: their number then doubles with each
  round (``(a+)+b``), and the pattern is refused;
- how many repetitions compete for the same text, one after the other (``.*x.*y``): so many times
  the length of the text counts as a factor. `Cost.longest` is up to where that is affordable.

See Weber and Seidl, "On the degree of ambiguity of finite automata" (1991).
"""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from math import factorial
from typing import Any, NamedTuple

# (The parser of `re`; `sre_parse` until Python 3.10. There is no public one.)
_parser: Any = importlib.import_module("re._parser")
_constants: Any = importlib.import_module("re._constants")

ALL = (1 << 256) - 1
#: So many steps of matching take some 5 to 40 ms.
STEPS = 500_000
#: What can be looked at. (A pattern for a device's reply has 5 to 50 places.)
MAX_POSITIONS = 400
MAX_SOURCE = 1000
#: So many ways to read one text outside of repetitions are still cheap.
MAX_WAYS = 64
LONGEST = 65536


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
    #: The bytes that a match can end in, one bit each.
    ends_in: int

    def longest(self, steps: int = STEPS) -> int:
        """The longest text for which matching takes no more than so many steps."""
        if self.degree == 0:
            return LONGEST
        root = (steps * factorial(self.degree) / self.ways) ** (1 / self.degree)
        return max(min(int(root), LONGEST), 1)


class _Part(NamedTuple):
    """A piece of a pattern: may it be nothing, and where does it begin and end?"""

    nullable: bool
    first: tuple[int, ...]
    last: tuple[int, ...]


_EMPTY = _Part(True, (), ())


@dataclass
class _Automaton:
    """The places of a pattern, each with the bytes it takes, and what may follow it."""

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
            mask = _both_cases(mask)
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
            inner = _cost(tree, flags)
            self.extra += inner.degree

    # what can be seen in it

    def components(self) -> list[list[int]]:
        """The cycles: the places that can follow themselves, in groups, from front to back."""
        graph = {place: tuple(follow) for place, follow in enumerate(self.follow)}
        found = _strongly_connected(graph)
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
                   for group in _strongly_connected(graph) if len(group) > 1)

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


def _cost(tree: Any, flags: int) -> Cost:
    automaton = _Automaton()
    part = automaton.build(tree, flags)
    cycles = automaton.components()
    for cycle in cycles:
        if automaton.doubles(cycle):
            raise ValueError("can be read in so many ways that no computer tries them all: it "
                             "repeats what can be divided into repetitions in several ways")
    ways = automaton.ways(part.first, {place for cycle in cycles for place in cycle})
    if automaton.open_end:      # where nothing must follow, nothing is tried again
        cycles = [cycle for cycle in cycles if not set(cycle) <= set(part.last)]
    anchored = _anchored(tree, flags)
    degree = (not anchored) + bool(cycles) + _competing(automaton, cycles) + automaton.extra
    _least, most = tree.getwidth()
    ends = 0
    for place in part.last:
        ends |= automaton.masks[place]
    return Cost(degree, ways, anchored, int(most) if most < MAX_SOURCE else None,
                ALL if part.nullable else ends)


def _competing(automaton: _Automaton, cycles: list[list[int]]) -> int:
    """The greatest number of cycles, one after the other, that compete with the next."""
    graph = {place: tuple(follow) for place, follow in enumerate(automaton.follow)}
    reach = [_reached(graph, cycle[0]) for cycle in cycles]
    height = [0] * len(cycles)
    for j, later in enumerate(cycles):
        for i in range(j):
            if later[0] in reach[i]:
                height[j] = max(height[j], height[i] + automaton.compete(cycles[i], later))
    return max(height, default=0)


def _reached(graph: dict[int, tuple[int, ...]], start: int) -> set[int]:
    todo, seen = [start], {start}
    while todo:
        new = [n for n in graph[todo.pop()] if n not in seen]
        seen.update(new)
        todo += new
    return seen


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


def _strongly_connected(graph: dict[Any, Any]) -> list[list[Any]]:
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


# which bytes

def mask_of(op: str, argument: Any, flags: int) -> int:
    """The bytes that one place takes, one bit each."""
    if op == "LITERAL":
        return 1 << int(argument)
    if op == "NOT_LITERAL":
        return ALL & ~_cased(1 << argument, flags)
    if op == "FAILURE":
        return 0
    if op == "ANY":
        return ALL if flags & re.DOTALL else ALL & ~(1 << 10)
    mask, negated = 0, False
    for kind, value in argument:
        if str(kind) == "NEGATE":
            negated = True
        elif str(kind) == "RANGE":
            mask |= sum(1 << byte for byte in range(value[0], value[1] + 1))
        elif str(kind) == "CATEGORY":
            mask |= _category(str(value))
        else:
            mask |= 1 << int(value)
    mask = _cased(mask, flags)
    return ALL & ~mask if negated else mask


def _cased(mask: int, flags: int) -> int:
    return _both_cases(mask) if flags & re.IGNORECASE else mask


def _both_cases(mask: int) -> int:
    letters = ((1 << 26) - 1)
    large, small = mask >> 65 & letters, mask >> 97 & letters
    return mask | large << 97 | small << 65


@cache
def _category(name: str) -> int:
    letter = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}[name.rpartition("_")[2]]
    pattern = re.compile(f"\\{letter.upper() if '_NOT_' in name else letter}".encode())
    return sum(1 << byte for byte in range(256) if pattern.match(bytes([byte])))


def cost(pattern: re.Pattern[bytes]) -> Cost:
    """What `pattern` costs.

    Raises
    ------
    ValueError
        If its cost has no bound, or cannot be seen; the message goes on after "the pattern".
    """
    if len(pattern.pattern) > MAX_SOURCE:
        raise ValueError(f"has more than {MAX_SOURCE} characters")
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
