"""Faults that are typed by hand."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from .show import Style, visible

if TYPE_CHECKING:
    from ..testing import DeviceServer, FaultProxy

#: What can go wrong, and what mends it.
FAULTS = ("hang_up", "reset", "reboot", "unasked", "silence", "late", "split", "glue", "garbage",
          "hang_up_mid_reply", "endless_line", "hang_up_after", "refuse", "accept_and_hang_up",
          "black_hole", "slow_reader", "one_client_only", "heal")


def commands(server: DeviceServer | FaultProxy) -> dict[str, Any]:
    """All that can be typed."""
    faults = {name: method for name, method in inspect.getmembers(server.faults, callable)
              if not name.startswith("_") and name in FAULTS}
    return {"unplug": server.unplug, "plug_in": server.plug_in, **faults}


def do(server: DeviceServer | FaultProxy, name: str, words: list[str]) -> str:
    style = Style()
    known = commands(server)
    if name in ("faults", "help"):
        return " ".join(known)
    if name not in known:
        return style("bad", f"there is no {visible(name)!r}; there are: {' '.join(known)}")
    wanted = _wanted(known[name])
    values = [word if number < len(wanted) and _is_text(wanted[number]) else _value(word)
              for number, word in enumerate(words)]
    try:
        inspect.signature(known[name]).bind(*values)
    except TypeError:
        return style("bad", needs(name, known[name]))
    try:
        known[name](*values)
    except (TypeError, ValueError) as exc:
        return style("bad", f"{name}: {exc}; {needs(name, known[name])}")
    return style("good", f"{name}: done")


def needs(name: str, method: Any) -> str:
    """What can be typed after `name`, with an example. (By keyword nothing can be.)"""
    wanted = _wanted(method)
    if not wanted:
        return f"{name} needs nothing more"
    needed = [p for p in wanted if p.default is p.empty]
    example = " ".join("ACME" if _is_text(p) else "2" for p in needed or wanted)
    return (f"{name} {'needs' if needed else 'can have'}: {', '.join(p.name for p in wanted)}; "
            f"for example: {name} {example}")


def _wanted(method: Any) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(method).parameters.values()
            if p.kind is p.POSITIONAL_OR_KEYWORD]


def _is_text(parameter: inspect.Parameter) -> bool:
    """Is what is typed for it a text, whatever it looks like?"""
    return any(kind in str(parameter.annotation) for kind in ("Text", "Answer"))


def _value(word: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word
