"""What a device says, through a whole `TCPDeviceAgent`, with its sessions and feeds.

Whatever that is: nothing is raised, each log line and message is printable and short, clients get
JSON, and feeds take what is published.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import cache
from typing import Any
from unittest import mock

import txaio
from described_device import MemoryDevice
from ocs.ocs_agent import OpSession, ParamHandler
from ocs.ocs_feed import Feed
from twisted.logger import formatEvent, globalLogPublisher

from socs_tcp.agents.tcp_device import TCPDeviceAgent
from socs_tcp.description import Description, load, loads, shipped

from .bytes_in import Bytes

LONGEST = 2000
#: Bytes that the device says at once.
MOST = 65536
NASTY = [b"", b"{", b"{0}", b"{log_source}", b"%s", b"\x1b[2J", b"\0", b"\xff", b"\xc2\xb5",
         b"9" * 90, b"1e999", b"nan", b",", b",,,,", b'"', b"\\", b"-", b"E", b"\r", b"\n",
         b"\r\n", b"> ", b'+0,"x"', b"LSCI", b"\x06", b"\x15", b"~", b"}", b"}^"]
MORE = """\
device: x
timeout: 2
framing: {prompt: '> ', send_terminator: "\\n"}
queries:
  text: {send: "P?", period: 0.5, fields: {text: {type: str}}}
  pair: {send: "Q?", regex: '(?P<a>.*),(?P<b>[^;]*);', fields: {a: {type: str}, b: {scale: 0.1}}}
simulate: {pair: "x,5;"}
"""
WRAPPED = """\
device: x
timeout: 2
framing: {start: "~", terminator: "~", stuffing: {escape: "}", codes: {"~": "^", "}": "]"}}}
queries:
  text: {send: "P?", period: 0.5, fields: {text: {type: str}}}
  when: {send: "Q?", split: ",", fields: {at: {index: 0, time: "%Y-%m-%d %H:%M:%S"}, n: {index: 1}}}
simulate: {when: "2024-02-29 12:00:00,5"}
"""


class App:
    """Enough of an OCSAgent for operations, sessions and feeds."""

    agent_address, agent_session_id, class_name = "observatory.test", "0", "TCPDeviceAgent"

    def __init__(self) -> None:
        self.log = txaio.make_logger()      # type: ignore[attr-defined]
        self.feeds: dict[str, Any] = {}
        self.sessions: dict[str, Any] = {}
        self.access_config = argparse.Namespace(policy="none")

    def register_feed(self, name: str, **kwargs: Any) -> None:
        self.feeds[name] = Feed(self, name, **kwargs)

    def publish_to_feed(self, name: str, message: Any) -> None:
        self.feeds[name].publish_message(message)

    def publish(self, address: str, message: Any) -> None:
        json.dumps(message, allow_nan=False)


@cache
def description(number: int) -> Description:
    names = shipped()
    return load(names[number]) if number < len(names) else \
        loads((MORE, WRAPPED)[number - len(names)])


def spoiled(reply: bytes, source: Bytes) -> bytes:
    """What the device says in place of `reply`."""
    for _ in range(source.number(4)):
        at = source.number(256) % (len(reply) + 1)
        what = source.number(20)
        if what < 10:
            reply = reply[:at] + NASTY[source.number(len(NASTY))] + reply[at:]
        elif what < 13:
            reply = reply[:at] + reply[at + 1 + source.number(8):]
        elif what < 17:
            reply = reply[:at] + source.take(source.number(20)) + reply[at:]
        elif what < 19:
            reply = reply * source.number(60)
        else:       # as much as it likes, of a few bytes
            few = NASTY[source.number(len(NASTY))] + source.take(source.number(4))
            reply = reply[:at] + (few * 65536)[:source.number(256) << 8] + reply[at:]
    return reply[:MOST]


class Timed(MemoryDevice):
    """Notes what its slowest reply took, in seconds of the processor."""

    slowest = 0.0
    replies = 0

    def _connect(self) -> bool:
        connected = bool(super()._connect())
        if connected and self._protocol is not None:
            received = self._protocol.dataReceived

            def timed(data: bytes) -> None:
                begun = time.thread_time()
                received(data)
                Timed.slowest = max(Timed.slowest, time.thread_time() - begun)
                Timed.replies += 1
            self._protocol.dataReceived = timed
        return connected

    @property
    def connected(self) -> bool:
        return self._protocol is not None


def slowest() -> float:
    """What the slowest reply of the last input took."""
    spent, Timed.slowest = Timed.slowest, 0.0
    return spent


def parts_seen() -> str:
    """How many replies that were by now."""
    return f"{Timed.replies} replies"


def shown(event: dict[str, Any]) -> str:
    return formatEvent(event)


def check(text: str) -> None:
    """Is it fit for a log, a terminal and a message?"""
    assert len(text) <= LONGEST, text
    assert text.replace("\n", "").isprintable(), text


def one_input(data: bytes) -> None:
    """Check one input; raises `AssertionError` if something is not as it must be."""
    source = Bytes(data)
    device = Timed(description(source.number(len(shipped()) + 2)))
    handle = device.device.handle
    device.device.handle = lambda command: [spoiled(reply, source) for reply in handle(command)]
    app, lines = App(), []

    def observe(event: dict[str, Any]) -> None:
        lines.append(shown(event))
        assert "log_failure" not in event, event["log_failure"]
    globalLogPublisher.addObserver(observe)
    try:
        with mock.patch("twisted.internet.reactor", device.reactor):
            sessions = list(talk(app, device, source))
    finally:
        globalLogPublisher.removeObserver(observe)
    for session in sessions:
        json.dumps(session.encoded(), allow_nan=False)
        for _, text in session.messages:
            check(text)
    for line in lines:
        check(line)


def talk(app: App, device: MemoryDevice, source: Bytes) -> Any:
    """Acquire for some seconds, ask and set something; the sessions of all that."""
    known = device.client.description
    agent = TCPDeviceAgent(app, known, lambda: device.client)
    _ = agent.device
    number = 0

    def start(name: str, /, **params: Any) -> Any:
        nonlocal number
        number += 1
        operation = getattr(agent, name)
        prescreen = getattr(operation, "_ocs_prescreen", None)
        given = ParamHandler(params).batch(prescreen) if prescreen else params
        session = app.sessions[name] = OpSession(number, name, app=app)
        session.set_status("running")
        operation(session, given).addErrback(failed)
        return session

    failures: list[Any] = []

    def failed(failure: Any) -> None:
        failures.append(failure)
    acq = start("acq")
    yield acq
    queries, parameters = list(known.queries), list(known.parameters)
    while source and acq.status == "running":
        device.advance((0.1, 0.5, 2)[source.number(3)], 0.1)
        what = source.number(6)
        if what == 0 and queries:
            yield start("query", name=queries[source.number(256) % len(queries)])
        elif what == 1 and parameters:
            parameter = known.parameters[parameters[source.number(256) % len(parameters)]]
            first = {name: s.trials()[0] for name, s in parameter.settings.items()}
            yield start("set", name=parameter.name, value=first.get("value", first))
        elif what == 2:
            device.hang_up()
        elif what == 3 and known.actions:
            yield start("run", name=list(known.actions)[source.number(256) % len(known.actions)])
        elif what == 4 and device.connected:
            said = next(iter(known.answers.values()), (b"",))[0]
            device.say(spoiled(said + b"\r\n", source))
    agent._stop_acq(acq)
    device.advance(3, 0.5)
    assert not failures, failures[0].getTraceback()
    device.client.close()
