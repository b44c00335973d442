"""Does the agent of docker-compose.yml survive what happens to containers?

``python tests/docker/compose_check.py`` builds the images, brings the services up, lets a reading
go to InfluxDB, kills the device, brings it back at another address, restarts the router, and looks
at ``degraded`` throughout, as a client sees it. Then it freezes and stops the agent, and brings up
each description that comes with the package. It needs a Docker engine with Compose v2, and Python
only.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import confinement
import plots

PROJECT = Path(__file__).resolve().parents[2]
NAME = f"socs_tcp_check_{os.getpid()}"
AGENT = "observatory.device-1"
SHIPPED = sorted(path.stem for path in (PROJECT / "socs_tcp/description/devices").glob("*.yaml"))
#: Seconds that a container has to end before Docker kills it.
GRACE = 10


def engine_missing() -> str:
    """Why there is no Docker engine to use; empty if there is one."""
    for command in (["docker", "compose", "version"], ["docker", "info"]):
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired) as exc:
            return f"{' '.join(command)}: {exc}"
        if done.returncode:
            return f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}"
    return ""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Check:
    """One run."""

    def __init__(self) -> None:
        self.port = free_port()
        self._env = {**os.environ, "ROUTER_PORT": str(self.port)}
        self.base = os.environ.get("BASE") or "python:3.11-slim-bookworm"
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.1f} s  {text}", flush=True)

    def docker(self, *args: str, timeout: float = 60) -> str:
        done = subprocess.run(["docker", *args], check=False, capture_output=True, text=True,
                              cwd=PROJECT, env=self._env, timeout=timeout)
        if done.returncode:
            raise RuntimeError(f"docker {' '.join(args)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def compose(self, *args: str, timeout: float = 60) -> str:
        return self.docker("compose", "-p", NAME, *args, timeout=timeout)

    def session(self) -> dict[str, Any] | None:
        """The session of `acq` as a client sees it; None where the router does not answer."""
        question = json.dumps({"procedure": f"{AGENT}.ops", "args": ["status", "acq"]})
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/call",
                                         question.encode(), {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=5) as reply:
                answer = json.load(reply)
        except (OSError, ValueError):
            return None
        if "error" in answer:       # nobody of that name there (yet)
            return None
        session: dict[str, Any] = answer["args"][0][2]
        return session or None

    def wait(self, what: str, condition: Callable[[dict[str, Any]], object],
             bound: float) -> dict[str, Any]:
        """Wait until a client sees it; say how long that took."""
        began = time.monotonic()
        session = None
        while time.monotonic() - began < bound:
            session = self.session()
            if session is not None and condition(session):
                self.say(f"{what}: after {time.monotonic() - began:.1f} s")
                return session
            time.sleep(0.1)
        logs = self.compose("logs", "--no-color", "--tail", "40", "agent")
        raise AssertionError(f"not within {bound:g} s: {what}; the session is {session}\n{logs}")

    def address(self) -> str:
        """Where the device is now."""
        return self.docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}"
                           "{{end}}", self.compose("ps", "-aq", "device"))

    def resolves(self) -> bool:
        """Does the name of the device mean anything to the agent's container?"""
        code = ("import socket, sys\ntry: socket.getaddrinfo('device', 1)\n"
                "except socket.gaierror: sys.exit('gaierror')")
        done = subprocess.run(["docker", "compose", "-p", NAME, "exec", "-T", "agent", "python",
                               "-c", code], check=False, capture_output=True, text=True,
                              cwd=PROJECT, env=self._env, timeout=60)
        if done.returncode and "gaierror" not in done.stderr:
            raise RuntimeError(f"cannot look a name up in the container: {done.stderr}")
        return not done.returncode

    def run(self) -> None:
        self.compose("build", timeout=900)
        size = int(self.docker("image", "inspect", "-f", "{{.Size}}", "socs_tcp"))
        self.say(f"the images are built; that of the agent has {size / 1e6:.0f} MB")
        began = time.monotonic()
        self.compose("up", "-d")
        first = self.wait("the first value is there", lambda s: s["data"].get("fields"), 120)
        self.say(f"from 'up' to the first value: {time.monotonic() - began:.1f} s")
        assert first["degraded"] is False, first

        confinement.check_containers(self)
        confinement.check_web_pages(self)
        plots.check_plots(self)
        self.device_goes_and_comes()
        self.router_goes_and_comes()
        self.agent_freezes_and_stops()
        self.every_description_comes_up()
        self.say("all is well")

    def device_goes_and_comes(self) -> None:
        old = self.address()
        self.compose("kill", "device")
        self.wait("killed: degraded", lambda s: s["degraded"], 5)
        assert not self.resolves(), "the name of a container that was killed still resolves"
        self.say("its name does not resolve any more")
        self.wait("the agent says so", lambda s: "no address found" in s["data"]["link"]["reason"]
                  or "not known" in s["data"]["link"]["reason"], 60)
        self.docker("run", "-d", "--rm", "--name", f"{NAME}_squatter", "--network",
                    f"{NAME}_default", "--entrypoint", "sleep", "socs_tcp", "600")
        self.compose("start", "device")
        assert self.address() != old, "the device came back at the same address"
        self.say(f"the device is back, at {self.address()} instead of {old}")
        back = self.wait("back: not degraded", lambda s: not s["degraded"], 60)
        self.wait("values come again",
                  lambda s: s["data"]["timestamp"] > back["data"]["timestamp"], 30)

    def router_goes_and_comes(self) -> None:
        before = self.session()
        assert before is not None
        self.compose("restart", "crossbar")
        after = self.wait("the router was restarted, the agent is there again",
                          lambda s: s["data"]["timestamp"] > time.time() - 6, 90)
        assert after["session_id"] == before["session_id"], "acquisition was started anew"
        assert after["degraded"] is False, after
        downs = [m for _t, m in after["messages"] if "is down" in m]
        assert len(downs) == 1, f"only the killed device is to be told: {after['messages']}"
        self.wait_healthy()

    def agent_freezes_and_stops(self) -> None:
        # the container's first process is dumb-init; the agent is its only child
        code = ("import os, signal\n"
                "child = open('/proc/1/task/1/children').read().split()[0]\n"
                "os.kill(int(child), signal.SIG%s)")
        self.compose("exec", "-T", "agent", "python", "-c", code % "STOP")
        try:
            self.compose("exec", "-T", "agent", "python", "-m", "socs_tcp.agents.health")
        except RuntimeError as exc:
            assert "device-1 does not answer: TimeoutError: no answer within" in str(exc), exc
        else:
            raise AssertionError("the health check takes a frozen agent for a healthy one")
        self.say("the health check tells of a frozen agent")
        self.compose("exec", "-T", "agent", "python", "-c", code % "CONT")
        agent = self.compose("ps", "-q", "agent")
        began = time.monotonic()
        self.compose("stop", "agent")
        took = time.monotonic() - began
        assert self.docker("inspect", "-f", "{{.State.ExitCode}}", agent) == "0", "it was killed"
        assert took < GRACE, took
        self.say(f"the agent was told to stop: it ended after {took:.1f} s")

    def every_description_comes_up(self) -> None:
        for name in SHIPPED:
            self._env["DESCRIPTION"] = name
            began = time.time()
            self.compose("up", "-d", "--force-recreate", "--timeout", "0", "device", "agent")
            session = self.wait(f"{name}: the first values are there", lambda s, began=began: (
                s["start_time"] > began and s["data"].get("fields")), 60)
            assert not session["degraded"] and not session["data"]["errors"], session
        del self._env["DESCRIPTION"]

    def wait_healthy(self) -> None:
        agent = self.compose("ps", "-q", "agent")
        give_up = time.monotonic() + 90
        while (state := self.docker("inspect", "-f", "{{.State.Health.Status}}", agent)) \
                != "healthy":
            if time.monotonic() > give_up:
                raise AssertionError(f"the container of the agent is {state}")
            time.sleep(0.5)
        self.say("the container of the agent is healthy")

    def clean(self) -> None:
        with contextlib.suppress(RuntimeError):
            self.docker("rm", "-f", f"{NAME}_squatter")
        self.compose("--profile", "plots", "down", "--timeout", "5", "--volumes")


def main() -> int:
    missing = engine_missing()
    if missing:
        print(f"no Docker engine: {missing}", file=sys.stderr)
        return 2
    check = Check()
    try:
        check.run()
    finally:
        check.clean()
    return 0


if __name__ == "__main__":
    sys.exit(main())
