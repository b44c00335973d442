"""Receives a stream once: ``python -m benchmarks.clients.bulk SUBJECT PORT SIZE TOTAL``."""

from __future__ import annotations

import asyncio
import importlib
import json
import socket
import sys
import time
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from ..figures.measure import TIMEOUT
from ..servers.bulk import HEADER, TRAILER

READ = 65536
LONG_READ = 262144
LONGEST = 1 << 21


class Subject(NamedTuple):
    """A way to receive; `run` gets port, size and total, and calls `start` and `stop`."""

    run: Callable[..., None]
    ours: bool = False


class Clock:
    """Times the part of a run that counts."""

    def start(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self, count: int) -> None:
        cpu = time.process_time() - self._cpu
        wall = time.perf_counter() - self._wall
        print(json.dumps({"wall": wall, "cpu": cpu, "bytes": count}), flush=True)


def order(size: int, total: int) -> bytes:
    return f"{size} {total}\n".encode()


def receive(recv: Callable[[int], bytes], bufsize: int, total: int) -> int:
    """Call `recv` until all is there; how much that was."""
    count = 0
    while count < total:
        count += len(recv(bufsize))
    return count


def bare_socket(bufsize: int) -> Callable[..., None]:
    def run(port: int, size: int, total: int, clock: Clock) -> None:
        sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        clock.start()
        sock.sendall(order(size, total))
        clock.stop(receive(sock.recv, bufsize, total))
    return run


def bare_lines(port: int, size: int, total: int, clock: Clock) -> None:
    """What is there in Python for whole lines, without any care for timeouts and the like."""
    sock = socket.create_connection(("127.0.0.1", port))
    reader = sock.makefile("rb", READ)
    clock.start()
    sock.sendall(order(size, total))
    for _ in range(total // size):
        reader.readline()
    clock.stop(total)


def tcp_interface(module: str, bufsize: int = READ) -> Callable[..., None]:
    """`send` and `recv` of a `TCPInterface`, ours or the original."""
    def run(port: int, size: int, total: int, clock: Clock) -> None:
        device = importlib.import_module(module).TCPInterface("127.0.0.1", port, TIMEOUT)
        clock.start()
        device.send(order(size, total))
        clock.stop(receive(device.recv, bufsize, total))
    return run


def framer_for(kind: str, size: int):
    """One of ours that takes the frames apart."""
    from socs_tcp.core import framing
    if kind == "lines":
        return framing.LineFramer(TRAILER, max_length=LONGEST)
    if kind == "length":
        return framing.LengthFramer(HEADER, int, max_length=LONGEST)
    if kind == "prompt":
        return framing.PromptFramer(rb"\r\n", max_length=LONGEST)
    if kind == "pattern":       # a prompt that could be more than one text
        return framing.PromptFramer(rb"\r[\n>]", max_length=LONGEST)
    return framing.FixedFramer(size)


def tcp_frames(kind: str) -> Callable[..., None]:
    def run(port: int, size: int, total: int, clock: Clock) -> None:
        from socs_tcp import TCPInterface
        device = TCPInterface("127.0.0.1", port, TIMEOUT, framer=framer_for(kind, size))
        clock.start()
        device.send(order(size, total))
        for _ in range(total // size):
            device.recv_frame()
        clock.stop(total // size * size)
    return run


def tcp_stream(kind: str) -> Callable[..., None]:
    def run(port: int, size: int, total: int, clock: Clock) -> None:
        from socs_tcp import TCPInterface
        device = TCPInterface("127.0.0.1", port, TIMEOUT, framer=framer_for(kind, size))
        clock.start()
        device.send(order(size, total))
        for _frame in islice(device.frames(TIMEOUT), total // size):
            pass
        clock.stop(total // size * size)
    return run


def twisted(connect: Callable, receive: Callable) -> Callable[..., None]:
    """Drive a subject in the reactor: `connect` gives a device, `receive` takes what it sends."""
    def run(port: int, size: int, total: int, clock: Clock) -> None:
        from twisted.internet import defer, reactor
        failures: list[BaseException] = []

        async def go() -> None:
            device = await connect(reactor, port, size)
            clock.start()
            device.transport.write(order(size, total))
            await receive(device, size, total)
            clock.stop(total)

        def begin() -> None:
            done = defer.Deferred.fromCoroutine(go())
            done.addErrback(lambda failure: failures.append(failure.value))
            done.addBoth(lambda _: reactor.stop())
        reactor.callWhenRunning(begin)
        reactor.run()
        if failures:
            raise failures[0]
    return run


async def _with(reactor, port: int, protocol):
    from twisted.internet import endpoints
    endpoint = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    return await endpoints.connectProtocol(endpoint, protocol)


async def _raw_protocol(reactor, port: int, size: int):
    from socs_tcp import RawProtocol
    return await _with(reactor, port, RawProtocol())


def _receive_raw(bufsize: int) -> Callable:
    async def receive(device, size: int, total: int) -> None:
        count = 0
        while count < total:
            count += len(await device.recv(bufsize))
    return receive


def _line_protocol(kind: str) -> Callable:
    async def connect(reactor, port: int, size: int):
        from socs_tcp import LineProtocol
        return await _with(reactor, port, LineProtocol(framer_for(kind, size)))
    return connect


async def _receive_frames(device, size: int, total: int) -> None:
    for _ in range(total // size):
        await device.recv()


async def _receive_many(device, size: int, total: int) -> None:
    count = total // size
    while count:
        for _frame in await device.recv_frames(count):
            count -= 1


def _client(kind: str) -> Callable:
    async def connect(reactor, port: int, size: int):
        from socs_tcp import DeviceClient
        client = DeviceClient("127.0.0.1", port, TIMEOUT, framer=framer_for(kind, size),
                              reactor=reactor)
        await client.when_connected()
        client.transport = client.comm.transport
        return client
    return connect


async def _receive_stream(client, size: int, total: int) -> None:
    count = total // size
    async for _frame in client.frames():
        count -= 1
        if not count:
            return


async def _line_receiver(reactor, port: int, size: int):
    from twisted.internet.defer import Deferred
    from twisted.protocols.basic import LineReceiver

    class Lines(LineReceiver):
        delimiter, MAX_LENGTH = TRAILER, LONGEST
        left, done = 0, Deferred()

        def lineReceived(self, line: bytes) -> None:
            self.left -= 1
            if not self.left:
                self.done.callback(None)
    return await _with(reactor, port, Lines())


async def _receive_lines(device, size: int, total: int) -> None:
    device.left = total // size
    await device.done


def asyncio_streams(port: int, size: int, total: int, clock: Clock) -> None:
    asyncio.run(_streams(port, size, total, clock))


def uvloop_streams(port: int, size: int, total: int, clock: Clock) -> None:
    import uvloop
    uvloop.run(_streams(port, size, total, clock))


async def _streams(port: int, size: int, total: int, clock: Clock) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LONGEST)
    clock.start()
    writer.write(order(size, total))
    for _ in range(total // size):
        await asyncio.wait_for(reader.readuntil(TRAILER), TIMEOUT)
    clock.stop(total)


KINDS = ("lines", "length", "fixed", "prompt", "pattern")

SUBJECTS = {
    "bare socket": Subject(bare_socket(READ)),
    "bare socket, 256 kB": Subject(bare_socket(LONG_READ)),
    "bare socket, makefile": Subject(bare_lines),
    "socs.tcp recv": Subject(tcp_interface("socs.tcp")),
    "TCPInterface recv": Subject(tcp_interface("socs_tcp.tcp"), True),
    **{f"TCPInterface, {kind}": Subject(tcp_frames(kind), True)
       for kind in KINDS},
    **{f"TCPInterface frames, {kind}": Subject(tcp_stream(kind), True)
       for kind in KINDS},
    "TCPInterface recv, 256 kB": Subject(tcp_interface("socs_tcp.tcp", LONG_READ), True),
    "RawProtocol recv": Subject(twisted(_raw_protocol, _receive_raw(READ)), True),
    "RawProtocol recv, 256 kB": Subject(twisted(_raw_protocol, _receive_raw(LONG_READ)), True),
    **{f"LineProtocol, {kind}": Subject(twisted(_line_protocol(kind), _receive_frames), True)
       for kind in KINDS},
    **{f"LineProtocol recv_frames, {kind}": Subject(twisted(_line_protocol(kind), _receive_many),
                                                    True) for kind in KINDS},
    **{f"DeviceClient frames, {kind}": Subject(twisted(_client(kind), _receive_stream), True)
       for kind in KINDS},
    "LineReceiver": Subject(twisted(_line_receiver, _receive_lines)),
    "asyncio streams": Subject(asyncio_streams),
    "asyncio streams, uvloop": Subject(uvloop_streams),
}


def main() -> None:
    name, port, size, total = sys.argv[1], *map(int, sys.argv[2:5])
    total = total // size * size
    try:
        SUBJECTS[name].run(port, size, total, Clock())
    except ImportError as exc:
        print(json.dumps({"skip": f"cannot import it: {exc}"}), flush=True)


if __name__ == "__main__":
    main()
