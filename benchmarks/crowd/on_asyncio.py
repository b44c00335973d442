"""Many devices on asyncio: streams with ``wait_for``, a task a device, with and without uvloop."""

from __future__ import annotations

import asyncio

from ..figures.measure import QUESTION, TIMEOUT
from .crowd import SETTLE, Crowd, now

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _connect(crowd: Crowd, index: int) -> Stream:
    return await asyncio.open_connection("127.0.0.1", crowd.port(index))


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(QUESTION)
    await writer.drain()
    await asyncio.wait_for(reader.readuntil(b"\r\n"), TIMEOUT)


async def _crowd(crowd: Crowd) -> None:
    first = await _connect(crowd, 0)        # what it has imported is no device's memory
    await _ask(*first)
    crowd.starting()
    streams = await asyncio.gather(*(_connect(crowd, index) for index in range(crowd.count)))

    async def poll(index: int) -> None:
        due = crowd.first_due()
        while True:
            await asyncio.sleep(due - now())
            began = now()
            await _ask(*streams[index])
            crowd.good(index, due, began)
            due = crowd.next_due(due)

    await asyncio.gather(*(_ask(*stream) for stream in streams))
    crowd.all_up()
    tasks = [asyncio.ensure_future(poll(index)) for index in range(crowd.count)]
    await asyncio.sleep(SETTLE)
    crowd.begin("healthy")
    await asyncio.sleep(crowd.seconds)
    crowd.end()
    for task in tasks:
        task.cancel()


def streams(crowd: Crowd) -> None:
    asyncio.run(_crowd(crowd))


def streams_uvloop(crowd: Crowd) -> None:
    import uvloop
    uvloop.run(_crowd(crowd))


KINDS = {"asyncio": streams, "uvloop": streams_uvloop}
