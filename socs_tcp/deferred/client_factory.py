"""The factory of a `DeviceClient`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure

from .factory import DeviceClientFactory


class ClientFactory(DeviceClientFactory):
    """Hands its events on."""

    def __init__(self, reactor: Any, min_interval: float, *, build: Callable[[], Any],
                 failed: Callable[[Failure], object], over: Callable[[], object],
                 ended: Callable[[], object]) -> None:
        super().__init__(reactor, min_interval=min_interval)
        self._build, self._failed, self._over, self._on_end = build, failed, over, ended
        #: The connection was not lost, it is over: the next one is made when it is needed.
        self.resting = False

    def buildProtocol(self, addr: Any) -> Any:
        protocol = self._build()
        protocol.factory = self
        return protocol

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        super().clientConnectionFailed(connector, reason)
        self._failed(reason)

    def clientConnectionLost(self, connector: Any, unused_reason: Failure) -> None:
        if not self.resting:
            super().clientConnectionLost(connector, unused_reason)
        self._over()

    def reactor_ended(self) -> None:
        self._on_end()

    def retry_now(self) -> None:
        if self.resting and self.connector.state == "disconnected" and self.continueTrying:
            self.resting = False
            self.retry(self.connector)
        super().retry_now()
