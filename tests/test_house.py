"""The house: which room may know which, and how many there are at the top."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "socs_tcp"

#: From the ground up. A room knows those below it, and itself.
FLOORS = [
    {"core"},
    {"blocking", "deferred"},
    {"tcp"},
    {"agent", "testing", "serial"},
    {"description", "compat"},
    {"agents"},
    {"cli"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

#: Programs, which stand on everything: nobody imports them.
PROGRAMS = ("__main__", "sitecustomize")


def modules():
    return {path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", "."): path
            for path in PACKAGE.rglob("*.py")
            if path.stem not in PROGRAMS and "demo/agents" not in path.as_posix()}


def imported(module, path):
    """The modules of ours that a module imports, wherever it does, also for types only."""
    base = module.split(".") if path.stem != "__init__" else [*module.split(".")[:-1], "__init__"]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = base[:-node.level] + (node.module.split(".") if node.module else [])
            for alias in node.names:
                yield parts, alias.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("socs_tcp"):
            for alias in node.names:
                yield node.module.split("."), alias.name


def targets():
    """From each module to those that it imports."""
    known = modules()
    graph = {}
    for module, path in known.items():
        graph[module] = set()
        for parts, name in imported(module, path):
            whole = ".".join(parts)
            for candidate in (f"{whole}.{name}", f"{whole}.{name}.__init__", whole,
                              f"{whole}.__init__"):
                if candidate in known:
                    graph[module].add(candidate)
                    break
    return graph


GRAPH = targets()


def room(module):
    return module.split(".")[1]


def test_the_graph_is_that_of_the_package():
    assert len(GRAPH) > 100
    assert "socs_tcp.core.conversation" in GRAPH["socs_tcp.blocking.exchange"]
    assert "socs_tcp.core.conversation" in GRAPH["socs_tcp.deferred.connection"]


@pytest.mark.parametrize("name", sorted({room(module) for module in GRAPH} - {"__init__"}))
def test_arrows_point_down(name):
    up = {f"{module} -> {target}" for module, reached in GRAPH.items() if room(module) == name
          for target in reached
          if room(target) not in ("__init__", name) and FLOOR[room(target)] >= FLOOR[name]}
    assert not up


def test_the_faces_do_not_know_each_other():
    assert not [f"{module} -> {target}" for module, reached in GRAPH.items()
                for target in reached if {room(module), room(target)} == {"blocking", "deferred"}]


def test_no_module_imports_itself_on_a_way_through_others():
    done, way = set(), []

    def walk(module):
        if module in way:
            raise AssertionError(" -> ".join([*way[way.index(module):], module]))
        if module not in done:
            way.append(module)
            for target in GRAPH[module]:
                walk(target)
            way.pop()
            done.add(module)
    for module in GRAPH:
        walk(module)


def test_there_are_at_most_a_dozen_names_at_the_top():
    names = {path.stem for path in PACKAGE.iterdir()
             if not path.name.startswith("__") and path.name != "py.typed"}
    assert len(names) <= 12, sorted(names)
    assert names <= set(FLOOR), "a room without a floor"
