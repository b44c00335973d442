"""What an agent does for a client that asks it to: the tasks of a `TCPDeviceAgent`."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from functools import cached_property
from typing import Any

from ocs import ocs_agent
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.defer import TimeoutError as DeferTimeout

from ..agent.mixin import DeviceAgentMixin
from ..agent.reporting import result
from ..core.text import shown
from ..deferred.clock import steady
from ..description import LINK_FEED, Description
from ..description.client import DescribedClient, Reading
from .access import LEVELS, Access
from .publishing import (
    MOST_OF_A_VALUE,
    Publisher,
    told_errors,
    told_parameter,
    told_reply,
    told_values,
)

Operation = Generator[Deferred[Any], Any, tuple[bool, str]]


class DeviceTasks(DeviceAgentMixin):
    """The device of an agent, and its tasks. For its parameters see `TCPDeviceAgent`."""

    def __init__(self, agent: Any, description: Description,
                 connect: Callable[[], DescribedClient],
                 levels: dict[str, int] | None = None) -> None:
        self.agent = agent
        self.log = agent.log
        self.description = description
        self.access = Access(agent, levels or LEVELS)
        self._connect = connect
        for feed in self.description.feeds.values():
            agent.register_feed(feed.name, record=True, agg_params=feed.agg_params,
                                buffer_time=feed.buffer_time)
        self._publisher = Publisher(agent, description)

    @cached_property
    def device(self) -> DescribedClient:
        """The device; it connects with the first look at this."""
        device = self._connect()
        self.watch(device, feed=LINK_FEED)
        return device

    # tasks

    @ocs_agent.param("name", default=None, type=str)  # type: ignore[untyped-decorator]
    @ocs_agent.param("command", default=None, type=str)  # type: ignore[untyped-decorator]
    @ocs_agent.param("reply", default=True, type=bool)  # type: ignore[untyped-decorator]
    @inlineCallbacks
    def query(self, session: Any, params: dict[str, Any]) -> Operation:
        """query(name=None, command=None, reply=True)

        **Task** - Ask one query now, and publish what it says; or send a raw command.

        Parameters
        ----------
        name : str, optional
            A query of the description, or a field that one of them reads.
        command : str, optional
            A command, to which the terminator is added, in place of `name`; only if the
            description has ``raw_commands: true``. It needs credential level 2 where the
            site has an access policy.
        reply : bool, optional
            Is `command` answered? Defaults to True.

        Examples
        --------
        Example for calling in a client::

            >>> client.query(name='volt')
            >>> client.query(command='*IDN?')

        Notes
        -----
        An example of the session data, and one for a raw command::

            >>> response.session['data']
            {'query': 'measured', 'fields': {'volt': 2.0}, 'errors': {},
             'timestamp': 1736541796.8}
            {'command': '*IDN?', 'reply': 'LSCI,MODEL372,LSA23JD,1.3',
             'timestamp': 1736541796.8}
        """
        name, command = params["name"], params["command"]
        if (name is None) == (command is None):
            return result(False, "query needs either the name of a query or a command")
        if command is not None and (refusal := self.access.refusal(session, "raw")):
            return result(False, refusal)
        try:
            if command is not None:
                told: str = yield self._raw(session, command, params["reply"])
                return result(True, told)
            reading = yield self.device.read(self.description.query_for(name))
        except (ConnectionError, ValueError, PermissionError) as exc:
            return result(False, str(exc))
        self._publisher.publish(reading)
        session.data = _reading_data(reading)
        if reading.errors:
            return result(False, "; ".join(str(error) for error in reading.errors.values()))
        return result(True, f"{reading.query.name}: {_shown(reading)}")

    @inlineCallbacks
    def _raw(self, session: Any, command: str, reads: bool
             ) -> Generator[Deferred[Any], Any, str]:
        data = command.encode("latin-1")
        end = self.description.send_terminator
        answer: bytes = yield self.device.raw(data if data.endswith(end) else data + end, reads)
        text = told_reply(answer)
        session.data = {"command": told_parameter(command), "reply": text,
                        "timestamp": time.time()}
        return f"{command!r}: {text!r}" if reads else f"{command!r} sent"

    @ocs_agent.param("name", type=str)  # type: ignore[untyped-decorator]
    @ocs_agent.param("value")  # type: ignore[untyped-decorator]
    @inlineCallbacks
    def set(self, session: Any, params: dict[str, Any]) -> Operation:
        """set(name, value)

        **Task** - Set a parameter of the description.

        The value is checked before anything is sent. If a field tells what is set, it is
        read at once, and published. It needs credential level 2 where the site has an access
        policy.

        Parameters
        ----------
        name : str
            A parameter of the description.
        value : float, int or str
            Within its range, or one of its choices.

        Examples
        --------
        Example for calling in a client::

            >>> client.set(name='volt', value=1.5)
            >>> client.set(name='output', value='on')

        Notes
        -----
        An example of the session data; ``fields`` is what was read back::

            >>> response.session['data']
            {'parameter': 'volt', 'value': 1.5, 'fields': {'volt_set': 1.5}, 'errors': {},
             'timestamp': 1736541796.8}
        """
        name, value = params["name"], params["value"]
        session.data = {"parameter": told_parameter(name), "value": told_parameter(value)}
        try:
            parameter = self.description.parameter_for(name)
            yield self.device.set(parameter, value)
            session.data = {**session.data, "timestamp": time.time()}
            if not parameter.field:
                return result(True, f"{name} set to {shown(value, MOST_OF_A_VALUE)}")
            readings = []
            for query in self.device.read_back(parameter):
                readings.append((yield self.device.read(query)))
        except (ConnectionError, ValueError) as exc:
            return result(False, str(exc))
        values, errors = {}, {}
        for reading in readings:
            self._publisher.publish(reading)
            values.update(told_values(reading))
            errors.update(reading.errors)
        session.data = {**session.data, "fields": values, "errors": told_errors(errors),
                        "timestamp": readings[-1].timestamp}
        told = f"{name} set to {shown(value, MOST_OF_A_VALUE)}"
        problem = next((errors[field] for field in parameter.fields.values() if field in errors),
                       None) or parameter.disagrees(value, values)
        if problem:
            return result(False, f"{told}, but {problem}")
        only = list(parameter.fields.values())
        said = ", ".join(filter(None, (_shown(reading, only) for reading in readings)))
        return result(True, f"{told}; the device says {said}")

    @ocs_agent.param("name", type=str)  # type: ignore[untyped-decorator]
    @inlineCallbacks
    def run(self, session: Any, params: dict[str, Any]) -> Operation:
        """run(name)

        **Task** - Do something that the description calls an action.

        Parameters
        ----------
        name : str
            An action of the description.

        Examples
        --------
        Example for calling in a client::

            >>> client.run(name='reset')

        Notes
        -----
        An example of the session data::

            >>> response.session['data']
            {'action': 'reset', 'timestamp': 1736541796.8}
        """
        name = params["name"]
        session.data = {"action": told_parameter(name)}
        try:
            yield self.device.run(self.description.action_for(name))
        except (ConnectionError, ValueError) as exc:
            return result(False, str(exc))
        session.data = {**session.data, "timestamp": time.time()}
        return result(True, f"{name} done")

    @inlineCallbacks
    def reconnect(self, session: Any, params: Any) -> Operation:
        """reconnect()

        **Task** - Give the connection to the device up and make a new one.

        It succeeds when the device is there again, and has proven to be the right one.
        """
        allowed = self.description.timeout
        try:
            yield self.device.reconnect().addTimeout(allowed, steady(self.device.reactor))
        except (ConnectionError, DeferTimeout):
            return result(False, f"not connected within {allowed:g} s: {self.device.link.reason}")
        return result(True, f"{self.device.link.name} is connected again")


def _reading_data(reading: Reading) -> dict[str, Any]:
    return {"query": reading.query.name, "fields": told_values(reading),
            "errors": told_errors(reading.errors),
            "timestamp": reading.timestamp}


def _shown(reading: Reading, only: Sequence[str] = ()) -> str:
    return ", ".join(f"{f.name} = {reading.values[f.name]}{f' {f.unit}' if f.unit else ''}"
                     if f.name in reading.values else f"{f.name} has no value"
                     for f in reading.query.fields if not only or f.name in only)
