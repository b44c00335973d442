"""Where a transport reads, and what can be asked there."""

from types import SimpleNamespace

import pytest

from socs_tcp.deferred.reading_end import poll_of


@pytest.mark.parametrize("number, asked", [(0, True), (-1, False), (None, False)])
def test_what_has_a_descriptor_can_be_asked(number, asked):
    assert (poll_of(SimpleNamespace(fileno=lambda: number)) is not None) == asked


def test_what_knows_no_descriptor_cannot_be_asked():
    assert poll_of(object()) is None
