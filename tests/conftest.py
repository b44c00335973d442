"""For all tests."""

import os

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


# With this set, as .ci/run does where it could install everything, no test may be skipped but
# for what the kernel of the machine cannot do: what is skipped, nobody ever watches.
NO_SKIPS = os.environ.get("SOCS_TCP_NO_SKIPS") == "1"
ALLOWED = "the kernel "


def no_longer_skipped(report):
    """The report of what was skipped, as a failure, unless the kernel is to blame."""
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if not reason.startswith(ALLOWED):
            report.outcome = "failed"
            report.longrepr = f"skipped where nothing may be: {reason}"
    return report


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    outcome = yield
    no_longer_skipped(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report():
    outcome = yield
    no_longer_skipped(outcome.get_result())
