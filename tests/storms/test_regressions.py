"""What the storms, the fuzzing, the broken builds and the lost networks have found."""

from memory_device import Bench, connected, proven
from twisted.internet.defer import Deferred

from socs_tcp import Disconnected, ReplyTimedOut


def test_a_query_behind_one_that_is_owed_is_not_forgotten():
    """Drain, several in flight: the first is given up, another one waits in the queue until
    its time is over; the connection goes, and with it the second, which must hear of it."""
    bench = proven(late_replies="drain", max_in_flight=2)
    owed = bench.query("a", 1)
    behind = bench.query("b", 9)
    queued = bench.query("c", 2)
    bench.advance(1)
    assert isinstance(owed.value, ReplyTimedOut)
    bench.advance(1)
    assert isinstance(queued.value, ReplyTimedOut)
    assert isinstance(behind.value, Disconnected)
    bench.close()


def test_a_preparation_under_way_ends_with_the_client():
    """`on_connect` may wait for something that is not the device."""
    ended = []
    bench = Bench(on_connect=lambda _device: Deferred(ended.append))
    bench.accept()
    bench.close()       # which looks for timers that are left over
    assert len(ended) == 1


def test_a_preparation_that_closes_the_client_ends_with_it():
    ended = []

    def on_connect(_device):
        bench.client.close()
        return Deferred(ended.append)
    bench = Bench(on_connect=on_connect)
    bench.accept()
    bench.close()
    assert len(ended) == 1


def test_what_a_preparation_asks_for_after_the_loss_ends_too():
    ends = []

    def on_connect(device):
        return device.query("a").addErrback(lambda _failure: device.query("b")).addErrback(
            lambda failure: ends.append(failure.value))
    bench = Bench(on_connect=on_connect)
    bench.accept()
    bench.close()
    assert len(ends) == 1


def test_a_preparation_under_way_ends_with_its_connection():
    ended = []
    bench = Bench(on_connect=lambda _device: Deferred(ended.append))
    bench.accept()
    bench.transport.lost()
    assert len(ended) == 1
    bench.close()


def test_several_in_flight_are_matched_each_with_its_own_reply():
    """A reply that stays out must not cost those behind it theirs."""
    bench = connected(late_replies=lambda command, reply: command.strip() == reply,
                      max_in_flight=3)
    lost, second, third = bench.query("a"), bench.query("b"), bench.query("c")
    bench.reply(b"c\r\nb\r\n")
    assert (second.value, third.value) == (b"b", b"c")
    assert not lost.fired
    bench.advance(10)
    assert isinstance(lost.value, ReplyTimedOut)
    bench.close()


def test_nothing_is_sent_while_a_reply_is_owed():
    """Drain, several in flight: a reply that never comes would else shift all that follow,
    so that each gets the reply of the next, for ever."""
    bench = proven(late_replies="drain", max_in_flight=2)
    lost = bench.query("a", 1)
    bench.advance(1)
    assert isinstance(lost.value, ReplyTimedOut)
    bench.take()
    waiting = bench.query("b", 2)
    assert bench.take() == b""
    bench.reply(b"A\r\n")
    assert bench.take() == b"b\r\n"
    bench.reply(b"B\r\n")
    assert waiting.value == b"B"
    bench.close()


def test_a_reply_that_stays_out_is_not_waited_for_for_ever():
    bench = proven(late_replies="drain", max_in_flight=2)
    bench.query("a", 1)
    bench.advance(1)
    bench.query("b", 2)
    bench.advance(2)
    bench.run_until_attempt()
    bench.accept()
    again = bench.query("c")
    bench.reply(b"C\r\n")
    assert again.value == b"C"
    bench.close()
