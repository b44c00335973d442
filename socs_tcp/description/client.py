"""A device that is driven by its description: the conversations over a `DeviceClient`."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks
from twisted.internet.task import deferLater

from ..blocking.interface import TCPInterface
from ..core.errors import DeviceConnectionError, Disconnected, FramingError, WrongDevice
from ..core.framing import Framer
from ..core.silence import SETTLE
from ..deferred.client import DeviceClient
from ..deferred.clock import steady
from . import (
    Ask,
    Description,
    Parameter,
    ParseError,
    Query,
    Value,
    script,
)


class Reading(NamedTuple):
    """What one query gave."""

    query: Query
    #: Seconds since the epoch, when the reply was there.
    timestamp: float
    #: By the name of the field.
    values: dict[str, Value]
    #: Why the other fields could not be read.
    errors: dict[str, ParseError]


def read_reply(query: Query, reply: bytes) -> Reading:
    """The reading that `reply` is."""
    return Reading(query, time.time(), *query.parse(reply))


class StepFramer(Framer):
    """The framer of a device whose replies do not all end in the same way.

    What counts is `current`, which whoever sends a message sets before. There is only one
    message under way at a time, so this belongs to one connection only.

    Parameters
    ----------
    usual : Framer
        What counts unless something else is said.
    """

    def __init__(self, usual: Framer) -> None:
        super().__init__(usual.max_length)
        self.usual = usual
        self.current = usual

    def whole(self, data: bytes) -> bytes | None:
        return self.current.whole(data)

    def find(self, buffer: bytearray, start: int, stop: int,
             scanned: int) -> tuple[int, int] | None:
        return self.current.find(buffer, start, stop, scanned)


class DescribedClient:
    """A device that is described, with Deferreds. Reactor thread only.

    It connects when instantiated, identifies the device, does what is to be done on connect,
    and stays connected. A conversation of several messages is never mixed with another one,
    and never goes on over a new connection: the second message could otherwise do something
    that only makes sense after the first.

    Parameters
    ----------
    description : Description
    ip_address : str
        Address or host name.
    port : int
        TCP port.
    reactor, settle : optional
        As in `DeviceClient`.

    Attributes
    ----------
    client : DeviceClient
    link : Link
        What is known of the connection.
    """

    def __init__(self, description: Description, ip_address: str, port: int, *,
                 reactor: Any = None, settle: float = SETTLE) -> None:
        if reactor is None:
            from twisted.internet import reactor  # noqa: PLC0415 (importing installs one)
        self.description = description
        self.reactor = reactor
        self._clock = steady(reactor)
        self._lock = DeferredLock()
        self._framer = StepFramer(description.framer)
        self._silent_until = 0.0        # by that clock: the gap between messages
        prepare = description.identify is not None or bool(description.on_connect)
        self.client = DeviceClient(ip_address, port, description.timeout, framer=self._framer,
                                   reactor=reactor, settle=settle,
                                   on_connect=self._prepare if prepare else None)
        self.link = self.client.link

    # what users call

    @inlineCallbacks
    def read(self, query: Query) -> Generator[Deferred[Any], Any, Reading]:
        """Ask one query.

        Returns
        -------
        Deferred
            Fires with a `Reading`, also if nothing of the reply could be read; fails with
            a `ConnectionError` if there was no reply.
        """
        try:
            reply = yield self._alone(query.script())
        except ParseError as exc:
            return Reading(query, time.time(), {}, query.all_wrong(exc))
        return read_reply(query, reply)

    def set(self, parameter: Parameter, value: object) -> Deferred[bytes]:
        """Set a parameter.

        Returns
        -------
        Deferred
            Fires with the last answer (empty where there is none); fails with a
            `ParseError` if the device answered something else than it must.

        Raises
        ------
        ValueError
            At once, if it may not be set to this value.
        """
        return self._alone(parameter.script(value))

    def raw(self, data: bytes, reads: bool = True) -> Deferred[bytes]:
        """Send any message, as it is.

        Raises
        ------
        PermissionError
            At once, if the description does not allow that.
        """
        if not self.description.raw_commands:
            raise PermissionError(f"{self.description.file} does not allow raw commands "
                                  "(raw_commands: true would)")

        def talk() -> Generator[Ask, bytes, bytes]:
            return (yield Ask(data, reads, None))
        return self._alone(talk())

    def reconnect(self) -> Deferred[Any]:
        """Give the connection up and make a new one.

        Returns
        -------
        Deferred
            Fires when the device is connected and proven.
        """
        self.client.reconnect()
        return self.client.when_connected()

    def close(self) -> Deferred[None]:
        """Close the connection for good."""
        return self.client.close()

    # how it is done

    def _alone(self, talk: Generator[Ask, bytes, bytes]) -> Deferred[bytes]:
        result: Deferred[bytes] = self._lock.run(self._converse, talk, self.client)
        return result

    @inlineCallbacks
    def _converse(self, talk: Generator[Ask, bytes, bytes], device: Any
                  ) -> Generator[Deferred[Any], Any, bytes]:
        ask, comm = next(talk), None
        while True:
            wait = self._silent_until - self._clock.seconds()
            if wait > 0:
                yield deferLater(self._clock, wait)
            if comm is not None and comm is not self.client.comm:
                raise self._error(Disconnected, "the connection was lost between two messages "
                                  "that belong together")
            self._framer.current = ask.framer or self._framer.usual
            reply: bytes = b""
            if ask.reads:
                reply = yield device.query(ask.data)
            else:
                yield device.send(ask.data)
            comm = self.client.comm
            self._silent_until = self._clock.seconds() + self.description.gap
            try:
                ask = talk.send(reply)
            except StopIteration as end:
                result: bytes = end.value
                return result

    @inlineCallbacks
    def _prepare(self, device: Any) -> Generator[Deferred[Any], Any, None]:
        """Identify the device and tell it what it must know; before anybody else may talk."""
        framer = self._framer.current       # of a message that waits for us
        description = self.description
        try:
            if description.identify is not None:
                try:
                    yield self._converse(description.identify.script(), device)
                except ParseError as exc:
                    raise self._error(WrongDevice, f"another device answers: {exc}") from exc
            if description.on_connect:
                try:
                    yield self._converse(script(description.on_connect, "on_connect"), device)
                except ParseError as exc:
                    raise self._error(FramingError, str(exc)) from exc
        finally:
            self._framer.current = framer

    def _error(self, kind: type[DeviceConnectionError], text: str) -> DeviceConnectionError:
        client = self.client
        return kind(f"{client.link.name}: {text}", host=client.ip_address, port=client.port,
                    phase="recv", sent="maybe")


def read_all(description: Description, ip_address: str, port: int) -> Iterator[Reading]:
    """Ask a live device every query once, and block meanwhile. For ``socs-tcp check``.

    Yields
    ------
    Reading
        First that of the identity query, if there is one; it has no values.

    Raises
    ------
    ConnectionError
        If the device does not answer a query, or is not the one that is described.
    """
    framer = StepFramer(description.framer)
    with TCPInterface(ip_address, port, description.timeout, framer=framer) as device:
        def converse(talk: Generator[Ask, bytes, bytes]) -> bytes:
            ask = next(talk)
            while True:
                framer.current = ask.framer or framer.usual
                reply = b""
                if ask.reads:
                    reply = device.query(ask.data)
                else:
                    device.send(ask.data)
                time.sleep(description.gap)
                try:
                    ask = talk.send(reply)
                except StopIteration as end:
                    result: bytes = end.value
                    return result

        if description.identify is not None:
            try:
                converse(description.identify.script())
            except ParseError as exc:
                raise WrongDevice(f"{device.link.name}: another device answers: {exc}",
                                  host=ip_address, port=port, phase="identify",
                                  sent="yes") from exc
            yield Reading(description.identify, time.time(), {}, {})
        if description.on_connect:
            try:
                converse(script(description.on_connect, "on_connect"))
            except ParseError as exc:
                raise FramingError(f"{device.link.name}: {exc}", host=ip_address, port=port,
                                   phase="recv", sent="yes") from exc
        for query in description.queries.values():
            try:
                yield read_reply(query, converse(query.script()))
            except ParseError as exc:
                yield Reading(query, time.time(), {}, query.all_wrong(exc))
