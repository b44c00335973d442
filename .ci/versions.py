"""The unit and contract tests once more, with other versions. Run by .ci/run.

    python .ci/versions.py least     with the least versions that setup.cfg allows
    python .ci/versions.py newest    on the newest Python of this machine

Each in an environment of its own, which is removed afterwards.
"""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
TESTS = ["core", "blocking", "deferred", "contract", "agent", "agents", "description", "testing"]
#: Minutes of arithmetic that no version changes.
LONG = "tests/core/test_every_sequence.py"
#: Of the extra `test`, what is no business of these tests; nor are the extras it includes.
NOT_NEEDED = ("check-jsonschema", "coverage", "frappy-core", "grafana-foundation-sdk", "mypy",
              "ruff", "pexpect", "pyte")
OWN_VERSION = sys.version_info[:2]


def requirements() -> list[str]:
    """What is to be installed, as setup.cfg has it."""
    config = configparser.RawConfigParser()     # which leaves %(docs)s as it is
    config.read(CHECKOUT / "setup.cfg")
    run_time = config["options"]["install_requires"].split("\n")
    test = [line for line in config["options.extras_require"]["test"].split("\n")
            if not line.startswith("%(") and re.split(r"[ <>=!~;]", line)[0] not in NOT_NEEDED]
    return [line.strip() for line in (*run_time, *test) if line.strip()]


def least(requirement: str) -> str:
    """``name >= 1.2`` as ``name == 1.2``; what has no least version stays as it is."""
    return requirement.replace(">=", "==")


def pythons() -> dict[tuple[int, int], str]:
    """Each Python from 3.11 on that can be found, by its version."""
    places = [Path(place) for place in os.environ.get("PATH", "").split(os.pathsep) if place]
    places += sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(
        "versions/*/bin"))
    found = {OWN_VERSION: sys.executable}
    for path in (p for place in places for p in place.glob("python3.*")):
        name = re.fullmatch(r"python3\.(\d+)", path.name)
        if name is None or int(name[1]) < 11 or (3, int(name[1])) in found:
            continue
        works = subprocess.run([str(path), "-c", "import ssl, venv, ensurepip"], check=False,
                               capture_output=True, timeout=60)
        if works.returncode == 0:
            found[3, int(name[1])] = str(path)
    return found


def run_tests(python: str, wanted: list[str]) -> int:
    """Install, and run the tests there; the exit code."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    with tempfile.TemporaryDirectory(prefix="socs_tcp-versions-") as folder:
        inside = f"{folder}/bin/python"
        for command in ([python, "-m", "venv", folder],
                        [inside, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                         *wanted],
                        [inside, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                         "--no-deps", "--editable", CHECKOUT]):
            if subprocess.call(command, env=env, stdin=subprocess.DEVNULL):
                print(f".ci/versions.py: failed: {' '.join(map(str, command))}", flush=True)
                return 1
        subprocess.call([inside, "-c",
                         "import importlib.metadata as m, sys; print('Python', sys.version.split()"
                         "[0], *(f'{n} {m.version(n)}' for n in ('twisted', 'txaio', 'ocs', "
                         "'autobahn', 'pytest')))"], env=env)
        return subprocess.call([inside, "-m", "pytest", "-q", "--color=no", "-p",
                                "no:cacheprovider", f"--ignore={LONG}",
                                *(f"tests/{name}" for name in TESTS)],
                               cwd=CHECKOUT, env=env, stdin=subprocess.DEVNULL)


def main(args: list[str]) -> int:
    if args == ["least"]:
        return run_tests(sys.executable, [least(line) for line in requirements()])
    if args == ["newest"]:
        found = pythons()
        newest = max(found)
        if newest == OWN_VERSION:
            print(f".ci/versions.py: no Python newer than {OWN_VERSION[0]}.{OWN_VERSION[1]} here; "
                  "the tests ran on it already", flush=True)
            return 0
        return run_tests(found[newest], requirements())
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
