"""`loads`: a description, or one error that fits on a line; in a short time.

An input is a text, or a description that comes with the package with some of its words replaced.
"""

from __future__ import annotations

import re
from functools import cache

from socs_tcp.description import DescriptionError, find, loads, shipped
from socs_tcp.description.simulated import scripted_device

from .bytes_in import Bytes

NASTY = [
    "", "~", "[]", "{}", "''", '"\\0"', "05025", "12:30", "1_0", "0b1", "1e999", ".nan", "-.inf",
    "-1", "0", "1" * 30, "9" * 50, "!!bool maybe", "!!int ''", "!!python/name:os.system",
    '"\\UFFFFFFFF"', "*a", "&a [*a]", "&a x", "[[[[", "? [a]\n", "- ", ": ", "#", "|", ">-\n  x",
    "%", "@", "`", "\t", "\x85", "{value}", "{value:c}", "{value:99999999999d}", "{value:02x}",
    "{value:>q}", "{", "}", "{{", "{x}", '{hex: "0"}', '{hex: "zz"}', '"\\r\\n"', "'\\r'", "on",
    "off", "null", "time", "value", "identify", "'(a+)+b'", "'(a|b|ab)*c'", "a{99999999999}",
    "'(?P<a>.*)(?P<b>.*)'", "'('", "'(?P<a>x)'", "'$'", '">Q"', '"8s"', "float", "int", "str",
    "never", "true", "false", "[1, 2]", "{a: 1}", "{0: x}", "repeat: {ch: [1, 2, 3]}", "send:",
    "expect:", "match:", "fields:", "enum:", "bit: 63", "scale: 1e300", "index: 99999",
    "at: 65535", "split: ''", "regex: ''", "length: 65536", "choices: [1]", "é", "Ω",
    "\U0001F600",
]
WORD = re.compile(r"[^\s,{}\[\]:]+|[{}\[\]:,]|\n")


@cache
def words(name: str) -> list[str]:
    """A description in pieces: words, signs, and what stands between them."""
    text = find(name).read_text()
    pieces, at = [], 0
    for match in WORD.finditer(text):
        pieces += [text[at:match.start()], match[0]]
        at = match.end()
    return [*pieces, text[at:]]


def text_of(source: Bytes) -> str:
    """The text that an input stands for."""
    kind = source.number(4)
    if kind == 0:
        return source.rest().decode("utf-8", "replace")
    names = shipped()
    pieces = list(words(names[source.number(len(names))]))
    while source:
        at = (source.number(256) << 8 | source.number(256)) % len(pieces)
        what = source.number(8)
        if what < 5:
            pieces[at] = NASTY[source.number(len(NASTY))]
        elif what == 5:
            pieces[at] = ""
        elif what == 6:
            pieces[at] = pieces[at] * source.number(20)
        else:
            pieces[at] = pieces[source.number(256) % len(pieces)]
    return "".join(pieces)


def one_input(data: bytes) -> None:
    """Check one input.

    Raises
    ------
    AssertionError
        If something is not as it must be.
    """
    text = text_of(Bytes(data))
    try:
        scripted_device(loads(text, "f.yaml"))
    except DescriptionError as exc:
        message = str(exc)
        assert message.startswith("f.yaml"), message
        assert message.isprintable() and len(message) < 1500, message
