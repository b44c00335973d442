"""The wall clock is stepped: nothing stops, and nothing hurries."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMPILER = shutil.which("cc")


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    if COMPILER is None:
        pytest.skip("no C compiler")
    library = tmp_path_factory.mktemp("clock") / "stepped_clock.so"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", str(library),
                    str(HERE / "stepped_clock.c")], check=True)
    return library


def run(scenario, step, how, library):
    environment = dict(os.environ)
    if how == "preload":
        environment["LD_PRELOAD"] = str(library)
    done = subprocess.run(
        [sys.executable, str(HERE / "stepped_clock.py"), scenario, str(step), how],
        capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["seconds"]


@pytest.mark.parametrize("how", ["preload", "patch"])
@pytest.mark.parametrize("step", [-3600, 3600])
@pytest.mark.parametrize("scenario, least", [
    # The device is back at once, or after one wait for another attempt ...
    ("reconnect", 0),
    ("while_it_waits", 0),
    # ... a timeout of 1 s is one, so is a late reply of a simulated device, and 12 periods of
    # 0.1 s are 1.2 s.
    ("timeout", 0.9),
    ("simulated", 0.9),
    ("polls", 1.1)])
def test_a_step_costs_nothing(request, scenario, least, step, how):
    library = request.getfixturevalue("library") if how == "preload" else None
    assert least <= run(scenario, step, how, library) < 20
