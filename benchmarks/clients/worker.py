"""One subject in a process of its own, which asks when it is told to and waits meanwhile.

``python -m benchmarks.clients.worker SUBJECT PORT`` connects and prints ``{"ready": true}``, or
``{"skip": "why"}``. For each number it reads, it asks so many questions and prints the
seconds they took: ``{"wall": ..., "cpu": ...}``, CPU time being that of all its threads.

A process each, so that no subject runs in the heap, with the threads, or beside the timers
of another, and so that subjects with different event loops can take turns.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from ..servers.echo import server_process
from . import blocking, in_thread, on_asyncio, on_twisted

KINDS = (blocking, in_thread, on_asyncio, on_twisted)

#: Name of a subject: the module whose ``run`` drives it.
SUBJECTS = {name: kind for kind in KINDS for name in kind.SUBJECTS}


class Orders:
    """Iterate over it to get how many questions to ask; call `begin` and `end` around them."""

    def __iter__(self):
        self.tell(ready=True)
        for line in sys.stdin:
            yield int(line)

    def begin(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def end(self) -> None:
        cpu = time.process_time() - self._cpu
        wall = time.perf_counter() - self._wall
        self.tell(wall=wall, cpu=cpu)

    def tell(self, **what: Any) -> None:
        print(json.dumps(what), flush=True)


def main() -> None:
    name, port = sys.argv[1], int(sys.argv[2])
    orders = Orders()
    try:
        SUBJECTS[name].run(SUBJECTS[name].SUBJECTS[name], port, orders)
    except ImportError as exc:
        orders.tell(skip=f"cannot import it: {exc}")


class Worker:
    """The other end: a worker process as its parent sees it."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process
        self.skip = self._answer().get("skip")

    def ask(self, count: int) -> dict[str, float]:
        self._process.stdin.write(f"{count}\n")
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"worker {self._process.args[-2:]} ended; see its message above")
        return json.loads(line)


def worker_process(name: str, port: int):
    return server_process("benchmarks.clients.worker", name, str(port))


if __name__ == "__main__":
    main()
