"""The examples of the page about testing, as they stand there."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "testing.rst"
BLOCK = re.compile(r"^\.\. code-block:: python\n(   :caption: (\S+)\n)?\n((?:(?:   .*)?\n)+)", re.M)


def run_tests(folder, *options):
    """Pytest in a process of its own: the reactor of this one belongs to others."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "socs_tcp.testing.pytest_plugin", "-q",
         "-p", "no:cacheprovider", *options, "."], cwd=folder, capture_output=True, text=True,
        timeout=100, env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, check=False)


def test_every_example_runs(tmp_path):
    tests = []
    for _, caption, code in BLOCK.findall(PAGE.read_text()):
        text = textwrap.dedent(code)
        if caption:
            (tmp_path / caption).write_text(text)
        else:
            tests.append(text)
    (tmp_path / "test_examples.py").write_text("\n\n".join(tests))
    done = run_tests(tmp_path)
    count = sum(text.count("def test_") for text in tests)
    assert f"\n{count} passed" in done.stdout, done.stdout + done.stderr
    assert count >= 7


def test_the_first_example_has_ten_lines():
    first = BLOCK.findall(PAGE.read_text())[0][2]
    body = first[first.index("def test_"):].strip().splitlines()[1:]
    assert len(body) <= 10


def test_all_faults_are_on_the_page():
    from socs_tcp.testing.faults.fault import KINDS
    text = PAGE.read_text()
    assert [kind for kind in KINDS if f"``{kind}(" not in text] == []
