"""A network that is really lost: two namespaces, a wire between them, and what cuts it.

The device lives in one network namespace, its clients in the other, each in a process of
its own. The wire is a veth pair. It is cut by taking the device's end down, or by a firewall
that drops all packets without a word, as a dead switch does. Needs root, ``ip`` and
``iptables``. All processes read the same monotonic clock.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
#: A small network that is set aside for documentation.
DEVICE, CLIENT = "192.0.2.1", "192.0.2.2"
PORT = 7777

#: What the clients are given.
TIMEOUT = 1.0
PERIOD = 0.1
KEEPALIVE = 6.0
MIN_INTERVAL = 0.5
#: Seconds that a loaded machine may take on top of any bound.
SLACK = 1.0


def missing() -> str:
    """What this machine lacks for it; empty where it can be done."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are a thing of Linux"
    for tool in ("ip", "iptables"):
        if shutil.which(tool) is None:
            return f"the command {tool!r} is missing (Debian: apt install iproute2 iptables)"
    if os.geteuid():
        return "only root may make network namespaces"
    try:
        with Wire() as wire:
            wire.cut("firewall")
    except subprocess.CalledProcessError as exc:
        return f"the kernel cannot do it: {' '.join(exc.cmd)} failed: {exc.stderr.strip()}"
    return ""


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)


class Wire:
    """Two namespaces and the wire between them; it is gone when the ``with`` block is left."""

    def __init__(self) -> None:
        tag = f"socs{os.getpid() % 100000}"
        self.device, self.client = f"{tag}d", f"{tag}c"

    def __enter__(self) -> Wire:
        try:
            for space in (self.device, self.client):
                _run("ip", "netns", "add", space)
            _run("ip", "-n", self.device, "link", "add", "wire", "type", "veth", "peer", "name",
                 "wire", "netns", self.client)
            for space, address in ((self.device, DEVICE), (self.client, CLIENT)):
                _run("ip", "-n", space, "addr", "add", f"{address}/24", "dev", "wire")
                for name in ("lo", "wire"):
                    _run("ip", "-n", space, "link", "set", name, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        for space in (self.device, self.client):
            with contextlib.suppress(subprocess.CalledProcessError):
                _run("ip", "netns", "del", space)

    def cut(self, how: str) -> None:
        """From now on nothing gets through: 'link' or 'firewall'."""
        if how == "link":
            _run("ip", "-n", self.device, "link", "set", "wire", "down")
            return
        for chain in ("INPUT", "OUTPUT"):
            _run("ip", "netns", "exec", self.device, "iptables", "-I", chain, "-j", "DROP")

    def mend(self, how: str) -> None:
        """As it was."""
        if how == "link":
            _run("ip", "-n", self.device, "link", "set", "wire", "up")
            return
        for chain in ("INPUT", "OUTPUT"):
            _run("ip", "netns", "exec", self.device, "iptables", "-D", chain, "-j", "DROP")


@dataclass
class Client:
    """A client in a process of its own, and the changes of its link."""

    face: str           # 'blocking' or 'twisted'
    habit: str          # 'polling' or 'idle'
    process: Any = None
    changes: list[tuple[float, bool, str]] = field(default_factory=list)    # when, down, reason
    reader: Any = None

    def start(self, space: str) -> None:
        self.process = _python(space, "client", self.face, self.habit)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.changes.append(tuple(json.loads(line)))

    def first(self, down: bool, after: float, patience: float,
              nudge: bool = False) -> tuple[float, str]:
        """When the link went down (or up) first after a time, and why."""
        until = time.monotonic() + patience
        nudged = -1.0
        while time.monotonic() < until:
            if nudge and time.monotonic() > nudged + PERIOD:
                nudged = time.monotonic()
                self.ask()
            for when, is_down, reason in list(self.changes):
                if is_down is down and when >= after:
                    return when, reason
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f"{self.face} {self.habit}: not {'down' if down else 'up'} within "
                             f"{patience} s: {self.changes}, exit code {self.process.poll()}")

    def ask(self) -> None:
        """Let an idle client ask one question."""
        self.process.send_signal(signal.SIGUSR1)

    def stop(self) -> None:
        _end(self.process)
        if self.reader is not None:
            self.reader.join(10)


def _python(space: str, *args: str) -> Any:
    return subprocess.Popen(["ip", "netns", "exec", space, sys.executable, "-m",
                             "tests.storms.far_ends", *args], stdout=subprocess.PIPE, text=True,
                            stdin=subprocess.PIPE, cwd=CHECKOUT)


def _end(process: Any) -> None:
    if process is not None:
        process.stdin.close()       # its parent's death would end it, too
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        process.stdout.close()


@contextmanager
def network() -> Iterator[tuple[Wire, list[Client]]]:
    """The wire, with a device at one end and four clients at the other, all up."""
    clients = [Client(face, habit) for face in ("blocking", "twisted")
               for habit in ("polling", "idle")]
    device = None
    with Wire() as wire:
        try:
            device = _python(wire.device, "device")
            device.stdout.readline()            # it listens
            for client in clients:
                client.start(wire.client)
            for client in clients:
                client.first(down=False, after=0.0, patience=15)
            yield wire, clients
        finally:
            for client in clients:
                client.stop()
            _end(device)


def bounds(client: Client) -> tuple[float, float]:
    """Seconds until a loss must be noticed, and until it must be healed, at the latest."""
    if client.habit == "polling":
        # An attempt that was begun in the outage may have to time out before the next.
        return PERIOD + TIMEOUT, TIMEOUT + max(MIN_INTERVAL, PERIOD) + PERIOD
    # An idle blocking client is healed by its next calls; the other one by itself, at its
    # next attempt, whose distance from the last grows with the length of the outage, if it
    # has an `identify` to prove the link.
    return KEEPALIVE, (TIMEOUT + MIN_INTERVAL if client.face == "blocking" else
                       TIMEOUT + 2 * KEEPALIVE)


def experiment(how: str) -> list[dict[str, Any]]:
    """Cut and mend the wire; for each client, how long it took to notice and to heal."""
    rows = []
    with network() as (wire, clients):
        cut = time.monotonic()
        wire.cut(how)
        noticed = {}
        for client in sorted(clients, key=lambda c: c.habit, reverse=True):
            noticed[id(client)] = client.first(True, cut, patience=KEEPALIVE * 2 + 10)
        wire.mend(how)
        mended = time.monotonic()
        # An idle blocking client does nothing by itself: its next call heals it. It is the
        # first we look after, for the others do not need us.
        for client in sorted(clients, key=lambda c: (c.habit, c.face)):
            when, reason = noticed[id(client)]
            healed, _ = client.first(False, mended, patience=45,
                                     nudge=(client.face, client.habit) == ("blocking", "idle"))
            notice_bound, heal_bound = bounds(client)
            rows.append({"cut": how, "face": client.face, "habit": client.habit,
                         "noticed": round(when - cut, 2), "notice_bound": notice_bound,
                         "healed": round(healed - mended, 2), "heal_bound": heal_bound,
                         "reason": reason})
    return rows


def main() -> int:
    """``python -m tests.storms network``: both ways to cut it, and a table."""
    reason = missing()
    if reason:
        print(f"cannot be done here: {reason}", file=sys.stderr)
        return 2
    late = 0
    for how in ("link", "firewall"):
        for row in experiment(how):
            good = (row["noticed"] <= row["notice_bound"] + SLACK
                    and row["healed"] <= row["heal_bound"] + SLACK)
            late += not good
            print("{cut:9}{face:10}{habit:9}noticed {noticed:6.2f} s (bound {notice_bound:4.1f})"
                  "  healed {healed:6.2f} s (bound {heal_bound:4.1f})  {reason}".format(**row),
                  "" if good else "  <-- LATE", flush=True)
    return min(late, 1)
