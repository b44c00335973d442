"""What can be reached in a graph, and where it goes in circles. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


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
