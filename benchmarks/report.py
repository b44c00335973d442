"""A result as a table that a person reads, and the goals with what was reached."""

from __future__ import annotations

from typing import Any

from .measure import Result


def show(result: Result) -> None:
    """Print what one part measured."""
    settings = ", ".join(f"{name}={value}" for name, value in result["settings"].items())
    print(f"\n{result['benchmark']}  ({settings})")
    for kind in dict.fromkeys(tuple(row) for row in result["rows"]):
        print()
        print(table(list(kind), [[_cell(row[column]) for column in kind]
                                 for row in result["rows"] if tuple(row) == kind]))
    for one in result["skipped"]:
        print(f"not measured: {one['subject']}: {one['why']}")
    if result["quick"]:
        print("(quick run: the figures are rough)")


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
