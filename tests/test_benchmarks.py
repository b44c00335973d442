"""The benchmarks run, and say what they say in the shape that is agreed. Never a timing."""

import ast
import importlib
import json
import os
import threading
from pathlib import Path

import pytest

from benchmarks import bulk, instructions, many, ocs_side, production, query
from benchmarks.figures import goals, measure, report

pytestmark = pytest.mark.skipif(not hasattr(measure.os, "sched_setaffinity"),
                                reason="the benchmarks need Linux")

SUBJECTS = ("bare socket", "TCPInterface send+recv", "DeviceClient query")


@pytest.fixture(scope="module")
def result():
    return query.measured(2, 5, quick=True, subjects=SUBJECTS)


def test_each_subject_has_its_times(result):
    assert [row["subject"] for row in result["rows"]] == list(SUBJECTS)
    for row in result["rows"]:
        for time in ("wall_us", "cpu_us"):
            assert set(row[time]) == {"median", "p25", "p75", "n"}
            assert row[time]["n"] == 2
            assert row[time]["median"] > 0
        assert row["wall_vs_bare"] > 0
    assert result["rows"][0]["wall_vs_bare"] == 1


def test_what_the_goals_ask_for_is_there(result):
    assert {"query.send_recv.wall_vs_bare", "query.client.cpu_vs_bare"} <= set(result["figures"])
    assert result["quick"] is True
    assert result["skipped"] == []
    assert json.loads(json.dumps(result)) == result


def test_a_goal_without_a_figure_is_not_measured(result):
    verdicts = {row["goal"]: row["verdict"] for row in goals.judged([result])}
    assert verdicts["TCPInterface send + recv / socs.tcp"].startswith("not measured")
    assert "not measured" in goals.shown([result])


def test_reached_or_not():
    def verdict(value, load=0.1):
        result = {"benchmark": "query", "figures": {"query.send_recv.wall_vs_bare": value},
                  "machine": {"load_at_start": load, "cores": 2}}
        return goals.judged([result])[0]["verdict"]
    assert verdict(1.0) == "reached"
    assert verdict(1.05) == "reached, not the aim"
    assert verdict(1.1) == "NOT REACHED"
    assert verdict(1.0, load=7.0) == "reached?"        # on a busy machine it proves nothing


def test_a_missing_peer_is_left_out_loudly(capsys):
    result = measure.new_result("query", True)
    measure.skip(result, "socs.tcp", "cannot import it")
    assert result["skipped"] == [{"subject": "socs.tcp", "why": "cannot import it"}]
    assert "NOT MEASURED: socs.tcp" in capsys.readouterr().err


def test_each_goal_of_bulk_has_its_figure():
    result = measure.new_result("bulk", True)
    for size in bulk.SIZES:
        found = {name: [{"wall": 1.0, "cpu": 1.0, "bytes": size}] for name in bulk.SUBJECTS}
        found["bare socket, 256 kB"][0]["wall"] = 0.5
        found["TCPInterface recv, 256 kB"][0]["wall"] = 0.5
        found["TCPInterface, pattern"][0]["wall"] = 3.0
        found["TCPInterface frames, lines"][0]["wall"] = 2.0
        bulk._fill(result, found, size)
    bulk._growth(result)
    figures = result["figures"]
    assert {goal.figure for goal in goals.GOALS if goal.figure.startswith("bulk.")} <= set(figures)
    assert figures["bulk.cpu_per_byte.1MB_vs_64kB"] == 1 / 16       # a frame costs the same
    # Who reads more at a time is compared with a bare socket that does.
    assert figures["bulk.RawProtocol.raw.worst_vs_bare"] == 2
    assert figures["bulk.TCPInterface.raw.worst_vs_bare"] == 1
    assert figures["bulk.TCPInterface.pattern.worst_vs_bare"] == pytest.approx(3, rel=0.01)
    assert figures["bulk.TCPInterface.framed.1024.worst_vs_bare"] == 1
    assert figures["bulk.TCPInterface.stream.1024.worst_vs_bare"] == pytest.approx(2, rel=0.01)


def test_what_is_asked_over_tls_is_compared_with_a_socket_over_tls():
    subjects = measure.chosen(query.SUBJECTS, ["query, lines, TLS"])
    assert "TCPInterface query, lines, TLS" in subjects and "DeviceClient query" not in subjects
    result = query.measured(1, 2, quick=True, subjects=("bare socket, TLS",
                                                        "TCPInterface query, lines, TLS"))
    assert [row["wall_vs_bare"] > 0 for row in result["rows"]] == [True, True]
    assert "query.query_line_tls.wall_vs_bare_tls" in result["figures"]


class _Used:
    """An agent of `production` that was looked at once."""

    def __init__(self, name, hz, **window):
        self.name, self.rate, self._window = name, hz, {"memory": 50.0, **window}

    def median(self, what):
        return measure.spread([self._window[what]])


def test_what_an_agent_costs_is_told_beside_one_that_waits():
    result = measure.new_result("production", True)
    production._fill_rates(result, [_Used("waits", 0, core=0.1),
                                    _Used("10 queries a second", 10, core=1.1)])
    production._fill_ways(result, [_Used("none", 50, cpu=400.0, took=0.2, rate=50.0),
                                   _Used("gap", 50, cpu=450.0, took=1.2, rate=50.0)])
    assert [row.get("cpu_us_a_query") for row in result["rows"][:2]] == [None, 1000]
    assert result["figures"] == {
        "production.waits.core_percent": 0.1, "production.10 queries a second.core_percent": 1.1,
        "production.none.more_us": 0.0, "production.gap.more_us": 50.0}
    assert len(report.tables(result)) == 2


def test_the_cpu_time_of_a_process_is_that_of_all_its_threads():
    before = production.cpu_seconds(os.getpid())
    worker = threading.Thread(target=lambda: (sum(range(200_000)), ready.set(), over.wait()))
    ready, over = threading.Event(), threading.Event()
    worker.start()
    ready.wait()
    used = production.cpu_seconds(os.getpid()) - before
    over.set()
    worker.join()
    assert used > 0.0005 and production.memory(os.getpid()) > 5


def test_turns_are_interleaved():
    order = []
    measure.interleaved(["a", "b", "c"], 3, order.append)
    assert order == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]


def test_spread():
    assert measure.spread([3, 1, 2, 5, 4]) == {"median": 3, "p25": 2, "p75": 4, "n": 5}
    assert measure.spread([7]) == {"median": 7, "p25": 7, "p75": 7, "n": 1}
    with pytest.raises(ValueError, match="nothing was measured"):
        measure.spread([])


def test_the_busiest_stretch():
    assert many.busiest([0.0, 1.0, 1.05, 1.09, 2.0], 0.1) == 3
    assert many.busiest([], 0.1) == 0


def test_the_table_is_one_that_sphinx_reads(result):
    lines = report.tables(result)[0].splitlines()
    assert set(lines[0]) == {"=", " "}
    assert lines[0] == lines[2] == lines[-1]


def _imported(path):
    """What a file imports of socs_tcp, wherever in the file: (module, name)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "socs_tcp":
            yield from ((node.module, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", sorted(Path(query.__file__).parent.rglob("*.py")),
                         ids=lambda path: path.stem)
def test_what_it_measures_is_where_it_looks_for_it(path):
    for module, name in _imported(path):
        assert hasattr(importlib.import_module(module), name), f"{module} has no {name}"


@pytest.mark.parametrize("name", instructions.SUBJECTS)
def test_the_instructions_of_the_start_do_not_count(name):
    def count(args, words):
        """A process that takes 1,000 instructions to start, and 7 for a question or a frame."""
        return 1000 + 7 * (int(words) if words else int(args[-1]) // instructions.FRAME)
    assert instructions.of_one(name, {"echo": 1, "bulk": 2}, count) == 7


def test_instructions_that_crept_up_are_told():
    stored = {"bare socket": 5000, "a": 1000, "b": 1000}
    assert instructions.judged({"bare socket": 5001, "a": 1010, "b": 500, "new": 9}, stored) == []
    stored[stream := instructions.STREAMS[0]] = 1000
    assert instructions.judged({stream: 1150}, stored) == []
    assert instructions.judged({stream: 1250}, stored) == [
        f"{stream}: 1250 instructions, +25.0% of 1000"]
    assert instructions.judged({"b": 1050}, stored) == ["b: 1050 instructions, +5.0% of 1000"]
    with pytest.raises(ValueError, match="another Python"):
        instructions.judged({"bare socket": 6000, "a": 1000}, stored)


def test_instructions_are_counted_by_valgrind(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit):
        instructions.main(["--check"])
    assert "needs valgrind" in capsys.readouterr().err


def test_the_stored_instructions_are_those_of_each_subject():
    assert set(json.loads(instructions.STORED.read_text())["instructions"]) \
        == set(instructions.SUBJECTS)


def test_each_way_to_take_samples_can_be_measured():
    bench, readings = ocs_side.Bench(), []
    bench.reading = lambda: readings.append(None) or ocs_side.FIELDS
    assert set(ocs_side.IN_REACTOR) < set(ocs_side.WAYS)
    for name, way in ocs_side.WAYS.items():
        if name not in ocs_side.IN_REACTOR:
            way(bench)(3)
    assert len(readings) == 9       # by hand, polled, polled and published
