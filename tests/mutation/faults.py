"""Small faults in the source of a module."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias


class Fault(NamedTuple):
    """One small fault."""

    room: str
    module: str
    line: int
    text: str       # what it was, and what it is now
    source: str     # of the whole module
    function: str   # in which it is
    first: int      # the lines of its statement
    last: int
    head: str       # the first of these

    @property
    def name(self) -> str:
        """What says which it is, as long as nobody changes its line."""
        return f"{self.room}/{self.module}.{self.function}: {self.text}"

    @property
    def names(self) -> tuple[str, str]:
        """The same, and one for where a function has several of that name."""
        return self.name, f"{self.name}  in  {self.head}"


_TURNED: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn,
    ast.NotIn: ast.In, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
}


def _compare(node: ast.Compare) -> ast.AST:
    node.ops[0] = _TURNED[type(node.ops[0])]()
    return node


def _operator(node: ast.BinOp | ast.AugAssign) -> ast.AST | None:
    if type(node.op) not in _TURNED:
        return None
    node.op = _TURNED[type(node.op)]()
    return node


def _condition(node: ast.BoolOp) -> ast.AST:
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    return node


def _constant(node: ast.Constant) -> ast.AST | None:
    if isinstance(node.value, bool):
        return ast.Constant(not node.value)
    if isinstance(node.value, (int, float)):
        return ast.Constant(node.value + 1)
    return None


def _not(node: ast.UnaryOp) -> ast.AST | None:
    return node.operand if isinstance(node.op, ast.Not) else None


def _if(node: ast.If | ast.IfExp | ast.While) -> ast.AST:
    node.test = ast.UnaryOp(ast.Not(), node.test)
    return node


def _drop(node: ast.stmt) -> ast.AST | None:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return None     # a docstring
    return ast.Pass()


_MAKE: list[tuple[tuple[type, ...], Callable]] = [
    ((ast.Compare,), _compare), ((ast.BinOp, ast.AugAssign), _operator),
    ((ast.BoolOp,), _condition), ((ast.Constant,), _constant), ((ast.UnaryOp,), _not),
    ((ast.If, ast.IfExp), _if), ((ast.Expr, ast.Assign, ast.AugAssign, ast.Raise), _drop),
]


_Place: TypeAlias = "tuple[ast.AST, str, int | None]"


def _places(tree: ast.Module) -> Iterator[tuple[str, _Place]]:
    """Each node inside a function that is no annotation, as parent, field, and index."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name != "__repr__":
            for statement in function.body:
                for parent in ast.walk(statement):
                    for place in _children(parent):
                        yield function.name, place
            for index in range(len(function.body)):
                yield function.name, (function, "body", index)


def _statements(tree: ast.Module) -> dict[int, tuple[int, int]]:
    """For each line, the first and last of the statement that it is a part of.

    Of one with others inside, only its head is meant.
    """
    found: dict[int, tuple[int, int]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            inside = [child.lineno for child in ast.walk(node)
                      if isinstance(child, ast.stmt) and child is not node]
            last = min(inside) - 1 if inside else node.end_lineno or node.lineno
            last = max(last, node.lineno)
            for line in range(node.lineno, last + 1):
                found[line] = (node.lineno, last)
    return found


def _children(parent: ast.AST) -> Iterator[_Place]:
    if isinstance(parent, ast.JoinedStr):
        return          # what stands in a message is not ours
    for field, value in ast.iter_fields(parent):
        if field in ("annotation", "returns"):
            continue
        if isinstance(value, list):
            for index in range(len(value)):
                yield parent, field, index
        elif isinstance(value, ast.AST):
            yield parent, field, None


def faults_of(room: str, module: str, source: str) -> list[Fault]:
    """All small faults that can be made in `source`, each once."""
    tree = ast.parse(source)
    right = ast.unparse(tree)
    found: dict[str, Fault] = {}
    statements, lines = _statements(tree), source.splitlines()
    for function, (parent, field, index) in list(_places(tree)):
        value = getattr(parent, field)
        node = value if index is None else value[index]
        for kinds, make in _MAKE:
            if not isinstance(node, kinds):
                continue
            wrong = make(copy.deepcopy(node))
            if wrong is None:
                continue
            _put(parent, field, index, wrong)
            text = ast.unparse(ast.fix_missing_locations(tree))
            _put(parent, field, index, node)
            if text != right:
                first, last = statements.get(node.lineno, (node.lineno, node.lineno))
                found.setdefault(text, Fault(
                    room, module, node.lineno, f"{ast.unparse(node).splitlines()[0]}  ->  "
                    f"{ast.unparse(wrong).splitlines()[0]}", text, function, first, last,
                    lines[first - 1].strip()))
    return list(found.values())


def _put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node
