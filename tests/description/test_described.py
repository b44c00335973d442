"""Conversations with a described device: their order, their atomicity, their failures."""

import pytest
from described_device import MemoryDevice
from twisted.internet.defer import Deferred

from socs_tcp import Disconnected, FramingError, ReplyTimedOut, WrongDevice
from socs_tcp.description import ParseError, load, loads

TWO_STEPS = """\
device: x
timeout: 2
framing: {terminator: "\\r\\n"}
queries:
  a: {send: [{send: "SELECT A", expect: "OK"}, "READ"], fields: {a: {}}}
  b: {send: [{send: "SELECT B", expect: "OK"}, "READ"], fields: {b: {}}}
  bad: {send: [{send: "SELECT C", match: ""}, "READ"], match: '\\d', fields: {c: {}, d: {}},
        split: ","}
simulate: {a: "1", b: "2", bad: "3,4"}
""".replace("fields: {c: {}, d: {}}", "fields: {c: {index: 0}, d: {index: 1}}")


def result(deferred):
    """What it fired with; raises what it failed with."""
    outcome = []
    deferred.addBoth(outcome.append)
    assert outcome, "it has not fired"
    if hasattr(outcome[0], "raiseException"):
        outcome[0].raiseException()
    return outcome[0]


def test_conversations_are_not_mixed():
    m = MemoryDevice(loads(TWO_STEPS))
    queries = m.client.description.queries
    readings = [m.client.read(queries[name]) for name in "abab"]
    m.advance(0.1)
    assert [result(r).values for r in readings] == [{"a": 1.0}, {"b": 2.0}] * 2
    assert m.heard == [b"SELECT A", b"READ", b"SELECT B", b"READ"] * 2


def test_a_conversation_does_not_go_on_over_a_new_connection():
    m = MemoryDevice(loads(TWO_STEPS.replace("timeout: 2", "timeout: 2\ngap: 1")))
    reading = m.client.read(m.client.description.queries["a"])
    m.pump()
    m.hang_up()
    m.advance(5)
    assert m.connections == 2
    with pytest.raises(Disconnected, match="the device closed the connection") as caught:
        result(reading)
    assert caught.value.sent == "maybe" and caught.value.port == 7777
    assert m.heard == [b"SELECT A"]
    again = m.client.read(m.client.description.queries["a"])
    m.advance(3)
    assert result(again).values == {"a": 1.0}


def test_a_loss_in_the_middle_of_a_conversation():
    m = MemoryDevice(loads(TWO_STEPS))
    m.hang_up_on.add(b"READ")
    reading = m.client.read(m.client.description.queries["b"])
    m.advance(0.1)
    with pytest.raises(Disconnected):
        result(reading)
    assert b"READ" not in m.heard[2:]       # it was not sent again


def test_the_gap_between_messages():
    m = MemoryDevice(loads(TWO_STEPS.replace("timeout: 2", "timeout: 2\ngap: 0.5")))
    first, second = (m.client.read(m.client.description.queries["a"]) for _ in range(2))
    m.pump()
    assert m.heard == [b"SELECT A"]
    m.advance(0.45)
    assert len(m.heard) == 1
    m.advance(0.1)
    assert m.heard == [b"SELECT A", b"READ"] and result(first).values
    m.advance(0.4)
    assert len(m.heard) == 2
    m.advance(0.6)
    assert result(second).values == {"a": 1.0}


def test_a_silent_device():
    m = MemoryDevice(loads(TWO_STEPS))
    m.silent = True
    reading = m.client.read(m.client.description.queries["a"])
    m.advance(1.9)
    assert m.heard == [b"SELECT A"]
    m.advance(0.2)
    with pytest.raises(ReplyTimedOut):
        result(reading)
    assert m.client.link.down


def test_an_answer_that_is_wrong_makes_a_reading_of_errors():
    m = MemoryDevice(loads(TWO_STEPS))
    m.device.set_answer("SELECT A", "ERR 3")
    waiting = m.client.read(m.client.description.queries["a"])
    m.pump()
    reading = result(waiting)
    assert reading.values == {} and "must be b'OK'; the reply was b'ERR 3'" in \
        str(reading.errors["a"])
    m.advance(3)
    assert m.connections == 2               # what follows is in step again
    m.device.set_answer("READ", "x,y")
    bad = m.client.read(m.client.description.queries["bad"])
    m.device.set_answer("SELECT C", "whatever")
    m.advance(1)
    assert sorted(result(bad).errors) == ["c", "d"]


def test_replies_of_different_lengths():
    m = MemoryDevice(load("devantech_ds378"))
    queries, parameters = m.client.description.queries, m.client.description.parameters
    waiting = [m.client.read(queries["status"]), m.client.read(queries["relays"]),
               m.client.set(parameters["relay_2"], "on"), m.client.read(queries["relays"])]
    m.advance(0.1)
    status, before, answer, after = (result(d) for d in waiting)
    assert status.values == {"V_sppl": 12.5, "T_int": 26.7}
    assert (before.values["Relay_2"], answer, after.values["Relay_2"]) == (0, b"\x00", 1)


def test_the_length_of_a_reply_survives_a_reconnect():
    """Identifying the device after a reconnect changes where replies end, and back."""
    m = MemoryDevice(load("devantech_ds378"))
    m.unplug()
    m.advance(1)
    reading = m.client.read(m.client.description.queries["relays"])     # 5 bytes
    m.plug_in()
    m.advance(3)
    assert len(result(reading).values) == 8
    assert m.heard.count(b"\x30") == 2      # identified twice


def test_another_device_is_refused():
    m = MemoryDevice(load("lakeshore372"))
    assert not m.client.link.down
    m.device.reboot(identity="ACME,TOASTER,1,1")
    m.hang_up()
    m.advance(2)
    assert m.client.link.down
    assert isinstance(m.client.link.error, WrongDevice)
    assert "another device answers: identify: the answer to" in m.client.link.reason
    reading = m.client.read(m.client.description.queries["still"])
    m.advance(6)
    with pytest.raises(WrongDevice):
        result(reading)
    m.device.reboot()
    m.advance(60, 0.5)
    assert not m.client.link.down


def test_what_must_be_done_on_connect_must_work():
    text = TWO_STEPS + 'on_connect:\n  - "REMOTE"\n  - {send: "LOCK", expect: "LOCKED"}\n'
    m = MemoryDevice(loads(text))
    assert m.heard == [b"REMOTE", b"LOCK"] and not m.client.link.down
    m.device.set_answer("LOCK", "DENIED")
    m.hang_up()
    m.advance(2)
    assert isinstance(m.client.link.error, FramingError)
    assert "must be b'LOCKED'; the reply was b'DENIED'" in m.client.link.reason


def test_set_and_its_checks():
    m = MemoryDevice(load("kikusui_pmx"))
    volt = m.client.description.parameters["volt"]
    with pytest.raises(ValueError, match="outside its range"):
        m.client.set(volt, 99)
    done = m.client.set(volt, 5)
    m.advance(0.1)
    assert result(done) == b"" and m.heard == [b"volt 5.000000"]
    m2 = MemoryDevice(load("devantech_ds378"))
    m2.device.set_answer(b"\x31\x01\x01\x00\x00\x00\x00", b"\x01")
    refused = m2.client.set(m2.client.description.parameters["relay_1"], "on")
    m2.advance(0.1)
    with pytest.raises(ParseError, match="relay_1: the answer to"):
        result(refused)


def test_raw_commands_only_where_they_are_allowed():
    m = MemoryDevice(loads(TWO_STEPS))
    with pytest.raises(PermissionError, match="does not allow raw commands"):
        m.client.raw(b"X\r\n")
    m = MemoryDevice(loads(TWO_STEPS + "raw_commands: true\n"))
    m.device.set_answer("X", "y")
    asked, told = m.client.raw(b"X\r\n"), m.client.raw(b"Z\r\n", reads=False)
    m.pump()
    assert result(asked) == b"y" and result(told) == b""
    assert m.heard == [b"X", b"Z"]


def test_reconnect_and_close():
    m = MemoryDevice(load("lakeshore372"))
    again = m.client.reconnect()
    m.advance(2)
    result(again)
    assert m.connections == 2 and m.heard == [b"*IDN?"] * 2
    closed = m.client.close()
    assert isinstance(closed, Deferred)
    m.advance(1)
    result(closed)
    reading = m.client.read(m.client.description.queries["still"])
    m.advance(0.1)
    with pytest.raises(Disconnected):
        result(reading)
