"""Many devices on Twisted: `DeviceClient`, and ``LineReceiver`` with ``addTimeout`` beside it."""

from __future__ import annotations

import cProfile
import os
from collections.abc import Callable

from twisted.internet import defer, task
from twisted.logger import globalLogBeginner, textFileLogObserver

from ..clients.on_twisted import Ask, line_receiver_timeout
from ..figures.measure import QUESTION, TIMEOUT
from .crowd import SETTLE, Crowd, now

#: Seconds the devices stay away; long enough for the clients to become patient.
AWAY = 10.0
#: Seconds they are given to be all back. (The longest delay of a client is 30 s, and jitter.)
BACK_WITHIN = 60.0


class Poller:
    """Asks one device again and again, in its rhythm, whatever comes."""

    def __init__(self, crowd: Crowd, reactor, index: int, ask: Ask) -> None:
        self._crowd, self._reactor, self._index, self._ask = crowd, reactor, index, ask
        self._due = crowd.first_due()
        reactor.callLater(max(0.0, self._due - now()), self._poll)

    def _poll(self) -> None:
        self._began = now()
        self._ask().addCallbacks(self._good, self._bad)

    def _good(self, _reply: bytes) -> None:
        self._crowd.good(self._index, self._due, self._began)
        self._again()

    def _bad(self, failure) -> None:
        failure.trap(ConnectionError)
        self._crowd.bad(self._index)
        self._again()

    def _again(self) -> None:
        self._due = self._crowd.next_due(self._due)
        self._reactor.callLater(max(0.0, self._due - now()), self._poll)


async def _crowd(reactor, crowd: Crowd, connect: Callable) -> None:
    first = await connect(reactor, crowd.port(0))   # what it has imported is no device's memory
    await first()
    crowd.starting()
    asks = await defer.gatherResults([
        defer.ensureDeferred(connect(reactor, crowd.port(index))) for index in range(crowd.count)])
    await defer.gatherResults([ask() for ask in asks])
    crowd.all_up()
    for index, ask in enumerate(asks):
        Poller(crowd, reactor, index, ask)
    await task.deferLater(reactor, SETTLE)
    crowd.begin("healthy")
    await task.deferLater(reactor, crowd.seconds)
    crowd.end()
    if crowd.order is not None:
        await _outage(reactor, crowd)


async def _outage(reactor, crowd: Crowd) -> None:
    """Half of the devices are unplugged, and come back; the other half is watched."""
    attempts: list[float] = []
    connect = reactor.connectTCP

    def counted(*args, **kwargs):
        attempts.append(now())
        return connect(*args, **kwargs)
    reactor.connectTCP = counted

    profiler = cProfile.Profile()
    crowd.begin("outage")
    if crowd.profile:
        profiler.enable()
    crowd.order("unplug")
    unplugged = now()
    await task.deferLater(reactor, AWAY)
    profiler.disable()
    crowd.end()
    if crowd.profile:
        profiler.dump_stats(crowd.profile)
    crowd.forget_first_replies()
    crowd.begin("return")
    crowd.order("plug")
    plugged = now()
    while len(crowd.back()) < crowd.count // 2 and now() - plugged < BACK_WITHIN:
        await task.deferLater(reactor, 0.5)
    crowd.end()
    crowd.result["attempts_s"] = [round(when - unplugged, 3) for when in attempts]
    crowd.result["back_s"] = sorted(round(when - plugged, 3) for when in crowd.back())


async def _device_client(reactor, port: int) -> Ask:
    from socs_tcp import DeviceClient

    client = DeviceClient("127.0.0.1", port, TIMEOUT, reactor=reactor)
    await client.when_connected()
    return lambda: client.query(QUESTION)


def _run(crowd: Crowd, connect: Callable) -> None:
    from twisted.internet import reactor
    # As in any agent. Before that, Twisted keeps all lines in memory, and we write them to stderr.
    with open(os.devnull, "w") as log:
        globalLogBeginner.beginLoggingTo([textFileLogObserver(log)], redirectStandardIO=False)
        _run_with_a_log(reactor, crowd, connect)


def _run_with_a_log(reactor, crowd: Crowd, connect: Callable) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        done = defer.Deferred.fromCoroutine(_crowd(reactor, crowd, connect))
        done.addErrback(lambda failure: failures.append(failure.value))
        done.addBoth(lambda _: reactor.stop())
    reactor.callWhenRunning(start)
    reactor.run()
    if failures:
        raise failures[0]


def device_client(crowd: Crowd) -> None:
    from socs_tcp import DeviceClient  # noqa: F401  (its memory is not that of a device)
    _run(crowd, _device_client)


def line_receiver(crowd: Crowd) -> None:
    _run(crowd, line_receiver_timeout)


KINDS = {"DeviceClient": device_client, "LineReceiver": line_receiver}
