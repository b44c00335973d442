"""What waits in a feed is bounded in bytes and in time, whatever the device and the clock do."""

import json
from types import SimpleNamespace

import pytest
from ocs import ocs_feed

from socs_tcp.agents.publishing import MOST_BUFFERED, Publisher, told_errors, told_values
from socs_tcp.description import loads
from socs_tcp.description.reading import read_reply

TEXT = """\
device: x
framing: {terminator: "\\n"}
feeds: {slow: {buffer_time: 5}}
queries: {text: {send: "T?", feed: slow, fields: {text: {type: str}}}}
"""
DAY = 86_400.0


class App:
    agent_address, agent_session_id, class_name = "here", "0", "TCPDeviceAgent"

    def __init__(self):
        self.feeds = {"slow": ocs_feed.Feed(self, "slow", record=True, buffer_time=5)}
        self.published = []

    def publish_to_feed(self, name, message):
        self.feeds[name].publish_message(message)

    def publish(self, _address, message):
        if message[0]:
            self.published.append(message)


class Bench:
    """A feed, and both clocks: that of the day may be set."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(ocs_feed, "in_reactor_context", lambda: True)
        monkeypatch.setattr(ocs_feed, "time", SimpleNamespace(time=lambda: self.day))
        self.day, self.steady = 1e9, 0.0
        self.app, self.description = App(), loads(TEXT)
        self.publisher = Publisher(self.app, self.description, lambda: self.steady)

    def take(self, text, seconds=1.0):
        self.day += seconds
        self.steady += seconds
        self.publisher.publish(read_reply(self.description.queries["text"], text))


@pytest.fixture
def bench(monkeypatch):
    return Bench(monkeypatch)


def test_what_belongs_together_goes_out_together(bench):
    for _ in range(6):
        bench.take(b"x")
    assert [len(m[0]["text"]["timestamps"]) for m in bench.app.published] == [6]


def test_a_clock_that_is_set_back_by_a_day_holds_nothing_back(bench):
    bench.take(b"x")
    bench.day -= DAY
    for _ in range(60):
        bench.take(b"x")
    sizes = [len(m[0]["text"]["timestamps"]) for m in bench.app.published]
    assert len(sizes) >= 9 and max(sizes) <= 7


def test_a_device_that_says_much_fills_no_message(bench):
    for _ in range(5000):
        bench.take(b"x" * 490, 0.0001)
    bench.publisher.flush()
    assert sum(len(m[0]["text"]["timestamps"]) for m in bench.app.published) == 5000
    assert max(len(json.dumps(m)) for m in bench.app.published) < 2 * MOST_BUFFERED


def test_many_texts_are_shorter_ones(bench):
    reading = read_reply(bench.description.queries["text"], b"x" * 5000)
    assert len(told_values(reading)["text"]) == 500
    assert len(told_values(reading, 500)["text"]) == 200
    assert len(told_values(reading, 10 ** 6)["text"]) == 100


def test_why_fields_cannot_be_read_is_bounded_and_printable():
    told = told_errors({f"f{n}": ValueError("\x1b[2J" + "x" * 10_000) for n in range(1000)})
    assert len(told) == 1000
    assert all(text.isprintable() for text in told.values())
    assert sum(map(len, told.values())) < 50_000
