"""What docs/contributing.rst says of the code is so: each file, and each step of a query."""

import inspect
import re
from importlib import import_module

import pytest
from docs_pages import DOCS, ROOT

PAGE = (DOCS / "contributing.rst").read_text()
#: The folders in which what it names is found.
ROOMS = ("socs_tcp", "socs_tcp.core", "socs_tcp.blocking", "socs_tcp.deferred")


def section(title):
    return PAGE.split(f"{title}\n----")[1].split("\n----")[0]


FILES = sorted({name for name in re.findall(r"``([^`\s]+)``", section("Which file to change"))
                if "/" in name or name.endswith(".py")})
STEPS = sorted(set(re.findall(
    r"\b[a-z_]+(?:\.[A-Za-z_]+)+", section("The path of a query through the code")
    .split(".. code-block:: text")[1].split("\nA failure")[0])) - {"device.query", "client.query"})


def test_it_names_files_and_steps():
    assert len(FILES) > 15
    assert len(STEPS) > 10


@pytest.mark.parametrize("name", FILES)
def test_each_file_that_it_names_exists(name):
    assert [*(ROOT / "socs_tcp").glob(name), *ROOT.glob(name)]


def found(place, names):
    """Is there such a thing in a module, or in one of its classes?"""
    if not names:
        return True
    if hasattr(place, names[0]):
        return found(getattr(place, names[0]), names[1:])
    return inspect.ismodule(place) and any(
        hasattr(kind, names[0]) for _, kind in inspect.getmembers(place, inspect.isclass))


@pytest.mark.parametrize("step", STEPS)
def test_each_step_of_a_query_that_it_names_exists(step):
    module, *names = step.removeprefix("core.").split(".")
    rooms = [room for room in ROOMS
             if (ROOT / room.replace(".", "/") / f"{module}.py").exists()]
    assert any(found(import_module(f"{room}.{module}"), names) for room in rooms)
