"""Every block of code in the pages and in README.rst is a tested file, or is run here."""

import ast
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from contextlib import ExitStack

import pytest
import yaml
from docs_pages import DOCS, PAGES, ROOT, blocks
from ocs.site_config import HostConfig

from socs_tcp import LineFramer, TCPInterface
from socs_tcp.testing import DeviceServer, ScriptedDevice

FOUND = {page: blocks(page) for page in PAGES}
#: What runs the blocks of these pages: tests/testing/test_sim_docs.py, tests/description/...
RUN_ELSEWHERE = {"testing.rst", "description.rst"}
#: Blocks that say how things are called in a client; there is no router here.
ONLY_COMPILED = {"agents.rst"}
#: The commands of these pages are run by test_from_empty_folder.py.
COMMANDS_RUN_ELSEWHERE = {"agents.rst"}
LANGUAGES = {"python", "console", "yaml", "diff", "text"}
#: Commands that are too large to run here, with what must be there for them.
NOT_RUN = {
    "python3 -m venv": None, ". try/bin/activate": None, "pip install": "setup.cfg",
    "docker compose": "docker-compose.yml",
    "python -m socs_tcp.compat": "socs_tcp/compat/command.py",
    "python tests/docker/compose_check.py": "tests/docker/compose_check.py",
    "python -m benchmarks": "benchmarks/__main__.py",
    "python -m tests.storms": "tests/storms/__main__.py",
    "python -m tests.mutation": "tests/mutation/__main__.py",
    "python -m tests.fuzz": "tests/fuzz/__main__.py",
}


def chosen(language):
    return [pytest.param(page, number, id=f"{page.stem}-{number}")
            for page, found in FOUND.items() for number, block in enumerate(found)
            if block.kind != "literalinclude" and block.arg == language]


def test_they_are_found():
    assert sum(len(found) for found in FOUND.values()) > 60
    assert not [(page.name, block.arg) for page, found in FOUND.items() for block in found
                if block.kind != "literalinclude" and block.arg not in LANGUAGES]


@pytest.mark.parametrize("page", [page for page, found in FOUND.items()
                                  if any(b.kind == "literalinclude" for b in found)],
                         ids=lambda page: page.stem)
def test_what_is_included_is_a_tested_file(page):
    for block in FOUND[page]:
        if block.kind == "literalinclude":
            file = (page.parent / block.arg).resolve()
            assert file.is_file()
            assert file.parent in (DOCS / "examples", *(
                DOCS / "examples" / name for name in ("porting", "from_empty_folder", "drivers")),
                ROOT)


# Python

@pytest.mark.parametrize("page, number", chosen("python"))
def test_python_compiles(page, number):
    ast.parse(FOUND[page][number].text)


def script_of(page):
    return "\n".join(block.text for block in FOUND[page] if block.arg == "python"
                     and block.kind != "literalinclude")


#: Run after the blocks of a page, since they only define something.
AFTER = {
    "README.rst": """
        from types import SimpleNamespace
        from twisted.internet import reactor
        nobody = SimpleNamespace(sessions={}, start=None, stop=None, _reactor=reactor)
        agent = ThermometerAgent(nobody, "10.10.10.5", 7777)
        agent.poll = lambda session, read, period: [read()]
        session = SimpleNamespace(data=None)
        assert agent.acq(session, {})[0]
        print(session.data)
        agent.device.close()
        """,
    "drivers.rst": """
        from twisted.internet.task import react
        assert volts == 1.5
        react(lambda reactor: main(reactor).addCallback(lambda said: said == b"1.5\\r" or 1 / 0))
        """,
    "writing_agents.rst": """
        from types import SimpleNamespace
        from socs_tcp import TCPInterface
        holder = SimpleNamespace(device=TCPInterface("10.10.10.5", 7777, timeout=1))
        assert set_voltage(holder, None, {"volts": 1.5}) == (True, "Voltage set.")
        holder.device.close()
        assert set_voltage(holder, None, {"volts": 1.5})[0] is False
        """,
}


@pytest.mark.parametrize("page", [
    page for page in PAGES if page.name not in RUN_ELSEWHERE | ONLY_COMPILED and script_of(page)],
    ids=lambda page: page.stem)
def test_python_runs(page, tmp_path):
    """All of a page in one process, against a device that stands at every address."""
    answers = {"*IDN?": "ACME,SUPPLY,1\r", "VOLT?": "1.5\r", "KRDG? 1": "+4.2E+00\r",
               "*IDN?\r": "LSCI,MODEL372,LSA23JD,1.3\r", "KRDG? 1\r": "+4.2E+00\r"}
    with DeviceServer(ScriptedDevice(answers, framer=LineFramer("\n"))) as server:
        text = script_of(page) + textwrap.dedent(AFTER.get(page.name, ""))
        text = re.sub(r'"(10\.10\.10\.5|192\.168\.1\.2)", \d+', f'"{server.host}", {server.port}',
                      text)
        (tmp_path / "page.py").write_text(text)
        done = subprocess.run([sys.executable, "page.py"], cwd=tmp_path, capture_output=True,
                              text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("4.2" in done.stdout) == (page.name == "README.rst")


# YAML, diffs

@pytest.mark.parametrize("page, number", chosen("yaml"))
def test_yaml_is_yaml(page, number):
    described = yaml.safe_load(FOUND[page][number].text)
    assert described
    agents_outlive_the_router(described)


@pytest.mark.parametrize("name", ["docker/default.yaml",
                                  "docs/examples/from_empty_folder/default.yaml"])
def test_agents_of_a_site_that_is_copied_outlive_its_router(name):
    agents_outlive_the_router(yaml.safe_load((ROOT / name).read_text()))


def agents_outlive_the_router(site):
    """OCS ends the agents of a host ten seconds after their router, unless it is told not to."""
    if isinstance(site, dict):
        for name, host in site.get("hosts", {}).items():
            assert HostConfig.from_dict(host, name=name).crossbar_timeout == 0


@pytest.mark.parametrize("page, number", chosen("diff"))
def test_a_diff_leads_to_what_works(page, number):
    added = [line[1:] for line in FOUND[page][number].text.splitlines() if line.startswith("+")]
    exec("\n".join(added), {})


# commands

class Shell:
    """Runs the commands of one page, on ports that are free here."""

    def __init__(self, folder, stack):
        self.folder = folder
        self.stack = stack
        self.servers = []
        self.ports = {}
        programs = folder / "bin"
        programs.mkdir()
        for name, command in (("socs-tcp", "-m socs_tcp"), ("python", "")):
            (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {command} "$@"\n')
            (programs / name).chmod(0o755)
        (folder / "docs").symlink_to(DOCS)
        self.env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}",
                    "PYTHONUNBUFFERED": "1"}

    def free_port(self, port):
        """Ours in place of the page's. It is kept, bound, but not listening."""
        if port not in self.ports:
            sock = self.stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", 0))
            self.ports[port] = str(sock.getsockname()[1])
        return self.ports[port]

    def here(self, text):
        """The page's text with the ports of this run."""
        text = text.replace("10.10.10.5", "127.0.0.1")
        return re.sub(r"(127\.0\.0\.1:|--port )(\d{4})\b",
                      lambda m: m[1] + self.free_port(m[2]), text)

    def do(self, command, expected):
        command, expected = self.here(command), self.here(expected)
        if re.match(r"(socs-tcp (simulate|proxy|replay)|python -m socs_tcp\.testing) ", command):
            said = self.serve(command)
            expected = expected or "... Ctrl-C ends it\n"
        else:
            said = subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=60, check=False).stdout
        assert re.fullmatch(pattern_of(expected), said.strip()), f"{command}\n{said}"

    def serve(self, command):
        process = subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=self.folder,
                                   env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        self.servers.append(process)
        self.stack.callback(self.end, process)
        return process.stdout.readline()

    def tell(self, word):
        """Type something where the last server runs."""
        process = self.servers[-1]
        process.stdin.write(f"{word}\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"{word}: done\n"

    @staticmethod
    def end(process):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def pattern_of(expected):
    """``...`` stands for anything, and one blank for any."""
    parts = re.split(r"(\.\.\.|\s+)", expected.strip())
    return "".join({"...": r"[\s\S]*?"}.get(part) or (r"\s+" if part.isspace() else
                                                      re.escape(part)) for part in parts)


def commands_of(block):
    """Each command with what it prints."""
    for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def too_large(command):
    """Is this not for here? Then at least what it needs is there."""
    run = re.match(r"python3 run\.py (\w+)", command)
    if run:
        assert f'"{run[1]}":' in (ROOT / "run.py").read_text()
        return True
    plain = re.sub(r"^([A-Z_]+=\S+ )+", "", command)
    for variable in re.findall(r"([A-Z_]+)=\S+ ", command.removesuffix(plain)):
        files = ([ROOT / "docker-compose.yml"] if plain.startswith("docker") else
                 (ROOT / "tests").rglob("*.py"))
        assert any(variable in file.read_text() for file in files)
    run = re.match(r"pytest (tests/\S+)", plain)
    if run:
        assert (ROOT / run[1]).exists()
        return True
    for start, needs in NOT_RUN.items():
        if plain.startswith(start):
            assert needs is None or (ROOT / needs).exists()
            return True
    return False


@pytest.fixture
def shell(tmp_path):
    with ExitStack() as stack:
        yield Shell(tmp_path, stack)


@pytest.mark.parametrize("page", [page for page, found in FOUND.items()
                                  if page.name not in COMMANDS_RUN_ELSEWHERE
                                  and any(b.arg == "console" for b in found)],
                         ids=lambda page: page.stem)
def test_commands_do_what_the_page_says(page, shell):
    for block in FOUND[page]:
        if block.arg != "console":
            continue
        setting = block.options.get("class")
        if setting == "unplugged":
            shell.tell("unplug")
        if setting == "thermometer":
            (shell.folder / "thermometer.yaml").write_text(
                next(b for b in FOUND[page] if b.arg == "yaml").text)
        if setting == "prologix":
            spec = importlib.util.spec_from_file_location(
                "prologix_box", DOCS / "examples" / "prologix_box.py")
            example = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(example)
            server = shell.stack.enter_context(example.simulated())
            shell.ports["1234"] = str(server.port)
        for command, expected in commands_of(block):
            if not too_large(command):
                shell.do(command, expected)
        if setting == "unplugged":
            shell.tell("plug_in")


# README

def test_the_commands_of_the_readme():
    said = re.findall(r"^ +\$ (.+)$", (ROOT / "README.rst").read_text(), re.MULTILINE)
    assert said == ["pip install .", "python3 run.py demo"]
    assert all(map(too_large, said))


# troubleshooting

SAID_BY_OTHERS = {      # the system, and SOCS' own class
    "Connection refused", "No route to host", "Network is unreachable",
    "Name or service not known", "Temporary failure in name resolution",
    "Connection reset by peer", "Connection timed out", "Connection not established",
    "Unable to establish connection."}


def explained():
    """The messages that the page explains, in pieces between what varies."""
    for line in (DOCS / "troubleshooting.rst").read_text().splitlines():
        if line.startswith("``"):
            for message in re.findall(r"``(.+?)``", line):
                yield from (part.strip(" ,:;") for part in message.split("..."))


@pytest.mark.parametrize("part", sorted({part for part in explained() if len(part) > 2}))
def test_the_message_is_in_the_code(part):
    for other in SAID_BY_OTHERS:
        part = part.replace(other, "").strip(" :")
    source = "\n".join(path.read_text() for path in (ROOT / "socs_tcp").rglob("*.py"))
    joined = re.sub(r'"\s*\n\s*f?"', "", source)
    # what is put together when it happens
    pieces = [piece.strip() for piece in re.split(
        r": |; |( within| after| in the middle of a reply,?| while idle)", part) if piece]
    assert [piece for piece in pieces if piece not in joined] == []


# drivers

def test_the_names_that_are_taken():
    said = (DOCS / "drivers.rst").read_text().partition("Reserved names")[2]
    with TCPInterface("127.0.0.1", 1, timeout=0.1) as device:
        taken = {name for name in dir(device) if not name.startswith("_")}
    assert taken - set(re.findall(r"``(\w+)``", said)) == set()
