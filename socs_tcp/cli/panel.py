"""The panel of ``watch``: drawn with rich, on a screen of its own, so that resizing is no harm."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .plot import bars
from .show import visible

if TYPE_CHECKING:
    from .records import Sample
    from .rounds import Watch

#: So many samples of each command are remembered for the plots.
MEMORY = 1000
#: Rows of a plot of values, and columns beside it: the name of its axis, the frame.
HEIGHT, BESIDE = 3, 17


@contextlib.contextmanager
def panel(watch: Watch) -> Iterator[Callable[[Sample], None]]:
    """Draw until the block is left; gives what is to be told of each sample.

    The last picture stays on the terminal.
    """
    view = View(watch)
    console = Console()
    try:
        with Live(get_renderable=view.draw, console=console, screen=True,
                  refresh_per_second=4, redirect_stdout=False, redirect_stderr=False) as live:
            def tell(sample: Sample) -> None:
                view.take(sample)
                live.refresh()
            yield tell
    finally:
        console.print(view.draw())


class Series:
    """What is remembered of one command."""

    def __init__(self) -> None:
        self.last: Sample | None = None
        self.values: deque[float | None] = deque(maxlen=MEMORY)
        self.round_trips: deque[float | None] = deque(maxlen=MEMORY)

    def take(self, sample: Sample) -> None:
        self.last = sample
        self.values.append(sample.value)
        self.round_trips.append(sample.round_trip)


class View:
    """The picture of one `Watch`."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._series = {text: Series() for text, _ in watch.commands}
        self._width = 0

    def take(self, sample: Sample) -> None:
        """One more."""
        self._series[sample.command].take(sample)

    def draw(self) -> RenderableType:
        """All of it, as it is now."""
        return Group(self._head(), *(Reading(text, series) for text, series
                                     in self._series.items()))

    def _head(self) -> Text:
        watch, link = self._watch, self._watch.device.link
        state = (link.state.value, "bold red" if link.down else "green")
        return Text.assemble(
            (link.name, "bold"), "  link ", state,
            f"  rounds {watch.rounds}, failed {watch.failed}, lost {link.losses}, "
            f"timeouts {link.timeouts}", no_wrap=True, overflow="ellipsis")


class Reading:
    """One command: what it says now, and how it went."""

    def __init__(self, text: str, series: Series) -> None:
        self._text = text
        self._series = series

    def __rich_console__(self, console: Console, options: object) -> Iterator[RenderableType]:
        width = max(console.width - BESIDE, 10)
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(justify="right", width=10, no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)    # a long reply takes no more
        table.add_row("reply", self._reply())
        if any(v is not None for v in self._series.values):
            _plot(table, list(self._series.values), width, HEIGHT, "{:.6g}")
        if any(r is not None for r in self._series.round_trips):
            rtts = [None if r is None else r * 1000 for r in self._series.round_trips]
            _plot(table, rtts, width, 1, "{:.3g} ms")
        yield Panel(table, title=Text(visible(self._text)), title_align="left")

    def _reply(self) -> Text:
        last = self._series.last
        if last is None:
            return Text("none yet", "dim", no_wrap=True)
        return Text(visible(last.error), "red") if last.error else Text(last.reply, "bold")


def _plot(table: Table, values: list[float | None], width: int, height: int,
          form: str) -> None:
    """Rows of bars, with the most and the least of them beside."""
    known = [v for v in values[-width:] if v is not None]
    if not known:
        return
    most, least = form.format(max(known)), form.format(min(known))
    labels = [most, *[""] * (height - 2), least] if height > 1 else [most]
    for label, row in zip(labels, bars(values, width, height), strict=True):
        table.add_row(label, Text(row, "cyan"))
    if height == 1:
        table.add_row("", Text(f"round trip: {least} to {most}", "dim"))
