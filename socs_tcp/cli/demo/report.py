"""The table at the end of the demonstration."""

from __future__ import annotations

from .scenes import Scene, Seen

HEAD = ("", "degraded = True", "degraded = False", "wrong readings")
WIDTHS = (19, 17, 27, 14)


def table(names: list[str], scenes: list[Scene], results: list[list[Seen]]) -> str:
    """One line for each scene and agent.

    Parameters
    ----------
    names : list of str
        Of the agents.
    scenes : list of Scene
    results : list of list of Seen
        For each scene, what was seen of each agent.
    """
    lines = [_row(HEAD), _row(("", "after the fault", "after the first good answer", "")),
             _row(tuple("-" * width for width in WIDTHS))]
    for scene, seen in zip(scenes, results, strict=True):
        lines.append(scene.name)
        lines += [_row((f"    {name}", _true(scene, one), _false(one), str(one.wrong)))
                  for name, one in zip(names, seen, strict=True)]
    return "\n".join(lines)


def _row(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def _true(scene: Scene, seen: Seen) -> str:
    if seen.true_after is None:
        return f"never in {scene.lasts:.0f} s"
    return f"{seen.true_after:.2f} s"


def _false(seen: Seen) -> str:
    if seen.true_after is None:
        return "-"
    if seen.false_early is not None:
        return f"{seen.false_early:.1f} s INTO the fault"
    return "never" if seen.false_after is None else f"{seen.false_after:.2f} s"
