"""Start-up: what an import costs, and the memory of an agent that waits.

Each figure is of a fresh process. Bytecode is cached by a first run that does not count.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from .figures import measure, report
from .figures.measure import Result
from .servers import echo

IMPORTS = {
    "nothing": "pass",
    "twisted": "import twisted.internet.protocol",
    "socs_tcp": "import socs_tcp",
    "socs_tcp.tcp": "import socs_tcp.tcp",
    "socs.tcp": "import socs.tcp",
    "twisted and reactor": "import twisted.internet.reactor",
    "ocs": "import ocs.ocs_agent",
}

#: What a person at a terminal waits for.
COMMANDS = {"socs-tcp --help": ["--help"], "socs-tcp query": ["query", "127.0.0.1:{port}", "A?"]}
_COMMAND = """
import contextlib, io
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    from socs_tcp.cli.main import main
    main({args})
"""

#: (The system's own record of the most memory ever used begins with that of the parent.)
_TELL_MEMORY = "\nprint(open('/proc/self/statm').read().split()[1])"

#: An agent process as it waits between two polls: OCS is imported, a device is connected.
_IDLE = """
import sys
from types import SimpleNamespace
from twisted.internet import reactor
import ocs.ocs_agent, ocs.ocs_feed
agent = SimpleNamespace(sessions={{}}, log=SimpleNamespace(), next_sessions={{}})
{more}
from pathlib import Path
import os
def tell():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    print(pages * os.sysconf("SC_PAGE_SIZE"), flush=True)
    reactor.stop()
reactor.callLater(0.3, tell)
reactor.run()
"""
AGENTS = {
    "agent, no device": "",
    "agent, socs.tcp": """
from socs.tcp import TCPInterface
device = TCPInterface("127.0.0.1", {port}, 5)""",
    "agent, TCPInterface": """
from socs_tcp import TCPInterface
from socs_tcp import DeviceAgentMixin
class Agent(DeviceAgentMixin):
    def __init__(self):
        self.agent = agent
        self.device = TCPInterface("127.0.0.1", {port}, 5)
        self.watch(self.device)
Agent()""",
    "agent, DeviceClient": """
from socs_tcp import DeviceClient
from socs_tcp import DeviceAgentMixin
class Agent(DeviceAgentMixin):
    def __init__(self):
        self.agent = agent
        self.device = DeviceClient("127.0.0.1", {port}, 5)
        self.watch(self.device)
Agent()""",
}


def one_import(code: str) -> dict[str, float]:
    """Wall and CPU milliseconds of a process that only does this, and its memory at the end."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code + _TELL_MEMORY], text=True,
                               cwd=measure.CHECKOUT, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    pages = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return {"wall": wall * 1e3, "cpu": (usage.ru_utime + usage.ru_stime) * 1e3,
            "memory": int(pages or 0) * os.sysconf("SC_PAGE_SIZE") / (1 << 20),
            "failed": process.returncode}


def one_agent(code: str, port: int) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", _IDLE.format(more=code.format(port=port))],
                          cwd=measure.CHECKOUT, capture_output=True, text=True, check=False,
                          timeout=60)
    if done.returncode or not done.stdout.split():
        return {"memory": 0.0, "failed": 1, "why": (done.stderr.strip() or "?").splitlines()[-1]}
    return {"memory": int(done.stdout.split()[-1]) / (1 << 20), "failed": 0}


def imports(result: Result, rounds: int) -> None:
    measure.say(f"startup: {len(IMPORTS)} imports, {rounds} rounds")
    names = list(IMPORTS)
    for name in list(names):
        if one_import(IMPORTS[name])["failed"]:
            measure.skip(result, name, f"{IMPORTS[name]!r} fails")
            names.remove(name)
    found = measure.interleaved(names, rounds, lambda name: one_import(IMPORTS[name]))
    empty = measure.spread(one["wall"] for one in found["nothing"])["median"]
    empty_cpu = measure.spread(one["cpu"] for one in found["nothing"])["median"]
    rows = {}
    for name, runs in found.items():
        wall = measure.spread(one["wall"] for one in runs)
        cpu = measure.spread(one["cpu"] for one in runs)
        rows[name] = {"process": IMPORTS[name], "wall_ms": wall,
                      "cpu_ms": cpu,
                      "import_ms": round(wall["median"] - empty, 1),
                      "import_cpu_ms": round(cpu["median"] - empty_cpu, 1),
                      "memory_MB": measure.spread(one["memory"] for one in runs)["median"]}
    result["rows"] += rows.values()
    for name in ("socs_tcp", "socs_tcp.tcp"):
        if name in rows:
            result["figures"][f"startup.{name}.import_vs_twisted"] = measure.ratio(
                rows[name]["import_cpu_ms"], rows["twisted"]["import_cpu_ms"])


def commands(result: Result, rounds: int) -> None:
    measure.say(f"startup: {len(COMMANDS)} commands, {rounds} rounds")
    with echo.running() as port:
        found = measure.interleaved(list(COMMANDS), rounds, lambda name: one_import(
            _COMMAND.format(args=[word.format(port=port) for word in COMMANDS[name]])))
    for name, runs in found.items():
        wall, cpu, memory = (measure.spread(one[what] for one in runs)
                             for what in ("wall", "cpu", "memory"))
        result["rows"].append({"process": name, "wall_ms": wall, "cpu_ms": cpu,
                               "memory_MB": memory["median"]})
        result["figures"][f"startup.{name}.seconds"] = round(wall["median"] / 1e3, 3)


def idle_agents(result: Result, rounds: int) -> None:
    measure.say(f"startup: {len(AGENTS)} idle agents, {rounds} rounds")
    memory = {}
    with echo.running() as port:
        found = measure.interleaved(list(AGENTS), rounds,
                                    lambda name: one_agent(AGENTS[name], port))
    for name, runs in found.items():
        if runs[0]["failed"]:
            measure.skip(result, name, runs[0]["why"])
            continue
        memory[name] = measure.spread(one["memory"] for one in runs)
        more = memory[name]["median"] - memory["agent, no device"]["median"]
        result["rows"].append({"idle": name, "memory_MB": memory[name], "more_MB": round(more, 2)})
        result["figures"][f"startup.{name}.more_MB"] = round(more, 2)


def main(args: list[str] | None = None) -> Result:
    parser = measure.make_parser("startup", __doc__)
    parser.add_argument("--rounds", type=int, help="default 20; 3 if quick")
    opts = parser.parse_args(args)
    rounds = opts.rounds or (3 if opts.quick else 20)
    result = measure.new_result("startup", opts.quick, rounds=rounds)
    imports(result, rounds)
    commands(result, rounds)
    idle_agents(result, max(rounds // 4, 1))
    measure.save(opts.json, result)
    report.show(result)
    return result


if __name__ == "__main__":
    main()
