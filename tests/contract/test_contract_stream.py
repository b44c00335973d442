"""Streams, on both faces: many frames at a time, in their order, and a loss in its place."""

import socket

import pytest
from contract_faces import PATIENCE, wait_for

from socs_tcp import (
    BlockFramer,
    Disconnected,
    FixedFramer,
    FramingError,
    LengthFramer,
    LineFramer,
    PromptFramer,
    ReplyTimedOut,
)

FRAMES = [b"%03d" % number for number in range(600)]


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        yield listener


def accepted(listener):
    return listener.accept()[0]


@pytest.mark.parametrize(("framer", "before", "after"), [
    (LineFramer(), b"", b"\r\n"), (FixedFramer(3), b"", b""), (LengthFramer(1, ord), b"\3", b""),
    (PromptFramer(rb"> "), b"", b"> "), (PromptFramer(rb"[>#] "), b"", b"# "),
    (BlockFramer(), b"#13", b"\n"),
], ids=["lines", "fixed", "length", "prompt", "pattern", "block"])
def test_each_framer_gives_all_frames_in_their_order(make, listener, framer, before, after):
    face = make(listener.getsockname(), framer=framer)
    with accepted(listener) as far:
        frames = []
        done = face.loop(frames, len(FRAMES))
        far.sendall(b"".join(before + frame + after for frame in FRAMES))
        done.result(PATIENCE)
    assert [frame[-3:] for frame in frames] == FRAMES


def test_many_frames_in_one_call_are_those_that_are_there(make, listener):
    face = make(listener.getsockname())
    with accepted(listener) as far:
        far.sendall(b"".join(frame + b"\r\n" for frame in FRAMES[:5]))
        assert face.start("recv_frames", 3).result(PATIENCE) == FRAMES[:3]
        assert face.start("recv_frames", 9).result(PATIENCE) == FRAMES[3:5]
        waiting = face.start("recv_frames", 9)
        far.sendall(b"next\r\n")
        assert waiting.result(PATIENCE) == [b"next"]


def test_where_none_comes_that_is_a_timeout_and_the_connection_is_kept(make, listener):
    face = make(listener.getsockname())
    with accepted(listener) as far:
        assert type(face.start("recv_frames", 9, 0.1).exception(PATIENCE)) is ReplyTimedOut
        far.sendall(b"late\r\n")
        assert face.start("recv_frames", 9).result(PATIENCE) == [b"late"]


def test_a_loss_is_told_behind_the_last_frame_and_a_new_loop_goes_on(make, listener):
    face = make(listener.getsockname())
    with accepted(listener) as far:
        frames = []
        done = face.loop(frames)
        far.sendall(b"1\r\n2\r\n3")
    assert type(done.exception(PATIENCE)) is Disconnected
    assert frames == [b"1", b"2"]
    again = face.loop(frames, 3)
    with accepted(listener) as far:
        far.sendall(b"4\r\n")
        again.result(PATIENCE)
    assert frames == [b"1", b"2", b"4"]


def test_what_is_no_frame_is_told_behind_those_before_it(make, listener):
    face = make(listener.getsockname(), framer=LineFramer(max_length=10))
    with accepted(listener) as far:
        frames = []
        done = face.loop(frames)
        far.sendall(b"1\r\n2\r\n" + b"x" * 100)
        assert type(done.exception(PATIENCE)) is FramingError
    assert frames == [b"1", b"2"]


def test_who_does_not_take_the_frames_makes_the_device_wait(make, listener):
    face = make(listener.getsockname(), framer=LineFramer())
    with accepted(listener) as far:
        frames = []
        face.loop(frames, 1)
        far.setblocking(False)
        sent = 0

        def full():
            nonlocal sent
            try:
                sent += far.send(b"%07d\r\n" % 1 * 10000)
            except BlockingIOError:
                return True
            return False
        wait_for(full)
        assert frames[:1] == [b"0000001"]


@pytest.mark.parametrize("most", [0, -1, True, 1.5])
def test_how_many_must_make_sense(make, server, most):
    error = make(server).start("recv_frames", most).exception(PATIENCE)
    assert isinstance(error, (TypeError, ValueError)) and "most must be" in str(error)
