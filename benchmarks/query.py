"""One question, one answer: wall and CPU time per query, each face and each peer.

All run on one core, taking turns in short stints, each in a process of its own. On one core
the wall time holds the work of the client, of the echo server, and the two switches between
them; the CPU time is that of the client alone.
"""

from __future__ import annotations

import contextlib

from .clients.worker import SUBJECTS, Worker, worker_process
from .figures import measure, report
from .figures.measure import WARM_UP, Result
from .servers.echo import running

#: These are asked over TLS, and compared with a socket over TLS.
TLS = ", TLS"

#: What the goals call a subject.
KEYS = {
    "bare socket": "bare",
    "TCPInterface send+recv": "send_recv",
    "TCPInterface query, raw": "query_raw",
    "TCPInterface query, lines": "query_line",
    "bare socket, thread": "bare_thread",
    "TCPInterface send+recv, thread": "send_recv_thread",
    "TCPInterface query, lines, thread": "query_line_thread",
    "bare socket, TLS": "bare_tls",
    "TCPInterface query, lines, TLS": "query_line_tls",
    "DeviceClient query, TLS": "client_tls",
    "asyncio streams, TLS": "asyncio_tls",
    "DeviceClient query": "client",
    "DeviceClient query, uvloop": "client_uvloop",
    "socs.tcp": "socs",
    "asyncio streams": "asyncio",
    "asyncio streams, uvloop": "uvloop",
    "sockio.aio": "sockio_aio",
    "sockio blocking": "sockio",
    "LineReceiver": "line_receiver",
    "LineReceiver, addTimeout": "line_receiver_timeout",
    "blockingCallFromThread": "from_thread",
}

OURS = ("send_recv", "query_raw", "query_line", "send_recv_thread", "query_line_thread", "client",
        "client_uvloop", "query_line_tls", "client_tls")


def measured(rounds: int, queries: int, *, quick: bool, core: int | None = None,
             subjects: tuple[str, ...] = tuple(SUBJECTS)) -> Result:
    """Let `subjects` take turns, `rounds` times `queries` questions each."""
    result = measure.new_result("query", quick, rounds=rounds, queries_per_round=queries,
                                warm_up=WARM_UP)
    with contextlib.ExitStack() as stack:
        cores = measure.cores()
        stack.callback(measure.pin, *cores)
        measure.pin(cores[0] if core is None else core)
        ports = {tls: stack.enter_context(running(*["tls"] * tls)) for tls in
                 {name.endswith(TLS) for name in subjects}}
        workers = {}
        for name in subjects:
            worker = Worker(stack.enter_context(worker_process(name, ports[name.endswith(TLS)])))
            if worker.skip:
                measure.skip(result, name, worker.skip)
            else:
                workers[name] = worker
        measure.say(f"query: {len(workers)} subjects, {rounds} rounds of {queries} questions")
        stints = measure.interleaved(list(workers), rounds, lambda name: workers[name].ask(queries))
    _fill(result, stints, queries)
    return result


def _fill(result: Result, stints: dict[str, list[dict[str, float]]], queries: int) -> None:
    micro = 1e6 / queries
    for name, found in stints.items():
        wall = measure.spread(one["wall"] * micro for one in found)
        cpu = measure.spread(one["cpu"] * micro for one in found)
        result["rows"].append({"subject": name, "wall_us": wall, "cpu_us": cpu})
    by_key = {KEYS[row["subject"]]: row for row in result["rows"] if row["subject"] in KEYS}
    for row in result["rows"]:
        bare = by_key.get("bare_tls" if row["subject"].endswith(TLS) else "bare")
        if bare is not None:
            for time in ("wall", "cpu"):
                row[f"{time}_vs_bare"] = measure.ratio(row[f"{time}_us"]["median"],
                                                       bare[f"{time}_us"]["median"])
    for key in OURS:
        for peer, row in by_key.items():
            if key in by_key and peer not in OURS:
                ours = by_key[key]
                result["figures"][f"query.{key}.wall_vs_{peer}"] = measure.ratio(
                    ours["wall_us"]["median"], row["wall_us"]["median"])
                result["figures"][f"query.{key}.cpu_vs_{peer}"] = measure.ratio(
                    ours["cpu_us"]["median"], row["cpu_us"]["median"])


def main(args: list[str] | None = None) -> Result:
    parser = measure.make_parser("query", __doc__)
    parser.add_argument("--rounds", type=int, help="default 100; 15 if quick")
    parser.add_argument("--queries", type=int, help="questions a round; default 500; 200 if quick")
    parser.add_argument("--core", type=int, help="which core; default the last")
    parser.add_argument("--subjects", nargs="+", metavar="WORD", default=[""],
                        help="only those with one of these in their names, such as TLS")
    opts = parser.parse_args(args)
    result = measured(opts.rounds or (15 if opts.quick else 100),
                      opts.queries or (200 if opts.quick else 500),
                      quick=opts.quick, core=opts.core,
                      subjects=measure.chosen(SUBJECTS, opts.subjects))
    measure.save(opts.json, result)
    report.show(result)
    return result


if __name__ == "__main__":
    main()
