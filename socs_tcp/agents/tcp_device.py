"""An OCS agent for any device that a YAML file describes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator
from typing import Any

import txaio
from ocs import ocs_agent, site_config
from twisted.internet.defer import Deferred, inlineCallbacks, succeed

from ..agent.reporting import result
from ..core.errors import DeviceConnectionError, ReplyTimedOut
from ..deferred.clock import steady
from ..description.client import DescribedClient
from .acquisition import Acquisition
from .arguments import check_arguments, make_parser
from .schedule import Schedule
from .stopping import end_in_time
from .tasks import DeviceTasks, Operation

txaio.use_twisted()

#: Exit code for a description or an argument that makes no sense, as argparse has it.
BAD_USAGE = 2

#: Seconds from one look at a device to the next that is asked nothing.
MESSAGE_TICK = 1.0


class TCPDeviceAgent(DeviceTasks):
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

    def register(self, *, startup: bool) -> None:
        """Offer the operations to clients; `startup`: begin with acquisition."""
        self.agent.register_process("acq", self.acq, self._stop_acq, blocking=False,
                                    startup=startup, min_privs=self.access.level("acq"))
        for name, task in (("query", self.query), ("set", self.set), ("run", self.run),
                           ("reconnect", self.reconnect)):
            self.agent.register_task(name, task, blocking=False,
                                     min_privs=self.access.level(name))


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
