"""The router that the other tests stand on, with an agent of OCS itself."""

import os
import socket
from pathlib import Path

import pytest

from socs_tcp.testing.router import CrossbarRouter, RouterError
from socs_tcp.testing.router import crossbar as router_module
from socs_tcp.testing.router.wamp import accepts_joins

HERE = Path(__file__).parent


def test_it_lets_clients_join_its_realm_and_no_other(crossbar_router):
    assert accepts_joins(crossbar_router.port, "test_realm")
    assert not accepts_joins(crossbar_router.port, "no_such_realm")


def test_a_listener_is_not_yet_a_router():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert not accepts_joins(mute.getsockname()[1], "test_realm", timeout=0.05)


def test_an_agent_of_a_plugin_is_found_by_its_class(crossbar_router):
    crossbar_router.start_agent("FakeDataAgent", "fake", args=["--mode", "idle"])
    client = crossbar_router.client("fake")
    assert client.acq.start().session["status"] == "starting"
    crossbar_router.agents["fake"].kill()


def test_an_agent_that_ends_is_shown(crossbar_router):
    crossbar_router.start_agent(HERE / "agents" / "broken.py", "broken")
    with pytest.raises(RouterError, match=r"ended with code 1(.|\n)*no such instrument"):
        crossbar_router.client("broken")


def test_an_agent_that_is_not_there_is_named(crossbar_router):
    with pytest.raises(RouterError, match=r"nobody is not on the router after 0\.01 s"):
        crossbar_router.client("nobody", timeout=0.01)
    with pytest.raises(FileNotFoundError, match=r"no_such_agent\.py"):
        crossbar_router.start_agent(HERE / "no_such_agent.py", "x")


def test_proxies_do_not_come_between(crossbar_router, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:3128")
    assert "http_proxy" not in crossbar_router.env
    assert "127.0.0.1" in os.environ["NO_PROXY"]


def test_missing_crossbar_is_said_with_the_remedy(monkeypatch):
    monkeypatch.setattr(router_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RouterError, match=r"pip install 'socs_tcp\[demo\]'"):
        CrossbarRouter().__enter__()


def test_a_router_that_cannot_start_is_shown_and_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(router_module.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(CrossbarRouter, "_write_configuration", lambda router: (
        router.directory / "config.json").write_text('{"version": 2, "wrokers": []}'))
    no_proxy = os.environ.get("NO_PROXY")
    with pytest.raises(RouterError, match=r"ended with code(.|\n)*wrokers"):
        CrossbarRouter().__enter__()
    assert list(tmp_path.iterdir()) == []
    assert os.environ.get("NO_PROXY") == no_proxy
