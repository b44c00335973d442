"""`loads`: a description, or one error that fits on a line; in a short time.

An input is a text, or a part of a description that comes with the package with some of its words
replaced, or with some of its values: the latter have been through YAML once and for all, which
takes most of the time that a file takes.
"""

from __future__ import annotations

import re
from functools import cache

import yaml

from socs_tcp.description import DescriptionError, find, loads, shipped
from socs_tcp.description.composing import compose_text
from socs_tcp.description.loader import described
from socs_tcp.description.nodes import Node
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
    "\U0001F600", "2024-01-01", "<<", "<<: *a", "=", "\ufeff", "---", "...", "\0", "\ud800",
    "0o17", "1e-400", "{value!r}", "{value.__class__}", "{value:{value}}", '"\\x1b[2J"',
    "(?i)a", "(?P<a>\\d+)+", "\\w+> ", "(?=a)b", "((((((((((a", "[a-", "a**", "x" * 300,
    "1e-999999", "0e99999999999999999999", "1e-99999999999999999999", "repeat: {ch: 1..1000}",
    "start:", "stuffing: {escape: '}', codes: {'}': ']'}}", "'~'", "'%Y-%m-%d %H:%M:%S'",
    "{now:%H%M%S}", "time:", "&s [X, X, X]", "*s",
]
WORD = re.compile(r"[^\s,{}\[\]:]+|[{}\[\]:,]|\n")
SECTIONS = ("queries", "parameters", "actions", "messages")


def composed(text: str) -> yaml.Node | None:
    """The document in `text`, if it is one."""
    try:
        return compose_text(text, "f.yaml")
    except DescriptionError:
        return None


def section(root: yaml.Node, name: str) -> yaml.Node | None:
    return next((value for key, value in root.value if key.value == name), None)


def part(text: str, first: int) -> str:
    """A description with one entry in each section."""
    root = compose_text(text, "f.yaml")
    kept = {"identify", "greeting"}
    for name in SECTIONS:
        entries = section(root, name)
        if entries is not None and entries.value:
            entries.value[:] = [entries.value[first % len(entries.value)]]
            kept |= {key.value for key, _ in entries.value}
    answers = section(root, "simulate")
    if answers is not None:
        answers.value[:] = [pair for pair in answers.value if pair[0].value in kept]
        if not answers.value:
            root.value[:] = [pair for pair in root.value if pair[1] is not answers]
    return str(yaml.serialize(root))


@cache
def parts() -> list[str]:
    """Parts of all descriptions that can be loaded; and each as a whole."""
    texts = []
    for name in shipped():
        text = find(name).read_text()
        texts.append(text)
        root = compose_text(text, name)
        most = max(len(entries.value) for entries in map(section, [root] * 4, SECTIONS)
                   if entries is not None)
        for first in range(most):
            piece = part(text, first)
            try:
                loads(piece)
            except DescriptionError:    # its entries refer to others
                continue
            texts.append(piece)
    return sorted(texts, key=len)


def a_part(source: Bytes) -> int:
    """The number of a part; seldom that of a long one, which takes longer."""
    number, few = source.number(256), len(parts()) // 2
    return number % (few if number < 240 else len(parts()))


@cache
def words(number: int) -> list[str]:
    """A part in pieces: words, signs, and what stands between them."""
    text = parts()[number]
    pieces, at = [], 0
    for match in WORD.finditer(text):
        pieces += [text[at:match.start()], match[0]]
        at = match.end()
    return [*pieces, text[at:]]


def text_of(source: Bytes) -> str:
    """The text that an input stands for."""
    pieces = list(words(a_part(source)))
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


@cache
def tree(number: int) -> tuple[yaml.Node, list[yaml.Node]]:
    """A part as YAML's nodes, and all its lists and mappings."""
    root = compose_text(parts()[number], "f.yaml")
    return root, [node for node in nodes(root) if not isinstance(node, yaml.ScalarNode)
                  and node.value]


def nodes(node: yaml.Node) -> list[yaml.Node]:
    """`node`, and all below it."""
    found = [node]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            found += [key, *nodes(value)]
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            found += nodes(value)
    return found


@cache
def donors() -> list[yaml.Node]:
    """Values that stand in for others: nasty ones, and those of the descriptions."""
    bad = [node for text in NASTY if (node := composed(text)) is not None]
    plain = [yaml.ScalarNode("tag:yaml.org,2002:str", text, bad[0].start_mark) for text in NASTY]
    good = [node for text in parts() for node in nodes(compose_text(text, "f.yaml"))[1:]]
    return bad * 20 + plain * 10 + good


def donor(source: Bytes) -> yaml.Node:
    return donors()[(source.number(256) << 8 | source.number(256)) % len(donors())]


def change(node: yaml.Node, source: Bytes) -> None:
    """Change one entry of a list or a mapping."""
    entries = node.value
    if not entries:
        return
    at = source.number(256) % len(entries)
    what = source.number(8)
    if what == 0:
        del entries[at]
    elif what == 1:
        entries.insert(at, entries[source.number(256) % len(entries)])
    elif not isinstance(node, yaml.MappingNode):
        entries[at] = donor(source)
    elif what == 2:
        entries[at] = (donor(source), entries[at][1])
    else:
        entries[at] = (entries[at][0], donor(source))


def load_changed(source: Bytes) -> None:
    """Load a part with some values changed, which are put back afterwards."""
    root, places = tree(a_part(source))
    before = []
    try:
        while source:
            node = places[(source.number(256) << 8 | source.number(256)) % len(places)]
            before.append((node.value, list(node.value)))
            change(node, source)
        scripted_device(described(Node("f.yaml", "", root)))
    finally:
        for entries, as_they_were in reversed(before):
            entries[:] = as_they_were


def one_input(data: bytes) -> None:
    """Check one input.

    Raises
    ------
    AssertionError
        If something is not as it must be.
    """
    source = Bytes(data)
    kind = source.number(16)
    try:
        if kind == 0:
            scripted_device(loads(source.rest().decode("utf-8", "surrogateescape"), "f.yaml"))
        elif kind == 1:
            scripted_device(loads(text_of(source), "f.yaml"))
        else:
            load_changed(source)
    except DescriptionError as exc:
        message = str(exc)
        assert message.startswith("f.yaml"), message
        assert message.isprintable() and len(message) < 1500, message
