"""The pytest fixture of the router, in a file of its own since it needs pytest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .router import CrossbarRouter


@pytest.fixture(scope="session")
def crossbar_router() -> Iterator[CrossbarRouter]:
    """A running `CrossbarRouter`, one for all tests of the session that ask for it."""
    with CrossbarRouter() as router:
        yield router
