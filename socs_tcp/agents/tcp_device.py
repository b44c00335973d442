"""An OCS agent for any device that a YAML file describes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Sequence
from functools import cached_property
from typing import Any

import txaio
from ocs import ocs_agent, site_config
from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.internet.defer import TimeoutError as DeferTimeout

from ..agent.mixin import DeviceAgentMixin
from ..agent.reporting import result
from ..core.errors import DeviceConnectionError, ReplyTimedOut
from ..core.text import shown
from ..deferred.clock import steady
from ..description import LINK_FEED, Description
from ..description.client import DescribedClient, Reading
from .access import LEVELS, Access
from .acquisition import Acquisition
from .arguments import check_arguments, make_parser
from .publishing import (
    MOST_OF_A_VALUE,
    Publisher,
    told_errors,
    told_parameter,
    told_reply,
    told_values,
)
from .schedule import Schedule
from .stopping import end_in_time

txaio.use_twisted()

#: Exit code for a description or an argument that makes no sense, as argparse has it.
BAD_USAGE = 2

#: Seconds from one look at a device to the next that is asked nothing.
MESSAGE_TICK = 1.0

Operation = Generator[Deferred[Any], Any, tuple[bool, str]]


class TCPDeviceAgent(DeviceAgentMixin):
    """Reads, sets and publishes what a description says of a device.

    Parameters
    ----------
    agent : OCSAgent
        OCSAgent object from :func:`ocs.ocs_agent.init_site_agent`.
    description : Description
        Of the device.
    connect : callable
        Returns a `DescribedClient` of the device. Called once, when the device is needed for
        the first time: not before this agent has joined the router, where another one of the
        same name may have been faster.
    levels : dict of str to int, optional
        The credential levels that clients need, as `.access.levels` returns them.
    """

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

    def joined(self, _session: Any) -> None:
        """The agent has joined the router, or was refused: then it leaves the device alone."""
        if self.agent.realm_joined:
            _device = self.device

    # acquisition

    @ocs_agent.param("test_mode", default=False, type=bool)  # type: ignore[untyped-decorator]
    @inlineCallbacks
    def acq(self, session: Any, params: dict[str, Any]) -> Operation:
        """acq(test_mode=False)

        **Process** - Ask every query of the description in its period, and publish.

        A field that cannot be read does not stop the others: it is missing from
        ``fields``, and ``errors`` says why. While the device is away, or nothing that it says
        can be read, the session is degraded, and acquisition goes on when it is back.

        Parameters
        ----------
        test_mode : bool, optional
            Exit after every query was asked once. Defaults to False.

        Notes
        -----
        The most recent values are stored in the session data::

            >>> response.session['data']
            {'fields': {'volt': 2.0, 'curr': 1.0, 'output': 'on'},
             'units': {'volt': 'V', 'curr': 'A', 'output': ''},
             'timestamps': {'measured': 1736541796.7, 'output': 1736541796.8},
             'errors': {},
             'timestamp': 1736541796.8,
             'link': {'up': True, 'state': 'up', 'reason': 'a good reply',
                      'since': 1736541790.1, 'losses': 0, 'timeouts': 0, 'rtt': 0.0021}}

        Readings are published to the feeds of the description (``readings``, if it has
        none), the health of the connection to the feed ``link``, always.
        """
        schedule = Schedule(self.description.queries.values())
        only_asked = self.description.queries and not self.description.messages
        tick = schedule.tick or (None if only_asked else MESSAGE_TICK)
        if tick is None:
            return result(False, f"{self.description.file}: no query has a period")
        acquisition = Acquisition(self._publisher, self.device, session)

        @inlineCallbacks
        def read_due() -> Generator[Deferred[Any], Any, None]:
            try:
                yield self._cycle(session, schedule, acquisition)
            finally:
                acquisition.tell_link()
            if params["test_mode"] and schedule.all_asked:
                session.set_status("stopping")
            acquisition.judge()

        try:
            yield self.poll_deferred(session, read_due, lambda _reading: None, tick)
        finally:
            acquisition.end()
        return result(True, "Acquisition exited cleanly.")

    @inlineCallbacks
    def _cycle(self, session: Any, schedule: Schedule, acquisition: Acquisition
               ) -> Generator[Deferred[Any], Any, None]:
        """Ask what is due. One that is not answered, or wrongly, does not stop the others.

        Raises
        ------
        ConnectionError
            If the device is away, or answers nothing.
        """
        clock, heard = steady(self.device.reactor), 0
        silent: DeviceConnectionError | None = None
        for query in schedule.due(clock.seconds()):
            if session.status not in ("starting", "running"):
                return
            try:
                reading = yield self.device.read(query)
            except DeviceConnectionError as exc:
                if exc.sent == "no" and not isinstance(exc, ReplyTimedOut):
                    raise           # it is away
                silent, reading = exc, None
            if reading is None or reading.wrong:
                wait = schedule.unanswered(query, clock.seconds())
                if wait is not None:
                    acquisition.tell_silent(query, wait, reading is not None)
            elif schedule.answered(query, clock.seconds()):
                acquisition.tell_heard(query)
            if reading is not None:
                heard += 1
                acquisition.take(reading)
        if silent is not None and not heard:
            raise silent

    def _stop_acq(self, session: Any, params: Any = None) -> Deferred[tuple[bool, str]]:
        """Stop `acq`; it ends with the exchange that is under way."""
        session.set_status("stopping")
        return succeed((True, "Stopping acquisition."))

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


    def register(self, *, startup: bool) -> None:
        """Offer the operations to clients; `startup`: begin with acquisition."""
        self.agent.register_process("acq", self.acq, self._stop_acq, blocking=False,
                                    startup=startup, min_privs=self.access.level("acq"))
        for name, task in (("query", self.query), ("set", self.set), ("run", self.run),
                           ("reconnect", self.reconnect)):
            self.agent.register_task(name, task, blocking=False,
                                     min_privs=self.access.level(name))


def _reading_data(reading: Reading) -> dict[str, Any]:
    return {"query": reading.query.name, "fields": told_values(reading),
            "errors": told_errors(reading.errors),
            "timestamp": reading.timestamp}


def _shown(reading: Reading, only: Sequence[str] = ()) -> str:
    return ", ".join(f"{f.name} = {reading.values[f.name]}{f' {f.unit}' if f.unit else ''}"
                     if f.name in reading.values else f"{f.name} has no value"
                     for f in reading.query.fields if not only or f.name in only)


# starting

#: Seconds. HostManager looks about once a second which of its agents run, and shows what an agent
#: wrote only if it has seen it running.
SEEN = 2.5


def main(args: list[str] | None = None) -> None:
    """Run the agent; what ``ocs-agent-cli`` calls."""
    parsed = site_config.parse_args(agent_class="TCPDeviceAgent", parser=make_parser(), args=args)
    try:
        description, host, port = check_arguments(parsed)
    except ValueError as exc:
        print(f"TCPDeviceAgent: {exc}", file=sys.stderr, flush=True)
        if not sys.stderr.isatty():
            time.sleep(SEEN)
        sys.exit(BAD_USAGE)
    # Not before: from here on stderr is the log, which goes to stdout, and HostManager shows
    # of an agent that ended what it wrote to stderr.
    txaio.start_logging(  # type: ignore[attr-defined]
        level=os.environ.get("LOGLEVEL", "info"))
    agent, runner = ocs_agent.init_site_agent(parsed)
    device = TCPDeviceAgent(
        agent, description, lambda: DescribedClient(description, host, port),
        parsed.min_privs)
    device.register(startup=parsed.mode == "acq")
    agent.on("ready", device.joined)
    end_in_time()
    runner.run(agent, auto_reconnect=True)


if __name__ == "__main__":
    main()
