"""A real crossbar router, real OCS agents and real OCS clients, for tests and demonstrations.

::

    with CrossbarRouter() as router:
        router.start_agent("my_agent.py", "thermo-1", args=["--port", str(device.port)])
        client = router.client("thermo-1")
        client.acq.start()
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..processes import ChildProcess, no_interruption
from .config import REALM, crossbar_config, free_port, is_free, site_config
from .wamp import HOST, accepts_joins

#: Seconds; a router is up in 4 on an idle machine, most of which are its imports.
START_TIMEOUT = 90.0
CLIENT_TIMEOUT = 30.0
STOP_TIMEOUT = 5.0

# What ocs-agent-cli would take from the environment instead of from our site config, and
# proxies, which must not come between us and the loopback interface.
_UNWANTED = {"INSTANCE_ID", "SITE_HUB", "SITE_HTTP", "SITE_HOST", "CROSSBAR_TIMEOUT",
             "CROSSBAR_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}


class RouterError(RuntimeError):
    """The router or an agent does not run. The message shows the end of its output."""


class CrossbarRouter:
    """A crossbar router on a free loopback port, with the agents that are started on it.

    All its files are in a temporary directory. All its processes end with it: at the end of the
    ``with`` block, after an exception, after Ctrl-C, and even when this program is killed.

    Parameters
    ----------
    start_timeout : float
        Seconds allowed for the router to start.

    Attributes
    ----------
    port : int
        The port of the router; the same after a `restart`.
    directory : Path
        Contains the site configuration (``default.yaml``) and the outputs.
    agents : dict of str to ChildProcess
        The agents started here, by instance id.

    Notes
    -----
    For one thread at a time.
    """

    def __init__(self, *, start_timeout: float = START_TIMEOUT) -> None:
        self.start_timeout = start_timeout
        self.port = 0
        self.directory = Path()
        self.agents: dict[str, ChildProcess] = {}
        self._instances: list[dict[str, object]] = []
        self._process: ChildProcess | None = None
        self._no_proxy: str | None = None

    def __enter__(self) -> CrossbarRouter:
        check_installed()
        try:
            with no_interruption():
                self.directory = Path(tempfile.mkdtemp(prefix="socs_tcp-router-"))
                # OCSClient speaks HTTP from this process, and minds its proxies.
                self._no_proxy = os.environ.get("NO_PROXY")
                os.environ["NO_PROXY"] = f"{HOST},{self._no_proxy}" if self._no_proxy else HOST
            self.port = free_port()
            self._write_configuration()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # the router

    def start(self) -> None:
        """Start the router and wait until it lets clients join.

        Raises
        ------
        RouterError
            If it takes longer than `start_timeout`; the message shows the end of its output.
        """
        router = self._process = ChildProcess(
            "crossbar router",
            [sys.executable, "-c", "import crossbar; crossbar.run()", "start",
             "--cbdir", str(self.directory), "--color", "false", "--loglevel", "warn"],
            self.directory / "crossbar.log", env=self.env, cwd=self.directory)
        give_up = time.monotonic() + self.start_timeout
        while not accepts_joins(self.port, REALM):
            if not router.running:
                raise RouterError(f"the crossbar router ended with code {router.returncode}:\n"
                                  f"{router.tail()}")
            if time.monotonic() > give_up:
                raise RouterError("the crossbar router does not accept clients after "
                                  f"{self.start_timeout:g} s:\n{router.tail()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the router as a power cut does. The agents stay, and try to reconnect."""
        if self._process is not None:
            self._process.kill()
            self._process = None
            # The port is with crossbar's worker process, which is not ours to wait for.
            give_up = time.monotonic() + STOP_TIMEOUT
            while not is_free(self.port) and time.monotonic() < give_up:
                time.sleep(0.005)
        (self.directory / "node.pid").unlink(missing_ok=True)

    def restart(self) -> None:
        """Start it again on the same port. If it still runs, stop it first."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the agents and the router at once, and remove their files."""
        with no_interruption():
            # Not gracefully: OCS takes 3 s for that, and there is nothing to save.
            for agent in self.agents.values():
                agent.kill()
            # Crossbar ends its worker itself: killed, that may stay in the process table.
            if self._process is not None:
                self._process.terminate()
                self._process = None
            if self.directory != Path():
                shutil.rmtree(self.directory, ignore_errors=True)
                if self._no_proxy is None:
                    os.environ.pop("NO_PROXY", None)
                else:
                    os.environ["NO_PROXY"] = self._no_proxy

    # agents and clients

    @property
    def env(self) -> dict[str, str]:
        """The environment for agents and other programs that use this router."""
        env = {key: value for key, value in os.environ.items() if key.upper() not in _UNWANTED}
        env.update(OCS_CONFIG_DIR=str(self.directory), PYTHONUNBUFFERED="1")
        return env

    def site_args(self) -> list[str]:
        """The arguments that tell an agent or a client where this router is."""
        return ["--site-file", str(self.directory / "default.yaml"), "--site-host", "localhost"]

    def start_agent(self, agent: Path | str, instance_id: str, *, entrypoint: str = "main",
                    args: Sequence[str] = (), under: Sequence[str] = ()) -> ChildProcess:
        """Start an agent through ``ocs-agent-cli``. It is up when `client` returns.

        Parameters
        ----------
        agent : Path or str
            The file of the agent, which ends in ``.py``; or the class name of an agent from an
            installed OCS plugin.
        instance_id : str
            Its address on the router. You can use that of an agent that has ended.
        entrypoint : str
            The function in the file that runs the agent.
        args : sequence of str
            More arguments for the agent.
        under : sequence of str
            Arguments for Python that run the agent, such as ``["-m", "socs_tcp.compat"]``.

        Returns
        -------
        ChildProcess
            With it you can `~ChildProcess.stop` the agent and read its `~ChildProcess.output`.
        """
        is_file = str(agent).endswith(".py")
        if is_file and not Path(agent).is_file():
            raise FileNotFoundError(f"there is no agent {agent}")
        if instance_id in self.agents:
            self.agents[instance_id].kill()
        self._instances = [i for i in self._instances if i["instance-id"] != instance_id]
        # The arguments go by the site config: ocs-agent-cli itself knows none of an agent's.
        self._instances.append({"agent-class": Path(agent).stem if is_file else str(agent),
                                "instance-id": instance_id, "arguments": list(args)})
        self._write_site_config()
        by_file = ["--agent", str(Path(agent).absolute()), "--entrypoint", entrypoint]
        self.agents[instance_id] = ChildProcess(
            f"agent {instance_id}",
            # the module that the command ocs-agent-cli runs, which need not be on the PATH
            [sys.executable, *under, "-m", "ocs.agent_cli", *(by_file if is_file else ()),
             "--instance-id", instance_id, *self.site_args()],
            self.directory / f"{instance_id}.log", env=self.env, cwd=self.directory)
        return self.agents[instance_id]

    def client(self, instance_id: str, timeout: float = CLIENT_TIMEOUT) -> Any:
        """An ``OCSClient`` for an agent; waits until the agent is on the router.

        Raises
        ------
        RouterError
            If it is not there within `timeout` seconds; the message shows the end of its output.
        """
        from ocs.ocs_client import OCSClient  # noqa: PLC0415 (slow, and not always wanted)

        agent = self.agents.get(instance_id)
        give_up = time.monotonic() + timeout
        while True:
            try:
                return OCSClient(instance_id, args=self.site_args())
            except RuntimeError as exc:
                output = agent.tail() if agent is not None else "    (not started here)"
                if agent is not None and not agent.running:
                    raise RouterError(f"the agent {instance_id} ended with code "
                                      f"{agent.returncode}:\n{output}") from exc
                if time.monotonic() > give_up:
                    raise RouterError(f"the agent {instance_id} is not on the router after "
                                      f"{timeout:g} s ({exc}):\n{output}") from exc
            time.sleep(0.05)

    # files

    def _write_configuration(self) -> None:
        (self.directory / "config.json").write_text(crossbar_config(self.port))
        self._write_site_config()

    def _write_site_config(self) -> None:
        # Replaced as a whole: an agent may be reading it.
        new = self.directory / "default.yaml.new"
        new.write_text(site_config(self.port, self._instances))
        new.replace(self.directory / "default.yaml")


def check_installed() -> None:
    """Raise a `RouterError` that says what to do if crossbar is missing."""
    if importlib.util.find_spec("crossbar") is None:
        raise RouterError("crossbar is not installed in this environment "
                          f"({sys.prefix}); install it with: pip install 'socs_tcp[demo]'")
