"""What runs in the two network namespaces of `lost_network`: the device, and its clients."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool

import socs_tcp
from socs_tcp.agent.monitor import IdleMonitor
from socs_tcp.testing import DeviceServer

from .lost_network import DEVICE, KEEPALIVE, MIN_INTERVAL, PERIOD, PORT, TIMEOUT


def device_main() -> None:
    with DeviceServer(lambda command: command, host=DEVICE, port=PORT):
        print("listening", flush=True)
        sys.stdin.read()


def client_main(face: str, habit: str) -> None:
    from twisted.internet import reactor as any_reactor

    reactor: Any = any_reactor
    options = {"keepalive": KEEPALIVE, "min_interval": MIN_INTERVAL}
    device: Any

    def tell(_link: Any, change: Any) -> None:
        print(json.dumps([time.monotonic(), change.down, change.reason]), flush=True)
    ask: Callable[[], object]
    if face == "twisted":
        # With `identify` a client that says nothing is proven by its reconnect.
        device = socs_tcp.DeviceClient(DEVICE, PORT, TIMEOUT, reactor=reactor, identify=(
            ("who?", "who?") if habit == "idle" else None), **options)

        def ask() -> object:
            return device.query("x").addErrback(lambda _failure: None)
    else:
        device = socs_tcp.TCPInterface(DEVICE, PORT, TIMEOUT, framer=socs_tcp.LineFramer(),
                                       **options)
        IdleMonitor(reactor).watch(device)

        def ask_and_wait() -> None:
            with contextlib.suppress(ConnectionError):
                device.query("x")

        def ask() -> object:
            return reactor.callInThread(ask_and_wait)
    device.link.observe(tell)
    ask()
    if habit == "polling":
        loop = (LoopingCall(ask) if face == "twisted" else
                LoopingCall(_in_thread, reactor, ask_and_wait))
        loop.start(PERIOD)
    signal.signal(signal.SIGUSR1, lambda _number, _frame: reactor.callFromThread(ask))

    def end() -> None:
        sys.stdin.read()
        reactor.callFromThread(reactor.stop)
    reactor.callInThread(end)
    reactor.run()
    device.close()


def _in_thread(reactor: Any, function: Callable[[], None]) -> Any:
    return deferToThreadPool(reactor, reactor.getThreadPool(), function)


if __name__ == "__main__":
    if sys.argv[1] == "device":
        device_main()
    else:
        client_main(*sys.argv[2:])
