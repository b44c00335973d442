"""Subjects that block, in a worker thread: there an OCS agent has them.

A reply is waited for in another way there than in the main thread, where signals come.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from . import blocking

SUBJECTS = {f"{name}, thread": blocking.SUBJECTS[name] for name in
            (blocking.BARE, "TCPInterface send+recv", "TCPInterface query, lines")}


def run(subject: Callable[[int], blocking.Ask], port: int, orders) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            blocking.run(subject, port, orders)
        except BaseException as exc:
            errors.append(exc)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
