"""What ``simulate``, ``proxy`` and ``replay`` share: a server, and faults typed by hand."""

from __future__ import annotations

import argparse
import inspect
import signal
import sys
import threading
from typing import Any

from ..core.policy import check_port
from ..testing import DeviceServer, FaultProxy
from .common import GOOD, Style

CONTROL = """\
while it runs, type what is to go wrong (one a line):
  unplug, plug_in          the cable
  hang_up, reset, black_hole, silence, late 2, split, refuse, endless_line, ...
  heal                     all is well again
  faults                   what there is
"""


def add_listening(parser: Any, port: int = 0) -> None:
    """The arguments that say where to listen."""
    parser.add_argument("--host", default="127.0.0.1",
                        help="where to listen; this machine only unless given")
    parser.add_argument("--port", type=_port, default=port,
                        help="TCP port; any that is free unless given" if not port else
                             f"TCP port ({port})")


def _port(text: str) -> int:
    if text == "0":
        return 0
    try:
        return check_port(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def serve(server: DeviceServer | FaultProxy, what: str) -> int:
    """Run until Ctrl-C or SIGTERM, doing what is typed; the exit code."""
    stop = threading.Event()
    # Handlers, and not KeyboardInterrupt: it could come anywhere, half way through the end.
    before = {number: signal.signal(number, lambda _number, _frame: stop.set())
              for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with server:        # its end tells of what went wrong in the device's script
            host = f"[{server.host}]" if ":" in server.host else server.host
            print(f"{what} on {host}:{server.port}; Ctrl-C ends it", flush=True)
            threading.Thread(target=_control, args=(server,), daemon=True,
                             name="control").start()
            stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return GOOD


def _control(server: DeviceServer | FaultProxy) -> None:
    for line in sys.stdin:
        words = line.split()
        if words:
            print(_do(server, words[0], words[1:]), flush=True)


def commands(server: DeviceServer | FaultProxy) -> dict[str, Any]:
    """All that can be typed."""
    faults = {name: method for name, method in inspect.getmembers(server.faults, callable)
              if not name.startswith("_") and name in FAULTS}
    return {"unplug": server.unplug, "plug_in": server.plug_in, **faults}


FAULTS = ("hang_up", "reset", "reboot", "unasked", "silence", "late", "split", "glue", "garbage",
          "hang_up_mid_reply", "endless_line", "hang_up_after", "refuse", "accept_and_hang_up",
          "black_hole", "slow_reader", "one_client_only", "heal")


def _do(server: DeviceServer | FaultProxy, name: str, words: list[str]) -> str:
    style = Style()
    known = commands(server)
    if name == "faults":
        return " ".join(known)
    if name not in known:
        return style("bad", f"there is no {name!r}; there are: {' '.join(known)}")
    wanted = _wanted(known[name])
    values = [word if number < len(wanted) and _is_text(wanted[number]) else _value(word)
              for number, word in enumerate(words)]
    try:
        inspect.signature(known[name]).bind(*values)
    except TypeError:
        return style("bad", _needs(name, known[name]))
    try:
        known[name](*values)
    except (TypeError, ValueError) as exc:
        return style("bad", f"{name}: {exc}; {_needs(name, known[name])}")
    return style("good", f"{name}: done")


def _needs(name: str, method: Any) -> str:
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
