"""Programs under the switch, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

SAID = "socs.tcp.TCPInterface is socs_tcp.TCPInterface from now on"
SHOW = "from socs.tcp import TCPInterface; print(TCPInterface.__module__)"
OURS, THEIRS = "socs_tcp.tcp", "socs.tcp"


def run(*args, **environment):
    """Run this Python; returns what became of it, with its output as text."""
    env = {key: value for key, value in os.environ.items()
           if key != "PYTHONPATH" and not key.startswith("COV_CORE")}
    return subprocess.run([sys.executable, *map(str, args)], env=env | environment, timeout=60,
                          # not where the package can be imported from without being installed
                          cwd=Path(__file__).parent, capture_output=True, text=True, check=False)


def lines_of(code, **environment):
    """The lines that a program prints; it must end well."""
    done = run("-c", dedent(code), **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def compat(*args, **environment):
    return run("-m", "socs_tcp.compat", *args, **environment)
