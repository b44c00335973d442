"""Texts that match a pattern, for simulated devices. Pure."""

from __future__ import annotations

import importlib
import re
from typing import Any

from ..core.byte_sets import mask_of
from .patterns import Pattern

_parser: Any = importlib.import_module("re._parser")

#: What is taken where any of several bytes may stand, the best first.
_LIKED = b"0123456789aA .,;:-+\r\n"
MOST_REPEATED = 64


def example(pattern: Pattern) -> bytes | None:
    """A short text that `pattern` matches from its beginning, if one is found."""
    try:
        text = _text(_parser.parse(pattern.regex.pattern, pattern.regex.flags),
                     pattern.regex.flags)
    except ValueError:
        return None
    return text if pattern.regex.match(text) else None


def _text(tree: Any, flags: int) -> bytes:
    return b"".join(_one(str(op), argument, flags) for op, argument in tree)


def _one(op: str, argument: Any, flags: int) -> bytes:
    if op in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
        return _byte(mask_of(op, argument, flags))
    if op == "SUBPATTERN":
        return _text(argument[3], (flags | argument[1]) & ~argument[2])
    if op == "BRANCH":
        return _text(argument[1][0], flags)
    if op.endswith("_REPEAT"):
        # one of what may be left out, as long as that is no sign, tells a person more
        least, most, tree = argument
        inner = _text(tree, flags)
        count = max(least, 1 if most > 1 and re.fullmatch(rb"[0-9a-zA-Z.]+", inner) else 0)
        return inner * min(int(count), MOST_REPEATED)
    if op == "AT":
        return b""
    raise ValueError(f"{op} is not known")


def _byte(mask: int) -> bytes:
    byte = next((b for b in (*_LIKED, *range(33, 127), *range(256)) if mask >> b & 1), None)
    if byte is None:
        raise ValueError("nothing can stand there")
    return bytes([byte])
