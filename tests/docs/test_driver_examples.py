"""The drivers of docs/driver_examples.rst: their tests, and how long they are."""

import ast
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from docs_pages import DOCS

DRIVERS = DOCS / "examples" / "drivers"
PAGE = DOCS / "driver_examples.rst"
#: Each of ours, with what it stands for: files of SOCS, and a class in each.
BEFORE = {
    "turbo_pump": [("agents/pfeiffer_tc400/drivers.py", "PfeifferTC400")],
    "tilt_sensor": [("agents/wiregrid_tiltsensor/drivers/dwl.py", "DWL")],
    "pid_controller": [("agents/hwp_pid/drivers/pid_controller.py", "PID")],
    "stage": [("agents/fts_aerotech/agent.py", "FTSAerotechStage")],
    "weight_readout": [("agents/hi6200/drivers.py", "Hi6200Interface")],
    "gripper": [("agents/hwp_gripper/drivers/gripper_client.py", "GripperClient")],
    "gpib_instruments": [("common/prologix_interface.py", "PrologixInterface"),
                         ("agents/srs_cg635/drivers.py", "SRSCG635Interface"),
                         ("agents/tektronix3021c/drivers.py", "TektronixInterface")],
}


@pytest.mark.timeout(300)
def test_through_all_faults():
    """In a process of its own: the reactor of this one belongs to others."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "socs_tcp.testing.pytest_plugin", "-q", "-rs",
         "-p", "no:cacheprovider", "--rootdir", str(DRIVERS), str(DRIVERS)],
        cwd=DRIVERS, capture_output=True, text=True, timeout=280, check=False,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    assert re.search(r"^\d+ passed", done.stdout, re.MULTILINE), done.stdout + done.stderr


def lines_of_code(tree, text):
    """Lines with code: no blank ones, no comments, no docstrings."""
    lines = set()
    docstrings = {id(node.body[0].value) for node in ast.walk(tree)
                  if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
                  and ast.get_docstring(node) is not None}
    for node in ast.walk(tree):
        if isinstance(node, (ast.expr, ast.stmt)) and id(node) not in docstrings and not (
                isinstance(node, ast.Expr) and id(node.value) in docstrings):
            last = node.end_lineno if isinstance(node, ast.expr) else node.lineno
            lines.update(range(node.lineno, last + 1))
    return len([n for n in lines if text.splitlines()[n - 1].strip()])


def before(file, name):
    text = (Path(find_spec("socs").origin).parent / file).read_text()
    [found] = [node for node in ast.parse(text).body if getattr(node, "name", None) == name]
    return lines_of_code(found, text)


def after(name):
    text = (DRIVERS / f"{name}.py").read_text()
    driver = text[text.index("# driver\n"):text.index("# end of driver")]
    return lines_of_code(ast.parse(driver), driver)


def test_the_table_of_lines():
    pytest.importorskip("socs")
    for name, originals in BEFORE.items():
        row = re.search(rf"^``{name}``.*?(\d+) +(\d+)$", PAGE.read_text(), re.MULTILINE)
        lines = (sum(before(*one) for one in originals), after(name))
        assert (name, *map(int, row.groups())) == (name, *lines)


def test_none_of_them_has_a_lock_a_sleep_or_a_private_name():
    for name in BEFORE:
        driver = (DRIVERS / f"{name}.py").read_text().partition("# end of driver")[0]
        assert not re.search(r"sleep|Lock|import socket|\._(?!_|numbers)\w", driver), name
