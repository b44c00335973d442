"""Finds code in pages of reStructuredText."""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.rst", *sorted(DOCS.glob("*.rst"))]

BLOCK = re.compile(r"^(?P<indent> *)\.\. (?P<kind>code-block|literalinclude|code):: *(?P<arg>\S*)\n"
                   r"(?P<body>(?:(?P=indent) +.*\n|\n)*)", re.MULTILINE)


class Block(NamedTuple):
    """One directive: its kind (``code-block``, ``literalinclude``), argument, options, text."""

    kind: str
    arg: str
    options: dict
    text: str


def blocks(page):
    """All directives of code in `page`, in their order."""
    found = []
    for match in BLOCK.finditer(page.read_text() + "\n"):
        body = textwrap.dedent(match["body"])
        options = {}
        lines = body.splitlines()
        while lines and (option := re.fullmatch(r":([\w-]+): *(.*)", lines[0])):
            options[option[1]] = option[2]
            lines.pop(0)
        found.append(Block(match["kind"], match["arg"], options,
                           textwrap.dedent("\n".join(lines)).strip("\n") + "\n"))
    return found
