"""What goes over the wire, shown as it goes."""

from __future__ import annotations

import queue
import sys
import threading
import time

from .show import Style, printable

#: So many lines wait to be shown. The device goes on whoever reads them: those that come while
#: there is no room are counted only.
WAITING = 1000
#: Bytes of one line that are shown.
SHOWN = 200


class Traffic:
    """Shows what clients and device say, in a thread of its own; one thread may tell it.

    Parameters
    ----------
    everything : bool
        Not only, and then once, that the device behind a proxy is away.
    """

    def __init__(self, *, everything: bool = True) -> None:
        self._everything = everything
        self._last = ""
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING)
        self._left_out = 0      # the thread that tells; read by ours
        self._style = Style()
        self._thread = threading.Thread(target=self._show, daemon=True, name="traffic")

    def tell(self, number: int, kind: str, what: bytes | str) -> None:
        """Client `number` said (``>``), heard (``<``), or what happened to it (``!``)."""
        if not self._everything and (kind != "!" or what == self._last
                                     or not str(what).startswith("the device ")):
            self._last = self._last if kind == "!" else ""
            return
        self._last = str(what)
        shown = what if isinstance(what, str) else printable(what[:SHOWN])
        more = f"... ({len(what)} bytes)" if len(what) > SHOWN else ""
        stamp = time.strftime("%H:%M:%S")
        line = f"{stamp} {number} {kind} {shown}{more}"
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._left_out += 1

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            self._lines.put(None, timeout=1)
        except queue.Full:      # nobody reads what we print: leave it at that
            return
        self._thread.join(1)

    def _show(self) -> None:
        told = 0
        while (line := self._lines.get()) is not None:
            try:
                if self._left_out > told:
                    print(f"{self._left_out - told} lines left out", flush=True)
                    told = self._left_out
                print(line if " ! " not in line else self._style("bad", line), flush=True)
            except (OSError, ValueError):       # whoever read them has left
                sys.stdout = None
                return
