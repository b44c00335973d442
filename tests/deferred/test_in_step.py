"""A reply answers its own question, or nobody: what DeviceClient waits for before it speaks."""

import re

import pytest
from memory_device import DONE, Bench, Watched, connected, proven
from twisted.internet.defer import Deferred

from socs_tcp import (
    Disconnected,
    FixedFramer,
    LinkState,
    ReplyTimedOut,
    WrongDevice,
    WrongReply,
)

pytestmark = pytest.mark.usefixtures("no_spread")

SETTLE = 0.05


def settled(**options):
    """A bench with the usual settling, whose client has had its first good exchange."""
    bench = connected(settle=SETTLE, **options)
    first = bench.query("first")
    bench.advance(SETTLE)
    bench.take()
    bench.reply(b"ok\r\n")
    assert first.value == b"ok"
    return bench


def remarks(bench):
    told = []
    bench.link.hear_remarks(lambda link, text: told.append(text))
    return told


# settle


def test_a_leftover_after_the_connect_is_no_reply():
    bench = connected(settle=SETTLE)
    told = remarks(bench)
    queries = [bench.query(text) for text in "ABC"]
    bench.advance(0.02)
    bench.reply(b"3.0\r\n")
    bench.advance(0.04)
    assert bench.take() == b""              # the silence begins anew with what came
    bench.advance(SETTLE)
    for text in (b"A", b"B", b"C"):
        assert bench.take() == text + b"\r\n"
        bench.reply(text.lower() + b"\r\n")
    assert [query.value for query in queries] == [b"a", b"b", b"c"]
    assert len(told) == 1 and "b'3.0\\r\\n' unasked; discarded" in told[0]


def test_query_after_query_waits_for_nothing():
    bench = settled()
    for _ in range(5):
        query = bench.query("A")
        assert bench.take() == b"A\r\n"
        bench.reply(b"a\r\n")
        assert query.value == b"a"


def test_an_answer_to_a_command_that_has_none_answers_no_question():
    bench = settled()
    told = remarks(bench)
    bench.send("SET 1")
    query = bench.query("A")
    assert bench.take() == b"SET 1\r\n"
    bench.reply(b"0\r\n")
    bench.advance(SETTLE)
    assert bench.take() == b"A\r\n"
    bench.reply(b"a\r\n")
    assert query.value == b"a"
    assert "after a command that expects no answer" in told[0]


def test_commands_that_have_no_answer_wait_for_nothing():
    bench = settled()
    for _ in range(3):
        bench.send("SET 1")
    assert bench.take() == b"SET 1\r\n" * 3


def test_the_answer_to_a_command_that_was_waited_for_is_all_there_is():
    bench = settled()
    bench.send("A?")
    answer = bench.recv()
    bench.reply(b"a\r\n")
    assert answer.value == b"a"
    bench.take()
    bench.query("B")
    assert bench.take() == b"B\r\n"         # nothing else is to come


def test_a_device_that_never_falls_silent_ends_the_call_in_its_time_and_is_told():
    bench = settled(timeout=1)
    bench.reply(b"x\r\n")
    query = bench.query("A")
    for _ in range(50):
        bench.reply(b"x\r\n")
        bench.advance(0.02)
    assert isinstance(query.value, ReplyTimedOut) and query.value.sent == "no"
    assert "nothing was sent within 1 s: the device says b'x\\r\\n" in str(query.value)
    assert bench.link.down


def test_settling_can_be_turned_off():
    bench = connected(settle=0)
    bench.query("A")
    assert bench.take() == b"A\r\n"


# what the connection before owes


def test_a_late_answer_over_the_new_connection_is_no_reply():
    """A serial server delivers it there."""
    bench = settled(timeout=2)
    late = bench.query("A", 0.5)
    bench.advance(0.5)
    assert isinstance(late.value, ReplyTimedOut)
    query = bench.query("B")
    bench.advance(0)
    bench.accept()
    bench.take()
    bench.advance(0.3)
    assert bench.take() == b""              # it listens as long as the call was allowed to take
    bench.reply(b"of A\r\n")
    bench.advance(SETTLE)                   # and no longer, when what was owed has come
    assert bench.take() == b"B\r\n"
    bench.reply(b"of B\r\n")
    assert query.value == b"of B"


def test_what_is_owed_is_not_waited_for_beyond_a_second():
    bench = settled(timeout=30)
    bench.query("A").cancel()
    bench.query("B")
    bench.advance(0)
    bench.accept()
    bench.take()
    bench.advance(0.99)
    assert bench.take() == b""
    bench.advance(0.02)
    assert bench.take() == b"B\r\n"


def test_a_connection_that_owes_nothing_is_followed_by_one_that_is_asked_at_once():
    bench = settled()
    bench.client.reconnect()
    bench.query("B")
    bench.advance(0, 0)
    bench.accept()
    bench.advance(SETTLE)
    assert bench.take() == b"B\r\n"


def test_a_command_by_the_protocol_itself_is_one_too():
    bench = settled()
    bench.client.comm.send("SET 1")
    query = bench.query("A")
    assert bench.take() == b"SET 1\r\n"
    bench.reply(b"0\r\n")
    bench.advance(SETTLE)
    assert bench.take() == b"A\r\n"
    bench.reply(b"a\r\n")
    assert query.value == b"a"


# greeting


@pytest.mark.parametrize("greeting", [True, re.compile(b"hello"), lambda frame: b"ell" in frame])
def test_a_greeting_is_waited_for_and_is_no_reply(greeting):
    bench = connected(settle=SETTLE, greeting=greeting)
    query = bench.query("A")
    bench.advance(1)
    assert bench.take() == b""
    bench.reply(b"hello\r\n")
    assert bench.take() == b"A\r\n"         # at once: nothing else is to come
    bench.reply(b"a\r\n")
    assert query.value == b"a"
    bench.close()


def test_a_greeting_comes_before_identify():
    bench = connected(settle=SETTLE, greeting=True, identify=("*IDN?", "LSCI"))
    bench.reply(b"hello\r\n")
    assert bench.take() == b"*IDN?\r\n"
    bench.reply(b"LSCI\r\n")
    assert bench.link.state is LinkState.UP
    bench.close()


def test_a_greeting_that_does_not_come_is_a_failure():
    bench = connected(settle=SETTLE, greeting=True, timeout=2)
    query = bench.query("A", 5)
    bench.advance(2)
    assert isinstance(query.value, ReplyTimedOut) and query.value.phase == "identify"
    assert bench.link.down and bench.client.comm is None
    bench.close()


def test_another_greeting_is_a_failure():
    bench = connected(settle=SETTLE, greeting=re.compile(b"hello"))
    query = bench.query("A", 5)
    bench.reply(b"Port already in use\r\n")
    assert isinstance(query.value, WrongReply) and "Port already in use" in str(query.value)
    assert bench.link.down
    bench.close()


# a server that refuses with a line, and hangs up


def test_a_loss_before_anything_was_said_fails_those_who_wait_as_a_refused_attempt_does():
    bench = connected(settle=SETTLE, timeout=30)
    query, listener = bench.query("A"), Watched(bench.client.recv())
    bench.reply(b"Port already in use\r\n")
    bench.transport.lost(DONE)
    assert isinstance(query.value, Disconnected) and isinstance(listener.value, Disconnected)
    assert "Port already in use" in str(query.value)
    bench.close()


def test_a_loss_after_a_command_leaves_the_next_question_to_the_next_connection():
    bench = connected(settle=SETTLE, timeout=30)
    bench.advance(SETTLE)
    bench.send("GO")
    query = bench.query("A")
    bench.transport.lost(DONE)
    assert not query.fired
    bench.run_until_attempt()
    bench.accept()
    bench.advance(SETTLE)
    bench.reply(b"a\r\n")
    assert query.value == b"a"
    bench.close()


@pytest.mark.parametrize("options", [{}, {"identify": "*IDN?"}, {"identify": ("*IDN?", "LSCI")}])
def test_what_a_server_says_that_refuses_us_is_neither_a_reply_nor_an_identity(options):
    bench = connected(settle=SETTLE, timeout=2, **options)
    query = bench.query("A")
    for _ in range(3):
        bench.advance(0.02)
        bench.reply(b"Port already in use\r\n")
        bench.advance(0.02)
        bench.transport.lost(DONE)
        assert bench.link.down and query.outcomes[:1] != [b"Port already in use"]
        bench.advance(0)
        bench.run_until_attempt()
        bench.accept()
    if not query.fired:
        bench.advance(2)
    bench.transport.lost(DONE)
    assert "Port already in use" in str(query.value)
    bench.close()


def test_a_line_in_place_of_the_identity_and_a_hang_up_are_not_remembered():
    bench = connected(settle=SETTLE, identify="*IDN?")
    bench.advance(SETTLE)
    assert bench.take() == b"*IDN?\r\n"
    bench.reply(b"Device open failure\r\n")
    assert bench.link.state is LinkState.OPEN
    bench.transport.lost(DONE)
    bench.advance(0)
    bench.run_until_attempt()
    bench.accept()
    bench.advance(SETTLE)
    bench.reply(b"LSCI\r\n")
    bench.advance(SETTLE)
    assert bench.link.state is LinkState.UP and not isinstance(bench.link.error, WrongDevice)
    bench.close()


# match, replies, framer


def test_a_reply_that_does_not_match_is_an_error_and_puts_the_link_down():
    bench = proven()
    query, after = bench.query("T?", match=re.compile(rb"[+-]")), bench.query("B")
    bench.reply(b"0\r\n")
    assert isinstance(query.value, WrongReply) and query.value.sent == "yes"
    assert bench.link.down and not after.fired
    bench.advance(0, 0)
    bench.accept()
    assert bench.take() == b"B\r\n"         # on a new connection, in step


def test_a_reply_that_does_not_match_is_drained():
    bench = proven(late_replies="drain")
    query, after = bench.query("T?", match=re.compile(rb"[+-]")), bench.query("B")
    bench.take()
    bench.reply(b"0\r\n")
    assert isinstance(query.value, WrongReply)
    bench.reply(b"+1.2\r\n")                # what was owed
    assert bench.take() == b"B\r\n"
    bench.reply(b"b\r\n")
    assert after.value == b"b"


@pytest.mark.parametrize("options, error", [
    ({"match": "text"}, TypeError), ({"replies": 0}, ValueError), ({"replies": True}, TypeError),
    ({"framer": b"\n"}, TypeError)])
def test_options_of_a_query_that_make_no_sense(options, error):
    bench = connected()
    with pytest.raises(error):
        bench.client.query("A", **options)
    assert bench.take() == b""


def test_a_reply_with_a_framer_of_its_own():
    bench = proven()
    block, line = bench.query("B?", framer=FixedFramer(3)), bench.query("L?")
    bench.reply(b"\r\nx")
    assert block.value == b"\r\nx"
    bench.reply(b"line\r\n")
    assert line.value == b"line"
    listening = Watched(bench.client.recv(framer=FixedFramer(2)))
    bench.reply(b"ab")
    assert listening.value == b"ab"


def test_several_replies_are_a_list():
    bench = proven()
    query = bench.query("A", replies=2)
    bench.reply(b"1\r\n2\r\n")
    assert query.value == [b"1", b"2"]


# on_unasked

def taken_slowly():
    """A client whose alarms are taken by a function that fires later: with those, and when."""
    seen, pending = [], []

    def on_unasked(frame):
        seen.append(frame)
        pending.append(Deferred())
        return pending[-1]
    return settled(on_unasked=on_unasked), seen, pending


def test_what_comes_unasked_is_given_to_who_wants_it_one_at_a_time():
    bench, seen, pending = taken_slowly()
    bench.reply(b"alarm 1\r\nalarm 2\r\nala")
    assert seen == [b"alarm 1"]
    pending[0].callback(None)
    assert seen == [b"alarm 1", b"alarm 2"]
    pending[1].errback(ValueError("a mistake"))
    bench.reply(b"rm 3\r\n")
    assert seen[2:] == [b"alarm 3"]
    assert bench.link.bytes_discarded == 0


def test_one_at_a_time_over_two_connections_too():
    bench, seen, pending = taken_slowly()
    bench.reply(b"alarm 1\r\nalarm 2\r\n")
    bench.client.reconnect()
    bench.run_until_attempt()
    bench.accept()
    bench.reply(b"alarm 3\r\n")
    assert seen == [b"alarm 1"]
    while pending:
        pending.pop().callback(None)
    assert seen == [b"alarm 1", b"alarm 2", b"alarm 3"]


def test_a_function_for_alarms_that_fails_harms_nobody_and_is_told():
    bench = settled(on_unasked=lambda frame: 1 / 0)
    told = remarks(bench)
    bench.reply(b"alarm 1\r\nalarm 2\r\n")
    assert len(told) == 1 and "on_unasked failed: ZeroDivisionError" in told[0]
    query = bench.query("A")
    bench.advance(SETTLE)
    bench.reply(b"a\r\n")
    assert query.value == b"a"


def test_an_alarm_between_question_and_answer_is_told_by_matching():
    seen = []
    bench = settled(on_unasked=seen.append)
    query = bench.query("T?", match=re.compile(rb"[+-]"))
    bench.reply(b"ALARM\r\n+1.2\r\n")
    assert query.value == b"+1.2" and seen == [b"ALARM"]


# gap


def test_the_gap_is_kept_by_all_who_speak():
    bench = connected(settle=0, gap=1.0, identify=("*IDN?", "LSCI"),
                      on_connect=lambda device: device.send("SETUP"))
    query, sent = bench.query("A"), bench.send("B")
    assert bench.take() == b"*IDN?\r\n"
    bench.reply(b"LSCI\r\n")
    for expected in (b"SETUP\r\n", b"A\r\n", b"B\r\n"):
        bench.advance(0.9)
        assert bench.take() == b""
        bench.advance(0.1)
        assert bench.take() == expected
        bench.reply(b"ok\r\n" if expected == b"A\r\n" else b"")
    assert query.value == b"ok" and sent.value is None


@pytest.mark.parametrize("option", ["settle", "gap"])
@pytest.mark.parametrize("value", [-1, "1", True, float("nan")])
def test_pauses_that_make_no_sense(option, value):
    with pytest.raises((TypeError, ValueError), match=option):
        Bench(**{option: value})


def test_a_loss_in_the_pause_before_a_query_costs_it_nothing():
    bench = settled()
    bench.send("SET 1")
    query = bench.query("A")
    bench.transport.lost(DONE)
    assert not query.fired
    bench.advance(0)
    bench.accept()
    bench.advance(SETTLE)
    bench.reply(b"a\r\n")
    assert query.value == b"a"


def test_a_close_in_the_pause_before_a_query_ends_it():
    bench = settled()
    bench.send("SET 1")
    query = bench.query("A")
    bench.close()
    assert isinstance(query.value, Disconnected)
