"""The health of a connection as an OCS feed: numbers that can be plotted."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.task import LoopingCall

from ..core.link import Link
from ..core.text import safe
from ..deferred.clock import steady
from .reporting import MOST_OF_OURS, in_main_thread

#: Seconds between two points while nothing changes.
LINK_PERIOD = 10.0


def link_messages(link: Link, block: str, now: float) -> list[dict[str, Any]]:
    """The messages to publish about a connection.

    The round trips are those since the last messages of this link, and only there where there
    were some: a gap in the plot says more than the last value for ever, or that of before an
    outage.

    Parameters
    ----------
    link : Link
    block : str
        The name of the block of the feed.
    now : float
        Seconds since the epoch.
    """
    messages = [{"block_name": block, "timestamp": now, "data": {
        "link_up": int(not link.down),
        "link_connects": link.connects,
        "link_outages": link.outages,
        "link_losses": link.losses,
        "link_exchanges": link.exchanges,
        "link_timeouts": link.timeouts,
    }}]
    round_trips = link.take_round_trips()
    if round_trips is not None:
        last, worst = round_trips
        messages.append({"block_name": f"{block}_rtt", "timestamp": now, "data": {
            "link_rtt": float(last), "link_worst_rtt": float(worst)}})
    return messages


def link_status(link: Link) -> dict[str, Any]:
    """The same for ``session.data``, in words, too."""
    return {"up": not link.down, "state": link.state.value,
            "reason": safe(link.reason, MOST_OF_OURS), "since": link.since,
            "losses": link.losses, "timeouts": link.timeouts, "rtt": link.last_rtt}


class LinkFeed:
    """Publishes the health of one connection: at each change, and now and then.

    Parameters
    ----------
    agent : OCSAgent
        The feed is registered, if it is not yet.
    reactor
        Twisted's.
    link : Link
    name : str
        Of the feed, and of its block.
    """

    def __init__(self, agent: Any, reactor: Any, link: Link, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f"feed must be the name of a feed, not {name!r}")
        self.name = name
        self._agent = agent
        self._reactor = reactor
        self._link = link
        self._ended = False
        self._loop = LoopingCall(self._publish)
        self._loop.clock = steady(reactor)
        self._forget = link.observe(lambda _link, _change: self._soon(self._publish_change))
        if name not in agent.feeds:
            agent.register_feed(name, record=True, agg_params={"frame_length": 600})
        if getattr(agent, "realm_joined", False):
            self.begin()
        elif hasattr(agent, "on"):      # an agent cannot publish before it is on the router
            agent.on("ready", lambda *_: self.begin())

    def begin(self) -> None:
        """Publish from now on. Any thread."""
        self._soon(self._begin)

    def end(self) -> None:
        """Publish no more. Any thread."""
        self._forget()
        self._soon(self._end)

    def _soon(self, call: Any) -> None:
        in_main_thread(self._reactor, call)

    def _begin(self) -> None:
        if not self._loop.running and not self._ended:
            self._loop.start(LINK_PERIOD).addErrback(self._failed)

    def _end(self) -> None:
        self._ended = True
        if self._loop.running:
            self._loop.stop()

    def _publish_change(self) -> None:
        if self._loop.running:
            self._publish()

    def _publish(self) -> None:
        for message in link_messages(self._link, self.name, time.time()):
            self._agent.publish_to_feed(self.name, message)

    def _failed(self, failure: Any) -> None:
        self._agent.log.error("the feed {name} failed: {error}", name=self.name,
                              error=safe(failure.value, MOST_OF_OURS))
