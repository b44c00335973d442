"""Guards a crossbar router's ``/call``: no web page may use it through a visitor's browser.

Crossbar answers requests of any origin there, and a page can send one without a preflight
request. A browser always says which page a request comes from; programs such as OCS clients do not.

Crossbar runs it, as a path of type ``resource``. It needs only Twisted, so you can copy this file
to the router's machine.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.web.proxy import ProxyClient, ProxyClientFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET


class _Call(ProxyClient):
    """One request to the real ``/call``. Its answer goes to the client, if that is still there."""

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
    """Passes requests on to the real ``/call``, but none of web pages that are not allowed.

    Parameters
    ----------
    extra : dict
        ``socket``: the path of the Unix socket where crossbar serves the real ``/call``;
        ``allowed_origins``: a list of origins as browsers write them, ``http://host:port``
        (without the port if it is the default one). Default: none.
    """

    isLeaf = True

    def __init__(self, extra: dict[str, Any]) -> None:
        super().__init__()      # type: ignore[no-untyped-call]
        self._socket = str(extra["socket"])
        self._origins = {origin.lower().rstrip("/") for origin in extra.get("allowed_origins", ())}

    def render(self, request: Any) -> Any:
        """Refuse the request, or pass it on. Reactor thread only."""
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
