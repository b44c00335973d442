"""What an agent says that cannot start: on stderr, where HostManager looks for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from socs_tcp.testing.router.config import site_config


@pytest.mark.parametrize("arguments, told", [
    (["--description", "{folder}/bad.yaml"], "bad.yaml:3: queries: "),
    (["--description", "nonsense"], "no description of that name"),
    (["--nonsense"], "unrecognized arguments: --nonsense"),
    (["--description", "lakeshore372", "--ip-address", "a..b"], "cannot be a host name"),
])
def test_it_is_on_stderr(tmp_path, arguments, told):
    (tmp_path / "bad.yaml").write_text('device: x\nframing: {terminator: ";"}\nqueries: 3\n')
    arguments = [argument.format(folder=tmp_path) for argument in arguments]
    (tmp_path / "default.yaml").write_text(site_config(1, [{
        "agent-class": "TCPDeviceAgent", "instance-id": "bad",
        "arguments": ["--ip-address", "127.0.0.1", *arguments]}]))
    done = subprocess.run(
        [sys.executable, "-m", "ocs.agent_cli", "--instance-id", "bad", "--site-file",
         str(tmp_path / "default.yaml"), "--site-host", "localhost"],
        env={**os.environ, "OCS_CONFIG_DIR": str(tmp_path)}, check=False, capture_output=True,
        text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
