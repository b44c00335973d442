"""Runs the check of docker-compose.yml where there is a Docker engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import compose_check
import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(900)
def test_the_agent_survives_what_happens_to_containers():
    missing = compose_check.engine_missing()
    if missing:
        pytest.skip(f"NOT TESTED: docker-compose.yml needs a Docker engine with Compose v2; "
                    f"here: {missing}")
    done = subprocess.run([sys.executable, compose_check.__file__], check=False,
                          capture_output=True, text=True, timeout=850)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all is well" in done.stdout


def test_compose_points_the_agent_at_the_device_or_at_another_one():
    """Runs everywhere: what the variables of the compose file become."""
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    assert services["agent"]["environment"]["DEVICE_HOST"] == "${DEVICE:-device:5025}"
    command = services["device"]["command"]
    assert command[command.index("--port") + 1] == "5025"


def test_the_image_is_run_by_a_number_and_its_base_can_be_named():
    lines = (PROJECT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 9000:9000"] * 2
    bases = [line for line in lines if line.startswith("FROM")]
    assert bases and all(line.startswith("FROM $BASE AS ") for line in bases)


def test_the_agent_takes_its_device_from_the_environment(monkeypatch):
    monkeypatch.setitem(os.environ, "DEVICE_HOST", "10.0.0.7")
    monkeypatch.setitem(os.environ, "DEVICE_DESCRIPTION", "kikusui_pmx")
    from socs_tcp.agents.tcp_device import make_parser
    options = make_parser().parse_args([])
    assert (options.ip_address, options.description) == ("10.0.0.7", "kikusui_pmx")


def test_the_plots_find_what_is_written_and_are_there_only_when_asked_for():
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    plots = {name for name, service in services.items() if service.get("profiles") == ["plots"]}
    assert plots == {"publisher", "influxdb", "dashboard", "grafana"}
    assert all("profiles" not in services[name] for name in services.keys() - plots)
    source, = yaml.safe_load((PROJECT / "docker/grafana/datasources.yaml").read_text())[
        "datasources"]
    site = yaml.safe_load((PROJECT / "docker/default.yaml").read_text())
    publisher, = (agent for agent in site["hosts"]["docker"]["agent-instances"]
                  if agent["instance-id"] == services["publisher"]["environment"]["INSTANCE_ID"])
    arguments = dict(zip(publisher["arguments"][::2], publisher["arguments"][1::2], strict=True))
    assert source["url"] == f"http://{arguments['--host']}:8086"
    assert source["jsonData"]["dbName"] == arguments["--database"]
    assert f"--instance-id {services['agent']['environment']['INSTANCE_ID']}" \
        in services["dashboard"]["command"][0]
    for file in ("datasources", "dashboards"):
        assert any(f"./docker/grafana/{file}.yaml:" in volume
                   for volume in services["grafana"]["volumes"])


def test_the_ports_of_the_services_are_for_this_machine_only():
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    assert all(port.startswith("127.0.0.1:") for service in services.values()
               for port in service.get("ports", ()))
