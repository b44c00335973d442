"""For all tests."""

import pytest

from socs_tcp.deferred import factory


@pytest.fixture
def no_spread(monkeypatch):
    """Retries come exactly after the shortest interval, which chance makes longer otherwise."""
    monkeypatch.setattr(factory, "spread_interval", lambda min_interval: min_interval)
