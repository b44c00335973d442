"""The profile `plots` of docker-compose.yml: a reading arrives in InfluxDB, a dashboard is made.

InfluxDB is the image that the file names. Where that cannot be had, it is an image of the same
layout with the influxd of this machine (Debian's package). Grafana's image is not started.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

#: Where the real image has its data, which its configuration says.
DOCKERFILE = """\
ARG BASE
FROM $BASE
COPY influxd /usr/bin/influxd
ENV INFLUXDB_META_DIR=/var/lib/influxdb/meta INFLUXDB_DATA_DIR=/var/lib/influxdb/data \\
    INFLUXDB_DATA_WAL_DIR=/var/lib/influxdb/wal
ENTRYPOINT ["influxd"]
"""
#: Run beside the database: what it has of the agent.
QUESTION = """\
import json, urllib.parse, urllib.request
query = urllib.parse.urlencode({"db": "ocs_feeds", "q": %r})
with urllib.request.urlopen("http://influxdb:8086/query?" + query, timeout=10) as reply:
    print(json.dumps(json.load(reply)["results"][0].get("series", [])))
"""
IMAGE = "influxdb:1.8"


class Compose(Protocol):
    """What is needed of `compose_check.Check`."""

    base: str

    def docker(self, *args: str, timeout: float = 60) -> str: ...
    def compose(self, *args: str, timeout: float = 60) -> str: ...
    def say(self, text: str) -> None: ...


def check_plots(check: Compose) -> None:
    """Bring the profile up, without Grafana, and look at what Grafana would read."""
    stand_in = _have_influxdb(check)
    try:
        check.compose("--profile", "plots", "up", "-d", "publisher", "dashboard", timeout=120)
        board = _dashboard(check)
        query, = (target["query"] for panel in board["panels"] if panel["title"] == "volt"
                  for target in panel["targets"])
        query = query.replace("$timeFilter", "time > now() - 1h").replace(
            "$__interval", "10s").replace("${measurement:raw}", "observatory.device-1")
        began = time.monotonic()
        while not (series := _ask(check, query)):
            if time.monotonic() - began > 60:
                raise AssertionError(f"{query}: nothing after 60 s\n" + check.compose(
                    "--profile", "plots", "logs", "--tail", "20", "publisher", "influxdb"))
            time.sleep(0.5)
        assert any(isinstance(value, float) for _, value in series[0]["values"]), series
        check.say(f"plots: the dashboard's query finds a reading in InfluxDB: after "
                  f"{time.monotonic() - began:.1f} s")
        check.compose("--profile", "plots", "kill", "publisher", "influxdb")
        check.compose("--profile", "plots", "rm", "-f", "publisher", "dashboard", "influxdb")
    finally:
        if stand_in:
            check.docker("rmi", "-f", IMAGE)


def _dashboard(check: Compose) -> dict[str, Any]:
    """What Grafana would load: the file that the service wrote."""
    told = check.compose("--profile", "plots", "run", "--rm", "-T", "--no-deps", "dashboard",
                         "cat /dashboards/device-1.json")
    board: dict[str, Any] = json.loads(told)
    return board


def _ask(check: Compose, query: str) -> list[dict[str, Any]]:
    try:
        answer = check.compose("--profile", "plots", "exec", "-T", "publisher", "python", "-c",
                               QUESTION % query)
    except RuntimeError:        # the database does not listen yet
        return []
    series: list[dict[str, Any]] = json.loads(answer)
    return series


def _have_influxdb(check: Compose) -> bool:
    """Pull the image, or make one that stands in for it; True if it was made."""
    try:
        check.docker("image", "inspect", IMAGE)
        return False
    except RuntimeError:
        pass
    try:
        check.docker("pull", "-q", IMAGE, timeout=300)
        return False
    except RuntimeError as exc:
        influxd = shutil.which("influxd") or shutil.which("influxd", path="/usr/sbin:/sbin")
        if influxd is None:
            raise AssertionError(f"{IMAGE} cannot be pulled, and influxd is not installed: "
                                 f"sh .ci/packages ({exc})") from exc
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(influxd, folder)
        (Path(folder) / "Dockerfile").write_text(DOCKERFILE)
        check.docker("build", "-q", "--build-arg", f"BASE={check.base}", "-t", IMAGE, folder)
    check.say(f"plots: {IMAGE} cannot be pulled; it is made of this machine's influxd")
    return True
