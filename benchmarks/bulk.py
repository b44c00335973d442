"""A device that streams: bytes per second for frames of 1 kB, 64 kB and 1 MB, each framer.

The device sends from memory with ``sendfile``, which spares it the copy that the receiver has
to make. Both are on one core, so that neither waits for the other: the wall time holds the work
of both, the CPU time that of the receiver alone. Each subject runs in a process of its own, in
turns; `bulk_worker` holds the subjects.
"""

from __future__ import annotations

import contextlib
import json

from .clients.bulk import SUBJECTS
from .figures import measure, report
from .figures.measure import Result
from .servers.bulk import SIZES
from .servers.echo import server_process

FACES = ("TCPInterface", "LineProtocol", "DeviceClient", "RawProtocol")
RAW = ("TCPInterface recv", "TCPInterface recv, 256 kB", "RawProtocol recv",
       "RawProtocol recv, 256 kB")


def one_run(name: str, port: int, size: int, total: int) -> dict[str, float]:
    """Receive `total` bytes in frames of `size`."""
    with server_process("benchmarks.clients.bulk", name, str(port), str(size),
                        str(total)) as process:
        line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"bulk: {name} with frames of {size} bytes ended; see its message above")
    return json.loads(line)


def measured(rounds: int, total: int, *, quick: bool, sizes: tuple[int, ...] = SIZES,
             subjects: tuple[str, ...] = tuple(SUBJECTS)) -> Result:
    result = measure.new_result("bulk", quick, rounds=rounds, megabytes=total >> 20)
    cores = measure.cores()
    with contextlib.ExitStack() as stack:
        stack.callback(measure.pin, *cores)
        measure.pin(cores[0])
        device = stack.enter_context(server_process("benchmarks.servers.bulk"))
        port = int(device.stdout.readline())
        names = list(subjects)
        for size in sizes:
            measure.say(f"bulk: frames of {size} bytes, {len(names)} subjects, {rounds} rounds")
            found = measure.interleaved(names, rounds,
                                        lambda name, size=size: one_run(name, port, size, total))
            for name in list(names):
                if "skip" in found[name][0]:
                    measure.skip(result, name, found[name][0]["skip"])
                    names.remove(name)
                    del found[name]
            _fill(result, found, size)
    if sizes == SIZES:
        _growth(result)
    return result


def _fill(result: Result, found: dict[str, list[dict[str, float]]], size: int) -> None:
    rows = {}
    for name, runs in found.items():
        rows[name] = {"subject": name, "frame": size,
                      "MB_per_s": measure.spread(one["bytes"] / one["wall"] / 1e6 for one in runs),
                      "cpu_ns_per_kB": measure.spread(one["cpu"] / one["bytes"] * 1e12
                                                      for one in runs)}
    for name, row in rows.items():
        # Who reads 256 kB at a time is compared with a bare socket that does.
        bare = rows["bare socket, 256 kB" if name.endswith("256 kB") else "bare socket"]
        row["wall_vs_bare"] = measure.ratio(bare["MB_per_s"]["median"], row["MB_per_s"]["median"])
        row["cpu_vs_bare"] = measure.ratio(row["cpu_ns_per_kB"]["median"],
                                           bare["cpu_ns_per_kB"]["median"])
        result["rows"].append(row)
        for what in ("wall_vs_bare", "cpu_vs_bare"):
            result["figures"][f"bulk.{size}.{name}.{what}"] = row[what]


def _growth(result: Result) -> None:
    """The worst of ours; and what a byte costs in the longest frames, against shorter ones."""
    figures, rows = result["figures"], result["rows"]
    ours = sorted({row["subject"] for row in rows if SUBJECTS[row["subject"]].ours})
    for face in FACES:
        for kind in ("raw", "framed", "stream", "pattern"):
            for size in SIZES:
                ratios = [row["wall_vs_bare"] for row in rows if row["frame"] == size
                          and row["subject"] in ours and row["subject"].startswith(face)
                          and _kind(row["subject"]) == kind]
                if ratios:
                    figures[f"bulk.{face}.{kind}.{size}.worst_vs_bare"] = max(ratios)
                    worst = f"bulk.{face}.{kind}.worst_vs_bare"
                    figures[worst] = max(figures.get(worst, 0.0), *ratios)
    cost = {(row["subject"], row["frame"]): row["cpu_ns_per_kB"]["median"] for row in rows}
    growth = [measure.ratio(cost[name, SIZES[2]], cost[name, SIZES[1]]) for name in ours
              if _kind(name) != "pattern"]
    if growth:
        figures["bulk.cpu_per_byte.1MB_vs_64kB"] = max(growth)


def _kind(subject: str) -> str:
    """A stream is taken many frames at a time; what is only framed, one with each call.

    A prompt that is a pattern is counted by itself: it takes longer to find.
    """
    return ("raw" if subject in RAW else "pattern" if subject.endswith("pattern") else
            "stream" if "frames, " in subject else "framed")


def main(args: list[str] | None = None) -> Result:
    parser = measure.make_parser("bulk", __doc__)
    parser.add_argument("--rounds", type=int, help="default 15; 3 if quick")
    parser.add_argument("--subjects", nargs="+", metavar="WORD", default=[""],
                        help="only those with one of these in their names, such as frames")
    parser.add_argument("--sizes", nargs="+", type=int, choices=SIZES, default=SIZES,
                        help="of the frames, in bytes; default all")
    parser.add_argument("--megabytes", type=int, help="a round; default 128; 32 if quick")
    opts = parser.parse_args(args)
    result = measured(opts.rounds or (3 if opts.quick else 15),
                      (opts.megabytes or (32 if opts.quick else 128)) << 20, quick=opts.quick,
                      sizes=tuple(opts.sizes), subjects=measure.chosen(SUBJECTS, opts.subjects))
    measure.save(opts.json, result)
    report.show(result)
    return result


if __name__ == "__main__":
    main()
