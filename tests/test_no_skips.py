"""Where everything could be installed, a test that is skipped fails; see conftest.py."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TEST = """\
import pytest

def test_good():
    pass

def test_skipped():
    pytest.skip("ser2net is not there")

@pytest.mark.skipif(True, reason="no engine")
def test_marked():
    pass

def test_kernel():
    pytest.skip("the kernel cannot do it")

@pytest.mark.xfail
def test_expected():
    assert False
"""
MODULE = """\
import pytest
pytest.importorskip("no_such_module")
"""


@pytest.mark.parametrize("no_skips, outcome", [
    ("1", "1 failed, 1 passed, 1 skipped, 1 xfailed, 2 errors"),
    ("", "1 passed, 4 skipped, 1 xfailed"),
])
def test_what_is_skipped(tmp_path, no_skips, outcome):
    shutil.copy(Path(__file__).parent / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(TEST)
    (tmp_path / "test_module.py").write_text(MODULE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "--continue-on-collection-errors"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "SOCS_TCP_NO_SKIPS": no_skips})
    assert outcome in done.stdout, done.stdout
    assert ("skipped where nothing may be: ser2net is not there" in done.stdout) == bool(no_skips)
