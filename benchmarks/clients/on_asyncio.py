"""Subjects on asyncio: streams with ``wait_for``, with and without uvloop, and sockio."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from ..figures.measure import QUESTION, TIMEOUT, WARM_UP
from .blocking import tls_context

Ask = Callable[[], Awaitable[object]]


async def streams(port: int, tls: ssl.SSLContext | None = None) -> Ask:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)

    async def ask() -> bytes:
        writer.write(QUESTION)
        await writer.drain()
        return await asyncio.wait_for(reader.readuntil(b"\r\n"), TIMEOUT)
    return ask


async def streams_tls(port: int) -> Ask:
    return await streams(port, tls_context())


async def streams_uvloop(port: int) -> Ask:
    """The same streams; `run` puts uvloop under them."""
    return await streams(port)


async def sockio_aio(port: int) -> Ask:
    from sockio.aio import TCP

    device = TCP("127.0.0.1", port, eol=b"\r\n", timeout=TIMEOUT)

    async def ask() -> bytes:
        return await device.write_readline(QUESTION)
    return ask


SUBJECTS = {
    "asyncio streams": streams,
    "asyncio streams, uvloop": streams_uvloop,
    "asyncio streams, TLS": streams_tls,
    "sockio.aio": sockio_aio,
}


def run(subject: Callable[[int], Awaitable[Ask]], port: int, orders) -> None:
    if subject is streams_uvloop:
        import uvloop
        uvloop.run(_obey(subject, port, orders))
    else:
        asyncio.run(_obey(subject, port, orders))


async def _obey(subject: Callable[[int], Awaitable[Ask]], port: int, orders) -> None:
    ask = await subject(port)
    if not await ask():
        raise RuntimeError("no answer")
    # Reading orders blocks the loop, which has nothing else to do meanwhile.
    for count in orders:
        for _ in range(WARM_UP):
            await ask()
        orders.begin()
        for _ in range(count):
            await ask()
        orders.end()
