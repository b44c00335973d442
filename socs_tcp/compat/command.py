"""``python -m socs_tcp.compat COMMAND``: a command whose SOCS drivers run on our class."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .follow import VARIABLE

USAGE = """\
usage: python -m socs_tcp.compat [--keep-degraded] COMMAND [ARGS...]
       python -m socs_tcp.compat [--keep-degraded] -m MODULE [ARGS...]
       python -m socs_tcp.compat [--keep-degraded] SCRIPT.py [ARGS...]

Run a command with socs_tcp.TCPInterface in the place of socs.tcp.TCPInterface, in it and
in every Python process that it starts. There, session.degraded of each OCS agent follows
the connections of all devices of its process; --keep-degraded leaves it to the agents.
For example:

    python -m socs_tcp.compat ocs-agent-cli --instance-id cryomech
"""
KEEP_DEGRADED = "--keep-degraded"
#: What shells return for a command that is not there.
NOT_FOUND = 127
MISUSED = 2
#: Where the file is that Python runs at the start of each process; see there.
CHILDREN = Path(__file__).with_name("children")


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Become the command in `args` (default: the command line)."""
    words = list(sys.argv[1:] if args is None else args)
    if words[:1] in (["-h"], ["--help"]):
        print(USAGE, end="")
        sys.exit(0)
    if words[:1] == [KEEP_DEGRADED]:
        os.environ[VARIABLE] = "off"
        del words[0]
    if not words or words == ["-m"]:
        print(USAGE, end="", file=sys.stderr)
        sys.exit(MISUSED)
    # Only looked for: whether it is imported, and when, is the command's own affair.
    if importlib.util.find_spec("socs") is None:
        _fail(f"SOCS is not installed in this environment ({sys.prefix}), and this runs SOCS' "
              "drivers. Install it with: pip install socs", 1)
    command = resolve(words)
    os.environ["PYTHONPATH"] = python_path(os.environ.get("PYTHONPATH"))
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp(command[0], command)
    except OSError as exc:
        _fail(f"cannot run {command[0]}: {exc.strerror}", NOT_FOUND)


def resolve(words: Sequence[str]) -> list[str]:
    """The program to run and its arguments.

    Modules and scripts are run by this Python. A command is looked for beside it
    first, as an environment that was not activated has its commands only there.
    """
    first = words[0]
    if first == "-m" or first.endswith(".py"):
        return [sys.executable, *words]
    beside = str(Path(sys.executable).parent)
    found = None if os.sep in first else shutil.which(first, path=beside)
    return [found or first, *words[1:]]


def python_path(old: str | None) -> str:
    """``PYTHONPATH`` with our directory at its beginning, once."""
    rest = [entry for entry in (old or "").split(os.pathsep) if entry and entry != str(CHILDREN)]
    return os.pathsep.join([str(CHILDREN), *rest])


def _fail(text: str, code: int) -> NoReturn:
    print(f"socs_tcp.compat: {text}", file=sys.stderr)
    sys.exit(code)
