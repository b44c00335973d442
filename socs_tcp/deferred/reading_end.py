"""Where a transport reads: a socket, the output of a process, a serial port."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

from .drain import lowest

#: Linux tells of a hang-up behind unread bytes; elsewhere it shows once those are read.
HUNG_UP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
STDOUT = 1

#: ``poll(milliseconds)`` of one descriptor.
Poll = Callable[[int], "list[tuple[int, int]]"]


def reading_end(transport: Any) -> Any:
    """What reads for `transport`, and may have a ``fileno`` and a ``reactor``.

    Parameters
    ----------
    transport : ITransport or IProcessTransport
        Of a `ProcessEndpoint`, too: it has the process, which has one reader for each pipe.
    """
    below = lowest(transport)
    process = getattr(below, "_process", below)
    pipes = getattr(process, "pipes", None)
    return pipes.get(STDOUT, process) if isinstance(pipes, dict) else process


def poll_of(reader: Any) -> Poll | None:
    """Tells whether `reader` has something to read, and whether the other end has hung up.

    None where it has no descriptor.
    """
    descriptor = getattr(reader, "fileno", lambda: -1)()
    if not isinstance(descriptor, int) or descriptor < 0:
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | HUNG_UP)
    return poll.poll
