"""The operations of `TCPDeviceAgent`: real sessions and real feeds, no router."""

import argparse
import json

import pytest
import txaio
from described_device import MemoryDevice
from ocs.common.influxdb_drivers import format_data
from ocs.ocs_agent import OpSession, ParamError, ParamHandler
from ocs.ocs_feed import Feed

from socs_tcp.agents.tcp_device import TCPDeviceAgent, check_arguments, main, make_parser
from socs_tcp.description import DescriptionError, load, loads

TEXT = """\
device: x
timeout: 2
framing: {terminator: "\\n"}
feeds:
  fast: {frame_length: 60, fresh_time: 90, exclude_influx: true}
  slow: {buffer_time: 5, exclude_aggregator: true}
queries:
  pair: {send: "P?", split: ",", period: 0.5, feed: fast,
         fields: {a: {index: 0, unit: V}, b: {index: 1, type: int}}}
  name: {send: "N?", period: 2, feed: slow, fields: {name: {type: str}}}
  state: {send: "S?", period: 4, feed: slow, fields: {state: {enum: {0: "off", 1: "on"}}}}
  error: {send: "E?", period: never, feed: slow, fields: {error: {type: int}}}
parameters:
  a: {range: [0, 5], unit: V, send: "A {value}", read_back: a}
  mode: {choices: {"off": 0, "on": 1}, send: "M {value}", expect: "OK"}
simulate: {pair: "1.5,2", name: 'the "x"', error: "0", state: "1"}
"""


class App:
    """Enough of an OCSAgent for operations, sessions and feeds."""

    agent_address = "observatory.test"
    agent_session_id = "0"
    class_name = "TCPDeviceAgent"

    def __init__(self, policy="none"):
        self.log = txaio.make_logger()
        self.feeds, self.sessions, self.published = {}, {}, []
        self.access_config = argparse.Namespace(policy=policy)

    def register_feed(self, name, **kwargs):
        self.feeds[name] = Feed(self, name, **kwargs)

    def publish_to_feed(self, name, message):
        self.feeds[name].publish_message(message)

    def publish(self, address, message):
        blocks, feed = message
        json.dumps(message, allow_nan=False)
        self.published.append((feed["feed_name"], blocks))


class Agent:
    """The agent, its device in memory, and its sessions."""

    def __init__(self, text, monkeypatch, policy):
        self.device = MemoryDevice(loads(text))
        monkeypatch.setattr("twisted.internet.reactor", self.device.reactor)
        self.app = App(policy)
        self.connected = []
        self.agent = TCPDeviceAgent(self.app, self.device.client.description, self.connect)
        _ = self.agent.device
        self.count = 0

    def connect(self):
        self.connected.append(self.device.client)
        return self.device.client

    def start(self, name, /, cred_level=1, **params):
        """Start an operation as OCS does; its session, and a list that gets its end."""
        operation = getattr(self.agent, name)
        prescreen = getattr(operation, "_ocs_prescreen", None)
        if prescreen is not None:
            params = ParamHandler(params).batch(prescreen)
        self.count += 1
        session = self.app.sessions[name] = OpSession(self.count, name, app=self.app,
                                                       cred_level=cred_level)
        session.set_status("running")
        ended = []
        operation(session, params).addCallbacks(ended.append, ended.append)
        self.device.pump()
        return session, ended

    def run(self, name, /, **params):
        """Run a task; its session's data, and what it returned."""
        session, ended = self.start(name, **params)
        self.device.advance(3)
        assert len(ended) == 1, "it does not end"
        session.set_status("done")
        session.encoded()       # as clients see it: must be JSON
        return session.data, ended[0]

    def fields(self, feed):
        """All values of a feed that were published: name -> list."""
        found = {}
        for name, blocks in self.app.published:
            for block in blocks.values() if name == feed else ():
                for field, values in block["data"].items():
                    found.setdefault(field, []).extend(values)
        return found


@pytest.fixture
def make(monkeypatch):
    return lambda text=TEXT, policy="none": Agent(text, monkeypatch, policy)


def texts(session):
    return [text for _, text in session.messages if not text.startswith("Status")]


# acq

def test_acq_publishes_each_query_in_its_period(make):
    a = make()
    session, ended = a.start("acq")
    a.device.advance(8)
    assert a.device.heard.count(b"P?") == pytest.approx(16, abs=1)
    assert a.device.heard.count(b"N?") == pytest.approx(4, abs=1)
    assert b"E?" not in a.device.heard
    assert not ended and not session.degraded
    assert a.fields("fast")["a"][:3] == [1.5] * 3
    assert set(a.fields("fast")["b"]) == {2}
    a.agent._stop_acq(session)
    a.device.advance(0.2)
    assert ended == [(True, "Acquisition exited cleanly.")]
    # the buffered feed is flushed at the end; InfluxDB's publisher escapes no quotes
    assert set(a.fields("slow")["name"]) == {"the 'x'"}
    heard = len(a.device.heard)
    a.device.advance(3)
    assert len(a.device.heard) == heard


def test_session_data(make):
    a = make()
    session, _ = a.start("acq")
    a.device.advance(1)
    data = session.encoded()["data"]
    assert data["fields"] == {"a": 1.5, "b": 2, "name": 'the "x"', "state": "on"}
    assert data["units"] == {"a": "V", "b": "", "name": "", "state": "", "error": ""}
    assert data["errors"] == {} and data["link"]["up"] is True
    assert data["timestamp"] == max(data["timestamps"].values())
    assert set(data["timestamps"]) == {"pair", "name", "state"}


def test_the_feeds_are_as_the_description_says(make):
    feeds = make().app.feeds
    assert set(feeds) == {"fast", "slow", "link"}
    assert feeds["fast"].agg_params == {"frame_length": 60, "fresh_time": 90,
                                        "exclude_influx": True}
    assert (feeds["slow"].buffer_time, feeds["fast"].buffer_time) == (5, 0)
    assert all(feed.record for feed in feeds.values())


def test_a_field_that_cannot_be_read_does_not_stop_the_others(make):
    a = make()
    session, ended = a.start("acq")
    a.device.device.set_answer("P?", "OVER,7")
    a.device.advance(3)
    data = session.encoded()["data"]
    assert data["fields"] == {"b": 7, "name": 'the "x"', "state": "on"}
    assert data["errors"] == {"a": "pair: a: b'OVER' is not a number; the reply was b'OVER,7'"}
    assert a.fields("fast")["b"][-1] == 7 and a.fields("fast")["a"] == [1.5]
    assert not session.degraded and not ended
    problems = [t for t in texts(session) if "cannot read" in t]
    assert len(problems) == 1       # at the change of state, not at each poll
    a.device.device.set_answer("P?", "2.5,8")
    a.device.advance(1)
    assert session.data["fields"]["a"] == 2.5 and session.data["errors"] == {}
    assert a.fields("fast")["a"][-1] == 2.5
    assert texts(session)[-1] == "can read pair: a again"


def test_a_reply_that_makes_no_sense_at_all(make):
    a = make()
    session, ended = a.start("acq")
    a.device.device.set_answer("P?", "\x1b[2J")
    a.device.advance(1)
    assert sorted(session.data["errors"]) == ["a", "b"] and not ended
    assert "\x1b" not in json.dumps(session.encoded()["data"])
    assert session.data["fields"] == {"name": 'the "x"', "state": "on"}


def test_a_lost_device_degrades_and_comes_back(make):
    a = make()
    session, ended = a.start("acq")
    a.device.unplug()
    a.device.advance(0.1)
    assert session.degraded
    a.device.advance(10)
    assert session.degraded and not ended and session.data["link"]["up"] is False
    count = len(a.fields("fast")["a"])
    a.device.plug_in()
    a.device.advance(3)
    assert not session.degraded and session.data["link"]["up"] is True
    assert len(a.fields("fast")["a"]) > count


def test_the_health_of_the_link_is_published_all_the_time(make):
    a = make()
    a.start("acq")
    a.device.advance(25)
    points = len(a.fields("link")["link_up"])
    assert points == pytest.approx(3, abs=1)
    a.device.unplug()
    assert a.fields("link")["link_up"][-1] == 0         # at once
    rtt = len(a.fields("link")["link_rtt"])
    a.device.advance(25)
    link = a.fields("link")
    assert len(link["link_up"]) >= points + 3 and set(link["link_up"][points:]) == {0}
    assert link["link_losses"][-1] == 1
    assert len(link["link_rtt"]) == rtt                 # a gap, not the last value for ever
    assert all(type(v) is int for v in link["link_losses"] + link["link_up"])
    assert all(type(v) is float for v in link["link_rtt"])
    a.device.plug_in()
    a.device.advance(30)
    assert a.fields("link")["link_up"][-1] == 1


def test_what_influxdb_gets(make):
    """The lines that OCS' publisher makes of our feeds: whole numbers end in i, text is whole."""
    a = make()
    session, _ = a.start("acq")
    a.device.advance(1)
    a.agent._stop_acq(session)
    a.device.advance(1)
    lines = {line.rpartition(" ")[0] for feed, blocks in a.app.published
             for line in format_data(blocks, a.app.feeds[feed].encoded(), "line")}
    assert "observatory.test,feed=fast a=1.5,b=2i" in lines
    assert "observatory.test,feed=slow name=\"the 'x'\"" in lines
    assert ("observatory.test,feed=link link_up=1i,link_connects=1i,"
            "link_outages=0i,link_losses=0i,"
            "link_exchanges=0i,link_timeouts=0i") in lines
    assert any(line.startswith("observatory.test,feed=link link_rtt=0.") for line in lines)


def test_one_query_that_is_never_answered_does_not_starve_the_others(make):
    a = make()
    a.device.device.set_answer("P?", None)
    session, _ = a.start("acq")
    a.device.advance(30)
    assert "name" in session.data["fields"]
    assert a.device.heard.count(b"N?") > 3 and a.device.heard.count(b"P?") > 3


def test_acq_in_test_mode_asks_everything_once(make):
    a = make()
    session, ended = a.start("acq", test_mode=True)
    a.device.advance(1)
    assert ended == [(True, "Acquisition exited cleanly.")]
    assert a.device.heard == [b"P?", b"N?", b"S?"] and session.data["fields"]["b"] == 2


def test_acq_without_anything_to_acquire(make):
    text = TEXT.replace("period: 0.5", "period: never").replace("period: 2", "period: never")
    text = text.replace("period: 4", "period: never")
    _, ended = make(text).start("acq")
    assert ended == [(False, "<text>: no query has a period")]


def test_acq_of_a_device_that_is_only_set_goes_on(make):
    a = make('device: x\nframing: {terminator: "\\n"}\nqueries: {}\nactions: {go: "GO"}\n')
    session, ended = a.start("acq")
    a.device.advance(3)
    assert not ended and not session.degraded and session.data["link"]["losses"] == 0
    assert a.run("run", name="go")[1][0] is True and a.device.heard == [b"GO"]


# what a device may say

EVIL = "{log_logger.emit.__globals__[currentframe].__globals__[os].environ[HOME]}"


def test_a_device_that_answers_rubbish_only_is_degraded_and_told_once(make):
    a = make()
    for question in ("P?", "N?", "S?"):
        a.device.device.set_answer(question, "\x00" + EVIL)
    session, ended = a.start("acq")
    a.device.advance(20)
    assert session.degraded and session.data["fields"] == {} and not ended
    told = [text for text in texts(session) if text.startswith("cannot read what came")]
    assert len(told) == 1 and "{" not in told[0]
    assert len(texts(session)) <= 4
    a.device.device.set_answer("P?", "1,2")
    a.device.advance(1)
    assert not session.degraded and session.data["fields"] == {"a": 1.0, "b": 2}


def test_test_mode_ends_also_on_a_device_that_answers_rubbish_only(make):
    a = make()
    for question in ("P?", "N?", "S?"):
        a.device.device.set_answer(question, "\x00")
    _, ended = a.start("acq", test_mode=True)
    a.device.advance(1)
    assert ended == [(True, "Acquisition exited cleanly.")]


def test_every_second_reply_wrong_for_a_day_fits_into_a_message_of_wamp(make):
    a = make()
    session, _ = a.start("acq")
    for number in range(2000):
        a.device.device.set_answer("P?", "x" * 1000 + EVIL if number % 2 else "1,2")
        a.device.advance(0.5, step=0.5)
    assert len(json.dumps(session.encoded())) < 20_000
    assert len(session.messages) < 60
    assert any("cannot read pair" in text and " times in the last " in text
               for text in texts(session))


def test_errors_are_bounded_however_many_fields_there_are(make):
    fields = ", ".join(f"f{n}: {{index: {n}}}" for n in range(400))
    text = TEXT.replace("{a: {index: 0, unit: V}, b: {index: 1, type: int}}",
                        "{a: {index: 0}, " + fields + "}")
    text = text.replace('pair: "1.5,2"', f'pair: "{",".join(["1"] * 400)}"')
    a = make(text)
    a.device.device.set_answer("P?", ",".join("x" * 100 for _ in range(400)))
    session, _ = a.start("acq")
    a.device.advance(5)
    errors = session.data["errors"]
    assert len(errors) == 401 and "is not a number" in errors["a"]
    assert len(json.dumps(session.encoded())) < 100_000


@pytest.mark.parametrize("name", [EVIL, "{", "\x1b[2J", "x" * 10 ** 6])
def test_a_name_that_a_client_sends_is_text(make, name):
    a = make()
    for operation, params in (("query", {"name": name}), ("set", {"name": name, "value": 1}),
                              ("set", {"name": "mode", "value": name})):
        data, (ok, message) = a.run(operation, **params)
        assert not ok and "{" not in message and message.isprintable() and len(message) < 1100
        assert len(json.dumps(data)) < 2000


@pytest.mark.parametrize("value", [10 ** 400, float("inf"), float("nan"), -10 ** 30, [1] * 10 ** 5])
def test_a_value_that_ocs_cannot_send_back_is_shown(make, value):
    a = make()
    data, (ok, message) = a.run("set", name="a", value=value)
    assert not ok and len(message) < 1100
    assert isinstance(data["value"], str) and len(data["value"]) < 600


def test_a_reply_to_a_raw_command_is_bounded(make):
    a = make(TEXT + "raw_commands: true\n")
    a.device.device.set_answer("X", "{" * 50_000)
    data, (ok, message) = a.run("query", command="X")
    assert ok and len(data["reply"]) <= 16_000 and "50000 characters" in data["reply"]
    assert len(message) < 1100 and "{" not in message


# query

def test_query_by_the_name_of_a_query_or_a_field(make):
    a = make()
    data, end = a.run("query", name="error")
    assert end == (True, "error: error = 0")
    assert data["fields"] == {"error": 0} and data["query"] == "error" and data["errors"] == {}
    assert a.run("query", name="a")[1] == (True, "pair: a = 1.5 V, b = 2")
    assert a.fields("fast") == {"a": [1.5], "b": [2]}


@pytest.mark.parametrize(("params", "problem"), [
    ({}, "needs either"), ({"name": "a", "command": "b"}, "needs either"),
    ({"name": "eror"}, "there is no query or field 'eror' (did you mean 'error'?)"),
    ({"command": "*IDN?"}, "does not allow raw commands"),
])
def test_query_refuses(make, params, problem):
    a = make()
    _, (ok, message) = a.run("query", **params)
    assert not ok and problem in message
    assert a.device.heard == []


def test_query_says_what_cannot_be_read(make):
    a = make()
    a.device.device.set_answer("P?", "x,1")
    data, (ok, message) = a.run("query", name="pair")
    assert not ok and "pair: a: b'x' is not a number" in message
    assert data["fields"] == {"b": 1}


def test_query_of_a_lost_device(make):
    a = make()
    a.device.unplug()
    _, (ok, message) = a.run("query", name="error")
    assert not ok and "127.0.0.1:7777" in message


def test_raw_commands(make):
    a = make(TEXT + "raw_commands: true\n")
    a.device.device.set_answer("X", b"\x1b[1m\xff")
    data, end = a.run("query", command="X")
    assert data["reply"] == "\x1b[1m\\xff" and end == (True, "'X': '\\x1b[1m\\\\xff'")
    assert a.run("query", command="Y", reply=False)[1] == (True, "'Y' sent")
    assert not a.run("query", command="Ω")[1][0]
    assert a.device.heard == [b"X", b"Y"]


THREE = """\
device: x
timeout: 1
framing: {terminator: "\\n"}
queries:
  one: {send: "A?", period: 0.5, fields: {a: {}}}
  two: {send: "B?", period: 0.5, fields: {b: {}}}
  three: {send: "C?", period: 0.5, fields: {c: {}}}
messages:
  alarm: {match: "!", regex: '!(?P<code>[0-9]+)', fields: {code: {type: int}}}
actions: {reset: "RST", arm: {send: "ARM", expect: "ARMED"}}
parameters: {p: {send: "P {value}", read_back: a}}
simulate: {alarm: "!7"}
"""


def costs_little(a, session, seldom, beginning):
    """`two` is asked less often than `seldom` in ten minutes, and the others as ever."""
    a.device.advance(600, 0.25)
    heard = a.device.heard
    assert heard.count(b"B?") < seldom
    assert min(heard.count(b"A?"), heard.count(b"C?")) > 1000      # of 1200
    told = [text for _, text in session.messages if text.startswith(beginning)]
    assert 1 <= len(told) <= 3 and "it is asked again in " in told[0]
    before = len(session.messages)
    a.device.advance(30, 0.25)
    assert not session.degraded and len(session.messages) <= before + 4


def test_a_query_that_the_device_does_not_know_costs_the_others_little(make):
    """One timeout now and then, and one message: not a reconnect a second for ever."""
    a = make(THREE)
    a.device.device.set_answer("B?", None)
    session, _ = a.start("acq")
    costs_little(a, session, 25, "two is not answered")
    heard = a.device.heard
    a.device.device.set_answer("B?", "5")
    a.device.advance(120, 0.25)
    assert session.data["fields"] == {"a": 1.0, "b": 5.0, "c": 1.0}
    assert heard.count(b"B?") > 100
    assert session.messages[-1][1] == "two is answered again"


@pytest.mark.parametrize("kind", ["another text", "hangs up", "no end"])
def test_one_query_that_fails_at_each_time_in_another_way_does_not_stop_the_others(make, kind):
    """An unknown command is answered with an error text, say: each costs the connection."""
    a = make(THREE.replace('"B?"', '"B?", match: "[0-9]"'))
    session, _ = a.start("acq")
    if kind == "hangs up":
        a.device.hang_up_on.add(b"B?")
    else:
        a.device.device.set_answer("B?", "what?" if kind == "another text" else "x" * 70_000)
    costs_little(a, session, 30, "two is ")


def test_a_device_that_answers_nothing_for_a_while_is_asked_all_as_soon_as_it_answers(make):
    a = make(THREE)
    session, _ = a.start("acq")
    a.device.advance(5)
    a.device.silent = True
    a.device.advance(60, 0.25)
    assert session.degraded
    a.device.silent = False
    a.device.heard.clear()
    a.device.advance(10, 0.25)
    assert not session.degraded
    assert min(a.device.heard.count(data) for data in (b"A?", b"B?", b"C?")) > 5


def test_what_the_device_says_unasked_is_published(make):
    a = make(THREE)
    session, _ = a.start("acq")
    a.device.advance(2)
    a.device.say(b"!12\n")
    a.device.say(b"what?\n")
    a.device.advance(1)
    assert a.fields("readings")["code"] == [12]
    assert session.data["fields"]["code"] == 12


#: The same device, which is asked nothing.
ONLY_MESSAGES = (THREE[:THREE.index("queries:")] + "queries: {}\n"
                 + THREE[THREE.index("messages:"):]).replace(", read_back: a", "")


def test_a_device_that_only_speaks(make):
    a = make(ONLY_MESSAGES)
    session, _ = a.start("acq")
    for _ in range(20):
        a.device.advance(1)
        a.device.say(b"!3\n")
    assert a.fields("readings")["code"] == [3] * 20
    assert not session.degraded and session.data["fields"] == {"code": 3}


def test_a_device_that_only_speaks_and_nothing_of_it_can_be_read_is_degraded(make):
    a = make(ONLY_MESSAGES)
    session, _ = a.start("acq")
    for _ in range(20):
        a.device.advance(1)
        a.device.say(b"!x\n")
    a.device.advance(1)
    assert session.degraded and session.data["fields"] == {}
    assert len([text for text in texts(session) if "cannot read what came" in text]) == 1
    a.device.say(b"!3\n")
    a.device.advance(2)
    assert not session.degraded and session.data["fields"] == {"code": 3}


def test_actions(make):
    a = make(THREE)
    assert a.run("run", name="reset")[1] == (True, "reset done")
    assert a.run("run", name="arm")[1] == (True, "arm done")
    assert a.device.heard == [b"RST", b"ARM"]
    ok, message = a.run("run", name="rest")[1]
    assert not ok and "there is no action 'rest' (did you mean 'reset'?)" in message
    a.device.device.set_answer("ARM", "NO")
    ok, message = a.run("run", name="arm")[1]
    assert not ok and "must be b'ARMED'; the reply was b'NO'" in message


# set

def test_set_says_if_the_read_back_disagrees(make):
    a = make(THREE)
    a.device.device.set_answer("A?", "2.0")
    assert a.run("set", name="p", value=2)[1] == (True, "p set to 2; the device says a = 2.0")
    assert a.run("set", name="p", value=3)[1] == (
        False, "p set to 3, but afterwards a is 2.0, not 3")


def test_set_reads_back_and_publishes(make):
    a = make()
    data, end = a.run("set", name="a", value=3)
    assert end == (True, "a set to 3; the device says a = 3.0 V")
    assert data["parameter"] == "a" and data["value"] == 3 and data["fields"]["a"] == 3.0
    assert a.device.heard == [b"A 3.0", b"P?"]
    assert a.fields("fast")["a"] == [3.0]


def test_set_with_an_acknowledgement(make):
    a = make()
    assert a.run("set", name="mode", value="on")[1] == (True, "mode set to 'on'")
    a.device.device.set_answer("M 0", "NO")
    ok, message = a.run("set", name="mode", value="off")[1]
    assert not ok and "mode: the answer to b'M 0\\n' must be b'OK'; the reply was b'NO'" in message


@pytest.mark.parametrize(("name", "value", "problem"), [
    ("a", 5.1, "a: 5.1 is outside its range, 0 to 5 V"), ("a", "5", "must be a number"),
    ("mode", "onn", "did you mean 'on'"), ("mode", True, "is not one of"),
    ("b", 1, "there is no parameter 'b'"), ("a", [10 ** 5000], "not a list"),
    ("mode", {10 ** 5000: 1}, "a dict is not one of"), ("a", b"{0}", "not b'\\x7b0\\x7d'"),
])
def test_what_may_not_be_set_is_not_sent(make, name, value, problem):
    a = make()
    _, (ok, message) = a.run("set", name=name, value=value)
    assert not ok and problem in message
    assert a.device.heard == []


def test_set_says_if_it_cannot_be_read_back(make):
    a = make()
    a.device.device.set_answer("P?", "?,?")
    ok, message = a.run("set", name="a", value=1)[1]
    assert not ok and message.startswith("a set to 1, but pair: a: b'?' is not a number")


@pytest.mark.parametrize(("operation", "params"), [
    ("set", {"name": "a"}), ("set", {"value": 1}), ("set", {"name": 1, "value": 1}),
    ("query", {"nam": "a"}), ("acq", {"test_mode": "yes"}),
])
def test_parameters_are_checked_before_it_starts(make, operation, params):
    with pytest.raises(ParamError):
        make().start(operation, **params)


def test_tasks_run_while_acq_does(make):
    a = make()
    a.start("acq")
    a.device.advance(1)
    assert a.run("set", name="a", value=2)[1][0]
    assert a.run("query", name="error")[1][0]


# reconnect

def test_reconnect(make):
    a = make()
    assert a.run("reconnect")[1] == (True, "127.0.0.1:7777 is connected again")
    assert a.device.connections == 2
    a.device.unplug()
    ok, message = a.run("reconnect")[1]
    assert not ok and message.startswith("not connected within 2 s: ")


# starting

def arguments(*args):
    return check_arguments(make_parser().parse_args(["--host", "localhost", *args]))


def test_arguments(tmp_path):
    description, host, port = arguments("--description", "lakeshore372")
    assert host == "localhost"
    assert (description.device, port) == (load("lakeshore372").device, 7777)
    assert arguments("--description", "lakeshore372", "--port", "7000")[2] == 7000
    (tmp_path / "x.yaml").write_text(TEXT)
    with pytest.raises(DescriptionError, match=r"x\.yaml: has no key 'port', so .* --port"):
        arguments("--description", str(tmp_path / "x.yaml"))
    with pytest.raises(ValueError, match="port must be a number"):
        arguments("--description", str(tmp_path / "x.yaml"), "--port", "70000")


@pytest.mark.parametrize("given, host, port", [
    ("psu:7001", "psu", 7001), ("10.0.0.1:7001", "10.0.0.1", 7001), ("[fe80::1]:7001", "fe80::1",
                                                                    7001),
    ("psu", "psu", 7777), ("fe80::1", "fe80::1", 7777), ("[fe80::1]", "fe80::1", 7777),
])
def test_a_port_may_stand_behind_the_address(given, host, port):
    got = arguments("--description", "lakeshore372", "--host", given)
    assert got[1:] == (host, port)
    assert arguments("--description", "lakeshore372", "--host", given, "--port", "1")[2] == 1


@pytest.mark.parametrize("given", ["psu:0", "psu:70000", "psu:x"])
def test_a_port_that_makes_no_sense_is_refused(given):
    with pytest.raises(ValueError, match="port must be a number"):
        arguments("--description", "lakeshore372", "--host", given)


def test_a_container_gives_arguments_by_its_environment(monkeypatch):
    monkeypatch.setenv("DEVICE_DESCRIPTION", "cryomech_cpa")
    monkeypatch.setenv("DEVICE_HOST", "compressor")
    parsed = make_parser().parse_args([])
    assert parsed.ip_address == "compressor" and check_arguments(parsed)[2] == 502
    monkeypatch.delenv("DEVICE_HOST")
    with pytest.raises(ValueError, match="the argument --ip-address is missing"):
        check_arguments(make_parser().parse_args([]))


def test_a_bad_description_stops_everything_with_one_message(tmp_path, capsys, monkeypatch):
    (tmp_path / "bad.yaml").write_text(TEXT.replace("period: 2", "perod: 2"))
    parsed = argparse.Namespace(description=str(tmp_path / "bad.yaml"), port=1, ip_address="x")
    monkeypatch.setattr("ocs.site_config.parse_args", lambda **_: parsed)
    monkeypatch.setattr("txaio.start_logging", lambda **_: None)
    monkeypatch.setattr("ocs.ocs_agent.init_site_agent", lambda *_: pytest.fail("it started"))
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert capsys.readouterr().err == (
        f"TCPDeviceAgent: {tmp_path}/bad.yaml:10: queries.name.perod: there is no such key "
        "(did you mean 'period'?)\n")


def test_docstrings_are_in_the_form_of_ocs():
    for name, kind in (("acq", "Process"), ("query", "Task"), ("set", "Task"),
                       ("reconnect", "Task")):
        first, _, rest = getattr(TCPDeviceAgent, name).__doc__.partition("\n")
        assert first.startswith(f"{name}(") and f"**{kind}** - " in rest


def test_the_device_is_left_alone_until_the_agent_has_joined(make):
    a = make()
    agent = TCPDeviceAgent(a.app, a.device.client.description, a.connect)
    a.connected.clear()
    a.app.realm_joined = False
    agent.joined(a.app)         # refused: there is one of that name already
    assert a.connected == []
    a.app.realm_joined = True
    agent.joined(a.app)
    agent.joined(a.app)         # once more, after the router was away
    assert len(a.connected) == 1
