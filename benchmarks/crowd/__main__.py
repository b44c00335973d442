"""Many devices polled by one process on one core: what `many` runs, once for each of its rows.

``python -m benchmarks.crowd KIND DEVICES HZ SECONDS [--unplug]`` prints one line of JSON. The
simulated devices have a process, and a core, of their own. ``--tune-gc`` sets Python's cyclic
garbage collector, whose pauses are seen among many devices, as docs/performance.rst has it.
``--profile FILE`` has cProfile watch the outage (`python -m pstats FILE` shows it).
"""

from __future__ import annotations

import argparse
import json

from ..figures import measure
from ..servers import devices
from . import bare, in_threads, on_asyncio, on_twisted
from .crowd import Crowd


def main() -> None:
    kinds = {**bare.KINDS, **in_threads.KINDS, **on_asyncio.KINDS, **on_twisted.KINDS}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("devices", type=int)
    parser.add_argument("hz", type=float)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--unplug", action="store_true")
    parser.add_argument("--tune-gc", action="store_true")
    parser.add_argument("--profile", metavar="FILE")
    opts = parser.parse_args()
    devices.allow_many_files()
    cores = measure.cores()
    measure.pin(cores[-1])              # inherited by the devices
    with devices.running() as (process, ports):
        measure.pin(cores[0])
        order = (lambda text: process.stdin.write(text + "\n")) if opts.unplug else None
        crowd = Crowd(opts.devices, opts.hz, opts.seconds, ports, order, tune_gc=opts.tune_gc,
                      profile=opts.profile)
        try:
            kinds[opts.kind](crowd)
        except ImportError as exc:
            crowd.result = {"skip": f"cannot import it: {exc}"}
    print(json.dumps(crowd.summary()), flush=True)


if __name__ == "__main__":
    main()
