"""The bytes that one place of a regular expression takes are those that Python finds there."""

import importlib
import re

import pytest

from socs_tcp.core.byte_sets import both_cases, mask_of

parser = importlib.import_module("re._parser")


@pytest.mark.parametrize("flags", [0, re.DOTALL, re.IGNORECASE, re.DOTALL | re.IGNORECASE])
@pytest.mark.parametrize("pattern", [
    rb".", rb"[^a]", rb"[a-c]", rb"[^a-cX]", rb"[x-]",
    rb"[AZaz@\[`{]", rb"\d", rb"\D", rb"\s", rb"\S",
    rb"\w", rb"\W", rb"[\d.]", rb"[^\w\s]", rb"[\x00\xff]", rb"[k-\x7f]"])
def test_one_place(pattern, flags):
    (op, argument), = parser.parse(pattern)
    regex = re.compile(pattern, flags)
    taken = [byte for byte in range(256) if regex.match(bytes([byte]))]
    mask = mask_of(str(op), argument, flags)
    assert [byte for byte in range(256) if mask >> byte & 1] == taken
    assert mask < 1 << 256


def test_a_letter_and_nothing():
    assert mask_of("LITERAL", ord("a"), 0) == 1 << ord("a")
    assert both_cases(1 << ord("a")) == 1 << ord("a") | 1 << ord("A")
    assert mask_of("FAILURE", [], 0) == 0
