"""The device for oneself: `reserve`, and commands that do not wait for anybody."""

import pytest
from memory_device import DONE, Bench, Watched, proven
from twisted.internet.defer import CancelledError, ensureDeferred, inlineCallbacks

from socs_tcp import Disconnected, ReplyTimedOut


def reserved(bench):
    """What `reserve` gives, which must be there."""
    return Watched(bench.client.reserve()).value


def test_nobody_else_talks_to_a_device_that_is_reserved():
    bench = proven()
    talk = reserved(bench)
    other = bench.query("OTHER")
    assert bench.take() == b""
    first = Watched(talk.query("A"))
    bench.reply(b"a\r\n")
    sent = Watched(talk.send("B"))
    heard = Watched(talk.recv())
    bench.reply(b"b\r\n")
    assert (first.value, sent.value, heard.value) == (b"a", None, b"b")
    assert bench.take() == b"A\r\nB\r\n"
    talk.release()
    assert bench.take() == b"OTHER\r\n"
    bench.reply(b"other\r\n")
    assert other.value == b"other"
    bench.close()


def test_a_stream_is_received_on_the_connection_that_is_reserved():
    bench = proven()
    talk = reserved(bench)
    waiting = Watched(talk.recv_frames(3))
    bench.reply(b"1\r\n2\r\n3\r\n4\r\n")
    assert waiting.value == [b"1", b"2", b"3"]
    assert Watched(talk.recv_frames(3)).value == [b"4"]
    late = Watched(talk.recv_frames(3, 2))
    bench.advance(2)
    assert isinstance(late.value, ReplyTimedOut)
    late = Watched(talk.recv_frames(3))
    bench.transport.lost()
    assert isinstance(late.value, Disconnected)


def test_a_coroutine_reserves_with_async_with():
    bench = proven()

    async def talk():
        async with bench.client.reserve() as device:
            await device.send("RANGE 1")
            return await device.query("RANGE?")
    done, other = Watched(ensureDeferred(talk())), bench.query("OTHER")
    assert bench.take() == b"RANGE 1\r\nRANGE?\r\n"
    bench.reply(b"1\r\n")
    assert done.value == b"1" and bench.take() == b"OTHER\r\n" and not other.fired


def test_async_with_releases_after_an_error():
    bench = proven()

    async def talk():
        async with bench.client.reserve():
            raise ValueError("a mistake")
    done = Watched(ensureDeferred(talk()))
    assert isinstance(done.value, ValueError)
    bench.query("OTHER")
    assert bench.take() == b"OTHER\r\n"


def test_inline_callbacks_reserve_and_release():
    bench = proven()

    @inlineCallbacks
    def talk():
        device = yield bench.client.reserve()
        try:
            return (yield device.query("A"))
        finally:
            device.release()
    done = Watched(talk())
    bench.query("OTHER")
    assert bench.take() == b"A\r\n"
    bench.reply(b"a\r\n")
    assert done.value == b"a" and bench.take() == b"OTHER\r\n"


def test_who_reserves_waits_for_their_turn_and_gets_it_before_those_who_come_later():
    bench = proven()
    bench.query("FIRST")
    reserving, later = Watched(bench.client.reserve()), bench.query("LATER")
    assert not reserving.fired
    bench.reply(b"first\r\n")
    assert reserving.fired and bench.take() == b"FIRST\r\n"
    reserving.value.release()
    assert bench.take() == b"LATER\r\n" and not later.fired


def test_what_was_not_waited_for_is_answered_before_others_have_the_device():
    bench = proven()
    talk = reserved(bench)
    late = Watched(talk.query("A"))
    talk.release()
    bench.query("OTHER")
    assert bench.take() == b"A\r\n"
    bench.reply(b"a\r\n")
    assert late.value == b"a" and bench.take() == b"OTHER\r\n"


def test_after_the_release_nothing_may_be_asked():
    bench = proven()
    talk = reserved(bench)
    talk.release()
    talk.release()
    late = Watched(talk.query("A"))
    assert not late.fired           # it fails in a later turn
    bench.advance(0)
    assert isinstance(late.value, RuntimeError) and bench.take() == b""


def test_when_the_connection_is_lost_the_rest_fails_and_goes_out_on_no_other():
    bench = proven()
    talk, other = reserved(bench), bench.query("OTHER")
    first, second = Watched(talk.query("A")), Watched(talk.query("B"))
    bench.transport.lost(DONE)
    assert isinstance(first.value, Disconnected) and first.value.sent == "yes"
    assert isinstance(second.value, Disconnected) and second.value.sent == "no"
    bench.advance(0)
    bench.accept()
    assert bench.take() == b"OTHER\r\n" and not other.fired
    third = Watched(talk.query("C"))
    bench.advance(0)
    assert isinstance(third.value, Disconnected) and bench.take() == b""
    talk.release()                  # which says nothing of the new connection
    assert bench.take() == b""


@pytest.mark.parametrize("late", ["drop", "drain"])
def test_a_timeout_while_reserved_is_as_any_other(late):
    bench = proven(late_replies=late)
    talk, other = reserved(bench), bench.query("OTHER")
    lost = Watched(talk.query("A", 1))
    bench.advance(1)
    assert isinstance(lost.value, ReplyTimedOut) and bench.link.down
    after = Watched(talk.query("B"))
    bench.take()
    if late == "drain":
        bench.reply(b"late\r\n")
        assert bench.take() == b"B\r\n"
        bench.reply(b"b\r\n")
        assert after.value == b"b"
        talk.release()
    else:
        bench.advance(0, 0)
        assert isinstance(after.value, ReplyTimedOut | Disconnected)
        bench.accept()
    assert bench.take() == b"OTHER\r\n" and not other.fired


def test_who_waits_too_long_for_a_reserved_device_is_told_so():
    bench = proven()
    talk = reserved(bench)
    other, second = bench.query("OTHER", 1), Watched(bench.client.reserve(1))
    bench.advance(1)
    for waiter in (other, second):
        assert isinstance(waiter.value, ReplyTimedOut) and waiter.value.sent == "no"
        assert "the device is reserved" in str(waiter.value)
    talk.release()
    bench.close()


def test_a_reservation_may_be_cancelled_before_it_is_there():
    bench = proven()
    bench.query("FIRST")
    reserving, later = Watched(bench.client.reserve()), bench.query("LATER")
    reserving.cancel()
    bench.take()
    bench.reply(b"first\r\n")
    assert isinstance(reserving.value, CancelledError)
    assert bench.take() == b"LATER\r\n" and not later.fired


def test_a_device_that_is_away_is_reserved_when_it_is_back_or_not_at_all():
    bench = Bench()
    reserving = Watched(bench.client.reserve())
    bench.accept()
    assert reserving.fired
    reserving.value.release()
    bench.transport.lost(DONE)
    reserving = Watched(bench.client.reserve(1))
    bench.advance(0, 1)
    assert isinstance(reserving.value, ConnectionError)
    bench.close()


def test_close_ends_a_reservation():
    bench = proven()
    talk = reserved(bench)
    lost, waiting = Watched(talk.query("A")), Watched(bench.client.reserve())
    bench.close()
    assert isinstance(lost.value, Disconnected) and isinstance(waiting.value, Disconnected)
    late = Watched(bench.client.reserve())
    bench.advance(0)
    assert isinstance(late.value, Disconnected)


def test_who_uses_the_device_while_it_is_reserved_may_wait_for_the_connection():
    bench = proven()
    talk = reserved(bench)
    assert Watched(bench.client.when_connected()).value is talk.comm
    assert talk.link is bench.link


# urgent


@pytest.mark.parametrize("by", ["query", "recv", "reserve"])
def test_an_urgent_command_goes_out_past_all_who_wait(by):
    bench = proven()
    bench.query("A") if by == "query" else bench.recv() if by == "recv" else reserved(bench)
    bench.query("B")
    bench.take()
    urgent = Watched(bench.client.send("ABORT", urgent=True))
    assert urgent.value is None and bench.take() == b"ABORT\r\n"


def test_in_a_reserve_an_urgent_command_goes_out_at_once_and_no_other():
    bench = proven()
    talk = reserved(bench)
    asked = Watched(talk.query("A"))
    sent, urgent = Watched(talk.send("B")), Watched(talk.send("ABORT", urgent=True))
    assert bench.take() == b"A\r\nABORT\r\n" and urgent.value is None and not sent.fired
    bench.reply(b"a\r\n")
    assert asked.value == b"a" and bench.take() == b"B\r\n" and sent.value is None
    talk.release()
    late = Watched(talk.send("ABORT", urgent=True))
    bench.advance(0)
    assert isinstance(late.value, RuntimeError) and bench.take() == b""


def test_an_urgent_command_is_the_first_on_a_new_connection():
    bench = Bench()
    bench.query("A")
    urgent = Watched(bench.client.send("ABORT", urgent=True))
    bench.accept()
    assert bench.take() == b"ABORT\r\nA\r\n" and urgent.value is None


def test_an_urgent_command_on_a_closed_client_fails():
    bench = proven()
    bench.close()
    urgent = Watched(bench.client.send("ABORT", urgent=True))
    bench.advance(0)
    assert isinstance(urgent.value, Disconnected)


def test_a_command_does_not_wait_for_a_listener():
    bench = proven()
    listening, sent = bench.recv(), bench.send("ABORT")
    assert sent.value is None and bench.take() == b"ABORT\r\n"
    bench.reply(b"aborted\r\n")
    assert listening.value == b"aborted"
