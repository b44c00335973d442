"""Draws the pictures of the documentation that are made from the code, or from measurements.

    python docs/make_pictures.py            draw them anew, from the code and outage.json
    python docs/make_pictures.py --demo     run the demonstration first, and keep what it measured

A test checks that the files are what this would draw.
"""

import argparse
import html
import json
import math
import re
import subprocess
import sys
from pathlib import Path

from socs_tcp.cli.demo.scenes import SCENES
from socs_tcp.core.states import DOWN_STATES, TRANSITIONS, LinkEvent, LinkState

HERE = Path(__file__).resolve().parent
MEASURED = HERE / "outage.json"

# A ground of its own makes a picture readable on light pages and on dark ones.
INK, FAINT, GROUND, LINE = "#1f2933", "#52606d", "#ffffff", "#9aa5b1"
GOOD, BAD, PLAIN, FAULT = "#d5f0dc", "#f8d3d0", "#e4e9f2", "#fdf0c4"
BAD_INK = "#c0392b"


class Picture:
    """An SVG, drawn piece by piece."""

    def __init__(self, width, height, title):
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="Helvetica, Arial, sans-serif" '
            f'font-size="14">',
            f"<title>{html.escape(title)}</title>",
            '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
            f'markerHeight="8" orient="auto"><path d="M0 0 L10 5 L0 10 z" fill="{INK}"/>'
            "</marker></defs>",
            f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10" '
            f'fill="{GROUND}" stroke="{LINE}"/>']

    def box(self, x, y, width, height, fill=PLAIN, *, stroke=FAINT, rx=7):
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
                          f'rx="{rx}" fill="{fill}" stroke="{stroke}"/>')

    def text(self, x, y, text, anchor="middle", size=14, *, fill=INK, bold=False):
        weight = ' font-weight="bold"' if bold else ""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{fill}"{weight} stroke="{GROUND}" stroke-width="4" stroke-opacity="0.8" '
            f'paint-order="stroke" stroke-linejoin="round">{html.escape(text)}</text>')

    def plain(self, x, y, text, anchor="middle", size=14, *, fill=INK, bold=False):
        """Text on a box, without a halo."""
        weight = ' font-weight="bold"' if bold else ""
        self.parts.append(f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" '
                          f'font-size="{size}" fill="{fill}"{weight}>{html.escape(text)}</text>')

    def path(self, d, dashed=False, tip=True):
        more = ' stroke-dasharray="5 4"' if dashed else ""
        more += ' marker-end="url(#tip)"' if tip else ""
        self.parts.append(f'<path d="{d}" fill="none" stroke="{INK}" stroke-width="1.4"{more}/>')

    def __str__(self):
        return "\n".join([*self.parts, "</svg>"]) + "\n"


# the states of a link

#: The middle of each state's box.
PLACES = {LinkState.UNTRIED: (100, 110), LinkState.OPEN: (340, 110), LinkState.UP: (580, 110),
          LinkState.CLOSED: (100, 340), LinkState.DOWN: (340, 340), LinkState.PROVING: (580, 340)}
#: How far an arrow bends to its left, in pixels, where it is not the usual.
BENDS = {(LinkState.UNTRIED, LinkState.UP): 130, (LinkState.UNTRIED, LinkState.OPEN): 0,
         (LinkState.OPEN, LinkState.UP): 0, (LinkState.UNTRIED, LinkState.DOWN): 0,
         (LinkState.OPEN, LinkState.DOWN): 0, (LinkState.PROVING, LinkState.UP): 0}
HALF_WIDTH, HALF_HEIGHT = 60, 27
NOTES = {LinkState.UNTRIED: "no attempt ended yet", LinkState.OPEN: "connected, untested",
         LinkState.UP: "last exchange good", LinkState.DOWN: "something failed",
         LinkState.PROVING: "connected again", LinkState.CLOSED: "by its owner"}


def link_states():
    """The states and what moves a link from one to another, from `TRANSITIONS`."""
    picture = Picture(680, 420, "The states of a link")
    arrows = {pair: state for pair, state in TRANSITIONS.items() if state is not LinkState.CLOSED}
    closing = {old for (old, event), new in TRANSITIONS.items() if new is LinkState.CLOSED}
    if closing != set(LinkState) - {LinkState.CLOSED}:
        raise ValueError("not every state can be closed: draw these arrows one by one")
    if set(PLACES) != set(LinkState):
        raise ValueError("a state has no place in the picture")
    for (old, event), new in arrows.items():
        draw_arrow(picture, old, new, event.value)
    for state, (x, y) in PLACES.items():
        down = state in DOWN_STATES
        picture.box(x - HALF_WIDTH - 14, y - HALF_HEIGHT, 2 * HALF_WIDTH + 28, 2 * HALF_HEIGHT,
                    BAD if down else GOOD)
        picture.plain(x, y - 3, state.name, bold=True)
        picture.plain(x, y + 15, NOTES[state], size=11, fill=FAINT)
    picture.text(100, 300, "close, from any state", size=12)
    picture.text(664, 408, "red: an operation that depends on it is degraded", "end", 12,
                 fill=FAINT)
    return str(picture)


def draw_arrow(picture, old, new, label):
    """An arrow that begins and ends at the boxes' borders."""
    (x1, y1), (x2, y2) = PLACES[old], PLACES[new]
    length = math.hypot(x2 - x1, y2 - y1)
    normal = (y2 - y1) / length, -(x2 - x1) / length
    bend = BENDS.get((old, new), 38)
    cx, cy = (x1 + x2) / 2 + normal[0] * bend, (y1 + y2) / 2 + normal[1] * bend
    (ax, ay), (bx, by) = border(x1, y1, cx, cy), border(x2, y2, cx, cy)
    picture.path(f"M{ax:.1f} {ay:.1f} Q{cx:.1f} {cy:.1f} {bx:.1f} {by:.1f}")
    mx, my = (ax + 2 * cx + bx) / 4, (ay + 2 * cy + by) / 4
    picture.text(mx, my + (-6 if y1 == y2 and bend >= 0 and x2 > x1 else 5), label, size=13)


def border(x, y, towards_x, towards_y):
    """Where a line from the middle of a box leaves it."""
    dx, dy = towards_x - x, towards_y - y
    scale = min((HALF_WIDTH + 14) / abs(dx) if dx else math.inf,
                HALF_HEIGHT / abs(dy) if dy else math.inf)
    return x + dx * scale, y + dy * scale


def link_table():
    """The table of `TRANSITIONS`, in reStructuredText."""
    lines = [".. Made by docs/make_pictures.py from TRANSITIONS in socs_tcp/core/states.py.", "",
             ".. list-table::", "   :header-rows: 1", "", "   * - state"]
    lines += [f"     - {event.name}" for event in LinkEvent]
    for old in LinkState:
        lines.append(f"   * - ``{old.name}``" + (" (down)" if old in DOWN_STATES else ""))
        for event in LinkEvent:
            new = TRANSITIONS.get((old, event))
            lines.append(f"     - ``{new.name}``" if new else "     - \\-")
    return "\n".join(lines) + "\n"


# the architecture

def architecture():
    """Who stands on whom."""
    picture = Picture(680, 500, "The architecture of socs_tcp")

    def block(place, title, lines, fill=PLAIN):
        x, y, width, height = place
        picture.box(x, y, width, height, fill)
        picture.plain(x + width / 2, y + 22, title, bold=True)
        for number, line in enumerate(lines):
            picture.plain(x + width / 2, y + 42 + 17 * number, line, size=12, fill=FAINT)

    block((30, 24, 390, 56), "agents, drivers, scripts", ["yours, and TCPDeviceAgent, socs-tcp"],
          "#ffffff")
    block((450, 24, 200, 56), "a client, an operator", ["see session.degraded"], "#ffffff")
    block((450, 120, 200, 96), "DeviceAgentMixin",
          ["agent, degraded, monitor", "follows the links,", "sets session.degraded"], GOOD)
    block((30, 120, 185, 96), "TCPInterface",
          ["blocking, any thread", "interface, calls, gate,", "session, connection"], "#d9e8fb")
    block((235, 120, 185, 96), "DeviceClient",
          ["Deferreds, reactor thread", "client, managed, requests,", "wire, protocol, factory"],
          "#d9e8fb")
    block((30, 260, 620, 120), "the pure core: every decision, no socket, no clock", [], FAULT)
    core = [("errors", "what it is called"), ("framing", "where a reply ends"),
            ("link", "up or down"), ("identity", "is it the same"), ("policy", "how long to wait")]
    for number, (name, what) in enumerate(core):
        x = 42 + number * 120
        picture.box(x, 300, 114, 62, "#ffffff")
        picture.plain(x + 57, 326, name, bold=True)
        picture.plain(x + 57, 346, what, size=11, fill=FAINT)
    block((30, 424, 620, 52), "a device behind a TCP port",
          ["real, or simulated by socs_tcp.testing, which can fail on purpose"], "#ffffff")
    picture.parts.append(f'<rect x="22" y="110" width="406" height="116" rx="9" fill="none" '
                         f'stroke="{LINE}" stroke-dasharray="5 4"/>')
    picture.text(36, 104, "two faces", "start", 12, fill=FAINT)
    picture.path("M225 80 V108")
    picture.path("M225 226 V258")
    picture.text(231, 247, "ask", "start", 12, fill=FAINT)
    picture.path("M550 120 V82")
    picture.path("M550 260 V218")
    picture.text(556, 243, "tells of each change", "start", 12, fill=FAINT)
    picture.path("M22 168 H13 V450 H28")
    picture.text(20, 408, "bytes", "start", 12, fill=FAINT)
    return str(picture)


# the time line of an outage

LEFT, RIGHT, ROW = 150, 660, 30


def outage_timeline():
    """When `degraded` was true, as the demonstration measured it once."""
    measured = json.loads(MEASURED.read_text())
    picture = Picture(680, 60 + 104 * len(measured), "When degraded was true")
    picture.box(20, 16, 16, 14, FAULT, rx=2)
    picture.text(42, 28, "the fault lasts", "start", 12, fill=FAINT)
    picture.box(150, 16, 16, 14, BAD_INK, stroke=BAD_INK, rx=2)
    picture.text(172, 28, "session.degraded is true", "start", 12, fill=FAINT)
    y = 44
    for scene in measured:
        draw_scene(picture, scene, y)
        y += 104
    return str(picture)


def draw_scene(picture, scene, y):
    """One fault: a row for each agent."""
    end = scene["lasts"] + 2.0
    scale = (RIGHT - LEFT) / end
    picture.text(20, y + 16, scene["name"], "start", 14, bold=True)
    picture.box(LEFT, y + 24, scene["lasts"] * scale, 2 * ROW, FAULT, stroke=FAULT,
                rx=0)
    for number, (name, seen) in enumerate(scene["agents"].items()):
        top = y + 28 + number * ROW
        picture.text(LEFT - 8, top + 16, name, "end", 13)
        began = None
        for when, degraded in [*seen["changes"], [end, False]]:
            if degraded:
                began = when
            elif began is not None:
                picture.box(LEFT + began * scale, top, (min(when, end) - began) * scale, 22,
                            BAD_INK, stroke=BAD_INK, rx=0)
                began = None
    told = [f"{name}: {seen['wrong']} wrong reading{'s' * (seen['wrong'] != 1)}"
            for name, seen in scene["agents"].items() if seen["wrong"]]
    picture.text(RIGHT, y + 16, ", ".join(told), "end", 12)
    for second in range(0, math.floor(end) + 1, 1 if end < 8 else 2):
        picture.text(LEFT + second * scale, y + 24 + 2 * ROW + 13, f"{second} s", "middle", 10,
                     fill=FAINT)


def measure():
    """Run the demonstration and keep when `degraded` changed."""
    done = subprocess.run([sys.executable, "-m", "socs_tcp", "demo"], stdout=subprocess.PIPE,
                          text=True, check=True)
    MEASURED.write_text(json.dumps(read_demo(done.stdout), indent=1) + "\n")


def read_demo(text):
    """What the demonstration said, as the picture needs it."""
    scenes = []
    names = {scene.name: scene for scene in SCENES}
    for line in text.splitlines():
        begins = re.search(r"\d/\d (.+)", line)
        change = re.search(r"(\w+) +degraded = (True|False) ([\d.]+) s after the fault", line)
        row = re.match(r"    (\w+) .*?(\d+)$", line)
        if begins and begins[1] in names:
            scenes.append({"name": begins[1], "lasts": names[begins[1]].lasts, "agents": {
                name: {"changes": [], "wrong": 0} for name in ("original", "socs_tcp")}})
        elif change:
            scenes[-1]["agents"][change[1]]["changes"].append(
                [float(change[3]), change[2] == "True"])
        elif line in names:
            at = next(scene for scene in scenes if scene["name"] == line)
        elif row:
            at["agents"][row[1]]["wrong"] = int(row[2])
    return scenes


FILES = {HERE / "img" / "link-states.svg": link_states, HERE / "link_states.inc": link_table,
         HERE / "img" / "architecture.svg": architecture,
         HERE / "img" / "outage-timeline.svg": outage_timeline}


def main(args=None):
    """Write all files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--demo", action="store_true", help="run the demonstration first")
    options = parser.parse_args(args)
    if options.demo:
        measure()
    for path, draw in FILES.items():
        path.write_text(draw())
        print(path.relative_to(HERE.parent))
    return 0


if __name__ == "__main__":
    sys.exit(main())
