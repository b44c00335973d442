"""Does what we publish work where it is installed? Run by .ci/run; any Python 3.11 or newer.

Builds the sdist, and the wheel out of the sdist; compares both with the checkout; installs the
wheel into a new environment outside the checkout; and does there what a user does.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
BEGAN = time.monotonic()
#: A test as users write it: the fixtures come with the package, nothing is configured.
USERS_TEST = """\
from socs_tcp import LineFramer, TCPInterface

def test_a_driver(device_server):
    server = device_server({"*IDN?": "ACME,1"})
    with TCPInterface(server.host, server.port, 5, framer=LineFramer()) as device:
        assert device.query("*IDN?") == b"ACME,1"

def test_an_agent(ocs_agent):
    session = ocs_agent.run(lambda session, params: (True, "done"))
    ocs_agent.wait_for(lambda: session.status == "done")
"""
#: An agent through ocs-agent-cli, with a router, as in a site.
USERS_SITE = """\
import time
from socs_tcp.description import load
from socs_tcp.description.simulated import scripted_device
from socs_tcp.testing import DeviceServer
from socs_tcp.testing.router import CrossbarRouter

with CrossbarRouter() as router, DeviceServer(scripted_device(load("lakeshore372"))) as device:
    router.start_agent("TCPDeviceAgent", "bridge", args=[
        "--description", "lakeshore372", "--host", device.host, "--port", str(device.port)])
    client = router.client("bridge")
    give_up = time.monotonic() + 30
    while not client.acq.status().session["data"].get("fields"):
        assert time.monotonic() < give_up, router.agents["bridge"].tail()
        time.sleep(0.1)
    print("the agent reads", sorted(client.acq.status().session["data"]["fields"]))
"""


def say(text: str) -> None:
    print(f"check_install: {time.monotonic() - BEGAN:5.1f} s  {text}", flush=True)


def clean_environment(folder: Path) -> dict[str, str]:
    """Nothing that leads to the checkout, nor to another environment."""
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("PYTHON", "VIRTUAL_ENV", "COVERAGE", "PYTEST"))}
    return {**env, "HOME": str(folder), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def run(*command: object, cwd: Path, expect: int = 0) -> str:
    """What a command prints; the end of everything where it fails."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=clean_environment(cwd),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=600)
    if done.returncode != expect:
        sys.exit(f"check_install: {' '.join(map(str, command))} ended with {done.returncode}, "
                 f"not {expect}:\n{done.stdout}")
    return done.stdout


def new_environment(folder: Path) -> Path:
    """The bin directory of a new environment."""
    base = getattr(sys, "_base_executable", sys.executable)
    run(base, "-m", "venv", folder, cwd=folder.parent)
    return folder / "bin"


def build(work: Path) -> Path:
    """The wheel, out of the sdist, out of what git would give to others."""
    source = work / "source"
    source.mkdir()
    files = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, check=True,
                           capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, files):
        if (CHECKOUT / name).exists():      # (or removed, and not committed yet)
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((CHECKOUT / name).read_bytes())
    builder = new_environment(work / "builder")
    run(builder / "pip", "install", "-q", "build", cwd=work)
    run(builder / "python", "-m", "build", "--outdir", work / "dist", source, cwd=work)
    wheel, = (work / "dist").glob("*.whl")
    sdist, = (work / "dist").glob("*.tar.gz")
    ours = {name for name in files if name.startswith("socs_tcp/") and (CHECKOUT / name).exists()}
    compare(wheel, sdist, ours)
    return wheel


def compare(wheel: Path, sdist: Path, ours: set[str]) -> None:
    """Each file of the package is in both; no test that could not run is in the sdist."""
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    for where, names in (("wheel", in_wheel), ("sdist", in_sdist)):
        if missing := ours - names:
            sys.exit(f"check_install: the {where} lacks {sorted(missing)}")
    strangers = {name for name in in_sdist if name.startswith(("tests", "docs", "benchmarks"))}
    strangers |= {name for name in in_wheel if not name.startswith("socs_tcp")}
    if strangers:
        sys.exit(f"check_install: what is published has {sorted(strangers)}")


def use_commands(bin_: Path, home: Path) -> None:
    """The commands, without any extra installed."""
    version = run(bin_ / "socs-tcp", "--version", cwd=home).split()[-1]
    told = run(bin_ / "pip", "show", "socs_tcp", cwd=home)
    for line in (f"Version: {version}\n", "Home-page: http", "Author: T"):
        assert line in told, told
    shown = run(bin_ / "socs-tcp", "--help", cwd=home)
    commands = ("query", "console", "watch", "simulate", "proxy", "replay", "check", "demo")
    for command in commands:
        assert command in shown, f"--help does not name {command}:\n{shown}"
        run(bin_ / "socs-tcp", command, "--help", cwd=home)
    said = run(bin_ / "socs-tcp", "demo", cwd=home, expect=2)
    assert "crossbar is not installed" in said and "pip install" in said, said
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with subprocess.Popen([str(bin_ / "socs-tcp"), "simulate", "kikusui_pmx", "--port", str(port)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=home,
                          env=clean_environment(home)) as device:
        try:
            assert device.stdout is not None and device.stdout.readline()   # it listens
            said = run(bin_ / "socs-tcp", "query", f"127.0.0.1:{port}", "*IDN?",
                       "--terminator", r"\n", cwd=home)
        finally:
            device.terminate()
    assert "KIKUSUI" in said, said
    say("the commands do what they shall, without an extra")


def use_everything(bin_: Path, home: Path) -> None:
    """The plugin, an agent in a site, the demonstration; with the extra `demo`."""
    (home / "test_driver.py").write_text(USERS_TEST)
    said = run(bin_ / "python", "-m", "pytest", "-q", "test_driver.py", cwd=home)
    assert "2 passed" in said, said
    say("a test with the fixtures of the pytest plugin passes")
    (home / "site.txt").write_text(USERS_SITE)
    said = run(bin_ / "python", "site.txt", cwd=home)
    say(said.strip().splitlines()[-1])
    # As in run.py: with its dependencies it brings a pyasn1 too old for crossbar's.
    run(bin_ / "pip", "install", "-q", "--no-deps", "socs==0.6.4", cwd=home)
    said = run(bin_ / "socs-tcp", "demo", cwd=home)
    assert "All promises of socs_tcp were kept" in said, said
    assert "kikusui_pcr500ma of SOCS, unchanged" in said, said
    say("socs-tcp demo kept all promises, also with SOCS' own agent under the switch")
    for file in ("thermometer_ours.py", "thermometer_original.py"):
        found, = bin_.parent.glob(f"lib/python*/site-packages/socs_tcp/cli/demo/agents/{file}")
        found.rename(found.with_suffix(".away"))
    said = run(bin_ / "socs-tcp", "demo", cwd=home, expect=2)
    assert "cannot be run: there is no agent" in said and "PROMISES" not in said, said
    say("a missing agent is no broken promise")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="socs_tcp-install-") as name:
        work = Path(name)
        wheel = build(work)
        say(f"built {wheel.name} out of the sdist; both have all files of the package")
        bin_, home = new_environment(work / "user"), work / "home"
        home.mkdir()
        run(bin_ / "pip", "install", "-q", wheel, "pytest", cwd=home)
        use_commands(bin_, home)
        run(bin_ / "pip", "install", "-q", f"{wheel}[demo]", cwd=home)
        use_everything(bin_, home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
