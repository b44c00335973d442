"""Run all benchmarks: ``python -m benchmarks [--quick] [PART ...]``.

Each part runs in a process of its own. The results go to a directory, as JSON, as a table and
as plots; the last table says which goals were reached.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from .figures import goals, measure, plot, report

PARTS = ("query", "many", "bulk", "pipelining", "startup", "ocs_side", "production")


def run_part(part: str, out: Path, more: list[str]) -> measure.Result | None:
    """One part; None where it failed, which it has said itself."""
    path = out / f"{part}.json"
    path.unlink(missing_ok=True)
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{part}", "--json",
                           str(path.resolve()), *more], cwd=measure.CHECKOUT, check=False)
    if done.returncode or not path.exists():
        measure.say(f"benchmarks: {part} failed")
        return None
    return json.loads(path.read_text())


def main(args: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks",
                                     description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default all")
    parser.add_argument("--quick", action="store_true", help="a minute or two; rough figures")
    parser.add_argument("--out", type=Path, default=Path("bench-results"), metavar="DIR")
    parser.add_argument("--docs", action="store_true",
                        help="also write benchmarks/results.rst, and the plots into docs/img")
    parser.add_argument("--report", action="store_true",
                        help="run nothing: report what is in DIR, parts run one by one, too")
    opts = parser.parse_args(args)
    parts = opts.parts or list(PARTS)
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")
    opts.out.mkdir(parents=True, exist_ok=True)
    if measure.versions()["socs"] is None and not opts.report:
        measure.say(f"The original, socs.tcp, is not installed. To have it measured, too:\n"
                    f"    {measure.ADD_SOCS}")
    more = ["--quick"] if opts.quick else []
    if opts.report:
        results = [json.loads(path.read_text()) for part in parts
                   if (path := opts.out / f"{part}.json").exists()]
    else:
        results = [result for part in parts
                   if (result := run_part(part, opts.out, more)) is not None]
    print("\n" + goals.shown(results))
    for one in (skipped for result in results for skipped in result["skipped"]):
        print(f"not measured: {one['subject']}: {one['why']}")
    (opts.out / "goals.json").write_text(json.dumps(goals.judged(results), indent=1) + "\n")
    targets = [opts.out]
    if opts.docs:
        docs = measure.CHECKOUT / "docs"
        targets.append(docs / "img")
        (measure.CHECKOUT / "benchmarks" / "results.rst").write_text(
            report.as_rst(results, goals.shown(results)))
    for target in targets:
        plot.write_all(results, target)
    print(f"\nThe results are in {opts.out}.")
    return 0 if len(results) == len(parts) else 1


if __name__ == "__main__":
    sys.exit(main())
