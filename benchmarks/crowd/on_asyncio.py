"""Many devices on asyncio: streams with ``wait_for``, a task a device, with and without uvloop."""

from __future__ import annotations

import asyncio

from ..figures.measure import QUESTION, TIMEOUT
from .crowd import SETTLE, Crowd, now


async def _crowd(crowd: Crowd) -> None:
    crowd.starting()
    streams = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", crowd.port(index))
                                     for index in range(crowd.count)))

    async def ask(index: int) -> None:
        reader, writer = streams[index]
        writer.write(QUESTION)
        await writer.drain()
        await asyncio.wait_for(reader.readuntil(b"\r\n"), TIMEOUT)

    async def poll(index: int) -> None:
        due = crowd.first_due()
        while True:
            await asyncio.sleep(due - now())
            began = now()
            await ask(index)
            crowd.good(index, due, began)
            due = crowd.next_due(due)

    await asyncio.gather(*map(ask, range(crowd.count)))
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
