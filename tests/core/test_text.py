"""Text from anywhere, fit for a log."""

import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from socs_tcp.core.text import printable, shown, without_braces, written


@given(st.text(st.characters(), max_size=300), st.integers(60, 200))
@example("\x1f\U000107bb\U00018cd6\n\ud7fc\U00018cd6\U0001fbfa\U0003134b", 63)
def test_whatever_it_is_it_can_be_shown_and_is_not_too_long(text, most):
    shown = printable(text, most)
    assert len(shown) <= most
    lines = shown.split("\n")
    assert all(line.isprintable() for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])
    shown.encode("utf-8")


@pytest.mark.parametrize(("text", "shown"), [
    ("21.5 °C", "21.5 °C"), ("", ""),
    ("\x1b[2J", "\\x1b[2J"), ("a\r\nb", "a\\r\n    b"), ("a\n    b", "a\n    b"),
    ("\ud800", "\\ud800"), ("\u202e", "\\u202e"),
])
def test_what_a_terminal_could_obey_is_escaped(text, shown):
    assert printable(text, 100) == shown


def test_what_is_long_keeps_its_beginning_and_its_end():
    shown = printable("begin" + "x" * 10 ** 6 + "end", 100)
    assert shown.startswith("begin") and shown.endswith("end") and "1000008 characters" in shown


@pytest.mark.parametrize("value", ["x" * 5000, [1, "a", None], {"a": [2.5]}, (), {"b": 1, "a": 2}])
def test_what_is_not_deep_is_written_as_ever(value):
    assert written(value) == (repr(dict(sorted(value.items()))) if isinstance(value, dict)
                              else repr(value))


DEEP = """
import sys
from socs_tcp.core.text import shown
from socs_tcp.description import load
sys.setrecursionlimit(100_000)      # as libraries do that each agent imports
deep = {}
for number in range(99_000):
    deep = [deep] if number % 2 else {"a": deep}
print(shown(deep))
for name in ("volt", "output", "nothing_of_the_kind"):
    try:
        load("kikusui_pmx").parameter_for(name).script(deep)
    except ValueError as exc:
        print(exc)
"""


def test_lists_in_lists_of_any_depth_are_shown():
    """In a process of its own: it would die."""
    done = subprocess.run([sys.executable, "-c", DEEP], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "[{'a': [{'a': [{'a': [...]}]}]}]" and len(said) == 4


def test_what_has_no_repr_is_shown_by_its_type():
    assert shown([10 ** 5000]) == "a list"


def test_no_brace_is_left():
    assert without_braces("{a} {{}") == "\\x7ba\\x7d \\x7b\\x7b\\x7d"
