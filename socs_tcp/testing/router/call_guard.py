"""In front of a crossbar router's ``/call``: no web page may ask through its visitor's browser.

Crossbar answers every origin there, and a page can send its question without asking first.
A browser always says which page a question comes from; programs such as OCS' clients do not.

To be run by crossbar: a path of type ``resource``. Only Twisted is needed, so that this file
can be copied to wherever the router is.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.web.proxy import ProxyClient, ProxyClientFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET


class _Call(ProxyClient):
    """One question to the real ``/call``; its answer goes to whoever asked, if still there."""

    transport: Any
    _left = False

    def connectionMade(self) -> None:
        self.father.notifyFinish().addErrback(self._client_left)
        super().connectionMade()        # type: ignore[no-untyped-call]

    def _client_left(self, _reason: Any) -> None:
        self._left = True

    def handleResponseEnd(self) -> None:
        if self._left:
            self.transport.loseConnection()
        else:
            super().handleResponseEnd()     # type: ignore[no-untyped-call]


class _CallFactory(ProxyClientFactory):
    protocol = _Call
    noisy = False


class CallGuard(Resource):
    """Passes on to the real ``/call`` what does not come from a web page that nobody allowed.

    Parameters
    ----------
    extra : dict
        ``socket``: the path of the Unix socket where crossbar serves the real ``/call``;
        ``allowed_origins``: a list of origins as browsers write them, ``http://host:port``
        (no port where it is the usual one); none unless given.
    """

    isLeaf = True

    def __init__(self, extra: dict[str, Any]) -> None:
        super().__init__()      # type: ignore[no-untyped-call]
        self._socket = str(extra["socket"])
        self._origins = {origin.lower().rstrip("/") for origin in extra.get("allowed_origins", ())}

    def render(self, request: Any) -> Any:
        """Refuse the question or pass it on. Reactor thread only."""
        origins = request.requestHeaders.getRawHeaders("origin", [])
        if any(origin.lower() not in self._origins for origin in origins):
            request.setResponseCode(403)
            request.setHeader(b"content-type", b"application/json")
            return json.dumps({"error": "socs_tcp.origin_not_allowed", "kwargs": {}, "args": [
                "a web page may not call; see allowed_origins of this router"]}).encode()
        from twisted.internet import reactor  # noqa: PLC0415 (importing installs one)
        factory = _CallFactory(         # type: ignore[no-untyped-call]
            request.method, request.uri, request.clientproto, request.getAllHeaders(),
            request.content.read(), request)
        reactor.connectUNIX(self._socket, factory)
        return NOT_DONE_YET
