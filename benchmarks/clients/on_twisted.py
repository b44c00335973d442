"""Subjects on Twisted: LineReceiver with and without ``addTimeout``, from a thread, and ours."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable

from twisted.internet import defer, endpoints, protocol, threads
from twisted.protocols.basic import LineReceiver

from ..figures.measure import QUESTION, TIMEOUT, WARM_UP
from .blocking import tls_context

Ask = Callable[[], defer.Deferred]


class Lines(LineReceiver):
    """What a Twisted author writes in five minutes: one Deferred for one line."""

    delimiter = b"\r\n"
    waiting: defer.Deferred | None = None

    def ask(self, line: bytes) -> defer.Deferred:
        self.waiting = defer.Deferred()
        self.sendLine(line)
        return self.waiting

    def lineReceived(self, line: bytes) -> None:
        waiting, self.waiting = self.waiting, None
        waiting.callback(line)


async def _connected(reactor, port: int) -> Lines:
    endpoint = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    lines = await endpoint.connect(protocol.Factory.forProtocol(Lines))
    lines.transport.setTcpNoDelay(True)
    return lines


async def line_receiver(reactor, port: int) -> Ask:
    lines, question = await _connected(reactor, port), QUESTION.removesuffix(b"\r\n")
    return lambda: lines.ask(question)


async def line_receiver_timeout(reactor, port: int) -> Ask:
    lines, question = await _connected(reactor, port), QUESTION.removesuffix(b"\r\n")
    return lambda: lines.ask(question).addTimeout(TIMEOUT, reactor)


async def device_client(reactor, port: int, tls: ssl.SSLContext | None = None) -> Ask:
    from socs_tcp import DeviceClient

    client = DeviceClient("127.0.0.1", port, TIMEOUT, reactor=reactor, tls=tls)
    await client.when_connected()
    return lambda: client.query(QUESTION)


async def device_client_tls(reactor, port: int) -> Ask:
    return await device_client(reactor, port, tls_context())


async def device_client_uvloop(reactor, port: int) -> Ask:
    """The same client; `run` puts asyncio's reactor over uvloop under it."""
    return await device_client(reactor, port)


async def from_thread(reactor, port: int) -> Ask:
    """`blockingCallFromThread` around the LineReceiver; `_obey` asks in a thread."""
    ask = await line_receiver_timeout(reactor, port)
    return lambda: threads.blockingCallFromThread(reactor, ask)


SUBJECTS = {
    "LineReceiver": line_receiver,
    "LineReceiver, addTimeout": line_receiver_timeout,
    "blockingCallFromThread": from_thread,
    "DeviceClient query": device_client,
    "DeviceClient query, uvloop": device_client_uvloop,
    "DeviceClient query, TLS": device_client_tls,
}


def run(subject: Callable[..., object], port: int, orders) -> None:
    if subject is device_client_uvloop:
        import uvloop
        from twisted.internet import asyncioreactor
        asyncioreactor.install(uvloop.new_event_loop())
    from twisted.internet import reactor
    done = defer.Deferred.fromCoroutine(_obey(subject, reactor, port, orders))
    done.addErrback(_give_up, orders)
    done.addCallback(lambda _: reactor.stop() if reactor.running else None)
    if not done.called:
        reactor.run()


def _give_up(failure, orders) -> None:
    if failure.check(ImportError):
        orders.tell(skip=f"cannot import it: {failure.getErrorMessage()}")
        return
    failure.printTraceback()
    os._exit(1)     # the reactor may not run yet, a thread may hang: no orderly way is sure


async def _obey(subject: Callable[..., object], reactor, port: int, orders) -> None:
    ask = await subject(reactor, port)
    if subject is from_thread:
        done: defer.Deferred = defer.Deferred()
        threading.Thread(target=_obey_in_thread, args=(ask, orders, reactor, done)).start()
        await done
        return
    if not await ask():
        raise RuntimeError("no answer")
    for count in orders:    # reading them blocks the reactor, which has nothing else to do
        for _ in range(WARM_UP):
            await ask()
        orders.begin()
        for _ in range(count):
            await ask()
        orders.end()


def _obey_in_thread(ask: Callable[[], object], orders, reactor, done: defer.Deferred) -> None:
    from .blocking import run as run_blocking
    try:
        run_blocking(lambda _port: ask, 0, orders)
    finally:
        reactor.callFromThread(done.callback, None)
