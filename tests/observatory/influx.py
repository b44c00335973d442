"""A real InfluxDB (1.x) on a free loopback port, in a folder of its own."""

from __future__ import annotations

import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request

from socs_tcp.testing.processes import ChildProcess
from socs_tcp.testing.router.config import free_port

INFLUXD = shutil.which("influxd") or shutil.which("influxd", path="/usr/sbin:/sbin")
STARTS_WITHIN = 60
DATABASE = "ocs_feeds"
CONFIGURATION = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
[monitor]
store-enabled = false
"""


class InfluxDB:
    """The server; it ends with the ``with`` block."""

    def __init__(self, folder):
        self.port = free_port()
        (folder / "influxdb.conf").write_text(CONFIGURATION.format(
            folder=folder, port=self.port, rpc=free_port()))
        self._process = ChildProcess(
            "influxd", [INFLUXD, "-config", str(folder / "influxdb.conf")], folder / "log")
        # straight to it, whatever the environment says of proxies
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def __enter__(self):
        give_up = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                self._open(f"http://127.0.0.1:{self.port}/ping", timeout=5).close()
                return self
            except OSError:
                assert self._process.running and time.monotonic() < give_up, \
                    self._process.output()
            time.sleep(0.05)

    def __exit__(self, *exc_info):
        self._process.kill()

    def query(self, text, database=DATABASE):
        """The series that a query gives: a list of dicts with name, tags, columns, values."""
        arguments = urllib.parse.urlencode({"q": text, "db": database, "epoch": "ms"})
        try:
            with self._open(f"http://127.0.0.1:{self.port}/query", arguments.encode(),
                            timeout=30) as answer:
                result = json.load(answer)["results"][0]
        except urllib.error.HTTPError as exc:
            raise AssertionError(f"{text}: {exc.read().decode()}") from exc
        assert "error" not in result, f"{text}: {result['error']}"
        return result.get("series", [])

    def rows(self, text, database=DATABASE):
        """The rows of the one series that a query gives, as dicts; none if it gives none."""
        return [dict(zip(series["columns"], row, strict=True))
                for series in self.query(text, database) for row in series["values"]]
