"""Fixtures for tests of drivers and agents. pytest finds them by itself.

=================== =======================================================================
``device_server``   makes a `DeviceServer`: ``device_server({"*IDN?": "LSCI,MODEL372"})``
``fault_proxy``     makes a `FaultProxy`: ``fault_proxy(host, port)``
``ocs_agent``       a `LocalAgent`: the real OCSAgent, without a router
``ocs_session``     a real, running OpSession of that agent
``crossbar_router`` a `CrossbarRouter`: a real router, with its site config
=================== =======================================================================

All are closed after the test. If it fails, the report shows what its devices saw, and the seed of
random faults. Nothing is imported before a fixture is used, so that a test run which uses none of
them does not notice this package. Needs pytest 7.0 or newer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pytest

if TYPE_CHECKING:
    from .blocking.proxy import FaultProxy
    from .blocking.server import DeviceServer
    from .local_agent import LocalAgent
    from .router.crossbar import CrossbarRouter

# By test: what its devices saw is shown when it fails.
_servers: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()


@pytest.fixture
def device_server(request: pytest.FixtureRequest) -> Iterator[Callable[..., DeviceServer]]:
    """Makes simulated devices, with the arguments of `DeviceServer`."""
    from .blocking.server import DeviceServer  # noqa: PLC0415

    with ExitStack() as stack:
        def make(device: Any, **kwargs: Any) -> DeviceServer:
            server = stack.enter_context(DeviceServer(device, **kwargs))
            _remember(request, server)
            return server
        yield make


@pytest.fixture
def fault_proxy(request: pytest.FixtureRequest) -> Iterator[Callable[..., FaultProxy]]:
    """Makes proxies for real devices, with the arguments of `FaultProxy`."""
    from .blocking.proxy import FaultProxy  # noqa: PLC0415

    with ExitStack() as stack:
        def make(target_host: str, target_port: int, **kwargs: Any) -> FaultProxy:
            proxy = stack.enter_context(FaultProxy(target_host, target_port, **kwargs))
            _remember(request, proxy)
            return proxy
        yield make


@pytest.fixture
def ocs_agent() -> Iterator[LocalAgent]:
    """A `LocalAgent`. Its operations are stopped after the test."""
    from .local_agent import LocalAgent  # noqa: PLC0415

    with closing(LocalAgent()) as agent:
        yield agent


@pytest.fixture
def ocs_session(ocs_agent: LocalAgent) -> Any:
    """A real, running OpSession of an operation ``acq``; its ``app`` is `ocs_agent`."""
    return ocs_agent.new_session("acq")


@pytest.fixture(scope="session")
def crossbar_router() -> Iterator[CrossbarRouter]:
    """A running `CrossbarRouter`, shared by all tests of the run that ask for it."""
    from .router.crossbar import CrossbarRouter  # noqa: PLC0415

    with CrossbarRouter() as router:
        yield router


def _remember(request: pytest.FixtureRequest, server: Any) -> None:
    _servers.setdefault(request.node, []).append(server)


@pytest.hookimpl(hookwrapper=True)      # the form that every pytest knows
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Show what the devices saw when a test fails."""
    outcome = yield
    servers = _servers.get(item, [])
    if servers:
        report = outcome.get_result()
        if report.when == "call" and report.failed:
            report.sections.append(("Simulated devices", "\n".join(map(repr, servers))))
