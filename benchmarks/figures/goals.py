"""What is aimed at, in one table, and whether a run reached it.

Timings depend on the machine and on what else it does; ratios between medians of one run do so
far less. Nothing here is asserted by a test.
"""

from __future__ import annotations

from typing import NamedTuple

from .measure import Result, busy
from .report import table


class Goal(NamedTuple):
    """`figure` should be at most `limit`; at most `aim`, where there is a further one."""

    figure: str
    text: str
    limit: float | None
    aim: float | None = None


GOALS = (
    Goal("query.send_recv.wall_vs_bare", "TCPInterface send + recv / bare socket", 1.05, 1.0),
    Goal("query.send_recv.wall_vs_socs", "TCPInterface send + recv / socs.tcp", 0.7),
    Goal("query.query_line.wall_vs_bare", "TCPInterface query, lines / bare socket", 1.05, 1.0),
    Goal("query.send_recv_thread.wall_vs_bare_thread",
         "... send + recv in a worker thread / bare socket there", 1.05, 1.0),
    Goal("query.query_line_thread.wall_vs_bare_thread",
         "... query, lines in a worker thread / bare socket there", 1.05, 1.0),
    Goal("query.client.wall_vs_bare", "DeviceClient query / bare socket", None, 1.6),
    Goal("query.client.wall_vs_asyncio", "... / asyncio streams with wait_for", 0.6, 0.5),
    Goal("query.client.wall_vs_sockio_aio", "... / sockio.aio", 0.5, 0.5),
    Goal("query.client.wall_vs_line_receiver", "... / LineReceiver", None, 0.5),
    Goal("query.client.wall_vs_line_receiver_timeout", "... / LineReceiver with addTimeout",
         1.0, 0.5),
    Goal("query.client.wall_vs_from_thread", "... / blockingCallFromThread", None, 0.5),
    Goal("query.client.wall_vs_uvloop", "DeviceClient query / asyncio streams on uvloop", 0.98),
    Goal("query.client_uvloop.wall_vs_uvloop", "... on asyncio's reactor over uvloop", 0.98),
    Goal("query.query_line_tls.wall_vs_bare_tls",
         "TCPInterface query, lines, over TLS / socket over TLS", 1.5),
    Goal("query.client_tls.wall_vs_asyncio_tls",
         "DeviceClient query over TLS / asyncio streams over TLS", 1.1),
    Goal("many.1000x10Hz.cpu_vs_10_devices", "CPU a query, 1,000 devices / 10 devices, 10 Hz", 1.3),
    Goal("many.1000x1Hz.cpu_vs_10_devices", "the same at 1 Hz", 1.3),
    Goal("many.1000x10Hz.core_needed", "1,000 devices at 10 Hz: cores needed", 1.0),
    Goal("many.1000x10Hz.missed", "... polls left out", 0),
    Goal("many.1000x10Hz.kB_per_device", "... kB a device", 8.0),
    Goal("many.2000x10Hz.core_needed", "2,000 devices at 10 Hz: cores needed", 1.0),
    Goal("many.2000x10Hz.missed", "... polls left out", 0),
    Goal("many.threads.200x10Hz.cpu_vs_bare",
         "200 TCPInterfaces, a thread each, at 10 Hz: CPU a query / bare sockets", 1.5),
    Goal("many.half_fails.late_p99_vs_healthy",
         "half of 1,000 fail: 99th percentile of the others' delay / before", 1.5),
    Goal("many.half_fails.late_p99_vs_healthy.gc_tuned", "... garbage collector tuned", 1.5),
    Goal("many.half_fails.reply_p99_vs_healthy", "... until their reply / before", 1.5),
    Goal("many.half_fails.attempts.busiest_0.1s_share",
         "... attempts in the busiest 0.1 s, from 0.5 s on / devices", 0.2),
    Goal("many.half_fails.back.busiest_0.1s_share",
         "... devices back in the busiest 0.1 s / devices", 0.2),
    Goal("many.half_fails.never_back", "... devices that did not come back", 0),
    *(Goal(f"bulk.{face}.raw.worst_vs_bare", f"bulk, {face} recv, worst size / bare socket", 1.1)
      for face in ("TCPInterface", "RawProtocol")),
    *(Goal(f"bulk.{face}.stream.{size}.worst_vs_bare",
           f"bulk, {face}, many frames a call, {name}, worst framer / bare socket", 1.5)
      for face in ("TCPInterface", "LineProtocol", "DeviceClient")
      for size, name in ((1024, "1 kB"), (65536, "64 kB"), (1 << 20, "1 MB"))),
    *(Goal(f"bulk.{face}.framed.{size}.worst_vs_bare",
           f"bulk, {face}, one frame a call, {name}, worst framer / bare socket", 1.5)
      for face in ("TCPInterface", "LineProtocol")
      for size, name in ((65536, "64 kB"), (1 << 20, "1 MB"))),
    *(Goal(f"bulk.{face}.pattern.{size}.worst_vs_bare",
           f"bulk, {face}, a prompt that is a pattern, {name} / bare socket", 1.5)
      for face in ("TCPInterface", "LineProtocol", "DeviceClient")
      for size, name in ((65536, "64 kB"), (1 << 20, "1 MB"))),
    Goal("bulk.cpu_per_byte.1MB_vs_64kB", "bulk: CPU a byte, frames of 1 MB / 64 kB, worst framer",
         1.1),
    Goal("startup.socs-tcp --help.seconds", "socs-tcp --help: seconds", 0.15),
    Goal("startup.socs-tcp query.seconds", "socs-tcp query: seconds", 0.15),
    Goal("startup.socs_tcp.import_vs_twisted", "import socs_tcp / twisted.internet.protocol", 1.3),
)


def judged(results: list[Result]) -> list[dict[str, object]]:
    """Each goal of the parts that ran, with its figure, as rows.

    A verdict with a question mark was taken while the machine had other work: it goes
    neither for nor against.
    """
    parts = {result["benchmark"] for result in results}
    figures = {name: value for result in results for name, value in result["figures"].items()}
    doubtful = {result["benchmark"] for result in results if busy(result)}
    return [{"goal": goal.text, "limit": goal.limit, "aim": goal.aim,
             "figure": figures.get(goal.figure),
             "verdict": _verdict(goal, figures) + "?" * (goal.figure.split(".")[0] in doubtful)}
            for goal in GOALS if goal.figure.split(".")[0] in parts]


def _verdict(goal: Goal, figures: dict[str, float]) -> str:
    value = figures.get(goal.figure)
    if value is None:
        return "not measured"
    if goal.aim is not None and value <= goal.aim:
        return "reached"
    if goal.limit is not None and value <= goal.limit:
        return "reached" if goal.aim is None else "reached, not the aim"
    return "NOT REACHED"


def shown(results: list[Result]) -> str:
    """The table for people."""
    head = ["goal", "at most", "aim", "measured", ""]
    rows = [[str(row["goal"]), _number(row["limit"]), _number(row["aim"]),
             _number(row["figure"]), str(row["verdict"])] for row in judged(results)]
    return table(head, rows)


def _number(value: object) -> str:
    return "-" if value is None else f"{value:.4g}"
