"""Instructions of one question and its answer: what must not creep up.

The processor counts the same whatever else the machine does. Each subject runs twice under
valgrind, the second time with twice as many questions: the difference is theirs alone, without the
start of Python. What the system does in its calls is not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .clients.blocking import BARE
from .clients.bulk import KINDS
from .figures import measure, report
from .servers.echo import server_process

#: What is stored, and compared with.
STORED = Path(__file__).with_suffix(".json")
#: More than this of a change is no chance: two runs differ by less than one per cent.
ALLOWED = 0.03
#: The same of a stream: how much there is to read each time is chance.
ALLOWED_IN_STREAM = 0.2

FRAME = 1024
QUESTIONS = (BARE, "TCPInterface query, raw", "TCPInterface query, lines",
             "TCPInterface query, lines, thread", "TCPInterface send+recv",
             "TCPInterface send+recv, thread", "DeviceClient query")
#: Each gets frames of 1 kB.
STREAMS = (*(f"TCPInterface frames, {kind}" for kind in KINDS), "DeviceClient frames, lines",
           "LineProtocol recv_frames, lines")
SUBJECTS = (*QUESTIONS, *STREAMS)
#: So many questions, or frames, the first time.
COUNTS = {name: 2000 for name in QUESTIONS} | {name: 4096 for name in STREAMS}

Counts = dict[str, int]


def counted(args: list[str], words: str) -> int:
    """The instructions of a Python process with these arguments, which reads `words`."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, *args],
        input=words, capture_output=True, text=True, check=False, cwd=measure.CHECKOUT,
        env=os.environ | {"PYTHONHASHSEED": "0"})
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None or '"skip"' in done.stdout:
        raise RuntimeError(f"{' '.join(args)} failed under valgrind:\n{done.stdout}{done.stderr}")
    return int(found[1])


def measured(names: list[str]) -> Counts:
    """Instructions of one question, or of one frame, for each subject."""
    found = {}
    with contextlib.ExitStack() as stack:
        ports = {part: int(stack.enter_context(server_process(f"benchmarks.servers.{part}"))
                           .stdout.readline()) for part in ("echo", "bulk")}
        for name in names:
            found[name] = of_one(name, ports)
            measure.say(f"{name}: {found[name]}")
    return found


def of_one(name: str, ports: dict[str, int],
           count: Callable[[list[str], str], int] = counted) -> int:
    """Instructions of one question to the server at its port, or of one frame of it."""
    once, twice = (count(*_command(name, ports, factor * COUNTS[name])) for factor in (1, 2))
    return round((twice - once) / COUNTS[name])


def _command(name: str, ports: dict[str, int], number: int) -> tuple[list[str], str]:
    """The arguments of Python, and what the process reads."""
    if name in STREAMS:
        return ["-m", "benchmarks.clients.bulk", name, str(ports["bulk"]), str(FRAME),
                str(FRAME * number)], ""
    return ["-m", "benchmarks.clients.worker", name, str(ports["echo"])], f"{number}\n"


def judged(found: Counts, stored: Counts) -> list[str]:
    """What has crept up, one line each.

    Raises
    ------
    ValueError
        If the two cannot be compared: the bare socket, which is not ours, has changed, too.
    """
    bare, before = found.get(BARE), stored.get(BARE)
    if bare and before and abs(bare / before - 1) > ALLOWED:
        raise ValueError(f"a bare socket takes {bare} instructions here, and {before} where "
                         f"{STORED.name} was written: that was another Python. Count the commit "
                         "before with this one (--save), and compare with that.")
    return [f"{name}: {found[name]} instructions, {found[name] / stored[name] - 1:+.1%} of "
            f"{stored[name]}" for name in found
            if name in stored and found[name] > stored[name] * (
                1 + (ALLOWED_IN_STREAM if name in STREAMS else ALLOWED))]


def table(found: Counts, stored: Counts) -> str:
    rows = [[name, str(number), f"{number / found[BARE]:.2f}" if BARE in found else "-",
             f"{number / stored[name] - 1:+.1%}" if name in stored else "-"]
            for name, number in found.items()]
    return report.table(["one question, or one frame", "instructions", "/ bare socket",
                         "since stored"], rows)


def main(args: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions",
                                     description=(__doc__ or "").splitlines()[0])
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT",
                        help=f"{'; '.join(SUBJECTS)}. Default: all")
    parser.add_argument("--check", action="store_true",
                        help=f"fail if one has crept up by more than {ALLOWED:.0%} (a stream: "
                             f"{ALLOWED_IN_STREAM:.0%})".replace("%", "%%"))
    parser.add_argument("--save", action="store_true",
                        help=f"store them, in {STORED.name}, to be compared with")
    opts = parser.parse_args(args)
    unknown = [name for name in opts.subjects if name not in SUBJECTS]
    if unknown:
        parser.error(f"no such subject: {', '.join(unknown)}")
    if shutil.which("valgrind") is None:
        parser.error("this needs valgrind (a package of that name on Debian)")
    stored = json.loads(STORED.read_text())["instructions"] if STORED.exists() else {}
    found = measured(opts.subjects or list(SUBJECTS))
    print(table(found, stored))
    if opts.save:
        content = {"python": measure.machine()["python"], "twisted": measure.versions()["twisted"],
                   "instructions": stored | found}
        STORED.write_text(json.dumps(content, indent=1) + "\n")
    if opts.check:
        try:
            crept = judged(found, stored)
        except ValueError as exc:
            parser.error(str(exc))
        print("\n".join(crept) or "Nothing has crept up.")
        return 1 if crept else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
