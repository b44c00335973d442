#!/usr/bin/env python3
"""Run the demo, the tests or the checks in an environment of their own.

    python3 run.py demo             the demonstration (--help shows its options)
    python3 run.py test [ARGS...]   the tests; ARGS go to pytest
    python3 run.py lint             ruff and mypy
    python3 run.py docs             the documentation, into docs/_build/html
    python3 run.py bench [--quick]  the benchmarks (half an hour; --quick: some minutes)

The environment is made beside this file, in .venv, the first time and when setup.cfg
changes. Nothing but Python 3.11 or newer is needed.
"""

import sys

# before anything that an older Python does not know
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(f"socs_tcp needs Python 3.11 or newer; this is Python {sys.version_info[0]}."
             f"{sys.version_info[1]} ({sys.executable}).\nTry: python3.11 run.py")

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"
#: Written last of all: an environment without it was interrupted, and is made again.
STAMP = VENV / "installed.json"
#: What each command needs of the extras in setup.cfg.
EXTRAS = {"demo": "demo", "test": "test", "lint": "test", "docs": "docs",
          "bench": "bench"}
#: The original: the benchmarks measure it beside ours, the tests run its drivers, the
#: demonstration shows one of its agents. Not in an extra, since none can say --no-deps: with its
#: dependencies it brings a pyasn1 too old for crossbar's pyasn1-modules. What its drivers really
#: need is in the extra `test`.
ORIGINAL = "socs", "0.6.4"
INTERRUPTED = 130


def main(args):
    """Run the command line; return the exit code, where this process is still here to do so."""
    if not args or args[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if args else 2
    command, rest = args[0], args[1:]
    if command not in EXTRAS:
        print(f"run.py: no such command: {command}\n\n{__doc__.strip()}", file=sys.stderr)
        return 2
    os.chdir(HERE)
    try:
        with only_one_at_a_time():
            make_environment(EXTRAS[command])
            if command in ("bench", "demo", "test"):
                add_original()
    except KeyboardInterrupt:
        print("\nInterrupted; the next run begins again.", file=sys.stderr)
        return INTERRUPTED
    except Failed as exc:
        print(f"run.py: {exc}", file=sys.stderr)
        return 1
    if command == "lint":
        return lint()
    module = {"demo": ["socs_tcp", "demo"], "test": ["pytest"], "bench": ["benchmarks"],
              "docs": ["sphinx", "-n", "-W", "--keep-going", "docs", "docs/_build/html"]}[command]
    # In our place: signals and the exit code then need no passing on.
    sys.stdout.flush()
    os.execve(PYTHON, [str(PYTHON), "-m", *module, *rest], environment())


def lint():
    """Both checks, also where the first fails."""
    codes = [subprocess.call([str(PYTHON), "-m", *check], env=environment())
             for check in (["ruff", "check", "."], ["mypy"])]
    return max(codes)


class Failed(Exception):
    """The environment cannot be made; the message says what to do."""


@contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Wait while another run.py makes the environment."""
    directory = os.open(HERE, os.O_RDONLY)
    try:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Waiting for another run.py, which makes the environment ...", flush=True)
            fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def make_environment(extra):
    """Make .venv where it is missing, broken or out of date, with `extra` installed."""
    key = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in
                                  ("setup.cfg", "setup.py", "pyproject.toml"))).hexdigest()
    made = read_stamp()
    if made is None:
        shutil.rmtree(VENV, ignore_errors=True)
        create()
        made = {"key": None, "extras": []}
    if made["key"] == key and extra in made["extras"]:
        return
    extras = sorted({*made["extras"], extra})
    print(f"Installing socs_tcp with what is needed for: {', '.join(extras)} ...", flush=True)
    STAMP.unlink(missing_ok=True)
    code = subprocess.call([*pip(), "install", "--disable-pip-version-check", "--editable",
                            f".[{','.join(extras)}]"], env=environment())
    if code:
        raise Failed(f"pip failed with code {code}; its message is above. "
                     "It needs a way to a package index: a network, a proxy or a mirror.")
    STAMP.write_text(json.dumps({"key": key, "extras": extras}))


def add_original():
    """Install the original where it is missing. Without it the rest of the tests runs, too."""
    name, version = ORIGINAL
    there = ("import sys; from importlib.metadata import version;"
             f" sys.exit(version({name!r}) != {version!r})")
    if subprocess.call([str(PYTHON), "-c", there], env=environment(),
                       stderr=subprocess.DEVNULL) and \
            subprocess.call([*pip(), "install", "--disable-pip-version-check", "--no-deps",
                             f"{name}=={version}"], env=environment()):
        print(f"run.py: {name} {version} cannot be installed; it will not be measured nor "
              "shown, and tests/compat will fail", file=sys.stderr)


def read_stamp():
    """What is installed in .venv; None where it is missing, half made, or its Python is gone."""
    with suppress(OSError, ValueError):
        stamp = json.loads(STAMP.read_text())
        if {"key", "extras"} <= set(stamp) and \
                subprocess.call([str(PYTHON), "-c", ""], env=environment()) == 0:
            return stamp
    return None


def create():
    """An empty environment in .venv, with pip where this Python can give it one."""
    print(f"Making an environment in {VENV} ...", flush=True)
    base = getattr(sys, "_base_executable", sys.executable)
    without_pip = subprocess.call([base, "-c", "import ensurepip"], stderr=subprocess.DEVNULL)
    code = subprocess.call([base, "-m", "venv", *(["--without-pip"] if without_pip else []),
                            str(VENV)], env=environment())
    if code:
        raise Failed(f"python -m venv failed with code {code}; its message is above.")


def pip():
    """The pip of .venv; or, on systems that leave it out of venv, that of this Python."""
    own = [str(PYTHON), "-m", "pip"]
    if subprocess.call([*own, "--version"], env=environment(),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
        return own
    others = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if subprocess.call([*others, "--version"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
        return others
    raise Failed("this Python can give an environment no pip. On Debian and Ubuntu: "
                 f"apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv")


def environment():
    """Ours, without what would lead the Python of .venv to other packages than its own."""
    return {key: value for key, value in os.environ.items()
            if key not in ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")}


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
