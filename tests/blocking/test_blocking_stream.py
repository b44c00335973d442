"""A loop over the frames of a device: what happens while the loop is busy with one."""

import socket
import threading

import pytest

from socs_tcp import Disconnected, LineFramer, TCPInterface


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        yield listener


@pytest.fixture
def device(listener):
    with TCPInterface(*listener.getsockname(), 5, framer=LineFramer("\n"),
                      min_interval=0.01, settle=0) as device:
        yield device


def says(listener, what):
    """The far end of the next connection, which says this at once."""
    far = listener.accept()[0]
    far.sendall(what)
    return far


def looping(device, listener, what):
    """A loop that is busy with its first frame."""
    far = says(listener, what)
    frames = device.frames(5)
    assert next(frames) == b"1"
    return far, frames


def test_a_loss_meanwhile_is_told_behind_what_came_before_it(device, listener):
    far, frames = looping(device, listener, b"1\n2\n")
    far.close()
    assert next(frames) == b"2"
    with pytest.raises(Disconnected):
        next(frames)
    server = threading.Thread(target=lambda: kept.append(says(listener, b"3\n")))
    kept = []
    server.start()
    assert next(device.frames(5)) == b"3"
    server.join()


def test_a_loss_that_others_have_found_meanwhile_is_told_too(device, listener):
    far, frames = looping(device, listener, b"1\n")
    far.close()
    device.send(b"A\n")
    with listener.accept()[0] as far:
        far.sendall(b"2\n")
        with pytest.raises(Disconnected):
            next(frames)
        assert next(device.frames(5)) == b"2"


def test_one_that_is_closed_between_two_frames_ends_it_in_the_same_words(device, listener):
    far, frames = looping(device, listener, b"1\n")
    with far:
        device.close()
        with pytest.raises(Disconnected, match="closed by this program"):
            next(frames)


def test_a_device_that_is_closed_ends_the_loop(device, listener):
    far, frames = looping(device, listener, b"1\n")
    with far:
        closer = threading.Timer(0.05, device.close)
        closer.start()
        with pytest.raises(Disconnected, match="closed by this program"):
            next(frames)
        closer.join()


def test_others_may_ask_while_the_loop_is_busy(device, listener):
    far, frames = looping(device, listener, b"1\n")
    with far:
        answer = threading.Timer(0.05, far.sendall, [b"answer\n"])
        answer.start()
        assert device.query(b"A?") == b"answer"
        answer.join()
        far.sendall(b"2\n")
        assert next(frames) == b"2"


def test_no_time_is_an_error_at_once_that_says_so(device):
    with pytest.raises(ValueError, match="timeout"):
        next(device.frames(-1))
