"""A result as a table that a person reads, and the goals with what was reached."""

from __future__ import annotations

from typing import Any

from .measure import Result, busy

TITLES = {
    "query": "One question, one answer",
    "many": "Many devices",
    "bulk": "Bulk",
    "pipelining": "Pipelining",
    "startup": "Start-up",
    "ocs_side": "The OCS side",
    "production": "Cost in production",
}


def show(result: Result) -> None:
    """Print what one part measured."""
    settings = ", ".join(f"{name}={value}" for name, value in result["settings"].items())
    print(f"\n{result['benchmark']}  ({settings})")
    for block in tables(result):
        print("\n" + block)
    for one in result["skipped"]:
        print(f"not measured: {one['subject']}: {one['why']}")
    if result["quick"]:
        print("(quick run: the figures are rough)")


def tables(result: Result) -> list[str]:
    """Rows with the same columns make one table."""
    return [table(list(columns), [[_cell(row[column]) for column in columns]
                                  for row in result["rows"] if tuple(row) == columns])
            for columns in dict.fromkeys(tuple(row) for row in result["rows"])]


def table(head: list[str], rows: list[list[str]]) -> str:
    """An RST simple table: it reads well on a terminal, and is pasted into the documentation."""
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    rule = "  ".join("=" * width for width in widths)

    def line(cells: list[str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return "  ".join([first, *rest]).rstrip()
    return "\n".join([rule, line(head), rule, *map(line, rows), rule])


def _cell(value: Any) -> str:
    if isinstance(value, dict) and "median" in value:
        return f"{value['median']:.4g} ({value['p25']:.3g}-{value['p75']:.3g})"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)


def as_rst(results: list[Result], goals: str) -> str:
    """All tables as a page to be included in the documentation."""
    if not results:
        return ""
    machine, versions = results[0]["machine"], results[0]["versions"]
    parts = ["Results", "=======", "", ".. Written by ``python -m benchmarks --docs``.", "",
             f"{machine['cores']}-core {machine['architecture']} machine, {machine['system']}, "
             f"{machine['python']}; "
             + ", ".join(f"{name} {version}" for name, version in versions.items() if version)
             + ".", ""]
    if any(result["quick"] for result in results):
        parts += ["**From a quick run: the figures are rough.**", ""]
    if any(map(busy, results)):
        parts += ["**Taken on a machine that had other work, too: the delays, most of all, are to "
                  "be measured again on a quiet one. A verdict with a question mark is none.**", ""]
    parts += ["Goals", "-----", "", goals, ""]
    for result in results:
        title = TITLES[result["benchmark"]]
        settings = ", ".join(f"{name.replace('_', ' ')} {value}"
                             for name, value in result["settings"].items())
        parts += [title, "-" * len(title), "", f"``python -m benchmarks.{result['benchmark']}``: "
                  f"{settings}. Medians, with the quartiles in brackets. Commit "
                  f"{result['commit'] or 'unknown'}, load {result['machine']['load_at_start']:g}.",
                  ""]
        for block in tables(result):
            parts += [block, ""]
    return "\n".join(parts)
