"""``python -m fuzz framers --seconds 60``: let atheris make up inputs for one target.

Needs ``pip install atheris``. New inputs go to ``fuzz/corpus``; with ``--minimize`` only those
stay there that reach something new. What fails is written to ``fuzz/crash-...``.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.logger import globalLogBeginner

HERE = Path(__file__).resolve().parent
TARGETS = ("framers", "protocols", "client")


def make_parser() -> argparse.ArgumentParser:
    """Make an argument parser."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--minimize", action="store_true", help="shrink the corpus, and end")
    parser.add_argument("--input", type=Path, help="run one file, and end")
    parser.add_argument("--libfuzzer", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def fuzz(target: str, options: list[str]) -> None:
    """Never returns."""
    import atheris  # noqa: PLC0415 (only this needs it)
    with atheris.instrument_imports(include=["socs_tcp", f"fuzz.{target}"]):
        module: Any = importlib.import_module(f"fuzz.{target}")
    atheris.Setup([sys.argv[0], *options], module.one_input)
    atheris.Fuzz()


def minimize(target: str) -> int:
    """Keep the inputs that reach something new."""
    corpus = HERE / "corpus" / target
    with tempfile.TemporaryDirectory() as folder:
        code = subprocess.call([sys.executable, "-m", "fuzz", target, "--libfuzzer", "-merge=1",
                                folder, str(corpus)])
        if not code:
            shutil.rmtree(corpus)
            shutil.copytree(folder, corpus)
    return code


def main(args: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = make_parser().parse_args(args)
    # the device in memory is one of the tests' helpers
    sys.path.insert(0, str(HERE.parent / "tests"))
    if options.input:
        importlib.import_module(f"fuzz.{options.target}").one_input(options.input.read_bytes())
        return 0
    if options.minimize:
        return minimize(options.target)
    corpus = HERE / "corpus" / options.target
    corpus.mkdir(parents=True, exist_ok=True)
    # a link logs to stderr where nobody has set logging up
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    fuzz(options.target, options.libfuzzer or [
        str(corpus), f"-max_total_time={options.seconds}", "-max_len=200",
        f"-artifact_prefix={HERE}/crash-"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
