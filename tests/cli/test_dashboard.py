"""The Grafana dashboard; its queries are run in tests/observatory."""

from __future__ import annotations

import json

import pytest
from cli_run import run
from grafana_types import KNOWN_UNITS, misfits

from socs_tcp.cli.grafana import UNITS, WIDTH, dashboard, queries_of
from socs_tcp.description import load, loads, shipped

DESCRIPTION = """\
device: "a \\"device\\""
framing: {terminator: "\\n"}
feeds: {slow: {}, fast: {}}
queries:
  all:
    send: "A?"
    feed: fast
    split: ","
    fields: {T1: {index: 0, unit: K}, T2: {index: 1, unit: K}, p: {index: 2, unit: furlong}}
  state: {send: "S?", feed: slow, fields: {state: {enum: {0: "off", 1: "on"}}}}
"""


@pytest.fixture
def board():
    return dashboard(loads(DESCRIPTION), "observatory.x", "link")


def panel(board, title):
    found, = (panel for panel in board["panels"] if panel["title"] == title)
    return found


def test_fields_of_one_unit_share_a_panel(board):
    both = panel(board, "all")
    assert [target["alias"] for target in both["targets"]] == ["T1", "T2"]
    assert both["fieldConfig"]["defaults"]["unit"] == "kelvin"
    assert panel(board, "p")["fieldConfig"]["defaults"]["unit"] == "suffix:furlong"
    assert "\"feed\" = 'fast'" in both["targets"][0]["query"]


def test_text_is_no_time_series(board):
    assert panel(board, "state")["type"] == "state-timeline"
    assert "\"feed\" = 'slow'" in panel(board, "state")["targets"][0]["query"]


@pytest.mark.parametrize("name", shipped())
def test_one_is_made_of_each_shipped_description(name):
    description = load(name)
    board = json.loads(json.dumps(dashboard(description, f"observatory.{name}", "link")))
    fields = {field.name for query in description.queries.values() for field in query.fields}
    text = "\n".join(queries_of(board))
    assert all(f'("{field}")' in text for field in fields)
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@pytest.mark.parametrize("name", [*shipped(), None])
def test_it_is_what_grafana_calls_a_dashboard(name):
    board = dashboard(name and load(name), "observatory.x", "link")
    # these two Grafana's dashboards leave to the data source
    note, = board["annotations"]["list"]
    assert note.pop("mappings") == {"text": {"source": "text", "value": "the device is away"}}
    assert note.pop("target").keys() == {"refId", "rawQuery", "textEditor", "query"}
    assert misfits(board) == []


@pytest.mark.parametrize("place, value, told", [
    (("refresh",), 10, ".refresh: 10"), (("colour",), "red", ".colour"),
    (("panels", 1, "gridPos", "w"), "4", ".panels[1].grid_pos.w"),
    (("panels", 4, "fieldConfig", "defaults", "custom", "drawStyle"), "stars", "draw_style")])
def test_what_grafana_does_not_know_is_found(board, place, value, told):
    part = board
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    assert any(told in one for one in misfits(board))


def test_grafana_knows_the_units():
    assert set(UNITS.values()) | {"short", "string"} <= KNOWN_UNITS


def test_no_panel_is_over_another():
    taken = set()
    for one in dashboard(load("lakeshore372"), "observatory.x", "link")["panels"]:
        place = one["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken
        assert place["x"] + place["w"] <= WIDTH
        taken |= cells


def test_the_command():
    done = run("dashboard kikusui_pmx --instance-id psu1 --address-root site")
    assert done.returncode == 0
    board = json.loads(done.stdout)
    assert board["templating"]["list"][1]["current"]["value"] == "site.psu1"


def test_an_agent_of_another_kind_has_its_link():
    board = json.loads(run("dashboard --instance-id thermo-1 --link-feed health").stdout)
    assert all("\"feed\" = 'health'" in query for query in queries_of(board))


@pytest.mark.parametrize("arguments, told", [
    ("", "give a description, or --instance-id"), ("nonsense", "no description of that name"),
    ("kikusui_pmx --instance-id \"a'b\"", "is not a name")])
def test_what_makes_no_sense(arguments, told):
    done = run(f"dashboard {arguments}")
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
