"""``python -m tests.fuzz framers --seconds 60``: let atheris make up inputs for one target.

Needs ``pip install atheris``. The inputs that reach something new are kept in
``tests/fuzz/corpus``, one a line. One that fails is written to ``tests/fuzz/crash-...``, and
``--input`` runs it alone.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.logger import globalLogBeginner

from . import chance

HERE = Path(__file__).resolve().parent
TARGETS = ("framers", "protocols", "client", "loader", "replies")


def make_parser() -> argparse.ArgumentParser:
    """Make an argument parser."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--chance", action="store_true",
                        help="without atheris: inputs of the corpus, changed by chance; tells "
                             "every minute how many there were, and what the slowest took, and "
                             "goes on after one that fails")
    parser.add_argument("--seed", type=int, default=0, help="of --chance")
    parser.add_argument("--input", type=Path, help="run one file, and end")
    parser.add_argument("--folder", help=argparse.SUPPRESS)     # in a process of its own
    return parser


def corpus_file(target: str) -> Path:
    """Where the inputs of a target are, in hex, one a line."""
    return HERE / "corpus" / f"{target}.txt"


def corpus(target: str) -> list[bytes]:
    """The inputs of a target."""
    file = corpus_file(target)
    return [bytes.fromhex(line) for line in file.read_text().split()] if file.exists() else []


def fuzz(target: str, seconds: int) -> int:
    """Run the fuzzer in a process of its own, which it ends without a word."""
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(corpus(target)):
            Path(folder, str(number)).write_bytes(data)
        code = subprocess.call([sys.executable, "-m", "tests.fuzz", target, "--seconds",
                                str(seconds), "--folder", folder], cwd=HERE.parents[1])
        found = {file.read_bytes() for file in Path(folder).iterdir()}
    corpus_file(target).parent.mkdir(exist_ok=True)
    corpus_file(target).write_text("".join(
        data.hex() + "\n" for data in sorted(found, key=lambda data: (len(data), data)) if data))
    return code


def fuzz_here(target: str, folder: str, seconds: int) -> None:
    """Never returns."""
    import atheris
    # a link logs to stderr where nobody has set logging up
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    with atheris.instrument_imports(include=["socs_tcp", f"tests.fuzz.{target}"]):
        module: Any = importlib.import_module(f"tests.fuzz.{target}")
    atheris.Setup([sys.argv[0], folder, f"-max_total_time={seconds}", "-max_len=200",
                   f"-artifact_prefix={HERE}/crash-"], module.one_input)
    atheris.Fuzz()


def main(args: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = make_parser().parse_args(args)
    # the device in memory is one of the tests' helpers
    sys.path.insert(0, str(HERE.parent))
    if options.input:
        importlib.import_module(f"tests.fuzz.{options.target}").one_input(options.input.read_bytes())
        return 0
    if options.chance:
        return chance.run(options.target, corpus(options.target), options.seconds,
                          options.seed, HERE)
    if options.folder:
        fuzz_here(options.target, options.folder, options.seconds)
    return fuzz(options.target, options.seconds)


if __name__ == "__main__":
    sys.exit(main())
