"""A stream of frames: many at a time, a loss in its place, and a device that is made to wait."""

import pytest
from memory_device import Watched, connected
from twisted.internet.defer import Deferred, ensureDeferred

from socs_tcp import Disconnected, FramingError, LineFramer, ReplyTimedOut

pytestmark = pytest.mark.usefixtures("no_spread")


class Loop:
    """``async for frame in client.frames()``, which a test may hold at each frame."""

    def __init__(self, client, timeout=None, held=False):
        self.frames = []
        self.held = held
        self._hold = Deferred()
        self.done = Watched(ensureDeferred(self._run(client, timeout)))

    async def _run(self, client, timeout):
        async for frame in client.frames(timeout):
            self.frames.append(frame)
            if self.held:
                await self._hold

    def let_go(self):
        self.held = False
        self._hold.callback(None)


def test_many_frames_at_once():
    bench = connected()
    bench.reply(b"1\r\n2\r\n3\r\n4")
    assert Watched(bench.client.recv_frames(2)).value == [b"1", b"2"]
    assert Watched(bench.client.recv_frames(9)).value == [b"3"]
    waiting = Watched(bench.client.recv_frames(9))
    assert not waiting.fired
    bench.reply(b"\r\n5\r\n6")
    assert waiting.value == [b"4", b"5"]


def test_those_of_another_framer():
    bench = connected()
    bench.reply(b"1;2;3\r\n4\r\n")
    assert Watched(bench.client.recv_frames(2, framer=LineFramer(";"))).value == [b"1", b"2"]
    assert Watched(bench.client.recv_frames(2)).value == [b"3", b"4"]


@pytest.mark.parametrize("most", [0, -1, True, 1.5, None])
def test_how_many_must_make_sense(most):
    bench = connected()
    with pytest.raises((TypeError, ValueError), match="most must be"):
        bench.client.recv_frames(most)


def test_two_who_receive_take_turns():
    bench = connected()
    first, second = Watched(bench.client.recv_frames(9)), Watched(bench.client.recv())
    bench.reply(b"1\r\n2\r\n3\r\n")
    assert (first.value, second.value) == ([b"1"], b"2")


def test_no_frame_in_time():
    bench = connected()
    waiting = Watched(bench.client.recv_frames(9, 2))
    bench.advance(2)
    assert isinstance(waiting.value, ReplyTimedOut)


def test_the_answers_to_commands_are_not_owed_once_they_came():
    bench = connected()
    for command in ("A", "B", "C"):
        bench.send(command)
    bench.reply(b"1\r\n2\r\n3\r\n")
    assert Watched(bench.client.recv_frames(9)).value == [b"1", b"2", b"3"]
    question = bench.query("Q")
    assert bench.take().endswith(b"Q\r\n")
    bench.reply(b"q\r\n")
    assert question.value == b"q"


def test_what_makes_no_sense_is_told_behind_what_does():
    bench = connected(framer=LineFramer(max_length=4))
    bench.reply(b"1\r\n2\r\ntoo long\r\n")
    loop = Loop(bench.client)
    bench.advance(0)
    assert loop.frames == [b"1", b"2"]
    assert isinstance(loop.done.value, FramingError)


def test_a_loop_gets_each_frame_once():
    bench = connected()
    loop = Loop(bench.client)
    for data in (b"1\r\n2", b"\r\n", b"3\r\n4\r\n"):
        bench.reply(data)
    assert loop.frames == [b"1", b"2", b"3", b"4"] and not loop.done.fired


def test_a_loop_does_not_keep_the_reactor_from_its_work():
    bench = connected()
    bench.reply(b"x\r\n" * 100_000)
    loop = Loop(bench.client)
    assert 0 < len(loop.frames) < 100_000
    bench.advance(*[0] * 20)
    assert len(loop.frames) == 100_000


def test_each_frame_of_a_loop_has_so_much_time():
    bench = connected()
    loop = Loop(bench.client, timeout=2)
    for _ in range(3):
        bench.advance(1.5)
        bench.reply(b"1\r\n")
    bench.advance(2)
    assert loop.frames == [b"1"] * 3 and isinstance(loop.done.value, ReplyTimedOut)


def test_a_loop_waits_as_long_as_it_takes():
    bench = connected(timeout=1)
    loop = Loop(bench.client)
    bench.advance(1000)
    bench.reply(b"1\r\n")
    assert loop.frames == [b"1"] and not loop.done.fired


def test_a_loss_is_told_to_who_waits():
    bench = connected()
    loop = Loop(bench.client)
    bench.reply(b"1\r\n2")
    bench.transport.lost()
    assert loop.frames == [b"1"] and isinstance(loop.done.value, Disconnected)


def test_a_loss_is_told_behind_what_came_before_and_in_front_of_what_comes_after():
    bench = connected()
    loop = Loop(bench.client, held=True)
    bench.reply(b"1\r\n")
    bench.reply(b"2\r\n3\r\n")
    bench.transport.lost()
    bench.run_until_attempt()
    bench.accept()
    bench.reply(b"4\r\n")
    loop.let_go()
    assert loop.frames == [b"1", b"2", b"3"]
    assert isinstance(loop.done.value, Disconnected)
    assert Loop(bench.client).frames == [b"4"]


def test_a_loop_that_begins_after_a_loss_hears_of_it_behind_what_came_before():
    bench = connected()
    bench.reply(b"1\r\n")
    bench.transport.lost()
    bench.run_until_attempt()
    bench.accept()
    bench.reply(b"2\r\n")
    first = Loop(bench.client)
    assert first.frames == [b"1"] and isinstance(first.done.value, Disconnected)
    assert Loop(bench.client).frames == [b"2"]


def test_an_old_loss_is_none_of_a_new_loop():
    bench = connected()
    bench.transport.lost()
    bench.run_until_attempt()
    bench.accept()
    loop = Loop(bench.client)
    bench.reply(b"1\r\n")
    assert loop.frames == [b"1"] and not loop.done.fired


def test_a_loss_is_told_to_who_waits_behind_a_question():
    bench = connected()
    question = bench.query("A", safe_to_repeat=True)
    loop = Loop(bench.client)
    bench.transport.lost()
    assert isinstance(loop.done.value, Disconnected) and not question.fired


def test_a_device_that_says_more_than_a_loop_takes_is_made_to_wait():
    bench = connected()
    loop = Loop(bench.client, held=True)
    bench.reply(b"0\r\n")
    count = 0
    while bench.transport.producerState != "paused":
        bench.transport.deliver(b"x" * 998 + b"\r\n")
        count += 1
        assert count < 1000
    bench.advance(0.3, 0.3)     # also while nobody waits for long
    assert bench.transport.producerState == "paused"
    loop.let_go()
    assert len(loop.frames) == count + 1
    assert bench.transport.producerState == "producing"


def test_a_loop_ends_with_the_client():
    bench = connected()
    loop = Loop(bench.client)
    bench.close()
    assert isinstance(loop.done.value, Disconnected)


def test_a_loop_that_is_left_leaves_the_device_free():
    bench = connected()
    loop = Loop(bench.client)
    loop.done.cancel()
    question = bench.query("A")
    bench.reply(b"1\r\n")
    assert question.value == b"1"
