"""The page about security names tests; each of them is there."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "security.rst").read_text()


def test_every_test_it_names_is_there():
    named = set(re.findall(r"``(tests/[\w/]+(?:\.py)?)``", PAGE))
    assert len(named) > 10
    assert [name for name in named if not (PROJECT / name).exists()] == []


def test_every_fuzz_target_it_names_is_there():
    from tests.fuzz.__main__ import TARGETS
    named = re.findall(r"python -m tests\.fuzz (\w+)", PAGE)
    assert named and set(named) <= set(TARGETS)
