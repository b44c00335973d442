"""From a simulated device to a real InfluxDB and back: TCPDeviceAgent, a router, OCS' publisher."""

from __future__ import annotations

import time

import pytest

from socs_tcp.cli.grafana import dashboard, queries_of
from socs_tcp.description import load
from socs_tcp.description.simulated import scripted_device
from socs_tcp.testing import DeviceServer

PATIENCE = 40
DESCRIPTION = r"""
device: a device with one of each
timeout: 2
framing: {terminator: "\n"}
queries:
  volt: {send: "V?", period: 0.1, fields: {volt: {unit: V}}}
  count: {send: "N?", period: 0.1, fields: {count: {type: int}}}
  least: {send: "M?", period: 0.1, fields: {least: {type: int}}}
  state: {send: "S?", period: 0.1, fields: {state: {enum: {0: "off", 1: "on"}}}}
  text: {send: "T?", period: 0.1, fields: {text: {type: str}}}
simulate:
  volt: "1.5"
  count: "9223372036854775807"
  least: "-9223372036854775808"
  state: "1"
  text: 'say "hi, a=b\c"'
"""


class Site:
    """One device and its agent, and what has come of it in the database."""

    def __init__(self, router, influxdb, folder, name, description=DESCRIPTION):
        self._router, self._influxdb = router, influxdb
        self.name = name
        self.file = folder / f"{name}.yaml"
        self.file.write_text(description)
        self.server = DeviceServer(scripted_device(load(self.file)))
        self.start()

    def start(self):
        """Start the agent, with the description as it is now."""
        self._router.start_agent("TCPDeviceAgent", self.name, args=[
            "--description", str(self.file), "--ip-address", self.server.host,
            "--port", str(self.server.port)])
        self.client = self._router.client(self.name)

    def close(self):
        self._router.agents[self.name].kill()
        self.server.close()

    @property
    def measurement(self):
        return f'"observatory.{self.name}"'

    def until(self, query, condition=bool):
        """The rows of a query, as soon as they are so; ``{m}`` in it is the measurement."""
        give_up = time.monotonic() + PATIENCE
        while not condition(rows := self._influxdb.rows(query.format(m=self.measurement))):
            assert time.monotonic() < give_up, f"{query}: {rows}\n" + \
                self._router.agents["influx"].output()[-2000:]
            time.sleep(0.2)
        return rows


@pytest.fixture(scope="module")
def site(crossbar_router, influxdb, publisher, tmp_path_factory):
    site = Site(crossbar_router, influxdb, tmp_path_factory.mktemp("site"), "one-of-each")
    yield site
    site.close()


@pytest.mark.parametrize("field, value", [
    ("volt", 1.5), ("count", 2 ** 63 - 1), ("least", -2 ** 63), ("state", "on"),
    # quotes and backslashes would cost OCS' publisher a whole batch: they are changed
    ("text", "say 'hi, a=b/c'")])
def test_values_arrive_as_what_they_are(site, field, value):
    rows = site.until(f'SELECT "{field}" FROM {{m}} WHERE feed = \'readings\'')
    assert rows[-1][field] == value


def test_each_field_has_the_type_that_the_description_says(site, influxdb):
    site.until("SELECT * FROM {m}", lambda rows: rows and all(
        any(row.get(name) is not None for row in rows)
        for name in ("volt", "count", "least", "state", "text")))
    types = {row["fieldKey"]: row["fieldType"] for row in influxdb.rows(
        f"SHOW FIELD KEYS FROM {site.measurement}")}
    assert {name: types[name] for name in ("volt", "count", "state", "text", "link_up")} == {
        "volt": "float", "count": "integer", "state": "string", "text": "string",
        "link_up": "integer"}


def test_the_time_of_a_reading_is_that_of_the_reply(site):
    began = time.time()
    row = site.until(f"SELECT volt FROM {{m}} WHERE time > {int(began * 1000)}ms LIMIT 1")[0]
    assert began - 0.001 <= row["time"] / 1000 <= time.time()
    field = site.client.acq.status().session["data"]["timestamps"]["volt"]
    site.until(f"SELECT volt FROM {{m}} WHERE time >= {int(field * 1000) - 1}ms "
               f"AND time <= {int(field * 1000) + 1}ms")


def test_an_outage_is_seen_in_the_health_of_the_link(site):
    site.until("SELECT link_up FROM {m} WHERE feed = 'link' AND link_up = 1")
    began = int(time.time() * 1000)
    site.server.unplug()
    down = site.until(f"SELECT link_up, link_outages FROM {{m}} WHERE feed = 'link' "
                      f"AND link_up = 0 AND time > {began}ms")[0]
    assert down["link_outages"] >= 1
    site.server.plug_in()
    site.until(f"SELECT link_up FROM {{m}} WHERE feed = 'link' AND link_up = 1 "
               f"AND time > {down['time']}ms")
    site.until(f"SELECT volt FROM {{m}} WHERE time > {down['time']}ms")


def test_the_dashboard_asks_what_is_there(site, influxdb):
    """Each query of the dashboard is one that InfluxDB understands, and finds something."""
    board = dashboard(load(site.file), f"observatory.{site.name}", "link")
    site.until("SELECT link_rtt, link_worst_rtt FROM {m} WHERE feed = 'link'",
               lambda rows: len(rows) > 1)
    site.server.unplug()
    site.until("SELECT last(link_up) AS up FROM {m}", lambda rows: rows[0]["up"] == 0)
    site.server.plug_in()
    site.until("SELECT last(link_up) AS up FROM {m}", lambda rows: rows[0]["up"] == 1)
    for query in queries_of(board):
        asked = query.replace("$timeFilter", "time > now() - 1h").replace(
            "$__interval", "10s").replace("${measurement:raw}", f"observatory.{site.name}")
        give_up = time.monotonic() + PATIENCE      # a difference needs points of two intervals
        while not any(value is not None for row in influxdb.rows(asked)
                      for name, value in row.items() if name != "time"):
            assert time.monotonic() < give_up, asked
            time.sleep(0.2)
    variable, = (v["query"] for v in board["templating"]["list"] if v["name"] == "measurement")
    assert f"observatory.{site.name}" in [row["name"] for row in influxdb.rows(variable)]


def test_a_field_whose_type_changes_never_arrives_again_and_the_others_do(
        crossbar_router, influxdb, publisher, tmp_path):
    """What the pages say of it; rename such a field, or drop the old series."""
    description = DESCRIPTION.replace("{volt: {unit: V}}", "{volt: {unit: V, type: str}}")
    site = Site(crossbar_router, influxdb, tmp_path, "changed")
    try:
        site.until("SELECT volt, count FROM {m}")
        site.file.write_text(description)
        site.start()
        later = int(time.time() * 1000) + 1000
        site.until(f"SELECT count FROM {{m}} WHERE time > {later}ms")
        assert not influxdb.rows(f"SELECT volt FROM {site.measurement} WHERE time > {later}ms")
    finally:
        site.close()
