"""What ``simulate``, ``proxy`` and ``replay`` share: a server, and faults typed by hand."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..core.checks import check_port
from .exits import GOOD
from .faults import commands, do
from .show import visible

if TYPE_CHECKING:
    from ..testing import DeviceServer, FaultProxy

CONTROL = """\
while it runs, type a fault, one per line:
  unplug, plug_in          the cable
  hang_up, reset, black_hole, silence, late 2, split, refuse, endless_line, ...
  heal                     end all faults
  faults                   list all faults
  quit                     end the program
"""
#: What ends it when it is typed.
ENDS = ("quit", "exit")



def add_listening(parser: Any, port: int = 0, *, told: str = "") -> None:
    """The arguments that say where to listen.

    Parameters
    ----------
    parser : ArgumentParser
    port : int
        Where it listens unless told otherwise; 0: any free port.
    told : str
        What the help says of that, in place of the number.
    """
    parser.add_argument("--host", default="127.0.0.1",
                        help="where to listen (default: this machine only)")
    usual = told or (f"TCP port ({port})" if port else "TCP port (default: any free one)")
    parser.add_argument("--port", type=_port, default=port or None, help=usual)


def add_traffic(parser: Any) -> None:
    """The argument that says whether to show what goes over the wire."""
    parser.add_argument("--traffic", action=argparse.BooleanOptionalAction, default=None,
                        help="show what goes over the wire, as clients see it (on a terminal "
                             "it is shown by default)")


def _port(text: str) -> int:
    if text == "0":
        return 0
    try:
        return check_port(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def serve(server: DeviceServer | FaultProxy, what: str, *, traffic: bool | None = False) -> int:
    """Run until Ctrl-C or SIGTERM, doing what is typed.

    Parameters
    ----------
    server : DeviceServer or FaultProxy
    what : str
        What it is, for the first line.
    traffic : bool or None
        Show what goes over the wire? None: on a terminal.

    Returns
    -------
    int
        The exit code.
    """
    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    typed = _editor() if terminal else None
    with contextlib.ExitStack() as stack:
        stopped = threading.Event()
        stack.enter_context(_ended_by_signals(stopped, typed))
        stack.enter_context(server)     # its end tells what went wrong in the device's script
        host = f"[{server.host}]" if ":" in server.host else server.host
        with contextlib.suppress(OSError):      # a device goes on, whoever reads
            print(f"{visible(what)} on {host}:{server.port}; Ctrl-C ends it", flush=True)
        if typed is not None:           # from here on, a line may come after the prompt is drawn
            from prompt_toolkit.patch_stdout import patch_stdout

            stack.enter_context(patch_stdout(raw=True))
        _show_traffic(server, stack, terminal if traffic is None else traffic)
        if typed is None:
            speaking = threading.Lock()
            threading.Thread(target=_control, args=(server, stopped, speaking), daemon=True,
                             name="control").start()
            stopped.wait()
            # From now on it prints no more: Python aborts if it ends while a thread does.
            speaking.acquire(timeout=1)
        else:
            _edit(server, typed, stopped)
    return GOOD


def _show_traffic(server: DeviceServer | FaultProxy, stack: contextlib.ExitStack,
                  everything: bool) -> None:
    """Show all that goes over the wire, or only that a proxy's device is away."""
    from .traffic import Traffic

    shown = stack.enter_context(Traffic(everything=everything))
    server.tell_traffic(shown.tell)


@contextlib.contextmanager
def _ended_by_signals(stopped: threading.Event, typed: Any) -> Iterator[None]:
    # Handlers, and not KeyboardInterrupt: it could come anywhere, half way through the end.
    def stop(_number: int, _frame: object) -> None:
        stopped.set()
        if typed is not None and typed.app.is_running:
            typed.app.loop.call_soon_threadsafe(_end_of_typing(typed.app))

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_of_typing(app: Any) -> Callable[[], None]:
    def end() -> None:
        if app.is_running and not app.is_done:
            app.exit(exception=EOFError())
    return end


def _control(server: DeviceServer | FaultProxy, stopped: threading.Event,
             speaking: threading.Lock) -> None:
    for line in sys.stdin:
        with speaking:
            _type(server, line, stopped)


def _type(server: DeviceServer | FaultProxy, line: str, stopped: threading.Event) -> None:
    words = line.split()
    if words and words[0] in ENDS:
        stopped.set()
    elif words:
        print(do(server, words[0], words[1:]), flush=True)


# on a terminal

def _editor() -> Any:
    """A line editor with history and completion; None where there is none."""
    try:
        from prompt_toolkit import PromptSession
    except ImportError:
        return None
    from .completion import Beginnings, open_history

    history = open_history("faults")
    return PromptSession("> ", history=history, completer=Beginnings([], history),
                         complete_while_typing=False)


def _edit(server: DeviceServer | FaultProxy, typed: Any, stopped: threading.Event) -> None:
    """Do what is typed, until Ctrl-D, or Ctrl-C on an empty line."""
    from .completion import Beginnings

    typed.completer = Beginnings([*commands(server), "faults", "quit"], typed.history)
    while not stopped.is_set():
        try:
            _type(server, typed.prompt(handle_sigint=False), stopped)
        except EOFError:
            return
        except KeyboardInterrupt:
            if not typed.default_buffer.text:
                return
