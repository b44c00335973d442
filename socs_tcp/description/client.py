"""A device that is driven by its description: the conversations over a `DeviceClient`."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
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
from .model import Action


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

    An answer that is not what it must be may be the answer to something else: the connection is
    given up then, and made anew, so that the next answer is the right one. An error message that
    the description knows (``error``) is an answer.

    Parameters
    ----------
    description : Description
    ip_address : str
        Address or host name.
    port : int
        TCP port.
    reactor, settle : optional
        As in `DeviceClient`.
    on_message : callable, optional
        Gets a `Reading` for each message of the description that the device says unasked.

    Attributes
    ----------
    client : DeviceClient
    link : Link
        What is known of the connection.
    """

    def __init__(self, description: Description, ip_address: str, port: int, *,
                 reactor: Any = None, settle: float = SETTLE,
                 on_message: Callable[[Reading], object] | None = None) -> None:
        if reactor is None:
            from twisted.internet import reactor  # noqa: PLC0415 (importing installs one)
        self.description = description
        self.reactor = reactor
        self._clock = steady(reactor)
        self.on_message = on_message
        self._lock = DeferredLock()
        self._framer = StepFramer(description.framer)
        self._silent_until = 0.0        # by that clock: the gap between messages
        self._restore: dict[str, object] = {}       # what was set, by parameter
        self.client = DeviceClient(ip_address, port, description.timeout, framer=self._framer,
                                   reactor=reactor, settle=settle, **self._extras())
        self.link = self.client.link

    def _extras(self) -> dict[str, Any]:
        description = self.description
        restores = any(parameter.restore for parameter in description.parameters.values())
        extras: dict[str, Any] = {}
        if description.identify is not None or description.on_connect or restores:
            extras["on_connect"] = self._prepare
        return extras

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

        Where several values are set by one command, those that are not given are read from the
        device before.

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
        missing = [query for query in self.read_back(parameter)
                   if isinstance(value, Mapping)
                   and any(name not in value for name, field in parameter.fields.items()
                           if any(f.name == field for f in query.fields))]
        if not missing:
            talk = parameter.script(value)
            self._remember(parameter, value)
            return self._alone(talk)
        parameter.partly(value)     # what may not be set shows before anything is read
        return self._read_and_set(parameter, value, missing)

    def _remember(self, parameter: Parameter, value: object) -> None:
        if parameter.restore:
            self._restore[parameter.name] = value

    @inlineCallbacks
    def _read_and_set(self, parameter: Parameter, value: object, queries: list[Query]
                      ) -> Generator[Deferred[Any], Any, bytes]:
        now: dict[str, Value] = {}
        for query in queries:
            reading = yield self.read(query)
            for error in reading.errors.values():
                raise error
            now.update({name: reading.values[field] for name, field in parameter.fields.items()
                        if field in reading.values})
        talk = parameter.script(value, now)
        self._remember(parameter, value)
        reply: bytes = yield self._alone(talk)
        return reply

    def read_back(self, parameter: Parameter) -> list[Query]:
        """The queries that tell what is set now."""
        queries = [self.description.query_for_field(field)
                   for field in parameter.fields.values()]
        return list({query.name: query for query in queries}.values())

    def run(self, action: Action) -> Deferred[bytes]:
        """Do something that the description calls an action.

        Returns
        -------
        Deferred
            As of `set`.
        """
        return self._alone(action.script())

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
        result: Deferred[bytes] = self._lock.run(self._in_step, talk)
        return result

    @inlineCallbacks
    def _in_step(self, talk: Generator[Ask, bytes, bytes]
                 ) -> Generator[Deferred[Any], Any, bytes]:
        """A conversation; after an answer that is none to it, on a new connection."""
        try:
            reply: bytes = yield self._converse(talk, self.client)
        except ParseError as exc:
            if not exc.in_step:
                self.client.reconnect()
            raise
        return reply

    @inlineCallbacks
    def _converse(self, talk: Generator[Ask, bytes, bytes], device: Any
                  ) -> Generator[Deferred[Any], Any, bytes]:
        ask, comm = next(talk), None
        while True:
            wait = max(self._silent_until - self._clock.seconds(), ask.wait)
            if wait > 0:
                yield deferLater(self._clock, wait)
            if comm is not None and comm is not self.client.comm:
                raise self._error(Disconnected, "the connection was lost between two messages "
                                  "that belong together")
            self._framer.current = ask.framer or self._framer.usual
            reply: bytes = b""
            if ask.reads:
                reply = yield device.query(ask.data, ask.timeout)
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
            try:
                if description.on_connect:
                    yield self._converse(script(description.on_connect, "on_connect"), device)
                for name, value in self._restore.items():
                    yield self._set_again(description.parameters[name], value, device)
            except ParseError as exc:
                raise self._error(FramingError, str(exc)) from exc
        finally:
            self._framer.current = framer

    @inlineCallbacks
    def _set_again(self, parameter: Parameter, value: object, device: Any
                   ) -> Generator[Deferred[Any], Any, None]:
        """Set what was set before, if the device says that it has forgotten it."""
        now: dict[str, Value] = {}
        for query in self.read_back(parameter):
            now.update(query.parse((yield self._converse(query.script(), device)))[0])
        if parameter.disagrees(value, now):
            before = {name: now[field] for name, field in parameter.fields.items()
                      if field in now}
            yield self._converse(parameter.script(value, before), device)

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
                time.sleep(ask.wait)
                framer.current = ask.framer or framer.usual
                reply = b""
                if ask.reads:
                    reply = device.query(ask.data, timeout=ask.timeout)
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
