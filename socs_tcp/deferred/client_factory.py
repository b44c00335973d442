"""The factory of a `DeviceClient`."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.python.failure import Failure

from .factory import DeviceClientFactory


class Holder(Protocol):
    """Who has a factory."""

    def build(self) -> Any:
        """The protocol for a connection."""

    def attempt_failed(self, reason: Failure) -> object:
        """No connection could be made, and there will be another attempt."""

    def forked(self) -> object:
        """This is a child, in which the connection must not be used."""


class Listener(Protocol):
    """Who waits for the end of a connection, or for the next."""

    def over(self) -> object:
        """A connection has ended."""

    def reactor_ended(self) -> object:
        """There will be no more."""


class ClientFactory(DeviceClientFactory):
    """Hands its events on."""

    def __init__(self, reactor: Any, min_interval: float, holder: Holder,
                 listener: Listener) -> None:
        super().__init__(reactor, min_interval=min_interval)
        self._holder = holder
        self._listener = listener
        #: The connection was not lost, it is over: the next one is made when it is needed.
        self.resting = False

    def buildProtocol(self, addr: Any) -> Any:
        protocol = self._holder.build()
        protocol.factory = self
        return protocol

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        super().clientConnectionFailed(connector, reason)
        if self.continueTrying:     # otherwise it was the owner who ended it
            self._holder.attempt_failed(reason)

    def clientConnectionLost(self, connector: Any, unused_reason: Failure) -> None:
        if not self.resting:
            super().clientConnectionLost(connector, unused_reason)
        self._listener.over()

    def reactor_ended(self) -> None:
        self._listener.reactor_ended()

    def forked(self) -> None:
        self._holder.forked()

    def retry_now(self) -> None:
        if self.resting and self.connector.state == "disconnected" and self.continueTrying:
            self.resting = False
            self.retry(self.connector)
        super().retry_now()
