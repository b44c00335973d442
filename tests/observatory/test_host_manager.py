"""What OCS' own HostManager shows of an agent that cannot start."""

from __future__ import annotations

import time

from socs_tcp.testing.router import CrossbarRouter

PATIENCE = 60


def test_it_shows_what_is_wrong_with_a_description(tmp_path):
    (tmp_path / "bad.yaml").write_text('device: x\nframing: {terminator: ";"}\nqueries: 3\n')
    # a router of its own: HostManager starts all agents of the site
    with CrossbarRouter() as router:
        # it ends at once; from now on it is in the site config
        router.start_agent("TCPDeviceAgent", "bad", args=[
            "--description", str(tmp_path / "bad.yaml"), "--ip-address", "127.0.0.1"])
        router.start_agent("HostManager", "manager", args=["--initial-state", "up"])
        client = router.client("manager")
        give_up = time.monotonic() + PATIENCE
        while True:
            session = client.manager.status().session
            said = "\n".join(text for _, text in session["messages"]) if session else ""
            if "bad.yaml:3: queries: " in said:
                break
            assert time.monotonic() < give_up, said + router.agents["manager"].output()[-3000:]
            time.sleep(0.2)
        client.manager.stop()
        client.manager.wait(timeout=PATIENCE)
