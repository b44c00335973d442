"""Which questions the guard of ``/call`` passes on; see tests/e2e for a real router."""

import io

import pytest
from twisted.internet import reactor
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET
from twisted.web.test.requesthelper import DummyRequest

from socs_tcp.testing.router.call_guard import CallGuard


@pytest.fixture
def ask(monkeypatch):
    """Sends one question; was it passed on, and to where?"""
    passed = []
    monkeypatch.setattr(reactor, "connectUNIX", lambda path, factory: passed.append(path))

    def ask(allowed, *origins):
        request = DummyRequest([b"call"])
        request.method, request.clientproto, request.uri = b"POST", b"HTTP/1.1", b"/call"
        request.content = io.BytesIO()
        for origin in origins:
            request.requestHeaders.addRawHeader("origin", origin)
        guard = CallGuard({"socket": "call.sock", "allowed_origins": allowed})
        done = guard.render(request)
        if done is NOT_DONE_YET:
            return passed == ["call.sock"]
        assert request.responseCode == 403 and not passed and b"allowed_origins" in done
        return False
    return ask


@pytest.mark.parametrize("allowed, origins, passed", [
    ([], [], True),
    ([], ["http://web.example"], False),
    (["http://web.example"], ["http://web.example"], True),
    (["http://web.example/"], ["HTTP://Web.example"], True),
    (["http://web.example"], ["http://web.example:81"], False),
    (["http://web.example"], ["https://web.example"], False),
    (["http://web.example"], ["http://web.example.evil.example"], False),
    (["http://web.example"], ["http://web.example", "http://evil.example"], False),
    (["http://web.example"], [""], False),
    (["http://web.example"], ["null"], False),
])
def test_what_is_passed_on(ask, allowed, origins, passed):
    assert ask(allowed, *origins) is passed


def test_without_a_socket_the_router_does_not_start():
    with pytest.raises(KeyError):
        CallGuard({})


@pytest.mark.parametrize("leaves", [True, False])
def test_a_client_that_left_is_not_answered(monkeypatch, leaves):
    made = []
    monkeypatch.setattr(reactor, "connectUNIX", lambda path, factory: made.append(factory))
    request = DummyRequest([b"call"])
    request.method, request.clientproto, request.uri = b"POST", b"HTTP/1.1", b"/call"
    request.content = io.BytesIO()
    CallGuard({"socket": "call.sock"}).render(request)
    router = made[0].buildProtocol(None)
    router.makeConnection(StringTransport())
    if leaves:
        request.processingFailed(Failure(ConnectionDone()))
        request.finish = lambda: pytest.fail("a request whose client has left")
    router.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    assert router.transport.disconnecting
    assert request.finished == (not leaves)
