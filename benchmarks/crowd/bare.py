"""The floor for many devices: non-blocking sockets, an epoll set, a heap of times, no care."""

from __future__ import annotations

import heapq
import select
import socket

from ..figures.measure import QUESTION
from .crowd import SETTLE, Crowd, now


def bare(crowd: Crowd) -> None:
    crowd.starting()
    epoll = select.epoll()
    socks, by_fd, due, began = [], {}, [0.0] * crowd.count, [0.0] * crowd.count
    for index in range(crowd.count):
        sock = socket.create_connection(("127.0.0.1", crowd.port(index)))
        sock.sendall(QUESTION)
        sock.recv(4096)
        sock.setblocking(False)
        epoll.register(sock, select.EPOLLIN)
        socks.append(sock)
        by_fd[sock.fileno()] = index
    crowd.all_up()

    heap: list[tuple[float, int]] = []
    for index in range(crowd.count):
        due[index] = crowd.first_due()
        heapq.heappush(heap, (due[index], index))

    def run_until(end: float) -> None:
        while (time := now()) < end:
            while heap and heap[0][0] <= time:
                index = heapq.heappop(heap)[1]
                began[index] = now()
                socks[index].send(QUESTION)
            wait = min(end, heap[0][0] if heap else end) - now()
            for fd, _ in epoll.poll(max(0.0, wait)):
                index = by_fd[fd]
                socks[index].recv(4096)
                crowd.good(index, due[index], began[index])
                due[index] = crowd.next_due(due[index])
                heapq.heappush(heap, (due[index], index))

    run_until(now() + SETTLE)
    crowd.begin("healthy")
    run_until(now() + crowd.seconds)
    crowd.end()


KINDS = {"bare": bare}
