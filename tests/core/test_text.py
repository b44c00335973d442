"""Text from anywhere, fit for a log."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from socs_tcp.core.text import printable, without_braces


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


def test_no_brace_is_left():
    assert without_braces("{a} {{}") == "\\x7ba\\x7d \\x7b\\x7b\\x7d"
