"""For all tests."""

import pytest

from socs_tcp.deferred import factory


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    from certificates import Certificate
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def no_spread(monkeypatch):
    """Retries come exactly after the shortest interval, which chance makes longer otherwise."""
    monkeypatch.setattr(factory, "spread_interval", lambda min_interval: min_interval)
