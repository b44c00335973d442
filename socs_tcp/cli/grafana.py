"""A Grafana dashboard for one agent, as the JSON that Grafana imports. Pure.

The queries are InfluxQL, for what OCS' InfluxDB publisher writes: a measurement for each agent,
``<address root>.<instance id>``, and a tag ``feed``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..description import Description
    from ..description.fields import Field

#: The width of the grid of a dashboard, and the height of a panel, in Grafana's units.
WIDTH, HEIGHT = 24, 8
#: What Grafana calls a unit; any other is shown as it is written.
UNITS = {"V": "volt", "mV": "mvolt", "A": "amp", "mA": "mamp", "W": "watt", "kW": "kwatt",
         "K": "kelvin", "C": "celsius", "degC": "celsius", "°C": "celsius", "F": "fahrenheit",
         "degF": "fahrenheit", "Hz": "hertz", "Ohm": "ohm", "ohm": "ohm", "Ω": "ohm",
         "%": "percent", "bar": "pressurebar", "mbar": "pressurembar", "hPa": "pressurehpa",
         "kPa": "pressurekpa", "psi": "pressurepsi", "s": "s", "ms": "ms", "h": "h",
         "m": "lengthm", "mm": "lengthmm", "rpm": "rotrpm", "deg": "degree", "kg": "masskg",
         "mph": "velocitymph", "inHg": "pressurehg", "W/m^2": "Wm2"}
DATASOURCE = {"type": "influxdb", "uid": "${datasource}"}
SOURCE = '"${measurement:raw}"'
UP_AND_DOWN = [{"type": "value", "options": {
    "0": {"text": "down", "color": "red", "index": 0},
    "1": {"text": "up", "color": "green", "index": 1}}}]


def dashboard(description: Description | None, measurement: str, link_feed: str) -> dict[str, Any]:
    """The dashboard.

    Parameters
    ----------
    description : Description or None
        Of the device; None for an agent of another kind, of which only the link is shown.
    measurement : str
        Which agent it shows at first: its full address.
    link_feed : str
        The feed that has the health of the connection.
    """
    panels = [*_link_panels(link_feed), *(_reading_panels(description) if description else ())]
    _arrange(panels)
    name = description.device if description else measurement
    return {
        "title": f"{name} ({measurement})", "tags": ["ocs", "socs_tcp"], "timezone": "utc",
        "schemaVersion": 39, "version": 1, "editable": True, "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": _variables(measurement)},
        "annotations": {"list": [_outages(link_feed)]},
        "panels": panels,
    }


def queries_of(board: dict[str, Any]) -> list[str]:
    """All queries of a dashboard, its annotations included."""
    panels = [target["query"] for panel in board["panels"] for target in panel.get("targets", ())]
    return panels + [note["target"]["query"] for note in board["annotations"]["list"]]


def _variables(measurement: str) -> list[dict[str, Any]]:
    root = measurement.partition(".")[0]
    current = {"text": measurement, "value": measurement, "selected": True}
    return [
        {"name": "datasource", "type": "datasource", "query": "influxdb", "label": "InfluxDB"},
        {"name": "measurement", "type": "query", "label": "agent", "datasource": DATASOURCE,
         "query": f"SHOW MEASUREMENTS WITH MEASUREMENT =~ /^{root}[.]/", "current": current,
         "options": [current], "refresh": 1, "sort": 1, "multi": False, "includeAll": False},
    ]


def _outages(feed: str) -> dict[str, Any]:
    """A mark at the beginning of each outage, over all panels."""
    change = _select('difference("link_up") AS "change"', feed)
    return {"name": "outages", "enable": True, "iconColor": "red", "datasource": DATASOURCE,
            "target": {"refId": "A", "rawQuery": True, "textEditor": True,
                       "query": f'SELECT "change" FROM ({change}) WHERE "change" < 0'},
            "mappings": {"text": {"source": "text", "value": "the device is away"}}}


# queries

def _select(what: str, feed: str, group: str = "") -> str:
    return f"SELECT {what} FROM {SOURCE} WHERE \"feed\" = '{feed}' AND $timeFilter{group}"


def _over_time(what: str, feed: str, fill: str = "null") -> str:
    return _select(what, feed, f" GROUP BY time($__interval) fill({fill})")


def _targets(queries: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"refId": f"Q{number}", "alias": alias, "query": query, "rawQuery": True,
             "resultFormat": "time_series", "datasource": DATASOURCE}
            for number, (alias, query) in enumerate(queries)]


# panels

def _panel(kind: str, title: str, queries: Iterable[tuple[str, str]], *, unit: str = "short",
           width: int = WIDTH // 2, height: int = HEIGHT, **defaults: Any) -> dict[str, Any]:
    return {"type": kind, "title": title, "datasource": DATASOURCE, "targets": _targets(queries),
            "gridPos": {"w": width, "h": height},
            "fieldConfig": {"defaults": {"unit": unit, **defaults}, "overrides": []}}


def _row(title: str) -> dict[str, Any]:
    return {"type": "row", "title": title, "collapsed": False, "panels": [],
            "gridPos": {"w": WIDTH, "h": 1}}


def _link_panels(feed: str) -> list[dict[str, Any]]:
    rises = [(name, _over_time(f'non_negative_difference(last("link_{name}"))', feed))
             for name in ("outages", "losses", "timeouts")]
    return [
        _row("link"),
        _panel("stat", "now", [("link", _select('last("link_up")', feed))],
               mappings=UP_AND_DOWN, width=4),
        _panel("state-timeline", "link", [("link", _over_time('min("link_up")', feed))],
               mappings=UP_AND_DOWN, width=8),
        _panel("timeseries", "round trips", [
            ("last", _over_time('mean("link_rtt")', feed)),
            ("longest", _over_time('max("link_worst_rtt")', feed))], unit="s", width=6),
        _panel("timeseries", "failures", rises, width=6, min=0, custom={"drawStyle": "bars"}),
    ]


def _reading_panels(description: Description) -> list[dict[str, Any]]:
    """A panel for the fields of a query that have the same unit."""
    panels = [_row(description.device)]
    for query in description.queries.values():
        kinds: dict[tuple[bool, str], list[Field]] = {}
        for field in query.fields:
            kinds.setdefault((_is_text(field), field.unit), []).append(field)
        for (text, unit), fields in kinds.items():
            title = query.name if len(fields) > 1 else fields[0].name
            how = "last" if text else "mean"
            queries = [(field.name, _over_time(f'{how}("{field.name}")', query.feed))
                       for field in fields]
            panels.append(_panel("state-timeline" if text else "timeseries", title, queries,
                                 unit="string" if text else UNITS.get(unit, f"suffix:{unit}")
                                 if unit else "short"))
    return panels


def _is_text(field: Field) -> bool:
    return field.type == "str" or field.labels is not None


def _arrange(panels: list[dict[str, Any]]) -> None:
    """Give the panels their places, from left to right, and their numbers."""
    x = y = below = 0
    for number, panel in enumerate(panels, 1):
        place = panel["gridPos"]
        if x + place["w"] > WIDTH:
            x, y = 0, below
        panel["id"] = number
        place.update(x=x, y=y)
        x += place["w"]
        below = max(below, y + place["h"])
