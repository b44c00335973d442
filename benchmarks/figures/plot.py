"""Plots of the results as SVG, where matplotlib is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .measure import Result, say

OURS = "#1f6fb4"
OTHERS = "#b8b8b8"
FAILED = "#c44e52"


def write_all(results: list[Result], target: Path) -> None:
    """One file a part that has something to show."""
    try:
        import matplotlib
    except ImportError:
        say("No plots: matplotlib is not installed (it is in the extra `bench`).")
        return
    matplotlib.use("svg")
    # Text stays text: smaller, and it can be searched. No date: the same data, the same file.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "socs_tcp",
                                "font.size": 9, "axes.spines.top": False,
                                "axes.spines.right": False})
    from matplotlib import pyplot
    target.mkdir(parents=True, exist_ok=True)
    for result in results:
        for name, draw in PLOTS.get(result["benchmark"], {}).items():
            figure, axes = pyplot.subplots(figsize=(7, 4))
            if draw(axes, result):
                figure.tight_layout()
                figure.savefig(target / f"{name}.svg", metadata={"Date": None})
            pyplot.close(figure)


def _is_ours(name: str) -> bool:
    return name.startswith(("TCPInterface", "DeviceClient", "RawProtocol", "LineProtocol"))


def query(axes: Any, result: Result) -> bool:
    """Bars: wall time, the client's CPU time in it; whiskers from quartile to quartile."""
    rows = sorted(result["rows"], key=lambda row: -row["wall_us"]["median"])
    rows = [row for row in rows if row["wall_us"]["median"]]
    for at, row in enumerate(rows):
        wall, colour = row["wall_us"], OURS if _is_ours(row["subject"]) else OTHERS
        axes.barh(at, wall["median"], color=colour, alpha=0.55,
                  xerr=[[wall["median"] - wall["p25"]], [wall["p75"] - wall["median"]]],
                  error_kw={"lw": 0.8})
        axes.barh(at, row["cpu_us"]["median"], color=colour, height=0.4)
        axes.text(wall["p75"] + 1, at, f" {row['wall_vs_bare']:.2f}", va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [row["subject"] for row in rows])
    axes.set_xlabel("µs a query: wall time on one core (dark: CPU of the client)\n"
                    "the number is the ratio to a bare socket", fontsize=8)
    return bool(rows)


def many(axes: Any, result: Result) -> bool:
    """CPU per query over the number of devices, at the highest rate."""
    rows = [row for row in result["rows"] if "kind" in row]
    rate = max((row["hz"] for row in rows), default=0)
    for number, kind in enumerate(dict.fromkeys(row["kind"] for row in rows)):
        points = [(row["devices"], row["cpu_us"]) for row in rows
                  if row["kind"] == kind and row["hz"] == rate]
        ours = _is_ours(kind)
        axes.plot(*zip(*points, strict=True), marker="o", label=kind, lw=2.2 if ours else 1,
                  color=OURS if ours else f"C{number + 1}", ls="-" if ours else "--")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(f"devices, each polled at {rate:g} Hz")
    axes.set_ylabel("µs of CPU a query")
    axes.legend(frameon=False)
    return bool(rows)


def outage(axes: Any, result: Result) -> bool:
    """When connections were tried while half of the devices were away, and after."""
    attempts = result.get("attempts_s")
    if not attempts:
        return False
    bins = [tenth / 5 for tenth in range(int(max(attempts) * 5) + 2)]
    axes.hist(attempts, bins=bins, color=OURS)
    away = max(attempts) - max(result["back_s"], default=0.0)
    axes.axvspan(0, away, color=FAILED, alpha=0.12)
    axes.set_xlabel("seconds since half of the devices were unplugged (shaded: they are away)")
    axes.set_ylabel("attempts to connect in 0.2 s")
    return True


def bulk(axes: Any, result: Result) -> bool:
    """CPU per kB for each way to receive, at each frame size."""
    rows = result["rows"]
    names = list(dict.fromkeys(row["subject"] for row in rows))
    sizes = sorted({row["frame"] for row in rows})
    cost = {(row["subject"], row["frame"]): row["cpu_ns_per_kB"]["median"] for row in rows}
    for number, size in enumerate(sizes):
        places = [at + (number - 1) * 0.27 for at in range(len(names))]
        label = f"{size >> 10} kB" if size < 1 << 20 else f"{size >> 20} MB"
        axes.bar(places, [cost.get((name, size), 0) for name in names], width=0.27,
                 label=f"frames of {label}", color=(OTHERS, "#7fb0d8", OURS)[number])
    axes.set_yscale("log")
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=7)
    axes.set_ylabel("ns of CPU a kB")
    axes.legend(frameon=False, fontsize=8)
    return bool(rows)


PLOTS = {"query": {"query": query}, "many": {"many": many, "outage": outage},
         "bulk": {"bulk": bulk}}
