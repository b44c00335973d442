"""'From an empty folder' of docs/agents.rst: every command of it, with the very files."""

import os
import re
import shlex
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from docs_pages import DOCS, blocks
from test_code_blocks import commands_of, pattern_of

from socs_tcp.testing.processes import ChildProcess
from socs_tcp.testing.router.config import free_port, is_free

pytest.importorskip("crossbar")

FILES = "docs/examples/from_empty_folder"
#: The ports in the files: the router's, the device's.
PORTS = "8001", "7010"
#: They run until Ctrl-C. The rest is done when it ends.
UNTIL_INTERRUPTED = "crossbar start", "socs-tcp simulate", "ocs-agent-cli"
#: What is installed here already.
INSTALLS = "python3 -m venv", ". try/bin/activate", "pip install"
#: Seconds: until a program or a client says what the page says; until a program has ended.
SAYS_WITHIN = 40
ENDS_WITHIN = 20


class EmptyFolder:
    """A folder beside a checkout, where the commands of the page are run."""

    def __init__(self, tmp_path, stack):
        self.folder = tmp_path / "site"
        self.folder.mkdir()
        self.logs = tmp_path / "logs"
        self.logs.mkdir()
        self.stack = stack
        self.programs = {}
        self.env = {key: value for key, value in os.environ.items()
                    if "proxy" not in key.lower() and not key.startswith(("OCS_", "DEVICE_"))}
        self.env["PATH"] = f"{Path(sys.executable).parent}:{self.env['PATH']}"
        self.env["PYTHONUNBUFFERED"] = "1"
        self.ports = dict.fromkeys(PORTS, "")
        while len(set(self.ports.values())) < len(PORTS):
            self.ports = {port: str(free_port()) for port in PORTS}
        copy = tmp_path / "socs_tcp" / FILES
        copy.mkdir(parents=True)
        for file in (DOCS.parent / FILES).iterdir():
            if file.is_file():
                (copy / file.name).write_text(self.here(file.read_text()))

    def here(self, text):
        """A file or the page with the ports of this run."""
        return re.sub(rf"\b({'|'.join(PORTS)})\b", lambda m: self.ports[m[0]], text)

    def do(self, command, expected):
        expected = self.here(expected)
        if command.startswith(INSTALLS):
            return
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.env[name] = value.replace("$PWD", str(self.folder))
        elif command.startswith(UNTIL_INTERRUPTED):
            self.start(command, expected)
        else:
            self.run(command, expected)

    def start(self, command, expected):
        name = shlex.split(command)[0]
        log = self.logs / f"{name}-{len(list(self.logs.iterdir()))}.log"
        program = ChildProcess(name, ["bash", "-c", f"exec {command}"], log,
                               env=self.env, cwd=self.folder)
        # Crossbar ends its worker itself, where it is let; what has ended already is no matter.
        self.stack.callback(program.terminate, ENDS_WITHIN)
        self.programs[name] = program

        def said():
            assert program.running, program.output()
            return program.output()

        wait_until_it_says(expected, said, command)

    def run(self, command, expected):
        """Until it says what the page says: a person is slower than this."""
        def said():
            done = subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=SAYS_WITHIN, check=False)
            return (f"exit code {done.returncode}\n" if done.returncode else "") + done.stdout

        wait_until_it_says(expected, said, command)

    def interrupt(self, name):
        """Ctrl-C in its terminal."""
        program = self.programs.pop(name)
        assert program.stop(ENDS_WITHIN), program.output()


def wait_until_it_says(expected, said, command):
    give_up = time.monotonic() + SAYS_WITHIN
    while not re.fullmatch(pattern_of(expected), (text := said()).strip()):
        assert time.monotonic() < give_up, f"{command}\n{text}"
        time.sleep(0.1)


@pytest.mark.timeout(300)
def test_from_an_empty_folder(tmp_path):
    with ExitStack() as stack:
        here = EmptyFolder(tmp_path, stack)
        done = []
        for block in blocks(DOCS / "agents.rst"):
            if block.arg != "console":
                continue
            if block.options.get("class") == "interrupted":
                here.interrupt("socs-tcp")
            for command, expected in commands_of(block):
                here.do(command, expected)
                done.append(command)
        assert {file.name for file in here.folder.iterdir()} >= {
            file.name for file in (DOCS.parent / FILES).iterdir() if file.is_file()}
        assert done.count("python look.py") == 4
        for name in ("ocs-agent-cli", "socs-tcp", "crossbar"):
            here.interrupt(name)
    # whoever listened is gone
    assert all(is_free(int(port)) for port in here.ports.values())
