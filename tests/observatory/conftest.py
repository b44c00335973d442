import pytest
from influx import INFLUXD, InfluxDB

from socs_tcp.testing.pytest_plugin import crossbar_router

__all__ = ["crossbar_router"]       # also where the plugin is not installed (yet)


@pytest.fixture(scope="session")
def influxdb(tmp_path_factory):
    """A real InfluxDB."""
    if INFLUXD is None:
        pytest.skip("influxd is not installed; sh .ci/packages installs it on Debian")
    with InfluxDB(tmp_path_factory.mktemp("influxdb")) as server:
        yield server


@pytest.fixture(scope="session")
def publisher(crossbar_router, influxdb):
    """OCS' own InfluxDB publisher, between the router and the database."""
    crossbar_router.start_agent("InfluxDBAgent", "influx", args=[
        "--host", "127.0.0.1", "--port", str(influxdb.port)])
    client = crossbar_router.client("influx")
    yield client
    crossbar_router.agents["influx"].kill()
