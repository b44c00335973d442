"""SOCS' own tests of what stands on socs.tcp, unchanged, on our class.

They run in processes of their own, started through the switch. Most of their time they
sleep: so all run at once.
"""

import importlib.util
import os
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import pytest

from socs_tcp.testing.processes import ChildProcess
from socs_tcp.testing.router import CrossbarRouter

HERE = Path(__file__).parent
PATIENCE = 240.0

#: What is run in one process, and how many tests there are in it.
GROUPS = {
    "unit": (33, ["agents"]),
    "cryomech-1": (3, ["integration/test_cryomech_cpa_agent_integration.py", "--every=2"]),
    "cryomech-2": (3, ["integration/test_cryomech_cpa_agent_integration.py", "--every=2",
                       "--first=1"]),
    "pmx-1": (3, ["integration/test_hwp_pmx_agent_integration.py", "--every=3"]),
    "pmx-2": (3, ["integration/test_hwp_pmx_agent_integration.py", "--every=3", "--first=1"]),
    "pmx-3": (3, ["integration/test_hwp_pmx_agent_integration.py", "--every=3", "--first=2"]),
    "tpg366": (1, ["integration/test_pfeiffer_tpg366_agent_integration.py"]),
}

pytestmark = pytest.mark.timeout(PATIENCE + 60)


def start(directory, arguments, router):
    """Start SOCS' tests in a copy of their directory, with SOCS' agents where they look."""
    socs = Path(importlib.util.find_spec("socs").origin).parent
    tests = directory / "tests"
    shutil.copytree(HERE / "socs_tests", tests)
    (tests / "default.yaml").rename(tests / "socs.yaml")
    (directory / "socs").symlink_to(socs)
    env = router.env | {"SOCS_SUITE_ROUTER": f"127.0.0.1:{router.port}",
                        "PYTHONPATH": str(HERE),
                        # they start "python", whichever that is
                        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return ChildProcess(
        directory.name, [sys.executable, "-m", "socs_tcp.compat", "-m", "pytest",
                         "-p", "socs_suite_plugin", "-p", "no:cacheprovider",
                         "--junitxml=results.xml", *arguments],
        directory / "output", env=env, cwd=tests)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    base = tmp_path_factory.mktemp("socs")
    children = {}
    with CrossbarRouter() as router:
        try:
            for name, (_, arguments) in GROUPS.items():
                (base / name).mkdir()
                children[name] = start(base / name, arguments, router)
            for child in children.values():
                child.wait(PATIENCE)
            yield {name: SimpleNamespace(child=child, results=base / name / "tests/results.xml")
                   for name, child in children.items()}
        finally:
            for child in children.values():
                child.kill()


@pytest.mark.parametrize("group", GROUPS)
def test_socs_own_tests_pass(runs, group):
    run = runs[group]
    assert run.child.returncode == 0, run.child.output()
    counted = ET.parse(run.results).getroot().find("testsuite").attrib
    counts = {key: int(counted[key]) for key in ("tests", "failures", "errors", "skipped")}
    # None must go missing without being noticed.
    assert counts == {"tests": GROUPS[group][0], "failures": 0, "errors": 0, "skipped": 0}
    assert "socs.tcp.TCPInterface is that of socs_tcp.tcp" in run.child.output()
