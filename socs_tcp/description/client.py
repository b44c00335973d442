"""A device that is driven by its description: the conversations over a `DeviceClient`."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks

from ..core.errors import DeviceConnectionError, FramingError, WrongDevice
from ..core.silence import SETTLE
from ..deferred.client import DeviceClient
from ..deferred.clock import steady
from . import Ask, Description, Parameter, ParseError, Query, Value, script
from .asking import read_all
from .model import Action
from .reading import Reading, connection_options, read_reply
from .talking import converse

__all__ = ["DescribedClient", "Reading", "read_all"]


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
        self._restore: dict[str, object] = {}       # what was set, by parameter
        restores = any(parameter.restore for parameter in description.parameters.values())
        prepares = restores or description.identify is not None or description.on_connect
        self.client = DeviceClient(
            ip_address, port, description.timeout, reactor=reactor, settle=settle,
            on_connect=self._prepare if prepares else None,
            on_unasked=self._heard if description.messages else None,
            **connection_options(description))
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
            return Reading(query, time.time(), {}, query.all_wrong(exc), not exc.in_step)
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
            done: Deferred[bytes] = self._alone(parameter.script(value))
            return done.addCallback(self._remember, parameter, value)
        parameter.partly(value)     # what may not be set shows before anything is read
        return self._read_and_set(parameter, value, missing)

    def _remember(self, reply: bytes, parameter: Parameter, value: object) -> bytes:
        """The device has taken it."""
        if parameter.restore:
            self._restore[parameter.name] = value
        return reply

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
        reply: bytes = yield self._alone(parameter.script(value, now))
        return self._remember(reply, parameter, {**now, **parameter.partly(value)})

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
        raw: Deferred[bytes] = self._alone(talk())
        return raw

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

    @inlineCallbacks
    def _alone(self, talk: Generator[Ask, bytes, bytes]
               ) -> Generator[Deferred[Any], Any, bytes]:
        """A conversation, with nobody else's messages between, on one connection."""
        reply: bytes
        if self.description.closes_after_reply:     # each message on one of its own
            reply = yield self._converse(talk, self.client)
            return reply
        session = yield self.client.reserve()
        try:
            reply = yield self._converse(talk, session)
        finally:
            session.release()
        return reply

    def _converse(self, talk: Generator[Ask, bytes, bytes], device: Any) -> Deferred[bytes]:
        return converse(talk, device, self._clock,
                        lambda said: self.description.message_in(said) is not None)

    @inlineCallbacks
    def _prepare(self, device: Any) -> Generator[Deferred[Any], Any, None]:
        """Identify the device and tell it what it must know; before anybody else may talk."""
        description = self.description
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

    def _heard(self, frame: bytes) -> None:
        """The device has said something unasked."""
        found = self.description.message_in(frame)
        if found is not None and self.on_message is not None:
            message, said = found
            self.on_message(read_reply(message.query, said))

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
