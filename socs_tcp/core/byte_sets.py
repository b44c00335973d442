"""Which bytes one place of a regular expression takes: sets of bytes, one bit each."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

#: Each byte.
ALL = (1 << 256) - 1


def mask_of(op: str, argument: Any, flags: int) -> int:
    """The bytes that one place takes, one bit each."""
    if op == "LITERAL":
        return 1 << int(argument)
    if op == "NOT_LITERAL":
        return ALL & ~_cased(1 << argument, flags)
    if op == "FAILURE":
        return 0
    if op == "ANY":
        return ALL if flags & re.DOTALL else ALL & ~(1 << 10)
    mask, negated = 0, False
    for kind, value in argument:
        if str(kind) == "NEGATE":
            negated = True
        elif str(kind) == "RANGE":
            mask |= sum(1 << byte for byte in range(value[0], value[1] + 1))
        elif str(kind) == "CATEGORY":
            mask |= _category(str(value))
        else:
            mask |= 1 << int(value)
    mask = _cased(mask, flags)
    return ALL & ~mask if negated else mask


def bytes_of(mask: int) -> bytes:
    """The bytes of a set, in their order."""
    return bytes(byte for byte in range(256) if mask >> byte & 1)


def one_of(mask: int) -> bytes:
    """The pattern of one byte of a set."""
    return b"[%s]" % b"".join(b"\\x%02x" % byte for byte in bytes_of(mask)) if mask else b"(?!)"


def _cased(mask: int, flags: int) -> int:
    return both_cases(mask) if flags & re.IGNORECASE else mask


def both_cases(mask: int) -> int:
    letters = ((1 << 26) - 1)
    large, small = mask >> 65 & letters, mask >> 97 & letters
    return mask | large << 97 | small << 65


@cache
def _category(name: str) -> int:
    letter = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}[name.rpartition("_")[2]]
    pattern = re.compile(f"\\{letter.upper() if '_NOT_' in name else letter}".encode())
    return sum(1 << byte for byte in range(256) if pattern.match(bytes([byte])))
