"""What the storms, the fuzzing, the broken builds and the lost networks have found."""

import contextlib
import socket
import threading

import pytest
from memory_device import Bench, connected, proven
from twisted.internet.defer import Deferred

from socs_tcp import (
    DeviceConnectionError,
    Disconnected,
    LineFramer,
    ReplyTimedOut,
    TCPInterface,
)
from socs_tcp.testing import DeviceServer


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
    bench.advance(0)        # it may be called from within it
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


def same(command, reply):
    return command.strip() == reply


def test_a_connection_that_matches_nothing_any_more_is_given_up():
    """Its far end may have been restarted behind a gateway, or garbage may have shifted the
    frames. One reply may be lost; where the next is, too, a new connection is worth a try."""
    with DeviceServer(lambda command: command) as server, TCPInterface(
            server.host, server.port, 1, framer=LineFramer(), min_interval=0.01,
            late_replies=same) as device:
        for _ in range(2):          # one lost reply at a time costs no connection
            server.faults.silence()
            with pytest.raises(ReplyTimedOut):
                device.query("a", 0.05)
            assert device.query("b") == b"b"
        assert server.connections == 1
        server.faults.silence(2)
        for _ in range(2):
            with pytest.raises(ReplyTimedOut):
                device.query("c", 0.05)
        assert device.query("d") == b"d"
        assert server.connections == 2


def test_a_connection_that_matches_nothing_any_more_is_given_up_twisted():
    bench = connected(late_replies=same, max_in_flight=2)
    for _ in range(2):
        lost = bench.query("a", 1)
        bench.advance(1)
        assert isinstance(lost.value, ReplyTimedOut)
        found = bench.query("b", 1)
        bench.reply(b"b\r\n")
        assert found.value == b"b"
    assert bench.attempts == 1
    lost = [bench.query("c", 1), bench.query("d", 1)]
    bench.advance(1)
    assert [type(one.value) for one in lost] == [ReplyTimedOut] * 2
    bench.run_until_attempt()
    bench.close()


def test_giving_up_oneself_costs_no_connection():
    bench = connected(late_replies=same)
    for _ in range(3):
        bench.query("a").cancel()
    assert bench.client.comm is not None
    bench.close()


class Flood:
    """A device that never stops talking, and answers nothing."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.thread = threading.Thread(target=self._talk)
        self.thread.start()

    def _talk(self):
        with contextlib.suppress(OSError):
            connection, _ = self.listener.accept()
            with connection:
                while True:
                    connection.sendall(b"x\r\n" * 1000)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
        assert not self.thread.is_alive()


def test_a_flood_of_what_does_not_match_ends_with_the_timeout():
    flood = Flood()
    try:
        with TCPInterface(*flood.address, 1, framer=LineFramer(), late_replies=same) as device, \
                pytest.raises(DeviceConnectionError):
            device.query("a", 0.1)      # it waited for ever
    finally:
        flood.close()


def test_an_idle_loss_that_the_device_did_not_want_is_not_put_down_to_it():
    """A cable that was pulled (here: a reset) is not a device that hung up."""
    with DeviceServer(lambda command: command) as server, TCPInterface(
            server.host, server.port, 1, framer=LineFramer()) as device:
        device.query("a")
        server.faults.reset()
        server.wait_for(lambda: device.check_idle() and device.link.down)
        assert "Connection reset by peer while idle" in device.link.reason
        device.query("a")
        server.faults.hang_up()
        server.wait_for(lambda: device.check_idle() and device.link.down)
        assert "the device closed the connection while idle" in device.link.reason
