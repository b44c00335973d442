"""Blocking devices, each polled by a thread of its own: an agent with many `TCPInterface`."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..clients.blocking import Ask, bare_socket, tcp_query_raw
from .crowd import SETTLE, Crowd, now


def threaded(subject: Callable[[int], Ask]) -> Callable[[Crowd], None]:
    def run(crowd: Crowd) -> None:
        crowd.starting()
        asks = [subject(crowd.port(index)) for index in range(crowd.count)]
        for ask in asks:
            ask()
        counting, over = threading.Lock(), threading.Event()
        dues = [crowd.first_due() for _ in asks]

        def poll(index: int) -> None:
            due, ask = dues[index], asks[index]
            while not over.wait(max(due - now(), 0)):
                began = now()
                ask()
                with counting:
                    crowd.good(index, due, began)
                    due = crowd.next_due(due)
        threads = [threading.Thread(target=poll, args=(index,)) for index in range(crowd.count)]
        for thread in threads:
            thread.start()
        crowd.all_up()
        over.wait(SETTLE)
        with counting:
            crowd.begin("healthy")
        over.wait(crowd.seconds)
        with counting:
            crowd.end()
        over.set()
        for thread in threads:
            thread.join()
    return run


KINDS = {"bare, threads": threaded(bare_socket), "TCPInterface": threaded(tcp_query_raw)}
