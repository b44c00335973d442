"""What storms on both faces have in common: the device, the log, and the sum at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.logger import LogLevel, globalLogPublisher

from socs_tcp import DeviceConnectionError, FramingError
from socs_tcp.core.link import DOWN_STATES
from socs_tcp.core.log import DeviceLogger
from socs_tcp.testing import DeviceServer, ScriptedDevice

from . import census
from .ledger import Ledger
from .plan import Plan, Report
from .questions import (
    DIALECTS,
    IDENTITY,
    UNDECLARED,
    Device,
    answer,
    looks_right,
    matches,
)

#: Seconds in which a device must be in use again once the faults are over.
HEAL_BOUND = 3.0
#: Seconds in which a device that talks does so: a part of the silence that is kept.
SOON = 0.01
#: Seconds between two attempts to connect.
MIN_INTERVAL = 0.02
#: For so many seconds a device hangs up at once on whoever connects.
HAMMERING = 0.4


class CountingLog:
    """Counts the lines that links would log, so that a storm does not write thousands."""

    def __init__(self) -> None:
        self.lines = 0
        self.errors: list[str] = []

    def emit(self, level: str, text: str) -> None:
        """In the place of `DeviceLogger._emit`."""
        if level == "error":
            self.errors.append(text)
        else:
            self.lines += 1


class Scene:
    """A device with faults, and a ledger."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.report = Report(plan)
        self.ledger = Ledger(plan.margin)
        self.dialect = DIALECTS[plan.dialect]
        self.log = CountingLog()
        self.unhandled: list[str] = []      # errors in Deferreds that nobody heard of
        echoes = "after" if plan.unasked else "before" if plan.late == "match" else ""
        self.device = Device(self.dialect, echoes, most=plan.queries,
                             answers_command=self._answer_command)
        self.server: Any = None
        self.ups = 0

    def options(self) -> dict[str, Any]:
        """For the constructor of either face."""
        identify = None
        if self.plan.identify:
            identify = (self.dialect.pack(b"ID?"), self.dialect.pack(IDENTITY))
        late: Any = matches(self.dialect) if self.plan.late == "match" else self.plan.late
        return {"framer": self.dialect.framer(), "late_replies": late, "min_interval": MIN_INTERVAL,
                "identify": identify, "settle": self.plan.settle}

    def query_options(self) -> dict[str, Any]:
        """For each question."""
        strays = self.plan.talks == "strays"
        return {"match": lambda reply: looks_right(self.dialect.unpack(reply))} if strays else {}

    def _answer_command(self, number: int) -> None:
        """What the device says to a command that has no answer. In its thread.

        Most of them are answered soon. Where replies can be told by their looks, some are
        answered at any time, with what does not look like one.
        """
        strays = self.plan.talks == "strays"
        if number % 3 == 0:
            return
        told = b"done %d" % number if strays else answer(UNDECLARED + number)
        delay = (number % 10) * (0.03 if strays else SOON / 10)
        self.server.faults.unasked(self.dialect.pack(told), delay)

    @contextmanager
    def playing(self) -> Iterator[Any]:
        """The device is there. What it has seen is in the report when it is gone."""
        emit, DeviceLogger._emit = DeviceLogger._emit, self.log.emit    # type: ignore
        globalLogPublisher.addObserver(self._observe)
        started = time.monotonic()
        try:
            greeting = self.dialect.pack(answer(UNDECLARED)) + b"\r\n" if self.plan.talks else b""
            with DeviceServer(ScriptedDevice(self.device, framer=self.dialect.framer(),
                                             banner=greeting, banner_delay=SOON)) as server:
                self.server = server
                yield server
                self.report.injected = dict(server.faults.injected)
                self.report.connections = server.connections
        finally:
            self.server = None
            globalLogPublisher.removeObserver(self._observe)
            DeviceLogger._emit = emit       # type: ignore[method-assign]
            self.report.seconds = time.monotonic() - started

    def _observe(self, event: Any) -> None:
        if event.get("log_level") in (LogLevel.error, LogLevel.critical):
            self.unhandled.append(f"{event.get('log_format')}: {event.get('log_failure')}"[:300])

    def watch(self, link: Any) -> None:
        """Count how often the link comes up, and how long it was down."""
        since = 0.0

        def observe(_link: Any, change: Any) -> None:
            nonlocal since
            self.ups += not change.down
            if change.down and change.old not in DOWN_STATES:
                since = change.when
            elif since and not change.down:
                self.report.outages += 1
                self.report.worst_outage = max(self.report.worst_outage, change.when - since)
        link.observe(observe)

    def noticed(self, link: Any, end: Any, elapsed: float, timeout: float) -> None:
        """The device was a black hole, and one question was asked."""
        self.report.notice = max(self.report.notice, elapsed - timeout)
        if not isinstance(end, DeviceConnectionError) or not link.down:
            self.report.broken.append(f"a black hole was not noticed: {end!r}, {link!r}")

    def found_out(self, end: Any) -> None:
        """The device has sent a line without an end."""
        if not isinstance(end, FramingError):
            self.report.broken.append(f"an endless line was not found out: {end!r}")

    @contextmanager
    def useless(self) -> Iterator[None]:
        """Meanwhile the device accepts connections and answers nothing: the link stays down."""
        ups = self.ups
        yield
        if self.ups > ups:
            self.report.broken.append("the link came up, and nothing had been answered")

    @contextmanager
    def hammering(self) -> Iterator[float]:
        """Meanwhile the device hangs up on whoever connects, who must not try too often."""
        self.server.faults.accept_and_hang_up()
        self.server.faults.hang_up()
        before = self.server.connections
        with self.useless():
            yield time.monotonic() + HAMMERING
        count = self.server.connections - before
        self.report.hammered = round(count / HAMMERING)
        if count > HAMMERING / MIN_INTERVAL + 5:
            self.report.broken.append(f"{count} connections in {HAMMERING} s, with "
                                      f"{MIN_INTERVAL} s between two")

    def look_at(self, link: Any) -> None:
        """The link of a device that was closed."""
        if link.state.value != "closed" or not link.down:
            self.report.broken.append(f"the link of a closed device is {link.state.value}")
        self.report.losses, self.report.timeouts = link.losses, link.timeouts

    def sum_up(self) -> Report:
        """Fill in the report, and say what was not as it must be."""
        ledger, report, plan = self.ledger, self.report, self.plan
        report.asked, report.worst_overrun = ledger.asked, ledger.worst_overrun
        report.answers, report.errors = dict(ledger.answers), dict(ledger.errors)
        report.log_lines = self.log.lines
        broken = report.broken
        for name, found in (("answers to another question", ledger.wrong),
                            ("errors that are not ours", ledger.foreign),
                            ("pieces of answers", ledger.fragments),
                            ("commands sent twice", self.device.repeated),
                            ("calls past their bound", ledger.overruns),
                            ("errors that nobody heard of", self.unhandled),
                            ("observers or logs that failed", self.log.errors),
                            ("commands that nobody sent", self.device.mangled)):
            if found:
                broken.append(f"{name} ({len(found)}): {found[:5]}")
        if ledger.answers["right"] < ledger.asked * 0.2:
            broken.append("hardly anything was answered: this storm shows nothing")
        # One answer at most for each: half of the garbage comes behind its answer, where it
        # must be thrown away; with matching and several in flight it meets the next.
        if ledger.answers["damaged"] > report.injected.get("garbage", 0):
            broken.append("more answers are damaged than there was garbage")
        if not report.injected:
            broken.append("no fault struck: this storm shows nothing")
        unasked = report.injected.get("unasked", 0)
        if report.log_lines > 3 * (report.losses + report.timeouts + report.connections + unasked):
            broken.append(f"{report.log_lines} lines in the log")
        if not report.log_lines:
            broken.append("no line in the log, of so many outages")
        complaint = census.growth(report.blocks, ledger.asked // plan.rounds * (plan.rounds - 2))
        if complaint:
            broken.append(complaint)
        return report
