"""Takes the screenshots of the documentation: of commands on a terminal, and of its first page.

    python3 run.py docs && python docs/make_screens.py

Each command runs on a terminal of its own with a simulated device; a terminal emulator knows what
a person would see there, and it is drawn as SVG. The page is that of docs/_build/html, in Chromium
(Debian's package `chromium`): wide and light, narrow and dark.
"""

import html
import math
import shutil
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "cli")]

from cli_run import Terminal  # noqa: E402

from socs_tcp import LineFramer  # noqa: E402
from socs_tcp.testing import DeviceServer, ScriptedDevice  # noqa: E402

#: Of one character, in units of the picture.
WIDE, HIGH, SIZE, EDGE = 8.4, 17, 14, 12
INK, GROUND = "#e4e9f2", "#1b2129"
COLOURS = {"red": "#ff7b72", "green": "#7ee787", "cyan": "#76e3ea", "brown": "#e3b341",
           "blue": "#79c0ff", "magenta": "#d2a8ff"}
PORT = 5025
PAGE = HERE / "_build" / "html" / "index.html"
#: Of the first page: the width and height of the window, and what Chromium calls its colours.
PAGES = {"wide": (1280, 800, 1), "narrow": (390, 800, 0)}


def picture(terminal, title):
    """What stands on a terminal, as SVG."""
    screen = terminal._screen
    rows = len([line for line in screen.display if line.strip()])
    width, height = screen.columns * WIDE + 2 * EDGE, rows * HIGH + 2 * EDGE
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
             f'width="{width:g}" height="{height:g}" font-size="{SIZE}" fill="{INK}" '
             'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace">',
             f"<title>{html.escape(title)}</title>",
             f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{GROUND}"/>']
    for y in range(rows):
        cells = [screen.buffer[y][x] for x in range(screen.columns)]
        x = 0
        for (colour, bold), run in groupby(cells, lambda cell: (cell.fg, cell.bold)):
            text = "".join(cell.data for cell in run)
            parts += _run(x, y, text, COLOURS.get(colour, INK), bold)
            x += len(text)
    return "\n".join([*parts, "</svg>", ""])


def _run(x, y, text, colour, bold):
    if not text.strip():
        return
    lead = len(text) - len(text.lstrip())
    text = text.strip()
    weight = ' font-weight="bold"' if bold else ""
    yield (f'<text xml:space="preserve" x="{EDGE + (x + lead) * WIDE:.1f}" '
           f'y="{EDGE + (y + 0.8) * HIGH:.1f}" textLength="{len(text) * WIDE:.1f}" '
           f'fill="{colour}"{weight}>{html.escape(text)}</text>')


def device():
    """A bridge whose readings move."""
    curve = [f"+{293 + 4 * math.sin(n / 9) + math.sin(n * n) / 3:.3f}E+00" for n in range(1000)]
    answers = {"*IDN?": "LSCI,MODEL372,LSA23JD,1.3", "RDGK? 1": curve, "RDGST? 1": "000"}
    return DeviceServer(ScriptedDevice(answers, framer=LineFramer()), port=PORT)


def watch():
    """A panel with an outage in it."""
    command = f"watch 127.0.0.1:{PORT} 'RDGK? 1' 'RDGST? 1' --period 0.1 --timeout 0.3"
    with device() as server, Terminal(command, columns=80) as terminal:
        terminal.see("rounds 28")
        server.unplug()
        terminal.see("link down")
        terminal.see("failed 8")
        server.plug_in()
        terminal.see("rounds 62")
        return picture(terminal, "socs-tcp watch: two panels with values, plots and round trips")


def console():
    """Commands, a line that nobody asked for, a hang-up."""
    with tempfile.TemporaryDirectory() as folder, device() as server, Terminal(
            f"console 127.0.0.1:{PORT}", columns=80, XDG_STATE_HOME=folder) as terminal:
        def prompt(lines):
            return lines[-1:] == [">"]
        terminal.see(prompt)
        terminal.enter("*IDN?")
        terminal.see("LSCI")
        terminal.see(prompt)
        terminal.enter(":hex")
        terminal.see("hexadecimal on")
        terminal.see(prompt)
        terminal.enter("RDGK? 1")
        terminal.see("0d 0a")
        terminal.see(prompt)
        server.say("ALARM 3: input overload")
        terminal.see("unasked")
        server.unplug()
        terminal.see("trying again")
        server.plug_in()
        terminal.see("connected again")
        terminal.see(prompt)
        return picture(terminal, "socs-tcp console: replies, a line that nobody asked for, a "
                                 "hang-up")


def page(path, width, height, colours):
    """The first page in a window of this size."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or not PAGE.is_file():
        sys.exit("for the first page: apt install chromium, and python3 run.py docs")
    subprocess.run([chromium, "--headless", "--no-sandbox", "--hide-scrollbars",
                    f"--blink-settings=preferredColorScheme={colours}",
                    f"--window-size={width},{height}", f"--screenshot={path}", PAGE.as_uri()],
                   check=True, capture_output=True, timeout=120)


SCREENS = {"watch": watch, "console": console}


if __name__ == "__main__":
    for name, take in SCREENS.items():
        (HERE / "img" / f"screen-{name}.svg").write_text(take(), encoding="utf-8")
        print(f"docs/img/screen-{name}.svg")
    for name, window in PAGES.items():
        page(HERE / "img" / f"screen-page-{name}.png", *window)
        print(f"docs/img/screen-page-{name}.png")
